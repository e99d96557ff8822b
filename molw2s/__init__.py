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
    "from_deepchem": "molw2s.datasets",
    "load_dataset": "molw2s.datasets",
    "make_splits": "molw2s.datasets",
    "read_csv": "molw2s.datasets",
    "register_dataset": "molw2s.datasets",
    "ENCODERS": "molw2s.encoders",
    "SmilesTransformer": "molw2s.encoders.smiles_transformer",
    "embed": "molw2s.encoders",
    "get_encoder": "molw2s.encoders",
    "register_encoder": "molw2s.encoders",
    "HEADS": "molw2s.learners.heads",
    "register_head": "molw2s.learners.heads",
    "FinetunedEncoder": "molw2s.learners.finetuning",
    "Finetuning": "molw2s.learners.finetuning",
    "representation_predictors": "molw2s.predictors",
    "Suite": "molw2s.problems.molecules.settings",
    "SyntheticSuite": "molw2s.problems.synthetic.settings",
    "load_suite": "molw2s.experiment.settings",
    "load_suites": "molw2s.experiment.settings",
    "Run": "molw2s.experiment.folder",
    "run_suite": "molw2s.experiment.run",
    "Workers": "molw2s.experiment.workers",
    "Errors": "molw2s.experiment.protocol",
    "ThreeSets": "molw2s.experiment.protocol",
    "weak_to_strong": "molw2s.experiment.protocol",
    "COLUMNS": "molw2s.columns",
    "compare_with_paper": "molw2s.analysis",
    "leaderboard": "molw2s.analysis",
    "rules_table": "molw2s.analysis",
    "summary_table": "molw2s.analysis",
    "gain_vs_misfit": "molw2s.report",
    "write_leaderboard": "molw2s.report",
    "write_study": "molw2s.report",
    "check_results": "molw2s.results",
    "pack_run": "molw2s.results",
}

__all__ = [*_HOMES, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'molw2s' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
