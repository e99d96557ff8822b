"""A leaderboard's page: boards with their ranks drawn, and tables that are sorted and filtered."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from molw2s.analysis.boards import Board, Leaderboard
from molw2s.analysis.summary import in_words
from molw2s.locations import write_atomically
from molw2s.report import leaderboard_text as text
from molw2s.report.page.parts import Claim, Table
from molw2s.report.page.render import asset, check_ours, rendered
from molw2s.report.page.tables import as_table

_READING = (
    "Mean ranks, 1 being the best, each in the middle of a bar as long as the critical difference. "
    "Two whose bars do not overlap differ; those in blue are not told from the best."
)
_ALONE = "Ranks, 1 being the best. One dataset gives no critical difference."
_MEANINGS = {
    "teacher": "the weak encoder whose labels the student is fitted to",
    "student": "the strong encoder that is fitted to the teachers' labels",
    "fitted with": text.FIELDS["side"],
    "licence": text.FIELDS["licence"],
    "mean rank": text.FIELDS["mean_rank"],
    "rank": text.FIELDS["rank"],
    "told from the best": "whether its mean rank is the critical difference or more behind",
    "best on": text.FIELDS["best"],
    "gains for sure on": text.FIELDS["gains"],
    "median gain / misfit": "over datasets; theory says at least 1 where the strong model can "
    "express the truth",
    "behind the best": text.FIELDS["behind"],
    "splits": text.FIELDS["splits"],
    "teachers": text.FIELDS["teachers"],
    "dataset": "",
    "why": "",
}


@dataclass(frozen=True)
class Mark:
    """One entrant's mean rank, placed in per cent of the axis."""

    name: str
    rank: str
    at: float
    left: float
    width: float
    near: bool


@dataclass(frozen=True)
class Tick:
    """A whole rank on the axis."""

    at: float
    text: str


@dataclass(frozen=True)
class BoardView:
    """A board as it is shown; ``band`` is where those near the best have their bars' beginnings."""

    id: str
    role: str
    labels: str
    short: str
    title: str
    caption: str
    reading: str
    marks: tuple[Mark, ...]
    band: tuple[float, float] | None
    ticks: tuple[Tick, ...]
    tables: tuple[Table, ...]


@dataclass(frozen=True)
class BoardPage:
    """Everything on a leaderboard's page."""

    title: str
    claim: Claim
    tags: tuple[str, ...]
    labels: tuple[str, ...]
    boards: tuple[BoardView, ...]
    runs: Table


def write_board(path: str | Path, found: Leaderboard, origins: Sequence[text.Origin]) -> None:
    """Write the page of a leaderboard.

    Raises
    ------
    InvalidInput
        If there is a file that is no page of ours.
    """
    check_ours(path)
    page = board_page(found, origins)
    data: dict[str, object] = {"groups": [], "ratios": None}
    html = rendered("leaderboard.html.j2", page, data, (asset("page.js"),))
    write_atomically(Path(path), html.encode())


def board_page(found: Leaderboard, origins: Sequence[text.Origin]) -> BoardPage:
    """Boards that compare first, students' before teachers', those of most datasets first."""
    boards = sorted(
        found.boards,
        key=lambda board: (len(board.ranking.mean) < 2, board.role, -len(board.datasets)),
    )
    views = tuple(_view(board, f"board-{n}") for n, board in enumerate(boards))
    runs = pd.DataFrame(
        [(each.folder, each.suite or "-", each.sha256 or "-") for each in origins],
        columns=["folder", "suite", "SHA-256 of the records"],
    )
    encoders = {name for board in boards for name in board.table.get("encoder", ())}
    datasets = {name for board in boards for name in board.table["dataset"]}
    shown = text.describe_filters(found)
    return BoardPage(
        title="Leaderboard",
        claim=_claim(boards, shown),
        tags=(f"{len(encoders)} encoders", f"{len(datasets)} datasets", f"{len(origins)} folders"),
        labels=tuple(dict.fromkeys(board.labels for board in boards)),
        boards=views,
        runs=as_table(runs, "runs", "Runs", "What the ranks are made from.", folded=True),
    )


def _claim(boards: Sequence[Board], shown: str) -> Claim:
    """Of the board that compares most, students before teachers."""
    notes = tuple(filter(None, (shown, text.CAPTION)))
    compared = [board for board in boards if len(board.ranking.mean) > 1]
    if not compared:
        return Claim("There is nobody to rank against another.", "", "", notes)
    board = max(compared, key=lambda each: (
        each.role == "student", len(each.datasets), len(each.ranking.mean)))  # fmt: skip
    ranks, reach = board.ranks, board.ranking.critical_difference
    first = ranks.iloc[0]
    many = f"{len(board.datasets)} dataset{'s' * (len(board.datasets) != 1)}"
    whose = _whose(board)
    near = int((ranks["mean_rank"] < first["mean_rank"] + reach).sum()) - 1
    ranked = f"of {len(ranks)} {board.role}s{whose}: {first['mean_rank']:.2f}, over {many}."
    return Claim(
        f"With {in_words(board.labels)},",
        str(first["encoder"]),
        f"has the best mean rank {ranked}{_told(near, len(ranks) - 1, reach)}",
        notes,
    )


def _told(near: int, others: int, reach: float) -> str:
    """How many of the others the test does not tell from the first."""
    if math.isnan(reach):
        return ""
    if near == others:
        return f" The test tells none of the other {others} from it."
    return f" The test does not tell {near} of the other {others} from it."


def _whose(board: Board) -> str:
    return f" of {board.student}" if board.student else ""


def _view(board: Board, id_: str) -> BoardView:
    marks, band, ticks = _drawn(board)
    one = math.isnan(board.ranking.critical_difference)
    return BoardView(
        id=id_,
        role=board.role,
        labels=board.labels,
        short=f"{board.role}s{_whose(board)}, {board.labels}",
        title=board.title,
        caption=text.describe_board(board, plain=True),
        reading=_ALONE if one else _READING,
        marks=marks,
        band=band,
        ticks=ticks,
        tables=tuple(_tables(board, id_)),
    )


def _tables(board: Board, id_: str) -> Iterator[Table]:
    if not board.table.empty:
        ranks, rows = text.readable_ranks(board), text.readable_rows(board)
        if text.is_ranked(board):
            best = "The best first."
            yield as_table(ranks, f"{id_}-ranks", "Mean ranks", best, meanings=_MEANINGS)
        yield as_table(
            rows, f"{id_}-rows", "Each dataset", text.ON_DATASETS, meanings=_MEANINGS, folded=True
        )
    if board.absent:
        absent = text.readable_absent(board)
        caption = "They lack what others have, or a filter leaves them out."
        yield as_table(
            absent, f"{id_}-absent", "Without a mean rank", caption, meanings=_MEANINGS, folded=True
        )


def _drawn(board: Board) -> tuple[tuple[Mark, ...], tuple[float, float] | None, tuple[Tick, ...]]:
    """Marks, the band of the best one's bar, and ticks; nothing for fewer than two entrants."""
    ranks, reach = board.ranks, board.ranking.critical_difference
    if len(ranks) < 2:
        return (), None, ()
    half = 0.0 if math.isnan(reach) else reach / 2
    low, high = 1 - half - 0.2, len(ranks) + half + 0.2
    best = float(ranks["mean_rank"].min())

    def placed(rank: float) -> float:
        return round(100 * (rank - low) / (high - low), 2)

    marks = tuple(
        Mark(
            name=str(row["encoder"]) + ", " + str(row["side"]),
            rank=f"{row['mean_rank']:.2f}",
            at=placed(row["mean_rank"]),
            left=placed(row["mean_rank"] - half),
            width=round(100 * 2 * half / (high - low), 2),
            near=bool(row["mean_rank"] < best + reach) or row["mean_rank"] == best,
        )
        for row in ranks.to_dict("records")
    )
    band = (placed(best - half), round(200 * half / (high - low), 2)) if half else None
    step = max(1, math.ceil(len(ranks) / 12))
    ticks = tuple(Tick(placed(rank), str(rank)) for rank in range(1, len(ranks) + 1, step))
    return marks, band, ticks
