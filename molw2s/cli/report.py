"""molw2s report"""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molw2s.cli.console import Json, print_json, print_tables, tables

if TYPE_CHECKING:
    from molw2s.report.page import Source


def report(
    folders: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="A run's folder, a study's, or several.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="The page (default: report.html in RUN; of several RUNs, here)."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    json: Json = False,
) -> None:
    """Make a run's tables, figures and page again, or one page of several runs or a study."""
    from molw2s.report.page import is_run, write_page
    from molw2s.report.write import PAGE, write_report

    sources = [_source(folder) for folder in folders]
    page = out or (folders[0] / PAGE if len(folders) == 1 else Path(PAGE))
    if page.suffix.lower() not in (".html", ".htm"):
        raise typer.BadParameter(f"--out {page}: the page is HTML; name it {page.name}.html")
    one = len(folders) == 1 and is_run(sources[0].records)
    if one:
        write_report(folders[0], sources[0])
    if not one or out is not None:
        write_page(page, sources)
    if open_:
        webbrowser.open(page.resolve().as_uri())
    records = sources[0].records if one else None
    if json:
        found = {} if records is None else tables(records)
        where = str(folders[0]) if one else str(page)
        print_json({"out": where, "page": str(page), **found})
        return
    if records is not None:
        print_tables(records)
    print(f"Page: {page}")


def _source(folder: Path) -> Source:
    """A run as it is, or records of which no more is known."""
    from molw2s.experiment.folder import Run
    from molw2s.records import read_manifest, read_records
    from molw2s.report.page import Source

    if read_manifest(folder) is None:
        return Source(read_records(folder))
    return Run.read(folder).source
