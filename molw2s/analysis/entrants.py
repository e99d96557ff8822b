"""Who takes part in a leaderboard: the trials of many runs, as teachers' and students' names."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import pandas as pd

from molw2s.analysis.diagonal import has_tasks
from molw2s.analysis.summary import encoders_only, label_scheme, side
from molw2s.errors import InvalidInput

UNKNOWN = "unknown"
_TOLD_BY = {
    "dataset": ("dataset_sha256", "loss", "unit"),
    "weak": ("weak_sha256",),
    "strong": ("strong_sha256",),
}


@dataclass(frozen=True)
class Filters:
    """What a leaderboard is made of; empty or infinite where all of it is.

    Attributes
    ----------
    datasets : tuple of str
    labels : tuple of str
        Label schemes: "disjoint, 10 %", or "disjoint" for any share.
    max_size : float
        Largest hidden size of who is ranked; an unknown one is left out.
    licences : tuple of str
        Licences of who is ranked, such as "mit"; "unknown" is one of them.
    """

    datasets: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    max_size: float = math.inf
    licences: tuple[str, ...] = ()

    def refuses(self, size: float, licence: str) -> str:
        """Why someone is not ranked; empty for who is."""
        if not math.isinf(self.max_size) and (pd.isna(size) or size > self.max_size):
            told = "unknown" if pd.isna(size) else f"{size:.0f}"
            return f"its hidden size is {told}, and at most {self.max_size:.0f} was asked for"
        if self.licences and licence.lower() not in {each.lower() for each in self.licences}:
            return f"its licence is {licence}"
        return ""


def entrants_of(runs: Iterable[pd.DataFrame], filters: Filters) -> pd.DataFrame:
    """The trials that a leaderboard is made of, in an order that does not depend on the runs'.

    Added are ``weak_side``, ``strong_side`` (how each was fitted), ``splitter``, ``teacher`` and
    ``student`` (encoder and side), and, where they are not there, ``weak_licence`` and
    ``strong_licence``. A name that stands for several datasets or encoders gets the beginning of
    the hash that tells them apart. Trials measured on a validation part are left out: settings
    were searched for there.

    Raises
    ------
    InvalidInput
        If no trial is left, a run is a synthetic one, or a filter names what no run has.
    """
    trials = pd.concat([encoders_only(run) for run in runs], ignore_index=True)
    if has_tasks(trials):
        raise InvalidInput("a leaderboard is of molecular runs; one of these is synthetic")
    if "evaluation" in trials:
        trials = trials[trials["evaluation"].fillna("") != "valid"]
    for which in ("weak", "strong"):
        trials[f"{which}_side"] = side(trials, which)  # type: ignore[arg-type]
        trials[f"{which}_licence"] = _text(trials, f"{which}_licence").replace("", UNKNOWN)
    trials["labels"] = label_scheme(trials)
    trials["splitter"] = trials["split"].str.replace(r"-[\d.]+$", "", regex=True)
    trials = _told_apart(_filtered(trials, filters))
    for who, which in (("teacher", "weak"), ("student", "strong")):
        trials[who] = trials[which] + ", " + trials[f"{which}_side"]
    order = ["labels", "splitter", "dataset", "student", "teacher", "split", "weak_error"]
    return trials.sort_values([*order, "w2s_error", "misfit", "strong_error"], ignore_index=True)


def _filtered(trials: pd.DataFrame, filters: Filters) -> pd.DataFrame:
    schemes = trials["labels"].str.partition(", ")[0]
    for name, wanted, kinds in (
        ("dataset", filters.datasets, [trials["dataset"]]),
        ("labels", filters.labels, [trials["labels"], schemes]),
    ):
        _check_known(name, wanted, {str(value) for kind in kinds for value in kind})
    kept = pd.Series(True, trials.index)
    if filters.datasets:
        kept &= trials["dataset"].isin(filters.datasets)
    if filters.labels:
        kept &= trials["labels"].isin(filters.labels) | schemes.isin(filters.labels)
    if not kept.any():
        raise InvalidInput("no trial of a weak encoder is left to rank")
    return trials[kept].copy()


def _check_known(name: str, wanted: Collection[str], there: set[str]) -> None:
    if missing := sorted(set(wanted) - there):
        raise InvalidInput(
            f"no run has {name} {', '.join(map(repr, missing))}; they have "
            f"{', '.join(sorted(there))}"
        )


def _told_apart(trials: pd.DataFrame) -> pd.DataFrame:
    """Names that stand for one thing each."""
    known = trials.copy()
    known["loss"] = _text(trials, "loss").replace("", "squared")
    for name, columns in _TOLD_BY.items():
        marks = [_text(known, column) for column in columns]
        if name in ("weak", "strong") and f"{name}_mode" in trials:
            finetuned = _text(trials, f"{name}_mode").replace("", "head") != "head"
            marks.append(_text(trials, "finetuning").where(finetuned, "").map(_short_hash))
        mark = pd.concat(marks, axis=1).agg(tuple, axis=1)
        whose = known[name] + ("" if name == "dataset" else " " + known[f"{name}_side"])
        several = mark.groupby(whose).transform("nunique") > 1
        told = mark.map(lambda parts: " ".join(part[:8] for part in parts if part))
        known[name] = known[name].where(~several, known[name] + " @ " + told)
    return known


def _short_hash(settings: str) -> str:
    import hashlib

    return hashlib.sha256(settings.encode()).hexdigest()[:8] if settings else ""


def _text(trials: pd.DataFrame, column: str) -> pd.Series:
    """A column of text, empty where there is none."""
    if column not in trials:
        return pd.Series("", trials.index)
    return trials[column].fillna("").astype(str)
