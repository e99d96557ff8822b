"""molw2s measure"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from molw2s.cli.console import Json, print_json, print_tables, tables


def measure(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    loss: Annotated[
        Literal["squared", "absolute", "poisson", "logistic"],
        typer.Option(help="By which loss; poisson is for positive values, logistic for 0 to 1."),
    ] = "squared",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for records and report (default: RUN, or RUN/loss-LOSS)."),
    ] = None,
    json: Json = False,
) -> None:
    """Make a run's records again from its kept predictions, under any loss; nothing is fitted."""
    from molw2s.experiment.predictions import measure_run

    where, records = measure_run(folder, loss, out)
    if json:
        print_json({"out": str(where), **tables(records)})
        return
    print_tables(records)
    print(f"Figure, table and records: {where / 'gain_vs_misfit.png'} and beside it.")
