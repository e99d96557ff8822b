"""Label schemes: which training molecules the weak model is fitted to, and which it labels.

A scheme says rows; what is done with them is the same for all. "shared": the weak model labels the
molecules it was fitted to. "disjoint": it labels others. "cross-fitted": each fold is labelled by
the weak model fitted to the other folds.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Literal

import numpy as np

from molw2s.datasets import Split
from molw2s.errors import InvalidInput
from molw2s.problems.problem import Parts, Rows

Labels = Literal["shared", "disjoint", "cross-fitted"]
Folds = tuple[tuple[Rows, Rows], ...]


def parts_of(split: Split, labels: Labels, folds: int = 10, labelled: float = 0.5) -> Parts:
    """Row numbers of each part.

    Parameters
    ----------
    folds
        Of cross-fitted labels.
    labelled
        Share of the training part that has true labels, where the others get weak ones.

    Raises
    ------
    InvalidInput
        If a training part is too small to divide so.
    """
    if labels == "disjoint":
        known, unlabelled, pairs = _disjoint(split, labelled)
    elif labels == "cross-fitted":
        known, unlabelled, pairs = _cross_fitted(split, folds)
    else:
        known, unlabelled, pairs = split.train, split.train, ()
    return Parts(known, unlabelled, split.test, split.valid, pairs)


def _disjoint(split: Split, labelled: float) -> tuple[Rows, Rows, Folds]:
    """The weak model is fitted to a random share of the training part and labels the others."""
    shuffled = generator(split).permutation(split.train)
    end = int(labelled * len(shuffled))
    if not 0 < end < len(shuffled):
        raise InvalidInput(
            f"split {split.name} has {len(shuffled)} training molecules, too few to label "
            f"{labelled:.0%} of them truly and the others weakly"
        )
    return np.sort(shuffled[:end]), np.sort(shuffled[end:]), ()


def _cross_fitted(split: Split, folds: int) -> tuple[Rows, Rows, Folds]:
    """Each fold is labelled by the weak model fitted to the other folds."""
    if len(split.train) < folds:
        raise InvalidInput(
            f"split {split.name} has {len(split.train)} training molecules, fewer than {folds} "
            "folds; choose fewer"
        )
    shuffled = generator(split).permutation(split.train)
    asked = [np.sort(fold) for fold in np.array_split(shuffled, folds)]
    return (
        split.train,
        split.train,
        tuple((np.setdiff1d(split.train, rows), rows) for rows in asked),
    )


def halved_validation(split: Split) -> Split:
    """One random half of the validation part is the new test part, the other validates."""
    shuffled = generator(split, "halves").permutation(split.valid)
    measured = len(shuffled) // 2
    if not measured:
        raise InvalidInput(
            f"split {split.name} has {len(shuffled)} molecules to validate on; to measure there "
            "takes at least 2"
        )
    return replace(split, test=np.sort(shuffled[:measured]), valid=np.sort(shuffled[measured:]))


def generator(split: Split, purpose: str = "") -> np.random.Generator:
    """The same for a split's name and purpose in every run."""
    name = hashlib.sha256((split.name + purpose).encode()).digest()
    seed = int.from_bytes(name[:4], "big")
    return np.random.default_rng(seed)
