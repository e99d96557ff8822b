"""Datasets by name: those in ``data/``, and those that users register."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
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


def load_dataset(name: str) -> MoleculeDataset:
    """A registered dataset: "esol", "freesolv", "lipop", or one of your own.

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


@register_dataset("esol")
@cache
def esol() -> MoleculeDataset:
    """Aqueous solubility (Delaney 2004), 1128 molecules."""
    return _load_shipped("esol")


@register_dataset("freesolv")
@cache
def freesolv() -> MoleculeDataset:
    """Hydration free energy (Mobley and Guthrie 2014), 642 molecules."""
    return _load_shipped("freesolv")


@register_dataset("lipop")
@cache
def lipop() -> MoleculeDataset:
    """Octanol/water distribution coefficient at pH 7.4 (AstraZeneca, ChEMBL), 4200 molecules."""
    return _load_shipped("lipop")


@register_dataset("hlm")
@cache
def hlm() -> MoleculeDataset:
    """Clearance by human liver microsomes (Fang et al. 2023), 3087 molecules."""
    return _load_shipped("hlm")


@register_dataset("rlm")
@cache
def rlm() -> MoleculeDataset:
    """Clearance by rat liver microsomes (Fang et al. 2023), 3054 molecules."""
    return _load_shipped("rlm")


@register_dataset("mdr1")
@cache
def mdr1() -> MoleculeDataset:
    """Efflux ratio in MDR1-MDCK cells (Fang et al. 2023), 2642 molecules."""
    return _load_shipped("mdr1")


@register_dataset("solubility")
@cache
def solubility() -> MoleculeDataset:
    """Solubility at pH 6.8 (Fang et al. 2023), 2173 molecules."""
    return _load_shipped("solubility")


@register_dataset("aqsoldb")
@cache
def aqsoldb() -> MoleculeDataset:
    """Aqueous solubility of nine sources (Sorkun, Khetan and Er 2019), 9980 molecules."""
    return _load_shipped("aqsoldb")


@register_dataset("bace")
@cache
def bace() -> MoleculeDataset:
    """Inhibitors of beta-secretase 1 (Subramanian et al. 2016), 1513 molecules of two classes."""
    return _load_shipped("bace")


@register_dataset("bbbp")
@cache
def bbbp() -> MoleculeDataset:
    """Blood-brain barrier penetration (Martins et al. 2012), 2039 molecules of two classes."""
    return _load_shipped("bbbp")
