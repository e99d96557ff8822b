"""What a shell completes: names that can be chosen. Nothing is loaded until it asks."""

from __future__ import annotations

from collections.abc import Iterable


def suites(incomplete: str) -> list[str]:
    """Names of suites; a file of one's own is completed by the shell."""
    from molw2s.locations import shipped

    found = [path.stem for path in (shipped("benchmarks") / "suites").glob("*.yaml")]
    return _beginning(incomplete, sorted([*found, "synthetic"]))


def encoders(incomplete: str) -> list[str]:
    from molw2s.encoders import ENCODERS

    return _beginning(incomplete, ENCODERS.names())


def heads(incomplete: str) -> list[str]:
    from molw2s.learners.heads import HEADS

    return _beginning(incomplete, HEADS.names())


def datasets(incomplete: str) -> list[str]:
    from molw2s.datasets import DATASETS

    return _beginning(incomplete, DATASETS.names())


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
