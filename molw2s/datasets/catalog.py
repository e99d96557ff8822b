"""Datasets by name: those in ``data/``, and those that users register."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from molw2s.datasets.molecules import MoleculeDataset, read_csv
from molw2s.errors import InvalidInput
from molw2s.locations import shipped
from molw2s.registry import Registry

DATASETS: Registry[Callable[[], MoleculeDataset]] = Registry("dataset", "molw2s.datasets")
register_dataset = DATASETS.register
BENCHMARKS = ("esol", "freesolv", "lipop")
SHIPPED = (*BENCHMARKS, "hlm", "rlm", "mdr1", "solubility", "aqsoldb", "bace", "bbbp")
"""``data/NAME.csv``, and what each is in ``data/NAME.md``."""


def load_dataset(name: str) -> MoleculeDataset:
    """A registered dataset: one of ``SHIPPED``, or of your own.

    Raises
    ------
    UnknownName
        If there is no such dataset.
    InvalidInput
        If a shipped file does not have the hash that its card states.
    """
    return DATASETS[name]()


def read_card(name: str) -> dict[str, Any]:
    """The front matter of ``data/NAME.md``: title, unit, source, licence, sha256, molecules."""
    _, front_matter, _ = (shipped("data") / f"{name}.md").read_text().split("---\n", 2)
    card: dict[str, Any] = yaml.safe_load(front_matter)
    return card


def _load_shipped(name: str) -> MoleculeDataset:
    card = read_card(name)
    path: Path = shipped("data") / f"{name}.csv"
    about = {key: card[key] for key in ("title", "unit", "source", "licence")}
    dataset = read_csv(path, name=name, **about)
    if dataset.sha256 != card["sha256"]:
        raise InvalidInput(
            f"{path} has SHA-256 {dataset.sha256}, but its card says {card['sha256']}: "
            "the file was changed or damaged; restore it, or reinstall molw2s"
        )
    return dataset


for _name in SHIPPED:
    register_dataset(_name)(cache(partial(_load_shipped, _name)))
