"""Encoders that need no training: fingerprints and physicochemical descriptors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import rdkit
from numpy.typing import NDArray
from rdkit.Chem import Descriptors
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator
from sklearn.base import BaseEstimator, TransformerMixin

from molw2s.smiles import parse_all


class _MoleculeTransformer(TransformerMixin, BaseEstimator):
    """``transform`` is ``encode``, so that it can stand first in a scikit-learn pipeline."""

    name: str

    def fit(self, smiles: Sequence[str], y: object = None) -> _MoleculeTransformer:
        return self

    def transform(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        return self.encode(smiles)

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        raise NotImplementedError

    def __sklearn_is_fitted__(self) -> bool:
        return True

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.name} rdkit {rdkit.__version__} {self}".encode()).hexdigest()


class MorganCounts(_MoleculeTransformer):
    """Extended-connectivity count fingerprint (Rogers and Hahn 2010); radius 2 is ECFP4/ECFC4."""

    name = "ecfp4"

    def __init__(self, radius: int = 2, dim: int = 2048) -> None:
        self.radius = radius
        self.dim = dim

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) counts of atom environments, hashed into ``dim`` bins."""
        generator = GetMorganGenerator(radius=self.radius, fpSize=self.dim)
        counts = [generator.GetCountFingerprintAsNumPy(mol) for mol in parse_all(smiles)]
        return np.array(counts, dtype=np.float32).reshape(-1, self.dim)


class RDKitDescriptors(_MoleculeTransformer):
    """All of RDKit's 2D descriptors, in the order of ``rdkit.Chem.Descriptors.descList``.

    A value that RDKit has not got for a molecule (a charge of an element without parameters) is
    0, and values are clipped to +-1e6: Ipc grows exponentially with the size of a molecule.
    """

    name = "rdkit"

    @property
    def dim(self) -> int:
        return len(Descriptors.descList)

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) descriptors, in their own units."""
        rows = [
            list(Descriptors.CalcMolDescriptors(mol, missingVal=0.0, silent=True).values())
            for mol in parse_all(smiles)
        ]
        values = np.array(rows, dtype=np.float64).reshape(-1, self.dim)
        return np.clip(np.nan_to_num(values), -1e6, 1e6).astype(np.float32)
