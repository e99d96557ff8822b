"""What commands share in printing: tables, JSON, a progress bar; and the options several have."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]

TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Run the Python code that a checkpoint of a folder or the hub brings along.",
    ),
]

_WORDS = ("weak encoder", "encoder", "head", "", "rule", "labels it looks at", "teacher")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr; nothing where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task(title, total=None)
        yield lambda stage, done, total: bar.update(
            task, description=stage, completed=done, total=total
        )


def tables(records: pd.DataFrame) -> dict[str, Any]:
    """A run's tables for JSON: the summary, and the diagonal's where there are many tasks."""
    from molw2s.analysis.diagonal import diagonal_table, has_tasks
    from molw2s.analysis.summary import summary_table

    found = {"table": rows(summary_table(records))}
    return found | ({"diagonal": rows(diagonal_table(records))} if has_tasks(records) else {})


def print_tables(records: pd.DataFrame) -> None:
    """A run's tables for people, with the paper's columns, and the finding."""
    from molw2s.analysis.diagonal import diagonal_table, has_tasks
    from molw2s.analysis.summary import summary_table
    from molw2s.report import text
    from molw2s.report.page.claim import claim_of_run

    columns = ("weak_error", "weak_error_minus_misfit", "w2s_error", "misfit", "gain")
    summary = text.readable(summary_table(records), columns)
    print_table(summary, text.caption_of(records))
    if has_tasks(records):
        print()
        diagonal = text.readable_diagonal(diagonal_table(records))
        print_table(diagonal, f"{text.DIAGONAL_CAPTION}.")
    claim = claim_of_run(records)
    found = "\n".join([claim.sentence, *claim.notes])
    print(f"\n{found}".replace("−", "-"))  # which more consoles can show


def rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """A table for JSON."""
    content: list[dict[str, Any]] = table.to_dict("records")
    return content


def print_json(content: dict[str, Any]) -> None:
    """Strict JSON: what is not finite or missing is null."""
    from molw2s.report.as_json import to_json

    print(to_json(content))


def tell(file: Path, dropped: dict[int, str]) -> None:
    """On stderr, which molecules of a file were left out."""
    if dropped:
        from molw2s.datasets.molecules import name_lines

        told = f"{file}: left out {len(dropped)} invalid molecules\n{name_lines(dropped)}"
        print(told, file=sys.stderr)


def print_table(text: pd.DataFrame, caption: str) -> None:
    """Boxed on a terminal, Markdown elsewhere."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from molw2s.report import to_markdown

    console = Console()
    if not console.is_terminal:
        print(f"{caption}\n\n{to_markdown(text).rstrip()}")
        return
    table = Table(
        caption=caption, caption_justify="left", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False
    )
    for column in text.columns:
        table.add_column(column, justify="left" if column in _WORDS else "right")
    for row in text.itertuples(index=False):
        table.add_row(*row)
    console.print(table)
