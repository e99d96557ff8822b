"""molw2s study"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, print_json, rows


def study(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    out: Annotated[
        Path, typer.Option(help="The page; a folder beside it gets figures and records.")
    ] = Path("study.md"),
    json: Json = False,
) -> None:
    """Set many runs side by side: a page with a table and a figure for each dataset."""
    from molw2s.report.study_page import write_study

    table = write_study(folders, out)
    if json:
        print_json({"out": str(out), "combinations": rows(table)})
    else:
        print(f"{out}: {len(table)} combinations; tables, records and figures beside it.")
