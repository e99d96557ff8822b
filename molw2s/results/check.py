"""Whether a folder of results is what a run with its settings would have written."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from molw2s.datasets import DATASETS, MoleculeDataset, load_dataset
from molw2s.encoders.catalog import get_encoder, is_ours, shipped_names
from molw2s.errors import InvalidInput, Molw2sError, explain
from molw2s.problems.molecules.parts import described, splits_of
from molw2s.problems.molecules.settings import Suite
from molw2s.records import read_manifest, read_records
from molw2s.results.plausible import implausible

_NEEDED = (
    "schema_version", "seed", "n_labelled", "n_unlabelled", "n_evaluation", "weak_sha256",
    "strong_sha256", "dataset_sha256",
)  # fmt: skip
_DATA = ("sha256", "content_sha256", "unit")


@dataclass(frozen=True)
class Checked:
    """What was found in a folder of results.

    Attributes
    ----------
    folder : Path
    trials : int
        How many could be read.
    faults : tuple of str
        Why it is not accepted; empty where it is.
    unchecked : tuple of str
        What could not be checked here.
    """

    folder: Path
    trials: int
    faults: tuple[str, ...]
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class _Result:
    manifest: dict[str, Any]
    suite: Suite
    records: pd.DataFrame
    dataset: MoleculeDataset | None

    def part(self, name: str) -> dict[str, Any]:
        """A part of the manifest; empty where there is none."""
        return _mapping(self.manifest.get(name))


def check_results(folder: str | Path) -> Checked:
    """Check one folder: that it is whole, its hashes, its splits, and that its numbers can be.

    No model is loaded. Datasets and encoders that are not registered here are not checked, which
    ``Checked.unchecked`` says.
    """
    folder = Path(folder)
    try:
        result = _read(folder)
    except (Molw2sError, OSError) as error:
        return Checked(folder, 0, (" ".join(str(error).split()),))
    faults = [fault for rule in _RULES for fault in rule(result)]
    return Checked(folder, len(result.records), tuple(faults), tuple(_unchecked(result)))


def _read(folder: Path) -> _Result:
    """Raise InvalidInput where the folder is not whole, or its table is not one of trials."""
    manifest = read_manifest(folder)
    if manifest is None:
        raise InvalidInput("there is no manifest.json")
    if manifest["suite"].get("kind", "molecules") != "molecules":
        raise InvalidInput("it is a synthetic run; results are of molecules")
    for name in ("schema_version", "records_sha256", "seconds", "trials", "splits", "encoders"):
        if name not in manifest:
            raise InvalidInput(f"manifest.json has no {name}: the run did not end, or is too old")
    try:
        suite = Suite.model_validate(manifest["suite"])
    except ValidationError as error:
        raise InvalidInput(f"manifest.json, suite: {explain(error)}") from error
    records = read_records(folder)
    if missing := [name for name in _NEEDED if name not in records]:
        raise InvalidInput(f"the records have no {', '.join(missing)}: they are too old")
    known = suite.dataset in DATASETS
    return _Result(manifest, suite, records, load_dataset(suite.dataset) if known else None)


def _settings(result: _Result) -> Iterator[str]:
    """Columns that repeat the manifest."""
    suite, records = result.suite, result.records
    for name, wanted in (
        ("schema_version", {result.manifest["schema_version"]}),
        ("suite", {suite.name}),
        ("dataset", {suite.dataset}),
        ("loss", {suite.loss}),
        ("labels", {suite.labels}),
        ("strong_mode", {suite.strong_mode}),
        ("weak_mode", {suite.weak_mode}),
        ("dataset_sha256", [result.part("dataset").get("sha256")]),
        ("unit", [result.part("dataset").get("unit")]),
    ):
        there = set(map(str, records[name])) if name in records else set()
        if there != set(map(str, wanted)):
            yield f"column {name} is {_listed(there)}, and the manifest says {_listed(wanted)}"


def _trials(result: _Result) -> Iterator[str]:
    """Every teacher on every split and seed, once."""
    suite, records = result.suite, result.records
    extra = [f"ensemble-{each}" for each in suite.ensembles] + list(suite.controls)
    encoders = set(records.loc[records["teacher_kind"] == "encoder", "weak"])
    others = set(records.loc[records["teacher_kind"] != "encoder", "weak"])
    if len(encoders) != len(suite.weak) or others != set(extra):
        yield (
            f"the teachers are {_listed(encoders | others)}; the suite has {len(suite.weak)} weak "
            f"encoders and {_listed(set(extra))}"
        )
    seeds = suite.repeats if suite.finetunes else (0,)
    splits = list(result.part("splits"))
    expected = {(s, seed, weak) for s in splits for seed in seeds for weak in encoders | others}
    there = set(records[["split", "seed", "weak"]].itertuples(index=False, name=None))
    for told, which in (("missing", expected - there), ("not of the suite", there - expected)):
        if which:
            first = ", ".join(map(str, min(which)))
            yield f"{len(which)} trials are {told}; one is {first}"


def _dataset(result: _Result) -> Iterator[str]:
    """The registered dataset's hashes, where it is registered."""
    stated = result.part("dataset")
    if result.dataset is None:
        return
    for name in _DATA:
        if stated.get(name) != getattr(result.dataset, name):
            yield f"{name} of dataset {result.suite.dataset} is not that of the registered one"
    if stated.get("molecules") != len(result.dataset):
        yield f"dataset {result.suite.dataset} has {len(result.dataset)} molecules"


def _splits(result: _Result) -> Iterator[str]:
    """The splits that the settings give, and the columns that count their molecules."""
    stated, records = result.part("splits"), result.records
    encoders = records[records["teacher_kind"] == "encoder"]
    sizes = {"labelled": "n_labelled", "unlabelled": "n_unlabelled", "test": "n_evaluation"}
    for name, parts in stated.items():
        rows = encoders[encoders["split"] == name]
        for part, column in sizes.items():
            size = _mapping(_mapping(parts).get(part)).get("rows")
            if (rows[column] != size).any():
                yield f"split {name}: {column} is not the number of rows of its {part} part"
    try:
        made = _made_splits(result)
    except (Molw2sError, ImportError) as error:
        yield f"the splits cannot be made: {error}"
        return
    if made is None:
        return
    if set(made) != set(stated):
        yield f"the settings give {len(made)} splits with other names than the manifest's"
    for name in sorted(set(made) & set(stated)):
        for part, about in made[name].items():
            if _mapping(stated[name]).get(part) != about:
                yield f"split {name}: the {part} part is not the one that the settings give"


def _made_splits(result: _Result) -> dict[str, dict[str, Any]] | None:
    if result.dataset is None:
        return None
    return {
        split.name: described(split, parts)
        for split, parts in splits_of(result.suite, result.dataset)
    }


def _encoders(result: _Result) -> Iterator[str]:
    """One hash per encoder, which for ours is what it must be."""
    records, stated = result.records, result.part("encoders")
    taught = records[records["teacher_kind"] == "encoder"]
    for which, trials in (("weak", taught), ("strong", records)):
        pairs = trials[[which, f"{which}_sha256"]].drop_duplicates()
        for name, sha256 in pairs.itertuples(index=False, name=None):
            if _mapping(stated.get(name)).get("sha256") != sha256:
                yield f"{which} encoder {name}: its hash is not the manifest's"
    for name in stated:
        expected = _fingerprint(result, name)
        if expected is not None and _mapping(stated.get(name)).get("sha256") != expected:
            yield f"encoder {name} is not the one of that name which ships with molw2s"


def _fingerprint(result: _Result, name: str) -> str | None:
    """What the encoder's hash must be; None where that cannot be known here."""
    if not is_ours(name):
        return None
    if name in shipped_names():
        precision = _mapping(result.part("encoders").get(name)).get("precision", "float32")
        try:
            encoder = get_encoder(name, precision=precision)
        except InvalidInput:  # of a precision that there is not, nothing is the hash
            return ""
    elif any(result.part("versions").get(each) != version(each) for each in ("torch", "rdkit")):
        return None  # descriptors are of a version of RDKit, random weights of one of torch
    else:
        encoder = get_encoder(name)
    found: str | None = getattr(encoder, "fingerprint", None)
    return found


def _plausible(result: _Result) -> Iterator[str]:
    """Numbers that measured errors can have."""
    spread = None if result.dataset is None else float(np.var(result.dataset.target))
    yield from implausible(result.records, spread if result.suite.loss == "squared" else None)


def _unchecked(result: _Result) -> Iterator[str]:
    if result.dataset is None:
        yield f"dataset {result.suite.dataset}, which is not registered here, and its splits"
    for name in result.part("encoders"):
        if _fingerprint(result, name) is None:
            yield f"the hash of encoder {name}"


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _listed(values: Collection[Any]) -> str:
    return ", ".join(sorted(map(str, values))) or "nothing"


_RULES: tuple[Callable[[_Result], Iterator[str]], ...] = (
    _settings, _trials, _dataset, _splits, _encoders, _plausible,
)  # fmt: skip
