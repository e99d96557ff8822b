"""molw2s report"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, print_json, print_tables, tables


def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    json: Json = False,
) -> None:
    """Make a run's tables and figures again from its records."""
    from molw2s.records import read_records
    from molw2s.report import write_report

    records = read_records(folder)
    write_report(folder)
    if json:
        print_json({"out": str(folder), **tables(records)})
    else:
        print_tables(records)
