"""Tables of text with what their headings mean; ``COLUMNS`` says it where it knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pandas as pd

from molw2s.analysis import compare_teachers, compare_with_paper, summary_table
from molw2s.analysis.diagonal import diagonal_table, has_tasks
from molw2s.analysis.summary import encoders_only
from molw2s.columns import COLUMNS
from molw2s.errors import InvalidInput
from molw2s.report.page.parts import Cell, Heading, Table
from molw2s.report.text import (
    DIAGONAL_CAPTION,
    HEADINGS,
    OVERVIEW_CAPTION,
    caption_of,
    describe_rules,
    describe_teachers,
    errors_of,
    loss_unit,
    number_format,
    readable,
    readable_comparison,
    readable_diagonal,
    readable_overview,
    readable_regrets,
    readable_rules,
    readable_study,
    readable_teachers,
)

TRIALS = 1_000
"""At most so many rows in the table of trials; of more, a sample is shown."""
_TRIAL = (
    "weak", "split", "seed", "task", "weak_error", "w2s_error", "misfit", "gain", "strong_error",
    "weak_error_minus_misfit", "pgr", "leak",
)  # fmt: skip
_COLUMN_OF = {heading: name for name, heading in HEADINGS.items()} | {
    "split": "split", "seed": "seed", "task": "task", "leak": "leak", "labels": "labels",
    "dataset": "dataset", "strong on few true labels": "few_labels_error",
    "ceiling (eps)": "strong_error",
}  # fmt: skip
_MEANING = {
    "molecules drawn": "the middle 95 % of the mean gain when test molecules are drawn anew",
    "mean rank": "mean rank of the student's error over splits; 1 is the best",
    "Nemenyi p": "p of Nemenyi's test against the best mean rank, corrected for all pairs",
    "student": "best; equal to it within the margin; worse for sure; or undecided",
    "rule": "what the choice of a teacher goes by",
    "labels it looks at": "the true labels the rule needs, and of which molecules",
    "teacher": "the teacher that the rule chooses",
    "regret": "how much larger the error of the chosen teacher's student is than the best one's",
    "95 % of draws": "the middle 95 % of the regret when splits are drawn with replacement",
    "draws it is best in": "share of these draws without any regret",
    "regret, each split": "the regret on each split alone, or their median and largest",
    "Spearman": "rank correlation of the rule, turned so that small is good, with w2s error",
    "weak model": "how the weak side is fitted",
    "strong model": "strong encoder, and how the strong side is fitted",
    "splits": "how many ways of splitting the dataset",
    "gain / misfit": "mean gain over mean misfit; theory has at least 1 where the strong model can "
    "express the truth",
    "alignment": "cosine of the angle between the student's step away from its teacher and the "
    "step to the truth; its square is the share of the weak error that students remove at most, "
    "if all go the same share of the way",
    "gain, averaged": "that of the same students averaged half and half with their teachers: "
    "gain / 2 + misfit / 4",
    "slope": "of the least-squares line of gain on misfit, over teachers and splits",
    "slack": "2 √(eps · misfit): by how much gain may miss the misfit, of linear classes",
    "distance to the paper": "mean absolute difference to the paper's Table 1",
}
_NUMBER = re.compile(r"(?:median |\[)?([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?=$|[ %,])")


def as_table(frame: pd.DataFrame, id_: str, title: str, caption: str, **options: Any) -> Table:
    """A frame of text as a table; ``unit``: of its errors; ``meanings``: of its headings, where
    they are not the usual ones; ``chooses``, ``folded``: as ``Table``'s.

    A column is one of numbers where each of its cells begins with one, or is empty or "-".
    """
    unit, texts = options.pop("unit", ""), frame.astype(str)
    meanings: Mapping[str, str] = options.pop("meanings", {})
    keys = [[_number(text) for text in texts.iloc[:, place]] for place in range(texts.shape[1])]
    numeric = [
        all(key is not None or text in ("-", "", "undefined") for key, text in zip(column, cells))
        and any(key is not None for key in column)
        for column, cells in zip(keys, (texts.iloc[:, place] for place in range(len(keys))))
    ]
    rows = []
    for row, cells in enumerate(texts.itertuples(index=False, name=None)):
        sorted_by = (keys[place][row] if numeric[place] else text for place, text in
                     enumerate(cells))  # fmt: skip
        rows.append(
            tuple(Cell(text, "" if key is None else str(key)) for text, key in
                  zip(cells, sorted_by))
        )  # fmt: skip
    headings = (
        Heading(str(name), meanings.get(str(name)) or meaning(str(name), unit), is_number)
        for name, is_number in zip(texts.columns, numeric)
    )
    return Table(id_, title, caption, tuple(headings), tuple(rows), **options)


def _number(text: str) -> float | None:
    found = _NUMBER.match(text.replace("−", "-"))
    return float(found[1]) if found else None


def meaning(heading: str, unit: str = "") -> str:
    """What a column is, its unit and its source; empty where nobody said."""
    whose = heading.partition(", ")[2]  # "w2s error, paper"
    plain = heading.removesuffix(f", {whose}") if whose in ("run", "paper") else heading
    if plain in _MEANING:
        return _MEANING[plain]
    column = COLUMNS.get(_COLUMN_OF.get(plain, plain))
    if column is None:
        return ""
    of_loss = column.unit == "loss of the target" and unit
    told = column.definition + (f", in {unit}" if of_loss else "")
    return told + (f" ({column.source})" if column.source else "")


def tables_of_run(
    records: pd.DataFrame, molecules: Mapping[str, tuple[float, float]] | None = None
) -> list[Table]:
    """Teachers, which of their students differ, rules, the paper's figures, trials.

    ``molecules``: ``gain_over_molecules``, where predictions were kept.
    """
    unit = loss_unit(records)
    summary = readable(summary_table(records))
    tables = [as_table(summary, "teachers", "Teachers", caption_of(records), unit=unit, chooses=0)]
    if has_tasks(records):
        diagonal = readable_diagonal(diagonal_table(records))
        diagonal = diagonal.rename(columns={"": "statistic"})
        tables.append(as_table(diagonal, "diagonal", "The diagonal", f"{DIAGONAL_CAPTION}."))
    elif encoders_only(records)["weak"].nunique() > 1:
        with suppress(InvalidInput):  # not every teacher was tried everywhere: the claim says so
            tables += _choosing(records, molecules, unit)
    return [*tables, trials_table(records)]


def _choosing(
    records: pd.DataFrame, molecules: Mapping[str, tuple[float, float]] | None, unit: str
) -> list[Table]:
    found, compared = compare_teachers(records), compare_with_paper(records)
    rules = compared.rules
    tables = [
        as_table(
            readable_teachers(found, molecules), "students", "Which students differ",
            f"{describe_teachers(found, records)}.", unit=unit, chooses=0,
            meanings={"teacher": "the weak model that made the labels"},
        ),
        as_table(
            readable_rules(rules), "rules", "Rules for choosing a teacher",
            f"{describe_rules(rules)}.", unit=unit,
        ),
    ]  # fmt: skip
    if compared.paper is not None:
        beside = readable_comparison(compared.table)
        caption = "Beside Table 1 of Charikar, Pabbaraju and Shiragur (2024), by hidden size."
        tables.append(as_table(beside, "paper", "Beside the paper", caption, unit=unit, chooses=0))
    return tables


def trials_table(records: pd.DataFrame, more: tuple[str, ...] = ()) -> Table:
    """A row a trial, of many a sample."""
    sample = records
    if len(records) > TRIALS:
        sample = records.sample(TRIALS, random_state=0).sort_index()
    names = [name for name in (*more, *_TRIAL) if name in records and records[name].notna().any()]
    names = [name for name in names if name not in ("seed", "task") or records[name].nunique() > 1]
    how = number_format(records["weak_error"], 4)
    text = pd.DataFrame({HEADINGS.get(name, name): _column(sample[name], how) for name in names})
    which = "All trials" if len(sample) == len(records) else (
        f"A random {TRIALS:,} of {len(records):,} trials; records.csv has all"
    )  # fmt: skip
    caption = f"{which}: {errors_of(records)}; the records' folder has every column."
    chooses = text.columns.get_loc(HEADINGS["weak"]) if not more else None
    return as_table(
        text, "trials", "Trials", caption, unit=loss_unit(records), chooses=chooses, folded=True
    )


def _column(values: pd.Series, how: str) -> list[str]:
    if not pd.api.types.is_float_dtype(values):
        return ["-" if pd.isna(value) else str(value) for value in values]
    return ["-" if pd.isna(value) else format(value, how) for value in values]


def tables_of_study(trials: pd.DataFrame, table: pd.DataFrame) -> list[Table]:
    """Gain over misfit at a glance, every combination, regrets of the rules, trials."""
    overview = readable_overview(table)
    tables = [
        as_table(overview, "overview", "At a glance", OVERVIEW_CAPTION),
    ]
    for id_, title, caption, make in (
        (
            "combinations", "Every combination",
            f"Means over trials, errors are {errors_of(trials)} in each dataset's own unit; in "
            "brackets: 95 % intervals over splits, corrected for splits that share molecules.",
            readable_study,
        ),
        (
            "regrets", "Regret of rules for choosing a teacher",
            "How much larger the error of the chosen teacher's student is than the best one's.",
            readable_regrets,
        ),
    ):  # fmt: skip
        blocks = []
        for dataset, rows in table.groupby("dataset", sort=False):
            block = make(rows)
            block.insert(0, "dataset", str(dataset))
            blocks.append(block)
        frame = pd.concat(blocks, ignore_index=True).fillna("-")
        tables.append(as_table(frame, id_, title, caption))
    return [*tables, trials_table(trials, ("dataset", "labels", "weak_side", "strong_side"))]
