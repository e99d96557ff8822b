"""What pretraining asks of molecules and their atoms: values that RDKit reads off the graph.

``docs/log.md`` (2026-11-25) has the measurements that chose the groups.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rdkit import Chem
from rdkit.Chem import EState, Fragments, rdMolDescriptors, rdPartialCharges
from rdkit.Chem.rdFingerprintGenerator import GetAtomPairGenerator

_PROPERTIES = rdMolDescriptors.Properties()
_FRAGMENTS = [count for name, count in sorted(vars(Fragments).items()) if name.startswith("fr_")]
_ATOM_TYPES = 120  # Crippen's atom types are numbered below this
_ATOM_PAIRS = GetAtomPairGenerator(maxDistance=6, fpSize=512)


def _surface_areas(mol: Chem.Mol) -> list[float]:
    return [
        *rdMolDescriptors.SlogP_VSA_(mol),
        *rdMolDescriptors.SMR_VSA_(mol),
        *rdMolDescriptors.PEOE_VSA_(mol),
    ]


def _atom_types(mol: Chem.Mol) -> NDArray[np.float64]:
    with_hydrogens = Chem.AddHs(mol)
    types, names = [0] * with_hydrogens.GetNumAtoms(), [""] * with_hydrogens.GetNumAtoms()
    rdMolDescriptors._CalcCrippenContribs(with_hydrogens, False, types, names)
    return np.log1p(np.bincount(types, minlength=_ATOM_TYPES))


def atomic_values(mol: Chem.Mol) -> NDArray[np.float64]:
    """(atoms, ATOMIC_VALUES): Gasteiger charge with that of the hydrogens, EState index, and
    Crippen's contributions to logP and molar refractivity."""
    rdPartialCharges.ComputeGasteigerCharges(mol)
    gasteiger = [
        atom.GetDoubleProp("_GasteigerCharge") + atom.GetDoubleProp("_GasteigerHCharge")
        for atom in mol.GetAtoms()
    ]
    formal = [atom.GetFormalCharge() for atom in mol.GetAtoms()]
    charges = np.where(np.isfinite(gasteiger), gasteiger, formal)  # metals have no Gasteiger charge
    contributions = rdMolDescriptors._CalcCrippenContribs(mol)
    return np.column_stack([charges, EState.EStateIndices(mol), contributions])


def _atomic_statistics(mol: Chem.Mol) -> NDArray[np.float64]:
    values = atomic_values(mol)
    return np.concatenate(
        [values.max(0), values.min(0), values.mean(0), values.std(0), np.abs(values).sum(0)]
    )


GROUPS: dict[str, Callable[[Chem.Mol], ArrayLike]] = {
    "properties": _PROPERTIES.ComputeProperties,
    "surface areas": _surface_areas,
    "atom types": _atom_types,
    "MACCS keys": lambda mol: list(rdMolDescriptors.GetMACCSKeysFingerprint(mol)),
    "functional groups": lambda mol: [count(mol) for count in _FRAGMENTS],
    "atomic statistics": _atomic_statistics,  # max, min, mean, deviation, absolute sum
    "atom pairs": lambda mol: np.log1p(_ATOM_PAIRS.GetCountFingerprintAsNumPy(mol)),
}


def describe(mol: Chem.Mol) -> NDArray[np.float32]:
    """All groups, one after another; not finite where RDKit has no value."""
    return np.concatenate([np.asarray(group(mol), np.float32) for group in GROUPS.values()])


ATOMIC_VALUES = 4
EXAMPLE = Chem.MolFromSmiles("CC(=O)Oc1ccccc1C(=O)[O-]")
SIZES: dict[str, int] = {name: np.size(group(EXAMPLE)) for name, group in GROUPS.items()}


def column_weights(variances: NDArray[np.floating]) -> NDArray[np.float32]:
    """(k,) weights of the columns' squared errors.

    Every group counts alike however many columns it has, columns that never vary count nothing,
    and a prediction that knows each column's mean alone has an expected loss of 1. ``variances``
    (k,) are the columns' own.
    """
    groups = np.split(variances, np.cumsum(list(SIZES.values()))[:-1])
    each = [1 / (len(groups) * max(group.sum(), 1e-6)) for group in groups]
    return ((variances > 0) * np.repeat(each, list(SIZES.values()))).astype(np.float32)
