"""A suite: one dataset, weak encoders, a strong one, splits and protocol options - and its run."""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from molw2s.datasets import MoleculeDataset, Split, load_dataset, make_splits
from molw2s.datasets.splits import CHEMBENCH_SEEDS, Splitter
from molw2s.encoders import Encoder, embed, fingerprint, get_encoder
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput, UnknownName, explain
from molw2s.heads import HEADS
from molw2s.locations import shipped
from molw2s.protocol import Errors, ThreeSets, weak_to_strong
from molw2s.synthetic.settings import SyntheticSuite

Labels = Literal["shared", "disjoint"]
WEAK_FAMILY = tuple(f"weak-h{size}" for size in (8, 12, 16, 24, 32, 48, 64, 96))
SYNTHETIC_SUITES = tuple(
    f"synthetic-{setting}"
    for setting in (
        "realizable", "pretraining", "perturbation",
        "reversed-pretraining", "reversed-perturbation", "low-sample",
    )
)  # fmt: skip


class Suite(BaseModel):
    """Everything that decides a run; unknown keys are errors.

    ``labels`` says which molecules get weak labels: "shared", the weak model's own training
    molecules, or "disjoint", the other half of the training part.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[A-Za-z0-9._-]+$")
    dataset: str
    weak: tuple[str, ...] = Field(WEAK_FAMILY, min_length=1)
    strong: str = "strong-small"
    weak_head: str = "kernel-ridge"
    strong_head: str = "kernel-ridge"
    labels: Labels = "shared"
    splitter: Splitter = "random"
    seeds: tuple[int, ...] = Field(CHEMBENCH_SEEDS, min_length=1)

    @field_validator("weak", "seeds")
    @classmethod
    def _no_repeats(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(values)) < len(values):
            raise ValueError("the same value appears twice")
        return values


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
        If the file or a change does not fit; the message names the key.
    """
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
    return make_suite({"name": path.stem, **content}, **changes)


def make_suite(content: dict[str, Any], **changes: Any) -> Suite | SyntheticSuite:
    """A suite from plain settings, with ``changes`` that are not None on top.

    ``kind: synthetic`` among the settings makes it a synthetic one.
    """
    content = content | {key: value for key, value in changes.items() if value is not None}
    kind = SyntheticSuite if content.get("kind") == "synthetic" else Suite
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(f"suite {content.get('name')!r}: {explain(error)}") from error


def run_suite(
    suite: Suite | SyntheticSuite,
    dataset: MoleculeDataset | None = None,
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
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
    trust_remote_code
        Run the Python files that a checkpoint brings along; see ``get_encoder``.
    """
    if isinstance(suite, SyntheticSuite):
        from molw2s.synthetic.run import run_synthetic

        return run_synthetic(suite, progress)
    started = time.perf_counter()
    weak_head, strong_head = HEADS[suite.weak_head], HEADS[suite.strong_head]
    weak = [get_encoder(name, trust_remote_code=trust_remote_code) for name in suite.weak]
    strong = get_encoder(suite.strong, trust_remote_code=trust_remote_code)
    dataset = load_dataset(suite.dataset) if dataset is None else dataset
    splits = make_splits(dataset, suite.splitter, suite.seeds)

    embeddings = {}
    for step, encoder in enumerate([*weak, strong]):
        progress(f"encode {encoder.name}", step, len(weak) + 1 + len(splits))
        embeddings[encoder.name] = embed(encoder, dataset.smiles)

    rows = []
    for step, split in enumerate(splits):
        progress(f"fit {split.name}", len(weak) + 1 + step, len(weak) + 1 + len(splits))
        sets = _three_sets(split, suite.labels)
        trials = weak_to_strong(
            [_at(embeddings[encoder.name], sets) for encoder in weak],
            _at(embeddings[strong.name], sets),
            _at(dataset.target, sets),
            weak_head,
            strong_head,
        )
        for encoder, (errors,) in zip(weak, trials):
            rows.append(_row(suite, split, sets, encoder, strong, errors))
    progress("done", len(weak) + 1 + len(splits), len(weak) + 1 + len(splits))

    records = pd.DataFrame(rows)
    records.insert(2, "unit", dataset.unit)
    records["dataset_sha256"] = dataset.sha256
    for side, encoders in (("weak", weak), ("strong", [strong])):
        hashes = {
            encoder.name: fingerprint(encoder, embeddings[encoder.name]) for encoder in encoders
        }
        records[f"{side}_sha256"] = records[side].map(hashes)
    return Run(records, _manifest(suite, dataset, splits, [*weak, strong], records, started))


def _three_sets(split: Split, labels: Labels) -> ThreeSets:
    """Row numbers of the three sets; "disjoint" halves the training part at random."""
    if labels == "shared":
        return ThreeSets(split.train, split.train, split.test)
    if len(split.train) < 2:
        raise InvalidInput(f"split {split.name} has too few training molecules to halve")
    seed = int.from_bytes(hashlib.sha256(split.name.encode()).digest()[:4], "big")
    shuffled = np.random.default_rng(seed).permutation(split.train)
    half = len(shuffled) // 2
    return ThreeSets(np.sort(shuffled[:half]), np.sort(shuffled[half:]), split.test)


def _at(values: NDArray[Any], sets: ThreeSets) -> ThreeSets:
    return ThreeSets(values[sets.labelled], values[sets.unlabelled], values[sets.evaluation])


def _row(
    suite: Suite, split: Split, sets: ThreeSets, weak: Encoder, strong: Encoder, errors: Errors
) -> dict[str, Any]:
    return {
        "suite": suite.name,
        "dataset": suite.dataset,
        "weak": weak.name,
        "weak_hidden_size": getattr(weak, "hidden_size", weak.dim),
        "strong": strong.name,
        "weak_head": suite.weak_head,
        "strong_head": suite.strong_head,
        "labels": suite.labels,
        "split": split.name,
        "n_labelled": len(sets.labelled),
        "n_unlabelled": len(sets.unlabelled),
        "n_evaluation": len(sets.evaluation),
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
    }


_PACKAGES = (
    "molw2s", "numpy", "scipy", "scikit-learn", "pandas", "torch", "transformers", "rdkit",
    "deepchem",
)  # fmt: skip


def _manifest(
    suite: Suite,
    dataset: MoleculeDataset,
    splits: Iterable[Split],
    encoders: Iterable[Encoder],
    records: pd.DataFrame,
    started: float,
) -> dict[str, Any]:
    hashes = dict(zip(records["weak"], records["weak_sha256"])) | dict(
        zip(records["strong"], records["strong_sha256"])
    )
    return {
        "suite": suite.model_dump(mode="json"),
        "dataset": {
            "name": dataset.name,
            "title": dataset.title,
            "unit": dataset.unit,
            "source": dataset.source,
            "sha256": dataset.sha256,
            "molecules": len(dataset),
            "dropped": {f"line {line}": why for line, why in dataset.dropped.items()},
            "duplicates": dataset.duplicates,
        },
        "splits": {split.name: _describe_split(split, suite.labels) for split in splits},
        "encoders": {
            encoder.name: {
                "dim": encoder.dim,
                "sha256": hashes[encoder.name],
                **(
                    encoder.usage.model_dump(mode="json") | {"precision": encoder.precision}
                    if isinstance(encoder, TransformerEncoder)
                    else {}
                ),
            }
            for encoder in encoders
        },
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
        "seconds": round(time.perf_counter() - started, 1),
    }


def _describe_split(split: Split, labels: Labels) -> dict[str, Any]:
    sets = _three_sets(split, labels)
    parts = {
        "train": split.train,
        "valid": split.valid,
        "test": split.test,
        "labelled": sets.labelled,
        "unlabelled": sets.unlabelled,
    }
    return {part: {"rows": len(rows), "sha256": rows_sha256(rows)} for part, rows in parts.items()}


def rows_sha256(rows: NDArray[np.int64]) -> str:
    """SHA-256 of the comma-joined sorted row numbers ("0,3,4,...")."""
    return hashlib.sha256(",".join(map(str, sorted(rows.tolist()))).encode()).hexdigest()
