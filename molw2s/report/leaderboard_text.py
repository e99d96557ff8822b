"""Leaderboards as JSON and Markdown, from what analysis ranked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from molw2s.analysis.boards import Board, Leaderboard
from molw2s.analysis.bootstrap import LEVEL
from molw2s.columns import COLUMNS, SCHEMA_VERSION
from molw2s.report.as_json import to_json
from molw2s.report.text import in_markdown, number_format, numbers, to_markdown, with_interval

VERSION = 1
"""Of leaderboard.json."""

FIELDS = {
    "encoder": "name of the ranked encoder; with a hash where several have the name",
    "side": "how it was fitted: the head on it, or how it was finetuned",
    "hidden_size": "its hidden size; null where not known",
    "licence": "what the encoder or its run says; unknown where neither does",
    "mean_rank": "mean over the board's datasets of the rank by w2s_error; 1 is the best",
    "best": "on how many of the board's datasets it is the best",
    "gains": "on how many its gain's interval is above 0",
    "ratio": "mean gain over mean misfit; in ranks the median of that over datasets",
    "critical_difference": "mean ranks that differ by less are not told apart: Nemenyi's test at "
    "5 %, datasets being blocks (Demsar 2006); null below two datasets or entrants",
    "friedman": "p of Friedman's test that all are alike over datasets",
    "groups": "neighbours in rank that are not told apart",
    "splits": "splits that all of the dataset's entrants have",
    "teachers": "teachers that all of the dataset's students have",
    "rank": "rank by w2s_error on the dataset",
    "behind": "w2s_error minus that of the dataset's best, on the same splits",
    "_low, _high": "ends of an interval over splits, corrected for splits that share molecules; "
    "those of a dataset's entrants hold together in 95 % of cases (Bonferroni)",
    "absent": "who has no mean rank or no row, on which dataset (empty: all), and why",
} | {
    name: f"mean: {COLUMNS[name].definition}"
    for name in ("weak_error", "w2s_error", "misfit", "gain", "strong_error")
}
"""What the fields of leaderboard.json and the page's columns are."""

CAPTION = (
    "Mean ranks of the student's error over datasets; 1 is the best. Mean ranks that differ by "
    "less than the critical difference are not told apart (Nemenyi's test at 5 %, Demsar 2006): "
    "with few datasets it finds large differences alone."
)
ON_DATASETS = (
    "Means over splits that all have; errors in the square of the unit, or in nats. In brackets: "
    "intervals over splits, corrected for splits that share molecules, that hold together for all "
    "of a dataset's rows in 95 % of cases."
)


@dataclass(frozen=True)
class Origin:
    """Where records came from: a folder, its suite, and the records' hash where it is known."""

    folder: str
    suite: str
    sha256: str


def as_object(found: Leaderboard, origins: Sequence[Origin]) -> dict[str, Any]:
    """leaderboard.json as plain values."""
    filters = found.filters
    return {
        "schema_version": VERSION,
        "records_schema_version": SCHEMA_VERSION,
        "fields": dict(FIELDS),
        "level": LEVEL,
        "filters": {
            "datasets": list(filters.datasets),
            "labels": list(filters.labels),
            "max_size": None if math.isinf(filters.max_size) else filters.max_size,
            "licences": list(filters.licences),
        },
        "runs": [vars(each) for each in origins],
        "boards": [_board_object(each) for each in found.boards],
    }


def _board_object(board: Board) -> dict[str, Any]:
    about = {name: getattr(board, name) for name in ("role", "labels", "splitter", "student")}
    return about | {
        "title": board.title,
        "datasets": list(board.datasets),
        "critical_difference": board.ranking.critical_difference,
        "friedman": board.ranking.friedman,
        "groups": [list(each) for each in board.ranking.groups()],
        "ranks": board.ranks.to_dict("records"),
        "rows": board.table.to_dict("records"),
        "absent": [vars(each) for each in board.absent],
    }


def as_json(found: Leaderboard, origins: Sequence[Origin]) -> str:
    """leaderboard.json."""
    return to_json(as_object(found, origins)) + "\n"


def as_markdown(found: Leaderboard, origins: Sequence[Origin]) -> str:
    """leaderboard.md: every board's mean ranks, then its datasets one by one."""
    sections = ["# Leaderboard", CAPTION, *_filtered(found), describe_origins(origins)]
    for board in found.boards:
        sections += [f"## {in_markdown(board.title)}", describe_board(board)]
        if not board.table.empty:
            if is_ranked(board):
                sections.append(to_markdown(readable_ranks(board)).rstrip())
            sections += [f"<details><summary>Each dataset</summary>\n\n{ON_DATASETS}"]
            sections += [to_markdown(readable_rows(board)).rstrip(), "</details>"]
        if board.absent:
            sections.append("Without a mean rank:")
            sections.append(to_markdown(readable_absent(board)).rstrip())
    return "\n\n".join(sections) + "\n"


def _filtered(found: Leaderboard) -> list[str]:
    told = describe_filters(found)
    return [in_markdown(told)] if told else []


def describe_filters(found: Leaderboard) -> str:
    """What is shown, where it is not all; else empty."""
    filters = found.filters
    parts: Mapping[str, str] = {
        "datasets": ", ".join(filters.datasets),
        "labels": ", ".join(filters.labels),
        "hidden size": "" if math.isinf(filters.max_size) else f"at most {filters.max_size:.0f}",
        "licences": ", ".join(filters.licences),
    }
    told = "; ".join(f"{name}: {value}" for name, value in parts.items() if value)
    return f"Shown: {told}." if told else ""


def describe_origins(origins: Sequence[Origin]) -> str:
    """How many runs it is made of."""
    many = len(origins)
    return f"Made from {many} folder{'s' * (many != 1)} of records; leaderboard.json names them."


def is_ranked(board: Board) -> bool:
    """Whether there are two at least, so that ranks say something."""
    return len(board.ranking.mean) > 1


def describe_board(board: Board, plain: bool = False) -> str:
    """One line, of Markdown unless plain: how many are compared over what, and what tells them
    apart."""
    told = _described(board)
    return told if plain else in_markdown(told)


def _described(board: Board) -> str:
    entrants, datasets = len(board.ranking.mean), len(board.datasets)
    if not entrants:
        return f"Nobody is left to rank as a {board.role}."
    over = f"{datasets} dataset{'s' * (datasets != 1)}: {', '.join(board.datasets)}"
    if entrants < 2:
        return f"One {board.role}, on {over}; there is nobody to rank it against."
    told = f"{entrants} {board.role}s over {over}."
    if not math.isnan(board.ranking.critical_difference):
        told += f" Critical difference {board.ranking.critical_difference:.2f}"
        friedman = board.ranking.friedman
        told += "." if math.isnan(friedman) else f"; Friedman's p {friedman:.2g}."
    else:
        told += " One dataset gives no critical difference; its intervals are below."
    return told


def readable_ranks(board: Board) -> pd.DataFrame:
    """Mean ranks as text, the best first."""
    ranks = board.ranks
    beside = ranks["mean_rank"] < ranks["mean_rank"].min() + board.ranking.critical_difference
    return pd.DataFrame(
        {
            board.role: ranks["encoder"].astype(str),
            "fitted with": ranks["side"].astype(str),
            "hidden size": _whole(ranks["hidden_size"]),
            "licence": ranks["licence"].astype(str),
            "mean rank": [f"{rank:.2f}" for rank in ranks["mean_rank"]],
            "told from the best": _told_from(beside, board),
            "best on": [str(number) for number in ranks["best"]],
            "gains for sure on": [str(number) for number in ranks["gains"]],
            "median gain / misfit": numbers(ranks["ratio"], ".2f"),
        }
    )


def _told_from(beside: pd.Series, board: Board) -> list[str]:
    if math.isnan(board.ranking.critical_difference):
        return ["-"] * len(beside)
    return ["no" if near else "yes" for near in beside]


def readable_rows(board: Board) -> pd.DataFrame:
    """Every dataset's entrants as text, the best of each first."""
    frames = []
    for _, rows in board.table.groupby("dataset", sort=False):
        how = number_format(rows["w2s_error"], 3)
        columns = {
            "dataset": rows["dataset"].astype(str),
            "unit": rows["unit"].astype(str),
            board.role: rows["encoder"].astype(str),
            "fitted with": rows["side"].astype(str),
            "rank": [f"{rank:g}" for rank in rows["rank"]],
            "w2s error": with_interval(rows, "w2s_error", how),
            "behind the best": with_interval(rows, "behind", how),
            "weak error": numbers(rows["weak_error"], how),
            "ceiling": numbers(rows["strong_error"], how),
            "misfit": numbers(rows["misfit"], how),
            "gain": with_interval(rows, "gain", how),
            "gain / misfit": with_interval(rows, "ratio", ".2f"),
            "splits": rows["splits"].astype(str),
        }
        if board.role == "student":
            columns["teachers"] = rows["teachers"].astype(str)
        frames.append(pd.DataFrame(columns))
    return pd.concat(frames, ignore_index=True)


def readable_absent(board: Board) -> pd.DataFrame:
    """Who is left out, and why, as text; a line for all of whom the same is true."""
    datasets_of: dict[tuple[str, str], list[str]] = {}
    for each in board.absent:
        datasets_of.setdefault((each.entrant, each.why), []).append(each.dataset or "all")
    entrants_of: dict[tuple[str, str], list[str]] = {}
    for (entrant, why), datasets in datasets_of.items():
        entrants_of.setdefault((", ".join(datasets), why), []).append(entrant)
    rows = [("; ".join(who), datasets, why) for (datasets, why), who in entrants_of.items()]
    return pd.DataFrame(rows, columns=[board.role, "dataset", "why"])


def _whole(sizes: pd.Series) -> list[str]:
    return ["-" if pd.isna(size) else f"{size:.0f}" for size in sizes]
