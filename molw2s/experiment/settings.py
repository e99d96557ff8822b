"""Suites by name or file, and studies: grids of suites."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from molw2s.errors import InvalidInput, UnknownName, explain
from molw2s.files.mappings import read_mapping
from molw2s.locations import shipped
from molw2s.problems import kind_of_suite
from molw2s.problems.labels import Labels
from molw2s.problems.molecules.settings import Mode, Suite
from molw2s.problems.settings import Settings

SYNTHETIC_SUITES = tuple(
    f"synthetic-{setting}"
    for setting in (
        "realizable", "pretraining", "perturbation",
        "reversed-pretraining", "reversed-perturbation", "low-sample",
    )
)  # fmt: skip
LEADERBOARD_SUITES = (
    "esol", "freesolv", "lipop", "hlm", "rlm", "mdr1", "solubility", "aqsoldb",
)  # fmt: skip
GROUPS = {"synthetic": SYNTHETIC_SUITES, "leaderboard": LEADERBOARD_SUITES}


class Study(BaseModel):
    """A grid of suites: every choice of one value per key, the same head on every frozen side.

    ``labelled`` is tried with disjoint labels alone. Without ``dataset`` or ``labelled`` the
    suite's own is taken. ``variants`` are other settings, by a name for each.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: tuple[str, ...] = ()
    weak_mode: tuple[Mode, ...] = Field(("head",), min_length=1)
    strong_mode: tuple[Mode, ...] = Field(("head",), min_length=1)
    head: tuple[str, ...] = Field(("kernel-ridge",), min_length=1)
    labels: tuple[Labels, ...] = Field(("shared",), min_length=1)
    labelled: tuple[float, ...] = ()
    variants: dict[str, dict[str, Any]] = Field({"": {}}, min_length=1)

    def choices(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The variant and settings of each suite."""
        for dataset, weak, strong, head, (labels, labelled), (variant, others) in product(
            self.dataset or (None,), self.weak_mode, self.strong_mode, self.head, self._schemes(),
            self.variants.items(),
        ):  # fmt: skip
            settings = _given(
                {
                    "dataset": dataset,
                    "weak_mode": weak,
                    "strong_mode": strong,
                    "weak_head": head,
                    "strong_head": head,
                    "labels": labels,
                    "labelled": labelled,
                }
            )
            yield variant, settings | others

    def _schemes(self) -> Iterator[tuple[Labels, float | None]]:
        for labels in self.labels:
            shares = self.labelled if labels == "disjoint" else ()
            yield from ((labels, share) for share in shares or (None,))


def suite_names() -> list[str]:
    """The suites in ``benchmarks/suites/``."""
    return sorted(path.stem for path in _suites().glob("*.yaml"))


def _suites() -> Path:
    return shipped("benchmarks") / "suites"


def expand_suites(names: Iterable[str]) -> list[str]:
    """Names with those of ``GROUPS`` replaced by the names of their suites."""
    return [each for name in names for each in GROUPS.get(str(name), (name,))]


def load_suite(name: str | Path, **changes: Any) -> Settings:
    """A suite of ``benchmarks/suites/`` by name, or a YAML file of your own.

    ``changes`` replace its settings; None leaves a setting as it is.

    Raises
    ------
    UnknownName
        If there is no such suite.
    InvalidInput
        If the file or a change does not fit; the message names the key. Also if it is a study.
    """
    return make_suite(_read(name), **changes)


def load_suites(name: str | Path, **changes: Any) -> list[Settings]:
    """All suites of a file: one, or those that its ``study`` spans, named after their settings.

    Two choices that come to the same suite (the head of a finetuned side decides nothing) give
    one. Parameters and errors are those of ``load_suite``.
    """
    content = _read(name)
    if "study" not in content:
        return [make_suite(content, **changes)]
    study = _validated(Study, content.pop("study"), f"study {content['name']!r}")
    suites: dict[str, Settings] = {}
    for variant, choice in study.choices():
        suite = _validated(Suite, content | choice | _given(changes), f"study {content['name']!r}")
        dataset = (suite.dataset,) if study.dataset else ()
        named = (variant,) if variant else ()
        full_name = "-".join((suite.name, *dataset, *_names(suite), *named))
        suites.setdefault(full_name, suite.model_copy(update={"name": full_name}))
    return list(suites.values())


def _names(suite: Suite) -> tuple[str, str, str]:
    weak, strong = (
        head if mode == "head" else mode
        for mode, head in (
            (suite.weak_mode, suite.weak_head),
            (suite.strong_mode, suite.strong_head),
        )
    )
    share = "" if suite.labelled == 0.5 else f"-{100 * suite.labelled:g}"
    return weak, strong, suite.labels + (share if suite.labels == "disjoint" else "")


def _read(name: str | Path) -> dict[str, Any]:
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = _suites() / f"{name}.yaml"
        if not path.is_file():
            raise UnknownName(f"unknown suite {str(name)!r}; known: {', '.join(suite_names())}")
    return {"name": path.stem, **read_mapping(path, "suite")}


def make_suite(content: dict[str, Any], **changes: Any) -> Settings:
    """A suite from plain settings, with ``changes`` that are not None on top.

    ``kind: synthetic`` among the settings makes it a synthetic one.
    """
    changes = _given(changes)
    content = content | changes
    what = f"suite {content.get('name')!r}"
    kind = kind_of_suite(content.get("kind"))
    foreign = sorted(set(changes) - set(kind.model_fields))
    if foreign and content.get("kind") == "synthetic":
        raise InvalidInput(f"{what} is synthetic and has no {', '.join(foreign)}")
    return _validated(kind, content, what)


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if value is not None}


Checked = TypeVar("Checked", bound=BaseModel)


def _validated(kind: type[Checked], content: Any, what: str) -> Checked:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(f"{what}: {explain(error, kind.model_fields)}") from error
