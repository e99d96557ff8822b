"""Every encoder as a teacher, and every one as a student, ranked over the datasets of many runs."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molw2s.analysis.bootstrap import LEVEL
from molw2s.analysis.entrants import Filters, entrants_of
from molw2s.analysis.intervals import corrected_interval, mean, ratio, test_share
from molw2s.analysis.ranks import Ranking, most_comparable, rank_over
from molw2s.analysis.summary import in_words

Array = NDArray[np.float64]
Role = Literal["teacher", "student"]

_MEASURES = ["weak_error", "w2s_error", "misfit", "gain", "strong_error"]
_RANKS = ("entrant", "encoder", "side", "hidden_size", "licence", "mean_rank", "best", "gains",
          "ratio")  # fmt: skip
_SIDE = {"teacher": "weak", "student": "strong"}
_CELLS = {"teacher": ["split"], "student": ["teacher", "split"]}


@dataclass(frozen=True)
class Absent:
    """Someone without a mean rank or a row, and why.

    ``dataset`` is empty where it concerns all of them, ``entrant`` is "all" where mean ranks are
    not over the dataset.
    """

    entrant: str
    dataset: str
    why: str


@dataclass(frozen=True, eq=False)
class Board:
    """Teachers of one student, or students of common teachers, compared over datasets.

    Attributes
    ----------
    role : "teacher" or "student"
    labels, splitter : str
    student : str
        Whose teachers they are; empty for students, who are compared over their common teachers.
    datasets : tuple of str
        The datasets that mean ranks are over.
    table : DataFrame
        A row a dataset and entrant.
    ranking : Ranking
    absent : tuple of Absent
    """

    role: Role
    labels: str
    splitter: str
    student: str
    datasets: tuple[str, ...]
    table: pd.DataFrame
    ranking: Ranking
    absent: tuple[Absent, ...]

    @property
    def title(self) -> str:
        """What tells it from other boards."""
        whose = f"Teachers of {self.student}" if self.role == "teacher" else "Students"
        return f"{whose}: {in_words(self.labels)}, {self.splitter} splits"

    @property
    def ranks(self) -> pd.DataFrame:
        """A row an entrant, the best first; columns ``entrant``, ``encoder``, ``side``,
        ``hidden_size``, ``licence``, ``mean_rank`` and, over its datasets, ``best`` (how often it
        is the best of those with a mean rank), ``gains`` (how often its gain is above 0 for sure)
        and ``ratio``, the median of gain / misfit."""
        if self.table.empty:
            return pd.DataFrame(columns=_RANKS)
        kept = self.table[self.table["dataset"].isin(self.datasets)]
        kept = kept[kept["entrant"].isin(self.ranking.mean.index)]
        first = kept.groupby("dataset")["w2s_error"].transform("min") == kept["w2s_error"]
        counted = kept.assign(best=first, gains=kept["gain_low"] > 0).groupby("entrant")
        found = counted.agg(best=("best", "sum"), gains=("gains", "sum"), ratio=("ratio", "median"))
        about = kept[list(_RANKS[:5])].drop_duplicates("entrant").set_index("entrant")
        ranked = self.ranking.mean.rename("mean_rank").rename_axis("entrant")
        return about.join(ranked, how="right").join(found).reset_index()


@dataclass(frozen=True, eq=False)
class Leaderboard:
    """What ``leaderboard`` found: boards, and their tables as one frame for each role.

    Attributes
    ----------
    boards : tuple of Board
    filters : Filters
    """

    boards: tuple[Board, ...]
    filters: Filters

    @property
    def teachers(self) -> pd.DataFrame:
        """A row a board, dataset and teacher."""
        return self._tables("teacher")

    @property
    def students(self) -> pd.DataFrame:
        """A row a board, dataset and student."""
        return self._tables("student")

    @property
    def ranks(self) -> pd.DataFrame:
        """A row a board and entrant: mean ranks and the board's critical difference."""
        frames = [
            _of_board(board, board.ranks).assign(
                datasets=len(board.datasets),
                critical_difference=board.ranking.critical_difference,
                friedman=board.ranking.friedman,
            )
            for board in self.boards
            if not board.table.empty
        ]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=_RANKS)

    @property
    def absent(self) -> pd.DataFrame:
        """A row for each one without a mean rank: board, entrant, dataset, why."""
        columns = ["entrant", "dataset", "why"]
        frames = [
            _of_board(board, pd.DataFrame([vars(each) for each in board.absent], columns=columns))
            for board in self.boards
            if board.absent
        ]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)

    def _tables(self, role: Role) -> pd.DataFrame:
        frames = [_of_board(each, each.table) for each in self.boards if each.role == role]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _of_board(board: Board, frame: pd.DataFrame) -> pd.DataFrame:
    about = {name: getattr(board, name) for name in ("role", "labels", "splitter", "student")}
    return pd.concat([pd.DataFrame(about, index=frame.index), frame], axis=1)


def leaderboard(
    runs: Iterable[pd.DataFrame],
    *,
    datasets: Collection[str] = (),
    labels: Collection[str] = (),
    max_size: float = float("inf"),
    licences: Collection[str] = (),
) -> Leaderboard:
    """Rank weak encoders as teachers and strong ones as students, over the runs' datasets.

    A board of teachers is of one strong encoder and side, label scheme and kind of split; a board
    of students of one label scheme and kind of split. In a dataset all are compared on what they
    have in common: teachers on splits, students on teachers and splits (``most_comparable``).
    Their ranks are by the mean error of the student, and so are the mean ranks over the datasets
    that most have. A board's ``absent`` says who has none, and why.

    Parameters
    ----------
    runs
        As ``read_records`` gives them; ``weak_licence`` and ``strong_licence`` may be added.
    datasets, labels, max_size, licences
        ``Filters``.

    Raises
    ------
    InvalidInput
        As ``entrants_of`` does.
    """
    filters = Filters(tuple(datasets), tuple(labels), max_size, tuple(licences))
    trials = entrants_of(runs, filters)
    boards: list[Board] = []
    for role, keys in (("teacher", ["student"]), ("student", [])):
        for _, group in trials.groupby(["labels", "splitter", *keys], sort=True):
            boards.append(_board(group, role, filters))  # type: ignore[arg-type]
    return Leaderboard(tuple(boards), filters)


def _board(trials: pd.DataFrame, role: Role, filters: Filters) -> Board:
    first, absent = trials.iloc[0], list[Absent]()
    about = _about(trials, role)
    refused = {
        who: why
        for who, row in about.iterrows()
        if (why := filters.refuses(row["hidden_size"], row["licence"]))
    }
    absent += [Absent(str(who), "", why) for who, why in refused.items()]
    tables = []
    for dataset, group in trials[~trials[role].isin(refused)].groupby("dataset"):
        table, lacking = _block(group, role)
        absent += [Absent(who, str(dataset), why) for who, why in lacking.items()]
        tables.append(table)
    table = pd.DataFrame(columns=["entrant", "dataset", "w2s_error"])
    if tables:
        table = pd.concat(tables, ignore_index=True)
    datasets, ranking, others = _ranked(table, filters)
    absent += others
    return Board(
        role=role,
        labels=first["labels"],
        splitter=first["splitter"],
        student=first["student"] if role == "teacher" else "",
        datasets=datasets,
        table=table.merge(about, "left", left_on="entrant", right_index=True),
        ranking=ranking,
        absent=tuple(absent),
    )


def _about(trials: pd.DataFrame, role: Role) -> pd.DataFrame:
    """Encoder, side, hidden size and licence of each entrant."""
    which = _SIDE[role]
    names = {which: "encoder", f"{which}_side": "side", f"{which}_hidden_size": "hidden_size",
             f"{which}_licence": "licence"}  # fmt: skip
    known = trials.reindex(columns=[role, *names]).rename(columns=names)
    known["hidden_size"] = pd.to_numeric(known["hidden_size"]).astype(np.float64)
    known = known.sort_values(["hidden_size", "licence"], kind="stable")
    return known.drop_duplicates(role).set_index(role).rename_axis("entrant").sort_index()


def _block(trials: pd.DataFrame, role: Role) -> tuple[pd.DataFrame, dict[str, str]]:
    """One dataset: a row an entrant, the best first; and who lacks what others are compared on."""
    cells = trials.groupby([role, *_CELLS[role]])[_MEASURES].mean()
    have = {str(who): frozenset(rows.droplevel(0).index) for who, rows in cells.groupby(level=0)}
    part = most_comparable(have)
    lacking = {
        who: f"lacks {len(part - cell)} of {len(part)} {_what(role)} that others have"
        for who, cell in have.items()
        if not part <= cell
    }
    wanted = cells.index.droplevel(0).isin(list(part))
    kept = cells[wanted & ~cells.index.get_level_values(0).isin(list(lacking))]
    splits = kept.groupby(level=[role, "split"])[_MEASURES].mean()
    level = 1 - (1 - LEVEL) / (len(have) - len(lacking))
    first = trials.iloc[0]
    common = {
        "dataset": first["dataset"],
        "unit": first["unit"],
        "loss": first["loss"],
        "splits": splits.index.get_level_values("split").nunique(),
        **({} if role == "teacher" else {"teachers": kept.index.get_level_values(1).nunique()}),
    }
    share = test_share(trials)
    best = splits.groupby(level=0)["w2s_error"].mean().idxmin()
    rows = [
        common | {"entrant": who} | _measured(rows, splits.loc[[best]], share, level)
        for who, rows in splits.groupby(level=0)
    ]
    table = pd.DataFrame(rows)
    table["rank"] = table["w2s_error"].rank()
    return table.sort_values(["rank", "entrant"], ignore_index=True), lacking


def _what(role: Role) -> str:
    return "splits" if role == "teacher" else "teachers and splits"


def _measured(
    splits: pd.DataFrame, best: pd.DataFrame, share: float, level: float
) -> dict[str, Any]:
    """Means over splits; intervals that hold together for all entrants at ``level`` each.

    ``behind`` is how much larger the student's error is than the best one's on the same splits.
    """
    means = splits.mean().to_dict()
    gain, misfit, error = (splits[name].to_numpy() for name in ("gain", "misfit", "w2s_error"))
    behind = error - best["w2s_error"].to_numpy()
    found = {
        "behind": corrected_interval(mean, behind, test_share=share, level=level),
        "w2s_error": corrected_interval(mean, error, test_share=share, level=level),
        "gain": corrected_interval(mean, gain, test_share=share, level=level),
        "ratio": corrected_interval(ratio, gain, misfit, test_share=share, level=level),
    }
    for name, (value, low, high) in found.items():
        means |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return means


def _ranked(table: pd.DataFrame, filters: Filters) -> tuple[tuple[str, ...], Ranking, list[Absent]]:
    """The datasets that mean ranks are over, the ranking, and what is not in it: all that were
    asked for by name, else those on which most can be compared."""
    have = {str(who): frozenset(rows["dataset"]) for who, rows in table.groupby("entrant")}
    there = sorted(map(str, table["dataset"].unique()))
    datasets = there if filters.datasets else sorted(map(str, most_comparable(have)))
    absent = [
        Absent(who, "", f"lacks {', '.join(missing)}")
        for who, sets in have.items()
        if (missing := [each for each in datasets if each not in sets])
    ]
    for other in sorted(set(there) - set(datasets)):
        lack = "; ".join(who for who, sets in have.items() if other not in sets)
        absent.append(
            Absent("all", other, f"mean ranks are not over it; it is missing from {lack}")
        )
    errors = table.pivot(index="dataset", columns="entrant", values="w2s_error")
    kept = errors.columns.difference([each.entrant for each in absent])
    return tuple(datasets), rank_over(errors.loc[datasets, kept]), absent
