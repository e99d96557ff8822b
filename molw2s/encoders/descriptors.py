"""Encoders that need no training: fingerprints and physicochemical descriptors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import rdkit
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import Descriptors
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

from molw2s.encoders.smiles_transformer import SmilesTransformer
from molw2s.errors import InvalidInput
from molw2s.locations import shipped
from molw2s.smiles import name_rows, parse_all

MOST_ATOMS = 1000
WITHOUT_POLYNOMIAL = 300
_OF_LARGE = {"Ipc": np.inf, "AvgIpc": 0.0}  # both need a characteristic polynomial


class _MoleculeEncoder(SmilesTransformer):
    name: str
    licence = "bsd-3-clause"  # RDKit's
    takes_one_core = True

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.name} rdkit {rdkit.__version__} {self}".encode()).hexdigest()

    def __sklearn_clone__(self) -> Self:
        made = type(self)(**self.get_params())
        made.name = self.name
        return made


class MorganCounts(_MoleculeEncoder):
    """Extended-connectivity count fingerprint (Rogers and Hahn 2010); radius 2 is ECFP4/ECFC4."""

    def __init__(self, radius: int = 2, dim: int = 2048) -> None:
        self.radius = radius
        self.dim = dim

    @property
    def name(self) -> str:  # type: ignore[override]
        """After its diameter, or as it was called."""
        return str(self.__dict__.get("name", f"ecfp{2 * self.radius}"))

    @name.setter
    def name(self, name: str) -> None:
        self.__dict__["name"] = name

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) counts of atom environments, hashed into ``dim`` bins."""
        generator = GetMorganGenerator(radius=self.radius, fpSize=self.dim)
        counts = [generator.GetCountFingerprintAsNumPy(mol) for mol in parse_all(smiles)]
        return np.array(counts, dtype=np.float32).reshape(-1, self.dim)


class RDKitDescriptors(_MoleculeEncoder):
    """All of RDKit's 2D descriptors, in the order of ``rdkit.Chem.Descriptors.descList``.

    A value that RDKit has not got for a molecule (a charge of an element without parameters) is
    0, and values are clipped to +-1e6: Ipc grows exponentially with the size of a molecule. Of
    molecules of more than ``WITHOUT_POLYNOMIAL`` atoms, for which it takes seconds, it is 1e6
    without being computed, and AvgIpc 0.

    Raises
    ------
    InvalidInput
        If a molecule has more than ``MOST_ATOMS`` atoms, for which some others take minutes.
    """

    name = "rdkit"

    @property
    def dim(self) -> int:  # type: ignore[override]
        return len(Descriptors.descList)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """(dim,) the descriptors' names."""
        return np.array([name for name, _ in Descriptors.descList], dtype=object)

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) descriptors, in their own units."""
        mols = parse_all(smiles)
        large = [row for row, mol in enumerate(mols) if mol.GetNumAtoms() > MOST_ATOMS]
        if large:
            raise InvalidInput(
                f"{len(large)} molecules have more than {MOST_ATOMS} atoms, for which RDKit's "
                f"descriptors take minutes: {name_rows(smiles, large)}; leave them out, or choose "
                "another encoder"
            )
        values = np.array(list(map(_descriptors, mols)), np.float64).reshape(-1, self.dim)
        return np.clip(np.nan_to_num(values), -1e6, 1e6).astype(np.float32)


def _descriptors(mol: Chem.Mol) -> list[float]:
    """In the order of ``descList``; as ``CalcMolDescriptors``, but for large molecules."""
    if mol.GetNumAtoms() <= WITHOUT_POLYNOMIAL:
        return list(Descriptors.CalcMolDescriptors(mol, missingVal=0.0, silent=True).values())
    values = []
    for name, descriptor in Descriptors.descList:
        try:
            values.append(_OF_LARGE[name] if name in _OF_LARGE else descriptor(mol))
        except Exception:  # as RDKit does: what it cannot compute is missing
            values.append(0.0)
    return values


class DescriptorQuantiles(_MoleculeEncoder):
    """RDKit's 2D descriptors, each mapped to [0, 1] by its distribution over ChEMBL molecules.

    As MolBERT's targets and baseline (Fabian et al. 2020): the 200 descriptors that RDKit had
    then, through fixed cumulative distributions - here empirical ones, from the quantiles in
    ``data/rdkit_quantiles.csv``; what lies outside of them is 0 or 1. A molecule's row depends on
    that molecule alone.
    """

    name = "rdkit-cdf"

    @property
    def dim(self) -> int:  # type: ignore[override]
        return len(_reference())

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """(dim,) the descriptors' names."""
        return _reference().index.to_numpy(dtype=object)

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) values in [0, 1]."""
        reference = _reference()
        order = {name: column for column, (name, _) in enumerate(Descriptors.descList)}
        values = RDKitDescriptors().encode(smiles)[:, [order[name] for name in reference.index]]
        return cumulative(values, reference.to_numpy(np.float64).T).astype(np.float32)

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(super().fingerprint.encode() + _table().read_bytes()).hexdigest()


def cumulative(values: NDArray[Any], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, d) shares of a distribution below ``values`` (n, d), given its quantiles (q, d).

    The quantiles are at q equal steps from 0 to 1, linear in between; a value that many of them
    share gets the middle of its steps, but 0 at the lowest and 1 at the highest. scikit-learn's
    ``QuantileTransformer`` does the same.
    """
    levels = np.linspace(0, 1, len(quantiles))
    shares = np.empty(values.shape)
    for column, (value, known) in enumerate(zip(values.T.astype(np.float64), quantiles.T)):
        upper = np.interp(value, known, levels)
        lower = 1 - np.interp(-value, -known[::-1], levels)
        share = (lower + upper) / 2
        share[value >= known[-1]] = 1
        share[value <= known[0]] = 0
        shares[:, column] = share
    return shares


def _table() -> Path:
    return shipped("data") / "rdkit_quantiles.csv"


@cache
def _reference() -> pd.DataFrame:
    """A row a descriptor, a column a quantile."""
    return pd.read_csv(_table(), index_col="descriptor")
