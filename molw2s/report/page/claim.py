"""The finding in one sentence, with its interval; it says so where there is none."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from typing import Any

import pandas as pd

from molw2s.analysis.diagonal import diagonal_table, has_tasks
from molw2s.analysis.study import gain_on_misfit
from molw2s.analysis.summary import encoders_only, in_words, mean_leak, stand_alone
from molw2s.errors import InvalidInput
from molw2s.report.page.parts import Claim
from molw2s.report.text import labels_of, loss_unit

_MUCH = 0.2
_FEW = 6  # combinations that are told one by one


def claim_of_run(records: pd.DataFrame) -> Claim:
    """Of the trials of one run: the mean gain of its weak encoders' students."""
    if has_tasks(records):
        return _of_tasks(records)
    trials = encoders_only(records)
    first = trials.iloc[0]
    try:
        found = gain_on_misfit(trials)
    except InvalidInput as error:
        return Claim(f"No mean is told of {first['dataset']}:", "", f"{error}.")
    unit = loss_unit(records)
    gain, low, high = (found[name] for name in ("gain", "gain_low", "gain_high"))
    teachers, splits = trials["weak"].nunique(), trials["split"].nunique()
    over = f"over {_many(teachers, 'teacher')} and {_many(splits, 'split')}"
    share = gain / trials["weak_error"].mean()
    figure = f"{signed(gain)} {_interval(low, high)}".strip()
    where = f"On {first['dataset']} with {labels_of(records)}"
    if math.isnan(low):
        before = f"{where}, in the one split that was run, the student's gain over its teacher is"
        after = f"{unit}; one split gives no interval."
    elif low > 0:
        before = f"{where}, the student gains"
        after = (
            f"{unit} over its teacher: {100 * share:.1f} % of the weak error, on average {over}."
        )
    elif high < 0:
        before = f"{where}, the student is worse than its teacher: its gain is"
        after = f"{unit}, on average {over}."
    else:
        before = f"{where}, no gain is certain: the student's gain over its teacher is"
        after = f"{unit}, on average {over}, and the interval contains 0."
    return Claim(before, figure, after, tuple(_notes(records, trials, found)))


def _notes(records: pd.DataFrame, trials: pd.DataFrame, found: dict[str, float]) -> Iterator[str]:
    if not math.isnan(found["ratio"]):
        ends = _interval(found["ratio_low"], found["ratio_high"], ".2f")
        if stand_alone(trials):
            theory = "theory says at least 1 where the strong model can express the truth."
        else:
            theory = (
                "these students are averaged with their teachers, and shorter steps have larger "
                "ratios."
            )
        ratio = f"{_minus(found['ratio'])} {ends}".rstrip()
        yield f"The gain is {ratio} times the misfit; {theory}"
    averaged = found["averaged_gain"]
    if not math.isnan(averaged):
        ends = _interval(found["averaged_gain_low"], found["averaged_gain_high"])
        figure = f"{signed(averaged)} {ends}".rstrip()
        yield f"Averaged half and half with their teachers, the same students gain {figure}."
    leak = mean_leak(trials)
    if leak > _MUCH and trials["labels"].iloc[0] == "shared":
        yield (
            f"The weak labels have {100 * leak:.0f} % less error than their teachers have on the "
            "test part, as these know the truth there: much of the gain may be that truth."
        )
    controls = records[records["weak"].isin(["truth", "self"]) & _is_control(records)]
    means = controls.groupby("weak")[["w2s_error", "gain"]].mean()
    if "truth" in means.index:
        own, student = means.loc["truth", "w2s_error"], trials["w2s_error"].mean()
        verdict = "smaller" if own < student else "larger"
        yield (
            f"The strong model fitted to the few true labels themselves has an error of {own:.4g}, "
            f"{verdict} than the mean student's {student:.4g}."
        )
    if "self" in means.index:
        yield f"The strong model that teaches itself gains {signed(means.loc['self', 'gain'])}."
    yield "In brackets: 95 % intervals over splits, corrected for splits that share molecules."


def _is_control(records: pd.DataFrame) -> pd.Series:
    if "teacher_kind" not in records:
        return pd.Series(False, records.index)
    return records["teacher_kind"] == "control"


def _of_tasks(records: pd.DataFrame) -> Claim:
    trials = encoders_only(records)
    row, splits = diagonal_table(trials).iloc[0], trials["split"].nunique()
    slope, low, high = (row[f"slope{end}"] for end in ("", "_low", "_high"))
    expected = trials["expected_slope"].iloc[0] if "expected_slope" in trials else 1
    figure = f"{_minus(slope)} {_interval(low, high, '.2f')}".strip()
    tasks = trials["task"].nunique()
    before = f"On {trials['suite'].iloc[0]}, a unit of misfit brings a gain of"
    if math.isnan(slope):
        before, figure = f"On {trials['suite'].iloc[0]}, there is no line through", "so few tasks"
    over = f"(the slope over {_many(tasks, 'task')} and {_many(splits, 'seed')})"
    after = f"{over}, where {_minus(expected, '.0f')} is expected."
    note = (
        "In brackets: 95 % interval, over seeds where there are several, else of the line's fit. "
        f"Theorem 1 holds in {100 * row['theorem1']:.0f} % of the tasks."
    )
    return Claim(before, figure, after, (note,))


def claim_of_study(table: pd.DataFrame, units: dict[str, str]) -> Claim:
    """Of ``combination_table``: in how many combinations the gain is above 0 for sure.

    ``units``: what each dataset's errors are in.
    """
    above, below = table["gain_low"] > 0, table["gain_high"] < 0
    figure = f"{above.sum()} of {len(table)}"
    rest = len(table) - int(above.sum()) - int(below.sum())
    told = [f"it loses for sure in {below.sum()}"] if below.any() else []
    told += [f"in {rest} the interval contains 0 or is not known"] if rest else []
    datasets = _many(table["dataset"].nunique(), "dataset")
    before = "The student gains over its teacher for sure in"
    after = f"combinations, on {datasets}" + "".join(f"; {each}" for each in told) + "."
    if len(table) <= _FEW:
        notes = [_of_row(row, units[row["dataset"]]) for row in table.to_dict("records")]
    else:
        notes = [
            f"{in_words(labels)}: {rows['above'].sum()} of {len(rows)}{_median_ratio(rows)}."
            for labels, rows in table.assign(above=above).groupby("labels", sort=False)
        ]
    notes.append(
        "For sure: the 95 % interval over splits, corrected for splits that share molecules, lies "
        "on one side of 0. It is not corrected for the number of combinations."
    )
    return Claim(before, figure, after, tuple(notes))


def _median_ratio(rows: pd.DataFrame) -> str:
    """Of students that stand alone: averaged ones have larger ratios, whatever they gain."""
    alone = rows.loc[rows["student_weight"].isna(), "ratio"]
    if alone.empty:
        return ""
    whose = "" if len(alone) == len(rows) else " of students that stand alone"
    return f", median gain / misfit{whose} {_minus(alone.median())}"


def _of_row(row: dict[Hashable, Any], unit: str) -> str:
    sides = f"{row['weak_side']} → {row['strong']}, {row['strong_side']}"
    how = f"{in_words(str(row['labels']))}, {sides}"
    figure = f"{signed(row['gain'])} {_interval(row['gain_low'], row['gain_high'])}".rstrip()
    return f"{row['dataset']} ({how}): gain {figure} {unit}."


def _minus(value: float, how: str = ".2f") -> str:
    return format(value, how).replace("-", "−")


def signed(value: float, how: str = ".3f") -> str:
    """With its sign, and four significant digits where three decimals would hide it."""
    small = value and not 0.01 <= abs(value) < 1e4
    return format(value, "+.3g" if small else f"+{how}").replace("-", "−")


def _interval(low: float, high: float, how: str = ".3f") -> str:
    if math.isnan(low):
        return ""
    large = max(abs(low), abs(high))
    how = how if not large or 0.01 <= large < 1e4 else ".3g"
    return f"[{low:{how}}, {high:{how}}]".replace("-", "−")


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
