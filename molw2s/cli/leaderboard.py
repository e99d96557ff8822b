"""molw2s leaderboard"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, print_json, print_table


def leaderboard(
    places: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or folders of these.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for leaderboard.json, .md and .html.")] = Path(
        "leaderboard"
    ),
    dataset: Annotated[
        list[str] | None, typer.Option(help="Only this dataset, repeatable.")
    ] = None,
    labels: Annotated[
        list[str] | None,
        typer.Option(help='Only these labels, repeatable: "disjoint, 10 %", or disjoint for any.'),
    ] = None,
    max_size: Annotated[
        float | None, typer.Option(help="Rank encoders of at most this hidden size.", min=1)
    ] = None,
    licence: Annotated[
        list[str] | None,
        typer.Option(help="Rank encoders of this licence, repeatable; unknown is one."),
    ] = None,
    json: Json = False,
) -> None:
    """Rank every encoder as a teacher and as a student, over the datasets of many runs."""
    from molw2s.analysis import leaderboard as ranked
    from molw2s.report import leaderboard_text as text
    from molw2s.report.leaderboard_page import write_leaderboard
    from molw2s.results import find_runs, origin_of, read_with_licences

    folders = find_runs(places)
    found = ranked(
        [read_with_licences(folder) for folder in folders],
        datasets=dataset or (),
        labels=labels or (),
        max_size=max_size or math.inf,
        licences=licence or (),
    )
    origins = [text.Origin(*origin_of(folder)) for folder in folders]
    write_leaderboard(found, origins, out)
    if json:
        print_json({"out": str(out), **text.as_object(found, origins)})
        return
    for board in found.boards:
        caption = f"{board.title}. {text.describe_board(board, plain=True)}"
        if text.is_ranked(board):
            print_table(text.readable_ranks(board), caption)
        else:
            print(caption)
        for who, where, why in text.readable_absent(board).itertuples(index=False):
            print(f"Without a mean rank on {where}: {who} ({why})")
        print()
    print(f"{out}: leaderboard.json, .md and .html.")
