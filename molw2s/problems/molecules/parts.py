"""The parts of a suite's splits, and how a manifest describes them."""

from __future__ import annotations

import hashlib
from typing import Any

from molw2s.datasets import MoleculeDataset, make_splits
from molw2s.datasets.splits import Split
from molw2s.problems.labels import halved_validation, parts_of
from molw2s.problems.molecules.settings import Suite
from molw2s.problems.problem import Parts, Rows


def splits_of(suite: Suite, dataset: MoleculeDataset) -> list[tuple[Split, Parts]]:
    """Each split of a suite, and its parts."""
    splits = make_splits(dataset, suite.splitter, suite.seeds)
    if suite.evaluation == "valid":
        splits = [halved_validation(split) for split in splits]
    return [(split, parts_of(split, suite.labels, suite.folds, suite.labelled)) for split in splits]


def described(split: Split, parts: Parts) -> dict[str, Any]:
    """Size and hash of each part, as in a manifest."""
    rows_of = {
        "train": split.train,
        "valid": split.valid,
        "test": split.test,
        "labelled": parts.labelled,
        "unlabelled": parts.unlabelled,
    }
    return {
        part: {"rows": len(rows), "sha256": rows_sha256(rows)} for part, rows in rows_of.items()
    }


def rows_sha256(rows: Rows) -> str:
    """SHA-256 of the comma-joined sorted row numbers ("0,3,4,...")."""
    return hashlib.sha256(",".join(map(str, sorted(rows.tolist()))).encode()).hexdigest()
