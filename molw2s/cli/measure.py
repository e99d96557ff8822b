"""molw2s measure"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, print_json, print_tables, tables


def measure(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    loss: Annotated[
        str | None,
        typer.Option(
            help="squared, absolute, poisson (for positive values), logistic or "
            "logistic-reversed (for 0 to 1); default: the run's own."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for records and report (default: RUN, or RUN/loss-LOSS)."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a run's records again from its kept predictions, under any loss; nothing is fitted."""
    from molw2s.experiment.predictions import measure_run
    from molw2s.losses import get_loss
    from molw2s.report.write import PAGE

    where, records = measure_run(folder, loss, out)
    if loss is not None and not get_loss(loss).bregman:
        print(f"Theorem 1 does not speak of the {loss} loss.", file=sys.stderr)
    if json:
        print_json({"out": str(where), **tables(records)})
        return
    print_tables(records)
    print(f"\nReport: {where / PAGE}; figure, tables and records are beside it.")
