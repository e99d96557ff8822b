"""Train, valid and test rows: ChemBench's random ones, by scaffold, or the user's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from molw2s.datasets.molecules import PARTS, MoleculeDataset
from molw2s.errors import InvalidInput
from molw2s.locations import cache_dir, write_atomically

Splitter = Literal["random", "scaffold", "column"]
CHEMBENCH_SEEDS = (122, 123, 124)


@dataclass(frozen=True, eq=False)
class Split:
    """Row numbers (zero-based) of each part; ``name`` is unique among a dataset's splits."""

    name: str
    train: NDArray[np.int64]
    valid: NDArray[np.int64]
    test: NDArray[np.int64]


def make_splits(
    dataset: MoleculeDataset,
    splitter: Splitter = "random",
    seeds: Sequence[int] = CHEMBENCH_SEEDS,
) -> list[Split]:
    """80/10/10 splits by DeepChem, or the dataset's own split column.

    "random" with seeds 122, 123 and 124 gives ChemBench's splits, one a seed; "scaffold" has no
    randomness and gives one split; "column" gives the one in ``dataset.split``.

    Raises
    ------
    InvalidInput
        If the column is missing or holds something else than train, valid and test, or a part
        that is needed (train, test) would be empty.
    """
    if splitter == "column":
        splits = [_from_column(dataset)]
    elif splitter == "scaffold":
        splits = [_by_deepchem(dataset, "ScaffoldSplitter", "scaffold", seed=0)]
    else:
        splits = [_by_deepchem(dataset, "RandomSplitter", f"random-{seed}", seed) for seed in seeds]
    for split in splits:
        if not len(split.train) or not len(split.test):
            raise InvalidInput(
                f"split {split.name} of {dataset.name} ({len(dataset)} molecules) leaves "
                f"{len(split.train)} for training and {len(split.test)} for testing"
            )
    return splits


def _from_column(dataset: MoleculeDataset) -> Split:
    if dataset.split is None:
        raise InvalidInput(f"{dataset.name} has no split column (name it with --split-column)")
    for row, part in enumerate(dataset.split):
        if part not in PARTS:
            raise InvalidInput(
                f"{dataset.name}, row {row}: split is {part!r}, expected one of {', '.join(PARTS)}"
            )
    column = np.array(dataset.split)
    return Split("column", *(np.flatnonzero(column == part) for part in PARTS))


def _by_deepchem(dataset: MoleculeDataset, splitter: str, name: str, seed: int) -> Split:
    """DeepChem takes seconds to import, so a split is kept on disk under all that decides it."""
    key = hashlib.sha256("\n".join(dataset.smiles).encode()).hexdigest()[:16]
    libraries = "-".join(package + version(package) for package in ("deepchem", "rdkit"))
    path = cache_dir() / "splits" / f"{key}-{name}-{libraries}.json"
    try:
        parts = json.loads(path.read_text())
    except (OSError, ValueError):
        from molw2s.datasets.quiet_deepchem import deepchem

        numbered = deepchem().data.NumpyDataset(
            X=np.arange(len(dataset)), ids=np.array(dataset.smiles, dtype=object)
        )
        split = getattr(deepchem().splits, splitter)().split(numbered, seed=seed)
        parts = [np.asarray(part, dtype=int).tolist() for part in split]
        write_atomically(path, json.dumps(parts).encode())
    return Split(name, *(np.array(part, dtype=np.int64) for part in parts))
