"""Train, valid and test rows: ChemBench's, K-fold, by scaffold, by DeepChem, or the user's own."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

from molw2s.datasets.molecules import PARTS, MoleculeDataset
from molw2s.errors import InvalidInput
from molw2s.smiles import parse_all

DEEPCHEM = "deepchem:"
FOLDS = r"([2-9]|[1-9]\d+)-fold"
KNOWN = (
    "random, scaffold, column, K-fold (such as 5-fold) or DeepChem's (such as "
    f"{DEEPCHEM}ButinaSplitter)"
)


def _known(splitter: str) -> str:
    if not re.fullmatch(rf"random|scaffold|column|{FOLDS}|{DEEPCHEM}\w+", splitter):
        raise ValueError(f"unknown splitter {splitter!r}; known: {KNOWN}")
    return splitter


Splitter = Annotated[str, AfterValidator(_known)]
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
    splitter: str = "random",
    seeds: Sequence[int] = CHEMBENCH_SEEDS,
) -> list[Split]:
    """80/10/10 splits, folds, or the dataset's own split column.

    "random" with seeds 122, 123 and 124 gives ChemBench's splits, one per seed; "5-fold" gives five
    per seed, each a fold to test, a tenth of all molecules to validate, the others to train (five
    seeds make 5x5 cross-validation); "scaffold" has no randomness and gives one split; "column"
    gives the one in ``dataset.split``;
    "deepchem:ButinaSplitter" is a splitter of DeepChem's, which gives one per seed, or one where
    seeds change nothing.

    Raises
    ------
    InvalidInput
        If there is no such splitter, the column is missing or holds something else than train,
        valid and test, or a part that is needed (train, test) would be empty.
    """
    if splitter == "column":
        splits = [_from_column(dataset)]
    elif splitter == "scaffold":
        splits = [_by_scaffold(dataset)]
    elif splitter == "random":
        splits = [_random(len(dataset), seed) for seed in seeds]
    elif re.fullmatch(FOLDS, splitter):
        folds = int(splitter.removesuffix("-fold"))
        splits = [each for seed in seeds for each in _folds(dataset, folds, seed)]
    elif splitter.startswith(DEEPCHEM):
        splits = _deepchems(dataset, splitter.removeprefix(DEEPCHEM), seeds)
    else:
        raise InvalidInput(f"unknown splitter {splitter!r}; known: {KNOWN}")
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


def _random(n: int, seed: int) -> Split:
    """A permutation cut at 80 % and 90 %, as ChemBench's (DeepChem's RandomSplitter) is."""
    return _cut(f"random-{seed}", np.random.RandomState(seed).permutation(n))


def _folds(dataset: MoleculeDataset, folds: int, seed: int) -> Iterator[Split]:
    from sklearn.model_selection import KFold, train_test_split

    n = len(dataset)
    if n < max(folds, 4):
        raise InvalidInput(f"{dataset.name} has {n} molecules, too few for {folds} folds")
    parts = KFold(folds, shuffle=True, random_state=seed).split(np.arange(n))
    for number, (rest, test) in enumerate(parts):
        train, valid = train_test_split(rest, test_size=max(1, n // 10), random_state=seed)
        yield Split(f"{folds}-fold-{seed}.{number}", np.sort(train), np.sort(valid), test)


def _by_scaffold(dataset: MoleculeDataset) -> Split:
    """Whole groups of one Murcko scaffold, the largest first, into train while they fit, then into
    valid while they fit, the rest into test (Wu et al. 2018, MoleculeNet; DeepChem's
    ScaffoldSplitter)."""
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

    groups: dict[str, list[int]] = {}
    for row, mol in enumerate(parse_all(dataset.smiles)):
        groups.setdefault(MurckoScaffoldSmiles(mol=mol), []).append(row)
    train_end, valid_end = _ends(len(dataset))
    parts: tuple[list[int], ...] = ([], [], [])
    train, valid, test = parts
    for rows in sorted(groups.values(), key=lambda rows: (len(rows), rows[0]), reverse=True):
        if len(train) + len(rows) <= train_end:
            train += rows
        elif len(train) + len(valid) + len(rows) <= valid_end:
            valid += rows
        else:
            test += rows
    return Split("scaffold", *(np.array(part, dtype=np.int64) for part in parts))


def _deepchems(dataset: MoleculeDataset, splitter: str, seeds: Sequence[int]) -> list[Split]:
    from molw2s.datasets.with_deepchem import split_as

    splits: list[Split] = []
    for seed in seeds:
        made = Split(f"{splitter}-{seed}", *split_as(dataset, splitter, seed))
        if splits and all(
            np.array_equal(getattr(made, part), getattr(splits[0], part)) for part in PARTS
        ):
            return [Split(splitter, made.train, made.valid, made.test)]
        splits.append(made)
    return splits


def _cut(name: str, order: NDArray[np.int64]) -> Split:
    return Split(name, *np.split(order, _ends(len(order))))


def _ends(n: int) -> tuple[int, int]:
    return int(0.8 * n), int((0.8 + 0.1) * n)
