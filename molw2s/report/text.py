"""What analysis found, as text: tables whose cells people read, captions, Markdown."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping
from statistics import median
from typing import Any

import pandas as pd

from molw2s.analysis.bootstrap import DRAWS, SEED
from molw2s.analysis.diagonal import STATISTICS, has_tasks
from molw2s.analysis.rules import RULES
from molw2s.analysis.summary import MEASURES, encoders_only, in_words, label_scheme, side
from molw2s.analysis.teachers import Teachers
from molw2s.errors import InvalidInput
from molw2s.losses import LOSSES

HEADINGS = {
    "weak": "weak encoder",
    "weak_hidden_size": "hidden size",
    "weak_error_minus_misfit": "weak error - misfit",
    "w2s_error": "w2s error",
    "weak_error": "weak error",
    "misfit": "misfit",
    "gain": "gain",
    "strong_error": "ceiling",
    "pgr": "PGR",
}


OVERVIEW_CAPTION = (
    "Gain / misfit; ↑ where the gain's interval is above 0, ↓ where it is below. 1 is the theory "
    "for a student that stands alone and whose model can express the truth."
)
DIAGONAL_CAPTION = (
    "Gain against misfit: statistics over the tasks of a seed, mean over seeds, 95 % interval"
)
_CONTROLS = {
    "truth": "the strong model fitted to the true labels that the teachers had",
    "self": "the strong model as its own teacher",
}
_STATISTICS = {
    "slope": "slope",
    "intercept": "intercept",
    "r_squared": "R²",
    "off_diagonal": "median abs(gain − misfit) / misfit",
    "off_antidiagonal": "median abs(gain + misfit) / misfit",
    "theorem1": "Theorem 1 holds",
    "theorem1_within_noise": "holds, up to 2 s.e.",
    "eps": "eps",
    "within_eps": "abs(gain − misfit) below eps, up to 2 s.e.",
    "sqrt_eps": "√eps",
    "slack": "2 √(eps · misfit)",
    "within_slack": "abs(gain − misfit) below that, up to 2 s.e.",
    "complexity_term": "((d + 1) / n)^¼",
    "confidence_term": "(ln 20 / n)^¼",
    "gain_minus_misfit_se": "s.e. of gain − misfit",
}


def readable(table: pd.DataFrame, measures: tuple[str, ...] = (*MEASURES, "pgr")) -> pd.DataFrame:
    """The summary as text under readable headings: "mean ± std" to four decimals; PGR, which is one
    number, to two."""
    text = _teachers(table)
    for measure in measures:
        if measure == "pgr":
            text[measure] = [_plus_minus(share, math.nan, ".2f") for share in table["pgr"]]
        else:
            means, spreads = table[f"{measure}_mean"], table[f"{measure}_std"]
            text[measure] = _column(means, spreads, table["weak_error_mean"])
    taught = [name for name in ("weak_error", "weak_error_minus_misfit", "misfit", "gain")
              if name in measures]  # fmt: skip
    truth = (table["weak"] == "truth") & (table["teacher_kind"] == "control")
    text.loc[truth, taught] = "-"  # it is no teacher: its labels are the truth
    return text.rename(columns=HEADINGS)


def _teachers(table: pd.DataFrame) -> pd.DataFrame:
    sizes = ["-" if pd.isna(size) else str(size) for size in table["weak_hidden_size"]]
    return pd.DataFrame({"weak": table["weak"].astype(str), "weak_hidden_size": sizes})


def loss_unit(records: pd.DataFrame) -> str:
    """What the trials' errors are in: the target's unit, to the power that the loss has."""
    unit = str(records["unit"].iloc[0])
    power = LOSSES[_loss(records)].power
    if not unit:
        return {0: "nats", 1: "target units", 2: "squared target units"}[power]
    return {0: "nats", 1: unit, 2: f"({unit})²"}[power]


def _loss(records: pd.DataFrame) -> str:
    return str(records["loss"].iloc[0]) if "loss" in records else "squared"


def errors_of(records: pd.DataFrame) -> str:
    """What the trials' errors are, in words: "mean squared errors"."""
    if "loss" in records and records["loss"].nunique() > 1:
        return "mean losses"
    loss = _loss(records)
    return "mean squared errors" if loss == "squared" else f"mean {loss} losses"


def describe(records: pd.DataFrame) -> str:
    """One line: dataset, unit, heads, labels, splits.

    Raises
    ------
    InvalidInput
        If the records are of more than one combination of these.
    """
    records = encoders_only(records)
    kinds = records[["dataset", "unit", "strong", "weak_head", "strong_head", "labels"]]
    if len(kinds.drop_duplicates()) > 1:
        raise InvalidInput("these are trials of many kinds; `molw2s study` sets them side by side")
    first = records.iloc[0]
    splits = records["split"].nunique()
    if has_tasks(records):
        return (
            f"{first['suite']}: {errors_of(records)} at {first['n_evaluation']} fresh points, "
            f"{records['task'].nunique()} tasks a seed, mean ± std over {splits} "
            f"seed{'s' * (splits != 1)}; weak {first['weak']}, strong {first['strong']}, heads "
            f"{first['weak_head']} (weak) and {first['strong_head']} (strong), "
            f"{first['labels']} labels"
        )
    return (
        f"{first['dataset']}: {errors_of(records)}{_in(loss_unit(records))} on "
        f"{_measured_on(first)}, mean ± std over {splits} split{'s' * (splits != 1)}; strong "
        f"encoder {first['strong']}, {side(records, 'weak').iloc[0]} (weak side) and "
        f"{side(records, 'strong').iloc[0]} (strong side), {labels_of(records)}"
    )


def labels_of(records: pd.DataFrame) -> str:
    """The label scheme of records that share one: "disjoint labels (25 % true)"."""
    taught = encoders_only(records)
    return in_words(label_scheme(records if taught.empty else taught).iloc[0])


def _measured_on(trial: pd.Series) -> str:
    return "half of the validation part" if trial.get("evaluation") == "valid" else "the test part"


def _in(unit: str) -> str:
    return f" in {unit}" if unit else ""


def to_markdown(text: pd.DataFrame) -> str:
    """A table of text cells in Markdown; a bar or line break in a cell ends no cell."""
    lines = [text.columns, ["---"] * text.shape[1], *text.to_numpy(dtype=str)]
    return "".join(f"| {' | '.join(map(in_markdown, line))} |\n" for line in lines)


def in_markdown(text: object) -> str:
    """A text of somebody else's - a name, a unit - on one line, as it is and not as markup."""
    line = re.sub(r"([\\`*|]|(?<=\])\()", r"\\\1", " ".join(str(text).split()))
    return re.sub(r"&(?=[#\w]+;)", "&amp;", line).replace("<", "&lt;")


def readable_comparison(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison with the paper as text, the paper's columns only where it has figures."""
    text = _teachers(table).rename(columns=HEADINGS)
    for measure in ("weak_error_minus_misfit", "w2s_error"):
        for suffix, whose in (("", "run"), ("_paper", "paper")):
            if f"{measure}_mean{suffix}" in table:
                text[f"{HEADINGS[measure]}, {whose}"] = _column(
                    table[f"{measure}_mean{suffix}"],
                    table[f"{measure}_std{suffix}"],
                    table["w2s_error_mean"],
                )
    return text


def probe_table(table: pd.DataFrame) -> pd.DataFrame:
    """The probe's frame as text: a row an encoder and head, a column a dataset."""
    means, spreads = table["rmse_mean"], table["rmse_std"]
    cells = table.assign(rmse=[_plus_minus(mean, std, ".3f") for mean, std in zip(means, spreads)])
    order = cells[["encoder", "head"]].drop_duplicates()
    wide = cells.pivot(index=["encoder", "head"], columns="dataset", values="rmse").fillna("-")
    wide = wide[list(dict.fromkeys(cells["dataset"]))]
    return wide.loc[list(order.itertuples(index=False, name=None))].reset_index()


def readable_rules(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text; a rule whose column the run lacks says so."""
    how = number_format(table.get("regret_high", pd.Series(dtype="float64")), 4)
    return pd.DataFrame([_readable(row, how) for row in table.to_dict("records")])


def _readable(row: dict[Hashable, Any], how: str) -> dict[str, str]:
    cells = ["not recorded", *["-"] * 5]
    if not pd.isna(row.get("chosen")):
        cells = [
            row["chosen"],
            format(row["regret"], how),
            f"[{format(row['regret_low'], how)}, {format(row['regret_high'], how)}]",
            f"{row['picks_best']:.0%}",
            _each(row["regret_each"], how.replace("4f", "3f")),
            "-" if pd.isna(row["spearman"]) else f"{row['spearman']:.3f}",
        ]
    headings = (
        "teacher", "regret", "95 % of draws", "draws it is best in", "regret, each split",
        "Spearman",
    )  # fmt: skip
    who = {"rule": row["rule"], "labels it looks at": row["needs"]}
    return who | dict(zip(headings, cells))


def _each(regrets: list[float], how: str) -> str:
    """A few regrets one by one, many by their median and their largest."""
    if len(regrets) <= 5:
        return " / ".join(format(each, how) for each in regrets)
    middle, largest = format(median(regrets), how), format(max(regrets), how)
    return f"median {middle}, largest {largest}"


def readable_teachers(
    found: Teachers, molecules: Mapping[str, tuple[float, float]] | None = None
) -> pd.DataFrame:
    """The teachers as text, the best student first; ``molecules``: ``gain_over_molecules``."""
    table = found.table
    how = number_format(table["w2s_error"], 4)
    text = pd.DataFrame(
        {
            "teacher": table["weak"].astype(str),
            "w2s error": numbers(table["w2s_error"], how),
            "misfit": numbers(table["misfit"], how),
            "gain": with_interval(table, "gain", how),
        }
    )
    if molecules:
        ends = (molecules[name] for name in table["weak"])
        text["molecules drawn"] = [f"[{low:{how}}, {high:{how}}]" for low, high in ends]
    text["mean rank"] = numbers(table["rank"], ".1f")
    text["Nemenyi p"] = numbers(table["p"], ".2g")
    text["student"] = table["verdict"]
    return text


def describe_teachers(found: Teachers, records: pd.DataFrame) -> str:
    """One line: what the teachers' table is judged by."""
    splits, how = records["split"].nunique(), number_format(found.table["w2s_error"], 4)
    friedman = (
        "too few to test whether students differ"
        if math.isnan(found.friedman)
        else f"students differ with p = {found.friedman:.2g} (Friedman)"
    )
    return (
        f"Teachers over {splits} splits: {friedman}; gain with simultaneous 95 % intervals over "
        "splits, and the middle 95 % when molecules are drawn; ranks and p of the students' "
        f"errors; a student within {found.margin:{how}} of the best is equal to it"
    )


def describe_rules(table: pd.DataFrame) -> str:
    """One line: what the rules are judged by, and how the intervals are made."""
    best = table["best"].dropna().iloc[0]
    return (
        f"Each rule's choice of a teacher, of which {best} is best. Regret: how much worse the "
        f"student of the chosen one is; draws: {DRAWS} bootstrap draws over splits, seed {SEED}; "
        "Spearman: of the rule, turned so that small is good, with w2s error"
    )


def caption_of(records: pd.DataFrame) -> str:
    """``describe`` as a sentence, and what the controls among the teachers are."""
    caption = f"{describe(records)}."
    if "teacher_kind" not in records:
        return caption
    names = records.loc[records["teacher_kind"] == "control", "weak"].unique()
    told = [f"{name}: {_CONTROLS[name]}" for name in names if name in _CONTROLS]
    return f"{caption} Controls - {'; '.join(told)}." if told else caption


def readable_diagonal(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text, a row a statistic and a column a suite."""
    text = {"": list(_STATISTICS.values())}
    for _, row in table.iterrows():
        text[str(row["suite"])] = [_cell(row, name) for name in STATISTICS]
    return pd.DataFrame(text)


def _cell(row: pd.Series, name: str) -> str:
    """As "value [low, high]"; without the interval where there is none to see."""
    value, low, high = (f"{row[name + end]:.4f}" for end in ("", "_low", "_high"))
    if value == "nan":
        return "-"
    return value if low in ("nan", value) and high in ("nan", value) else f"{value} [{low}, {high}]"


def readable_study(table: pd.DataFrame) -> pd.DataFrame:
    """One dataset's combinations as text; the distance only where the paper has figures."""
    text = _combinations(table)
    errors = number_format(table["weak_error"], 3)
    text["splits"] = [str(number) for number in table["splits"]]
    text["weak error"] = numbers(table["weak_error"], errors)
    text["ceiling (eps)"] = numbers(table["strong_error"], errors)
    text["leak"] = numbers(table["leak"], ".2f")
    text["misfit"] = numbers(table["misfit"], errors)
    text["gain"] = with_interval(table, "gain", errors)
    text["gain / misfit"] = with_interval(table, "ratio", ".2f")
    if table["alignment"].notna().any():
        text["alignment"] = numbers(table["alignment"], ".2f")
    if table["averaged_gain"].notna().any():
        text["gain, averaged"] = with_interval(table, "averaged_gain", errors)
    text["slope"] = with_interval(table, "slope", ".2f")
    text["slack"] = numbers(table["slack"], errors)
    if table["few_labels_error"].notna().any():
        text["w2s error"] = numbers(table["w2s_error"], errors)
        text["strong on few true labels"] = numbers(table["few_labels_error"], errors)
    text["PGR"] = [
        value + (f" (undefined {share:.0%})" if share else "")
        for value, share in zip(numbers(table["pgr_median"], ".2f"), table["pgr_undefined"])
    ]
    text["Spearman"] = numbers(table["spearman"], ".2f")
    text["regret"] = with_interval(table, "regret", errors)
    if table["paper_distance"].notna().any():
        text["distance to the paper"] = numbers(table["paper_distance"], errors)
    return text


def readable_overview(table: pd.DataFrame) -> pd.DataFrame:
    """Gain / misfit as text: a row per combination, a column per dataset; an arrow
    up where the gain's interval is above 0, down where it is below."""
    cells = table.assign(cell=[_judged(row) for row in table.to_dict("records")])
    combination = ["labels", "weak_side", "strong", "strong_side"]
    order = cells[combination].drop_duplicates()
    wide = cells.pivot(index=combination, columns="dataset", values="cell").fillna("")
    wide = wide[list(dict.fromkeys(cells["dataset"]))]
    wide = wide.loc[list(order.itertuples(index=False, name=None))].reset_index()
    return pd.concat([_combinations(wide), wide[wide.columns[len(combination) :]]], axis=1)


def _judged(row: dict[Hashable, Any]) -> str:
    arrow = "↑" if row["gain_low"] > 0 else "↓" if row["gain_high"] < 0 else ""
    told = f"{row['ratio']:z.2f}\N{NO-BREAK SPACE}{arrow}".rstrip()
    return "undefined" if pd.isna(row["ratio"]) else told


def readable_regrets(table: pd.DataFrame) -> pd.DataFrame:
    """One dataset's regrets as text: a row a combination, a column a rule."""
    text = _combinations(table)
    errors = number_format(table["weak_error"], 3)
    for rule in RULES:
        text[rule.title] = numbers(table[f"regret_{rule.column}"], errors)
    return text


def _combinations(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "labels": table["labels"],
            "weak model": table["weak_side"],
            "strong model": table["strong"] + ", " + table["strong_side"],
        }
    )


def numbers(values: pd.Series, how: str) -> list[str]:
    """As text; "z" writes no minus before a zero."""
    return ["-" if pd.isna(value) else format(value, f"z{how}") for value in values]


def with_interval(table: pd.DataFrame, name: str, how: str) -> list[str]:
    columns: Any = (numbers(table[name + end], how) for end in ("", "_low", "_high"))
    return [
        value if low == "-" else f"{value} [{low}, {high}]" for value, low, high in zip(*columns)
    ]


def _column(means: pd.Series, spreads: pd.Series, errors: pd.Series) -> list[str]:
    how = number_format(errors, 4)
    return [_plus_minus(mean, spread, how) for mean, spread in zip(means, spreads)]


def number_format(errors: Any, digits: int) -> str:
    """How numbers are printed that are as large as these errors: with so many decimals, or, where
    that would show next to nothing of them, or too much, with four significant digits."""
    largest = pd.Series(errors, dtype="float64").abs().max()
    return f".{digits}f" if not largest or 10.0 ** (1 - digits) <= largest < 1e6 else ".3e"


def _plus_minus(mean: float, spread: float, how: str) -> str:
    if pd.isna(mean):
        return "-"
    text = format(mean, how)
    return text if pd.isna(spread) else f"{text} ± {format(spread, how)}"
