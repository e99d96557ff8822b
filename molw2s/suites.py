"""A suite: one dataset, weak encoders, a strong one, splits and protocol options - and its run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import count, product
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pandas as pd
import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    ValidationError,
    field_validator,
)

from molw2s.datasets import MoleculeDataset, load_dataset, make_splits
from molw2s.datasets.splits import CHEMBENCH_SEEDS, Splitter
from molw2s.encoders import get_encoder
from molw2s.encoders.base import check_names
from molw2s.encoders.catalog import WEAK_HIDDEN_SIZES
from molw2s.errors import InvalidInput, UnknownName, explain
from molw2s.finetuning import Finetuning
from molw2s.locations import shipped
from molw2s.manifest import manifest
from molw2s.predictors import representation_predictors
from molw2s.synthetic.settings import SyntheticSuite
from molw2s.trials import Case, Labels, Mode, Side, Trial, fit_count, make_cases, run_trials

SplitSeed = Annotated[int, Field(ge=0, lt=2**32)]
WEAK_FAMILY = tuple(f"weak-h{size}-v2" for size in WEAK_HIDDEN_SIZES)
SYNTHETIC_SUITES = tuple(
    f"synthetic-{setting}"
    for setting in (
        "realizable", "pretraining", "perturbation",
        "reversed-pretraining", "reversed-perturbation", "low-sample",
    )
)  # fmt: skip


class Suite(BaseModel):
    """Everything that decides a run; unknown keys are errors.

    Attributes
    ----------
    weak_mode, strong_mode : "head", "full" or "lora"
        A head on the frozen encoder, or encoder and linear layer finetuned by gradient descent.
    weak_head, strong_head
        Used in mode "head" only.
    finetuning
        Used in the other modes only; ``repeats`` are their seeds.
    labels : "shared" or "disjoint"
        Weak labels on the weak model's own training molecules, or on the other half of the
        training part.
    seeds
        Of random splits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    dataset: str
    weak: tuple[str, ...] = Field(WEAK_FAMILY, min_length=1)
    strong: str = "strong-small-v2"
    weak_mode: Mode = "head"
    strong_mode: Mode = "head"
    weak_head: str = "kernel-ridge"
    strong_head: str = "kernel-ridge"
    finetuning: Finetuning = Finetuning()
    repeats: tuple[NonNegativeInt, ...] = Field((0,), min_length=1)
    labels: Labels = "shared"
    splitter: Splitter = "random"
    seeds: tuple[SplitSeed, ...] = Field(CHEMBENCH_SEEDS, min_length=1)

    @field_validator("weak", "seeds", "repeats")
    @classmethod
    def _no_repeats(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(values)) < len(values):
            raise ValueError("the same value appears twice")
        return values

    @property
    def finetunes(self) -> bool:
        return (self.weak_mode, self.strong_mode) != ("head", "head")


class Study(BaseModel):
    """A grid of suites: every choice of one value a key, the same head on every frozen side."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    weak_mode: tuple[Mode, ...] = Field(("head",), min_length=1)
    strong_mode: tuple[Mode, ...] = Field(("head",), min_length=1)
    head: tuple[str, ...] = Field(("kernel-ridge",), min_length=1)
    labels: tuple[Labels, ...] = Field(("shared",), min_length=1)

    def choices(self) -> Iterator[dict[str, str]]:
        """The settings of each suite."""
        for weak, strong, head, labels in product(
            self.weak_mode, self.strong_mode, self.head, self.labels
        ):
            yield {
                "weak_mode": weak,
                "strong_mode": strong,
                "weak_head": head,
                "strong_head": head,
                "labels": labels,
            }


@dataclass(frozen=True, eq=False)
class Run:
    """``records`` is tidy, one row a trial; ``manifest`` is what is needed to make it again."""

    records: pd.DataFrame
    manifest: dict[str, Any]


def suite_names() -> list[str]:
    """The suites in ``benchmarks/``."""
    return sorted(path.stem for path in shipped("benchmarks").glob("*.yaml"))


def expand_suites(names: Iterable[str]) -> list[str]:
    """Names with "synthetic" replaced by the names of all the synthetic suites."""
    return [
        each
        for name in names
        for each in (SYNTHETIC_SUITES if str(name) == "synthetic" else (name,))
    ]


def load_suite(name: str | Path, **changes: Any) -> Suite | SyntheticSuite:
    """A suite of ``benchmarks/`` by name, or a YAML file of your own.

    ``changes`` replace its settings; None leaves a setting as it is.

    Raises
    ------
    UnknownName
        If there is no such suite.
    InvalidInput
        If the file or a change does not fit; the message names the key. Also if it is a study.
    """
    return make_suite(_read(name), **changes)


def load_suites(name: str | Path, **changes: Any) -> list[Suite | SyntheticSuite]:
    """All suites of a file: one, or those that its ``study`` spans, named after their settings.

    Two choices that come to the same suite (the head of a finetuned side decides nothing) give
    one. Parameters and errors are those of ``load_suite``.
    """
    content = _read(name)
    if "study" not in content:
        return [make_suite(content, **changes)]
    study = _validated(Study, content.pop("study"), f"study {content['name']!r}")
    suites: dict[str, Suite | SyntheticSuite] = {}
    for choice in study.choices():
        suite = _validated(Suite, content | choice | _given(changes), f"study {content['name']!r}")
        full_name = "-".join((suite.name, *_names(suite)))
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
    return weak, strong, suite.labels


def _read(name: str | Path) -> dict[str, Any]:
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = shipped("benchmarks") / f"{name}.yaml"
        if not path.is_file():
            raise UnknownName(f"unknown suite {str(name)!r}; known: {', '.join(suite_names())}")
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise InvalidInput(f"cannot read the suite {path}: {error}") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{path} is not a YAML mapping")
    return {"name": path.stem, **content}


def make_suite(content: dict[str, Any], **changes: Any) -> Suite | SyntheticSuite:
    """A suite from plain settings, with ``changes`` that are not None on top.

    ``kind: synthetic`` among the settings makes it a synthetic one.
    """
    changes = _given(changes)
    content = content | changes
    what = f"suite {content.get('name')!r}"
    if content.get("kind") == "synthetic":
        if foreign := sorted(set(changes) - set(SyntheticSuite.model_fields)):
            raise InvalidInput(f"{what} is synthetic and has no {', '.join(foreign)}")
        return _validated(SyntheticSuite, content, what)
    return _validated(Suite, content, what)


def _given(changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if value is not None}


Settings = TypeVar("Settings", bound=BaseModel)


def _validated(kind: type[Settings], content: Any, what: str) -> Settings:
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(f"{what}: {explain(error, kind.model_fields)}") from error


def run_suite(
    suite: Suite | SyntheticSuite,
    dataset: MoleculeDataset | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    jobs: int | None = None,
    keep: Callable[[Run], None] = lambda run: None,
    trust_remote_code: bool = False,
) -> Run:
    """Run a suite: load, split, encode, protocol, record.

    A synthetic one draws its data and representations: ``synthetic.run``.

    Parameters
    ----------
    dataset
        Given instead of the registered dataset that the suite names (a CSV of your own).
    progress
        Called with a stage's name, steps done and steps in all.
    jobs
        How many fits run side by side, each on a core of its own; by default one where a side is
        finetuned, and heads on every core. Results do not depend on it.
    keep
        Called with the run so far, whenever trials are finished.
    trust_remote_code
        Run the Python files that a checkpoint brings along; see ``get_encoder``.

    Returns
    -------
    Run
        One row a trial: a weak encoder, split and seed; or a seed and task.

    Raises
    ------
    UnknownName
        If nobody registered a dataset, encoder or head that the suite names.
    InvalidInput
        If two encoders have the same name, an encoder returns what it must not, or the data cannot
        be split so.
    """
    if isinstance(suite, SyntheticSuite):
        from molw2s.synthetic.run import run_synthetic

        run = run_synthetic(suite, progress)
        keep(run)
        return run
    started = time.perf_counter()
    dataset = load_dataset(suite.dataset) if dataset is None else dataset

    def side(name: str, mode: Mode, head: str) -> Side:
        encoder = get_encoder(name, trust_remote_code=trust_remote_code)
        return Side(encoder, mode, head, suite.finetuning, dataset.smiles)

    weak = [side(name, suite.weak_mode, suite.weak_head) for name in suite.weak]
    strong = side(suite.strong, suite.strong_mode, suite.strong_head)
    distinct = weak if suite.strong in suite.weak else [*weak, strong]
    check_names([each.encoder for each in distinct])
    splits = make_splits(dataset, suite.splitter, suite.seeds)
    cases = make_cases(splits, suite.labels, suite.repeats if suite.finetunes else (0,))

    total, steps = len(weak) + fit_count(weak, strong, cases), count(1)
    for each in weak:
        progress(f"encode {each.encoder.name}", next(steps), total)
        _ = each.inputs
    trials = run_trials(
        weak, strong, cases, dataset.target, jobs, lambda stage: progress(stage, next(steps), total)
    )
    predictors = cache(partial(_predictors, weak, strong, dataset))
    rows: list[dict[str, Any]] = []
    for finished in trials:
        for trial in finished:
            predicted = predictors(trial.case)[trial.weak.encoder.name]
            rows.append(_row(suite, dataset, strong, trial) | predicted)
        about = manifest(suite.model_dump(mode="json"), dataset, cases, [*weak, strong])
        about |= {
            "trials": {"done": len(rows), "of": len(cases) * len(weak)},
            "seconds": round(time.perf_counter() - started, 1),
        }
        run = Run(pd.DataFrame(rows), about)
        keep(run)
    return run


def _predictors(
    weak: list[Side], strong: Side, dataset: MoleculeDataset, case: Case
) -> dict[str, dict[str, float]]:
    """Of each weak encoder, from the frozen features of the molecules that get weak labels."""
    rows = case.rows.unlabelled
    found = representation_predictors(
        [side.features[rows] for side in weak], strong.features[rows], dataset.target[rows]
    )
    return {side.encoder.name: asdict(each) for side, each in zip(weak, found)}


def _row(suite: Suite, dataset: MoleculeDataset, strong: Side, trial: Trial) -> dict[str, Any]:
    case, weak, errors = trial.case, trial.weak, trial.errors
    return {
        "suite": suite.name,
        "dataset": suite.dataset,
        "unit": dataset.unit,
        "weak": weak.encoder.name,
        "weak_hidden_size": getattr(weak.encoder, "hidden_size", weak.encoder.dim),
        "strong": strong.encoder.name,
        "weak_mode": suite.weak_mode,
        "strong_mode": suite.strong_mode,
        "weak_head": weak.fitted,
        "strong_head": strong.fitted,
        **({"finetuning": suite.finetuning.model_dump_json()} if suite.finetunes else {}),
        "labels": suite.labels,
        "split": case.split.name,
        "seed": case.seed,
        "n_labelled": len(case.rows.labelled),
        "n_unlabelled": len(case.rows.unlabelled),
        "n_evaluation": len(case.rows.evaluation),
        "weak_error": errors.weak_error,
        "w2s_error": errors.w2s_error,
        "misfit": errors.misfit,
        "gain": errors.gain,
        "strong_error": errors.strong_error,
        "weak_error_minus_misfit": errors.weak_error_minus_misfit,
        "gain_minus_misfit": errors.gain_minus_misfit,
        "pgr": errors.pgr,
        "weak_penalty": errors.weak_penalty,
        "w2s_penalty": errors.w2s_penalty,
        "strong_penalty": errors.strong_penalty,
        "weak_error_valid": errors.weak_error_valid,
        "misfit_valid": errors.misfit_valid,
        "weak_error_minus_misfit_valid": errors.weak_error_minus_misfit_valid,
        "dataset_sha256": dataset.sha256,
        "weak_sha256": weak.sha256,
        "strong_sha256": strong.sha256,
    }
