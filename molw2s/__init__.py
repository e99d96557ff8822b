"""molw2s: weak-to-strong generalization in molecular property regression.

The public names are imported when first used, so that ``import molw2s`` is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "DATASETS": "molw2s.datasets",
    "MoleculeDataset": "molw2s.datasets",
    "load_dataset": "molw2s.datasets",
    "make_splits": "molw2s.datasets",
    "read_csv": "molw2s.datasets",
    "register_dataset": "molw2s.datasets",
    "ENCODERS": "molw2s.encoders",
    "embed": "molw2s.encoders",
    "get_encoder": "molw2s.encoders",
    "register_encoder": "molw2s.encoders",
    "HEADS": "molw2s.heads",
    "register_head": "molw2s.heads",
    "Errors": "molw2s.protocol",
    "ThreeSets": "molw2s.protocol",
    "weak_to_strong": "molw2s.protocol",
    "representation_predictors": "molw2s.predictors",
    "FinetunedEncoder": "molw2s.finetuning",
    "Finetuning": "molw2s.finetuning",
    "Run": "molw2s.suites",
    "Suite": "molw2s.suites",
    "load_suite": "molw2s.suites",
    "load_suites": "molw2s.suites",
    "run_suite": "molw2s.suites",
    "compare_with_paper": "molw2s.report",
    "gain_vs_misfit": "molw2s.report",
    "rules_table": "molw2s.report",
    "summary_table": "molw2s.report",
    "write_study": "molw2s.report",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'molw2s' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
