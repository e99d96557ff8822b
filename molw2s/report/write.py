"""All the report's files for one run."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree

from molw2s.analysis.diagonal import diagonal_table, has_tasks
from molw2s.analysis.summary import summary_table
from molw2s.locations import sweep, write_atomically
from molw2s.losses import LOSSES
from molw2s.records import read_records
from molw2s.report.figures import gain_vs_misfit, save_figure
from molw2s.report.page import Source, write_page
from molw2s.report.text import (
    DIAGONAL_CAPTION,
    caption_of,
    in_markdown,
    readable,
    readable_diagonal,
    to_markdown,
)

PAGE = "report.html"
_FILES = (
    "table.md", "table.csv", "diagonal.csv", "gain_vs_misfit.png", "gain_vs_misfit.svg", PAGE
)  # fmt: skip


def remove_report(folder: Path) -> None:
    """Remove what was made of earlier records and predictions: the report and other losses."""
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    for loss in LOSSES:
        rmtree(folder / f"loss-{loss}", ignore_errors=True)


def write_report(folder: str | Path, source: Source | None = None) -> None:
    """Write table.md, table.csv, gain_vs_misfit.png and .svg beside a run's ``records.csv``, and
    report.html.

    A run with many tasks gets diagonal.csv as well. The page has molecules and settings where
    ``source`` has them; by default it is made from the records alone.
    """
    folder = Path(folder)
    records = read_records(folder)
    sweep(folder)
    table = summary_table(records)
    text = f"{in_markdown(caption_of(records))}\n\n{to_markdown(readable(table))}"
    if has_tasks(records):
        diagonal = diagonal_table(records)
        text += f"\n{DIAGONAL_CAPTION}.\n\n{to_markdown(readable_diagonal(diagonal))}"
        write_atomically(folder / "diagonal.csv", diagonal.to_csv(index=False).encode())
    write_atomically(folder / "table.md", text.encode())
    write_atomically(folder / "table.csv", table.to_csv(index=False).encode())
    save_figure(gain_vs_misfit(records), folder / "gain_vs_misfit")
    write_page(folder / PAGE, [source or Source(records)])
