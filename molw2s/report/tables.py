"""The paper's table: weak error - misfit beside the error of the weakly supervised strong model."""

from __future__ import annotations

import math
from typing import Literal

import pandas as pd

from molw2s.errors import InvalidInput
from molw2s.protocol import recovered
from molw2s.report.diagonal import has_tasks

MEASURES = (
    "weak_error_minus_misfit",
    "w2s_error",
    "weak_error",
    "misfit",
    "gain",
    "strong_error",
)
_HEADINGS = {
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


def summary_table(records: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over splits, one row a weak encoder.

    A split with many tasks (a seed of a synthetic suite) counts by its mean over them.

    Columns ``weak``, ``weak_hidden_size``, then ``<measure>_mean`` and ``<measure>_std`` for each
    of ``MEASURES``, and ``pgr``, the mean gain's share of the mean gap between weak error and
    ceiling, nan where there is no gap. Sorted by the mean of weak error - misfit, the rule's
    favourite first.
    """
    who = ["weak", "weak_hidden_size"]
    splits = records.groupby([*who, "split"], sort=False)[list(MEASURES)].mean()
    table = splits.groupby(who, sort=False).agg(["mean", "std"])
    table.columns = [f"{measure}_{statistic}" for measure, statistic in table.columns]
    table["pgr"] = recovered(
        table["gain_mean"], table["weak_error_mean"], table["strong_error_mean"]
    )
    ordered: pd.DataFrame = table.reset_index().sort_values(
        "weak_error_minus_misfit_mean", kind="stable", ignore_index=True
    )
    return ordered


def readable(table: pd.DataFrame, measures: tuple[str, ...] = (*MEASURES, "pgr")) -> pd.DataFrame:
    """The summary as text under readable headings: "mean ± std" to four decimals; PGR, which is one
    number, to two."""
    text = table[["weak", "weak_hidden_size"]].astype(str)
    for measure in measures:
        if measure == "pgr":
            text[measure] = [_plus_minus(share, math.nan, 2) for share in table["pgr"]]
            continue
        means, spreads = table[f"{measure}_mean"], table[f"{measure}_std"]
        text[measure] = [_plus_minus(mean, spread) for mean, spread in zip(means, spreads)]
    return text.rename(columns=_HEADINGS)


def _plus_minus(mean: float, spread: float, digits: int = 4) -> str:
    if pd.isna(mean):
        return "-"
    text = f"{mean:.{digits}f}"
    return text if pd.isna(spread) else f"{text} ± {spread:.{digits}f}"


def describe(records: pd.DataFrame) -> str:
    """One line: dataset, unit, heads, labels, splits.

    Raises
    ------
    InvalidInput
        If the records are of more than one combination of these.
    """
    kinds = records[["dataset", "unit", "strong", "weak_head", "strong_head", "labels"]]
    if len(kinds.drop_duplicates()) > 1:
        raise InvalidInput("these are trials of many kinds; `molw2s study` sets them side by side")
    first = records.iloc[0]
    splits = records["split"].nunique()
    if has_tasks(records):
        return (
            f"{first['suite']}: mean squared errors at {first['n_evaluation']} fresh points, "
            f"{records['task'].nunique()} tasks a seed, mean ± std over {splits} "
            f"seed{'s' * (splits != 1)}; weak {first['weak']}, strong {first['strong']}, heads "
            f"{first['weak_head']} (weak) and {first['strong_head']} (strong), "
            f"{first['labels']} labels"
        )
    return (
        f"{first['dataset']}: mean squared errors in ({first['unit'] or 'target units'})^2 on the "
        f"test part, mean ± std over {splits} split{'s' * (splits != 1)}; strong encoder "
        f"{first['strong']}, {side(records, 'weak').iloc[0]} (weak side) and "
        f"{side(records, 'strong').iloc[0]} (strong side), {first['labels']} labels"
    )


def side(records: pd.DataFrame, which: Literal["weak", "strong"]) -> pd.Series:
    """How each trial's weak or strong model was fitted: a head's name, or "full" or "lora".

    Records without a mode are of heads on frozen encoders.
    """
    head = records[f"{which}_head"]
    if f"{which}_mode" not in records:
        return head
    mode = records[f"{which}_mode"].fillna("head")
    return mode.where(mode != "head", head)


def to_markdown(text: pd.DataFrame) -> str:
    """A table of text cells in Markdown."""
    lines = [text.columns, ["---"] * text.shape[1], *text.to_numpy(dtype=str)]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def readable_comparison(table: pd.DataFrame) -> pd.DataFrame:
    """The comparison with the paper as text, the paper's columns only where it has figures."""
    text = table[["weak", "weak_hidden_size"]].astype(str).rename(columns=_HEADINGS)
    for measure in ("weak_error_minus_misfit", "w2s_error"):
        for suffix, whose in (("", "run"), ("_paper", "paper")):
            if f"{measure}_mean{suffix}" in table:
                means, spreads = table[f"{measure}_mean{suffix}"], table[f"{measure}_std{suffix}"]
                cells = [_plus_minus(mean, spread) for mean, spread in zip(means, spreads)]
                text[f"{_HEADINGS[measure]}, {whose}"] = cells
    return text


def probe_table(table: pd.DataFrame) -> pd.DataFrame:
    """The probe's frame as text: a row an encoder and head, a column a dataset."""
    means, spreads = table["rmse_mean"], table["rmse_std"]
    cells = table.assign(rmse=[_plus_minus(mean, std, 3) for mean, std in zip(means, spreads)])
    order = cells[["encoder", "head"]].drop_duplicates()
    wide = cells.pivot(index=["encoder", "head"], columns="dataset", values="rmse").fillna("-")
    wide = wide[list(dict.fromkeys(cells["dataset"]))]
    return wide.loc[list(order.itertuples(index=False, name=None))].reset_index()
