"""Label schemes: which training molecules the weak model is fitted to, and which it labels.

A scheme is a function from a training part to rows; what is done with them is the same for all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Literal

import numpy as np

from molw2s.datasets import Split
from molw2s.errors import InvalidInput
from molw2s.problems.problem import Parts, Rows

Labels = Literal["shared", "disjoint", "cross-fitted"]
Folds = tuple[tuple[Rows, Rows], ...]


def parts_of(split: Split, labels: Labels, folds: int) -> Parts:
    """Row numbers of each part.

    Raises
    ------
    InvalidInput
        If a training part is too small to halve, or to divide into ``folds``.
    """
    labelled, unlabelled, pairs = _SCHEMES[labels](split, folds)
    return Parts(labelled, unlabelled, split.test, split.valid, pairs)


def _shared(split: Split, folds: int) -> tuple[Rows, Rows, Folds]:
    """The weak model labels the molecules it was fitted to."""
    return split.train, split.train, ()


def _disjoint(split: Split, folds: int) -> tuple[Rows, Rows, Folds]:
    """The weak model is fitted to a random half of the training part and labels the other."""
    if len(split.train) < 2:
        raise InvalidInput(f"split {split.name} has too few training molecules to halve")
    shuffled = _generator(split).permutation(split.train)
    half = len(shuffled) // 2
    return np.sort(shuffled[:half]), np.sort(shuffled[half:]), ()


def _cross_fitted(split: Split, folds: int) -> tuple[Rows, Rows, Folds]:
    """Each fold is labelled by the weak model fitted to the other folds."""
    if len(split.train) < folds:
        raise InvalidInput(
            f"split {split.name} has {len(split.train)} training molecules, fewer than {folds} "
            "folds; choose fewer"
        )
    shuffled = _generator(split).permutation(split.train)
    asked = [np.sort(fold) for fold in np.array_split(shuffled, folds)]
    return (
        split.train,
        split.train,
        tuple((np.setdiff1d(split.train, rows), rows) for rows in asked),
    )


def _generator(split: Split) -> np.random.Generator:
    """The same for a split's name in every run."""
    seed = int.from_bytes(hashlib.sha256(split.name.encode()).digest()[:4], "big")
    return np.random.default_rng(seed)


_SCHEMES: dict[Labels, Callable[[Split, int], tuple[Rows, Rows, Folds]]] = {
    "shared": _shared,
    "disjoint": _disjoint,
    "cross-fitted": _cross_fitted,
}
