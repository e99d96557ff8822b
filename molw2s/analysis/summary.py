"""The paper's table: weak error - misfit beside the error of the weakly supervised strong model."""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from molw2s.columns import KINDS
from molw2s.errors import InvalidInput
from molw2s.theory import recovered

MEASURES = (
    "weak_error_minus_misfit",
    "w2s_error",
    "weak_error",
    "misfit",
    "gain",
    "strong_error",
)


def encoders_only(records: pd.DataFrame) -> pd.DataFrame:
    """The trials whose teacher is a weak encoder, and no ensemble or control."""
    if "teacher_kind" not in records:
        return records
    return records[records["teacher_kind"] == "encoder"]


def summary_table(records: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over splits, one row a teacher.

    A split with many tasks (a seed of a synthetic suite) counts by its mean over them.

    Columns ``weak``, ``teacher_kind``, ``weak_hidden_size``, then ``<measure>_mean`` and
    ``<measure>_std`` for each of ``MEASURES``, and ``pgr``, the mean gain's share of the
    mean gap between weak error and ceiling, nan where there is no gap. Sorted by the mean of
    weak error - misfit, the rule's favourite first; weak encoders before ensembles before
    controls.
    """
    who = ["weak", "teacher_kind", "weak_hidden_size"]
    if "teacher_kind" not in records:
        records = records.assign(teacher_kind="encoder")
    splits = records.groupby([*who, "split"], sort=False, dropna=False)[list(MEASURES)].mean()
    table = splits.groupby(who, sort=False, dropna=False).agg(["mean", "std"])
    table.columns = [f"{measure}_{statistic}" for measure, statistic in table.columns]
    table["pgr"] = recovered(
        table["gain_mean"], table["weak_error_mean"], table["strong_error_mean"]
    )
    by_rule = table.reset_index().sort_values("weak_error_minus_misfit_mean", kind="stable")
    ordered: pd.DataFrame = by_rule.sort_values(
        "teacher_kind", key=lambda kind: kind.map(KINDS.index), kind="stable", ignore_index=True
    )
    return ordered


def side(records: pd.DataFrame, which: Literal["weak", "strong"]) -> pd.Series:
    """How each trial's weak or strong model was fitted: a head's name, or "full" or "lora".

    Records without a mode are of heads on frozen encoders. A strong side at the end of a chain of
    students says so, and one that true labels chose, that is fitted to a share of its labels, or
    that is averaged with its teacher.
    """
    fitted = records[f"{which}_head"]
    if f"{which}_mode" in records:
        mode = records[f"{which}_mode"].fillna("").replace("", "head")
        fitted = mode.where(mode != "head", fitted)
    if which == "strong" and "chain" in records:
        chain = records["chain"].fillna("")
        fitted = fitted.where(chain == "", fitted + " after " + chain)
    if which == "strong" and "student_selection" in records:
        chosen = records["student_selection"].notna()
        number = _true_labels(records, "student_selection")
        fitted = fitted.where(~chosen, fitted + " chosen on" + number)
    if which == "strong" and "kept_labels" in records:
        share = records["kept_labels"]
        fitted = fitted + share.map(lambda of: "" if pd.isna(of) else f" on {of:.0%} of labels")
    if which == "strong" and "student_weight" in records:
        fitted = fitted + _averaged(records)
    return fitted


def _averaged(records: pd.DataFrame) -> pd.Series:
    """What is said of students that are averaged with their teachers; of others, nothing."""
    weight = records["student_weight"]
    told = weight.map("averaged with its teacher, weight {:g}".format)
    told = told.where(weight != 0.5, "averaged with its teacher")
    if "weight_selection" in records:
        chosen = records["weight_selection"].notna()
        as_best = "averaged with its teacher as best on" + _true_labels(records, "weight_selection")
        told = told.where(~chosen, as_best)
    return (" " + told).where(weight.notna(), "")


def _true_labels(records: pd.DataFrame, chosen_by: str) -> pd.Series:
    """How many chose, as it was asked for: all of a validation part are another number on each
    dataset."""
    asked = records.get("selection_labels", records[chosen_by]).astype(float)
    number = asked.map(" {:.0f}".format).where(asked.notna(), "")
    return number + " true labels"


def label_scheme(trials: pd.DataFrame) -> pd.Series:
    """The label scheme; of disjoint labels with the share that is true: "disjoint, 25 %"."""
    share = pd.Series(math.nan, trials.index)
    if {"n_labelled", "n_unlabelled"} <= set(trials):
        share = trials["n_labelled"] / (trials["n_labelled"] + trials["n_unlabelled"])
    if "labelled" in trials:  # as it was asked for, not as whole molecules make it
        share = trials["labelled"].fillna(share)
    share = share.astype(float)
    percent = (100 * share).round().map("{:.0f}".format)
    labels = trials["labels"]
    shared_out = (labels == "disjoint") & share.notna()
    return labels.where(~shared_out, labels + ", " + percent + " %")


def in_words(scheme: str) -> str:
    """Of a scheme as ``label_scheme`` names it: "disjoint labels (25 % true)"."""
    name, _, share = scheme.partition(", ")
    return f"{name} labels" + (f" ({share} true)" if share else "")


def mean_leak(trials: pd.DataFrame) -> float:
    """1 - mean label error / mean weak error; nan where label errors are not recorded."""
    if "label_error" not in trials:
        return math.nan
    return float(1 - trials["label_error"].mean() / trials["weak_error"].mean())


def stand_alone(trials: pd.DataFrame) -> bool:
    """Whether no student is averaged with its teacher."""
    return "student_weight" not in trials or bool(trials["student_weight"].isna().all())


def repetitions(records: pd.DataFrame, column: str) -> pd.DataFrame:
    """(split and seed) x teacher; a mean over tasks where a repetition has many.

    Raises
    ------
    InvalidInput
        If not every teacher was tried on every split and seed.
    """
    seed = records["seed"].fillna(0) if "seed" in records else 0
    trials = records.assign(seed=seed)
    table = trials.groupby(["split", "seed", "weak"])[column].mean().unstack("weak")
    seen = pd.MultiIndex.from_frame(trials[["split", "seed"]].drop_duplicates())
    table = table.reindex(index=seen, columns=trials["weak"].unique())
    if table.isna().any(axis=None):
        teacher = table.columns[table.isna().any()][0]
        raise InvalidInput(
            f"not every teacher was tried on every split and seed ({teacher} was not), so their "
            "means cannot be compared; finish the run with the command that began it"
        )
    return table
