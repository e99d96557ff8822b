"""Molecules with one measured property each, and how they are split."""

from molw2s.datasets.catalog import BENCHMARKS, DATASETS, load_dataset, register_dataset
from molw2s.datasets.molecules import MoleculeDataset, read_csv, read_smiles
from molw2s.datasets.splits import Split, make_splits
from molw2s.datasets.with_deepchem import from_deepchem

__all__ = [
    "BENCHMARKS",
    "DATASETS",
    "MoleculeDataset",
    "Split",
    "from_deepchem",
    "load_dataset",
    "make_splits",
    "read_csv",
    "read_smiles",
    "register_dataset",
]
