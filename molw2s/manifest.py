"""What is needed to make a run again."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molw2s.datasets import MoleculeDataset
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.trials import Case, Side

_PACKAGES = (
    "molw2s", "numpy", "scipy", "scikit-learn", "pandas", "torch", "transformers", "rdkit",
    "deepchem",
)  # fmt: skip


def manifest(
    suite: dict[str, Any], dataset: MoleculeDataset, cases: Iterable[Case], sides: Iterable[Side]
) -> dict[str, Any]:
    """Settings, data, row numbers' hashes, encoders and versions, for JSON."""
    return {
        "suite": suite,
        "dataset": {
            "name": dataset.name,
            "title": dataset.title,
            "unit": dataset.unit,
            "source": dataset.source,
            "sha256": dataset.sha256,
            "content_sha256": dataset.content_sha256,
            "molecules": len(dataset),
            "dropped": {f"line {line}": why for line, why in dataset.dropped.items()},
            "duplicates": dataset.duplicates,
        },
        "splits": {case.split.name: _describe_split(case) for case in cases},
        "encoders": {
            side.encoder.name: {
                "dim": side.encoder.dim,
                "sha256": side.sha256,
                **(
                    side.encoder.usage.model_dump(mode="json")
                    | {"precision": side.encoder.precision}
                    if isinstance(side.encoder, TransformerEncoder)
                    else {}
                ),
            }
            for side in sides
        },
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
    }


def _describe_split(case: Case) -> dict[str, Any]:
    parts = {
        "train": case.split.train,
        "valid": case.split.valid,
        "test": case.split.test,
        "labelled": case.rows.labelled,
        "unlabelled": case.rows.unlabelled,
    }
    return {part: {"rows": len(rows), "sha256": rows_sha256(rows)} for part, rows in parts.items()}


def rows_sha256(rows: NDArray[np.int64]) -> str:
    """SHA-256 of the comma-joined sorted row numbers ("0,3,4,...")."""
    return hashlib.sha256(",".join(map(str, sorted(rows.tolist()))).encode()).hexdigest()
