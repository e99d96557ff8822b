"""Many runs side by side: one row a combination of heads or finetuning, and labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molw2s.analysis.comparison import paper_table
from molw2s.analysis.diagonal import has_tasks
from molw2s.analysis.intervals import by_split, corrected_interval, mean, ratio, test_share
from molw2s.analysis.rules import rules_table
from molw2s.analysis.summary import label_scheme, mean_leak, side, stand_alone, summary_table
from molw2s.columns import SCHEMA_VERSION
from molw2s.errors import InvalidInput

Array = NDArray[np.float64]

COMBINATION = ["dataset", "strong", "labels", "weak_side", "strong_side"]
_TRIAL = [*COMBINATION, "weak", "split", "seed"]
_ALIKE = ("loss", "unit", "splitter", "dataset_sha256", "strong_sha256", "finetuning")
_SIDES = (
    "least-squares", "ridge", "norm-ball", "kernel-ridge", "matern-ridge", "kernel-ball", "full",
    "lora",
)  # fmt: skip
# What is not named here comes after it, by the alphabet.
_ORDER = {
    "dataset": ("esol", "freesolv", "lipop", "hlm", "rlm", "mdr1", "solubility", "aqsoldb"),
    "labels": (
        "shared",
        "cross-fitted",
        "disjoint",
        "disjoint, 50 %",
        "disjoint, 25 %",
        "disjoint, 10 %",
    ),
    "weak_side": _SIDES,
    "strong_side": _SIDES,
}


def combine(runs: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The trials of many runs as one tidy frame, in an order that does not depend on theirs.

    ``weak_side`` and ``strong_side`` are added: the name of a head on the frozen encoder, or the
    mode ("full", "lora") where the encoder was finetuned. ``labels`` says which share of the
    molecules has true labels, where the others get weak ones. Trials that agree in
    ``COMBINATION`` belong together, whichever run they come from.

    Raises
    ------
    InvalidInput
        If a trial appears twice, a run is a synthetic one, or trials that belong together differ
        in data, kind of split, encoders' weights or finetuning settings.
    """
    trials = pd.concat([_teaching(run) for run in runs], ignore_index=True)
    trials = trials.drop(columns="trial", errors="ignore").assign(schema_version=SCHEMA_VERSION)
    if has_tasks(trials):
        raise InvalidInput("a study is of molecular runs; `molw2s report` shows a synthetic one")
    trials["weak_side"], trials["strong_side"] = _weak_side(trials), side(trials, "strong")
    trials["labels"] = label_scheme(trials)
    trials["seed"] = trials["seed"].fillna(0).astype(int) if "seed" in trials else 0
    if (again := trials.duplicated(_TRIAL)).any():
        twice = ", ".join(map(str, trials.loc[again.idxmax(), _TRIAL]))
        raise InvalidInput(f"the runs hold this trial more than once: {twice}")
    _check_alike(trials)
    order = [*COMBINATION, "weak_hidden_size", "weak", "split", "seed"]
    return trials.sort_values(order, key=_rank, ignore_index=True)


def _teaching(run: pd.DataFrame) -> pd.DataFrame:
    """A run's weak encoders and their ensembles, each beside what the control "truth" has on its
    split."""
    if "teacher_kind" not in run:
        return run
    trials = run[run["teacher_kind"] != "control"]
    controls = run[(run["weak"] == "truth") & (run["teacher_kind"] == "control")]
    if controls.empty:
        return trials
    of_split = controls.groupby("split")["w2s_error"].mean()
    return trials.assign(few_labels_error=trials["split"].map(of_split))


def _weak_side(trials: pd.DataFrame) -> pd.Series:
    """As ``side``; an ensemble is another weak model, of the same weak encoders."""
    fitted = side(trials, "weak")
    if "teacher_kind" not in trials:
        return fitted
    alone = trials["teacher_kind"].fillna("encoder") == "encoder"
    return fitted.where(alone, trials["weak"] + " of " + fitted)


def _check_alike(trials: pd.DataFrame) -> None:
    known = trials.assign(splitter=trials["split"].str.replace(r"-[\d.]+$", "", regex=True))
    for columns, key in ((_ALIKE, COMBINATION), (("weak_sha256",), [*COMBINATION, "weak"])):
        for column in known.columns.intersection(columns):
            differing = known.groupby(key)[column].nunique(dropna=False) > 1
            if differing.any():
                raise InvalidInput(
                    f"{', '.join(differing.idxmax())}: the runs differ in {column}, so their "
                    "trials cannot be taken together"
                )


def _rank(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column
    known = _ORDER.get(str(column.name), ())
    return column.map(
        lambda value: f"{known.index(value) if value in known else len(known):02}{value}"
    )


def combination_table(trials: pd.DataFrame) -> pd.DataFrame:
    """One row a combination, in the order of ``trials`` (as ``combine`` gives them).

    teachers, splits, trials
        How many there are.
    slope, correlation
        Of the least-squares line of gain on misfit over teachers and splits, and Pearson's.
    spearman, regret
        Of weak error - misfit, measured on the test part, as in ``rules_table``: its interval is
        over splits.
    regret_<column>
        The regret of each rule of ``RULES``; nan where its column is not recorded.
    pgr_median, pgr_undefined
        PGR over the trials whose weak error is above the ceiling; the share of those where it is
        not, so that there is no gap to recover.
    weak_error, w2s_error, misfit, gain, strong_error
        Means over trials.
    ratio
        Mean gain over mean misfit.
    alignment
        (mean gain + mean misfit) / (2 sqrt(mean weak error x mean misfit)): the cosine of the angle
        between the student's step, from its teacher's predictions to its own, and the step to the
        truth, over the test molecules of all trials. If all students go the same share of the way,
        whichever, they remove at most alignment^2 of the weak error, and this where gain = misfit.
        nan where errors are not squared, or one of the two steps is none.
    averaged_gain
        gain / 2 + misfit / 4: that of the same students, averaged half and half with their
        teachers. nan where errors are not squared, and of students that are averaged already.
    student_weight
        Mean share of students that are averaged with their teachers; nan where they stand alone.
    few_labels_error
        Mean error of the strong model fitted to the weak one's true labels; nan without the
        control "truth".
    leak
        1 - mean label error / mean weak error; nan where the former is not recorded.
    slack
        Mean of 2 sqrt(strong_error misfit): gain is at least misfit - slack where the strong
        class is a linear subspace (Charikar et al. 2024, Theorem 2; ``diagonal_table``).
    paper_distance
        Mean absolute difference to the paper's Table 1, over weak error - misfit and w2s error
        and over the hidden sizes that both have; nan for a dataset without figures.

    Slope, correlation, gain, ratio and averaged_gain have ``_low`` and ``_high``: 95 % intervals
    over splits (``corrected_interval``).

    Raises
    ------
    InvalidInput
        If a combination's teachers were not all tried on the same splits and seeds.
    """
    rows = []
    for key, group in trials.groupby(COMBINATION, sort=False):
        measures = ["weak_error", "w2s_error", "misfit", "strong_error"]
        try:
            rules = rules_table(group.assign(teacher_kind="encoder")).to_dict("records")
        except InvalidInput as error:
            raise InvalidInput(f"{', '.join(map(str, key))}: {error}") from error
        papers_rule = rules[0]
        rows.append(
            dict(zip(COMBINATION, key))
            | {
                "teachers": group["weak"].nunique(),
                "splits": group["split"].nunique(),
                "trials": len(group),
            }
            | gain_on_misfit(group)
            | {
                name: papers_rule[name]
                for name in ("spearman", "regret", "regret_low", "regret_high")
            }
            | {f"regret_{rule['column']}": rule.get("regret", np.nan) for rule in rules}
            | {
                "pgr_median": group["pgr"].median(),
                "pgr_undefined": group["pgr"].isna().mean(),
            }
            | group[measures].mean().to_dict()
            | {
                "few_labels_error": group.get("few_labels_error", pd.Series(dtype=float)).mean(),
                "leak": mean_leak(group),
                "alignment": _alignment(group),
                "student_weight": group.get("student_weight", pd.Series(dtype=float)).mean(),
                "slack": 2 * np.sqrt(group["strong_error"] * group["misfit"]).mean(),
                "paper_distance": _paper_distance(group),
            }
        )
    return pd.DataFrame(rows)


def gain_on_misfit(trials: pd.DataFrame) -> dict[str, float]:
    """Mean gain, its ratio to mean misfit, slope and correlation of gain on misfit, and the gain of
    averaged students, each with its ``_low`` and ``_high``: as in ``combination_table``."""
    measures = [each.to_numpy(np.float64) for each in by_split(trials, "gain", "misfit")]
    share = test_share(trials)
    result: dict[str, float] = {}
    for name, statistic in _STATISTICS.items():
        found = corrected_interval(statistic, *measures, test_share=share)
        result |= dict(zip((name, f"{name}_low", f"{name}_high"), found))
    if not _squared(trials) or not stand_alone(trials):
        result |= dict.fromkeys((name for name in result if "averaged" in name), math.nan)
    return result


def _alignment(trials: pd.DataFrame) -> float:
    # With the step s and the error e, gain = |e|^2 - |e - s|^2 = 2 e.s - |s|^2 and misfit = |s|^2.
    if not _squared(trials) or not trials["misfit"].any() or not trials["weak_error"].any():
        return math.nan
    weak_error, misfit, gain = trials[["weak_error", "misfit", "gain"]].mean()
    return float((gain + misfit) / 2 / np.sqrt(weak_error * misfit))


def _slope(gain: Array, misfit: Array) -> float:
    x, y = misfit.ravel() - misfit.mean(), gain.ravel() - gain.mean()
    return float(x @ y / (x @ x)) if _spread(misfit) else math.nan


def _correlation(gain: Array, misfit: Array) -> float:
    known = _spread(gain) and _spread(misfit)
    return float(np.corrcoef(gain.ravel(), misfit.ravel())[0, 1]) if known else math.nan


def _spread(values: Array) -> bool:
    """Whether they differ by more than rounding."""
    return bool(np.ptp(values) > 1e-10 * np.abs(values).max())


_STATISTICS: dict[str, Callable[[Array, Array], float]] = {
    "slope": _slope,
    "correlation": _correlation,
    "gain": lambda gain, misfit: mean(gain),
    "ratio": ratio,
    # A step half as long: gain(t) = t (gain + misfit) - t^2 misfit.
    "averaged_gain": lambda gain, misfit: mean(gain) / 2 + mean(misfit) / 4,
}


def _paper_distance(trials: pd.DataFrame) -> float:
    paper = paper_table(str(trials["dataset"].iloc[0]))
    if paper is None or not _squared(trials):
        return np.nan
    columns = ["weak_error_minus_misfit_mean", "w2s_error_mean"]
    ours = summary_table(trials).set_index("weak_hidden_size")[columns]
    theirs = paper.set_index("hidden_size")[columns].reindex(ours.index)
    return float((ours - theirs).abs().mean(axis=None))


def _squared(trials: pd.DataFrame) -> bool:
    return "loss" not in trials or bool((trials["loss"] == "squared").all())
