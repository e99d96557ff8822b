"""molw2s pack"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, print_json


def pack(
    places: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, or folders of these.")
    ],
    out: Annotated[Path, typer.Option(help="Where each run's results go, as OUT/SUITE.")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the results of another run.")
    ] = False,
    json: Json = False,
) -> None:
    """Pack finished runs for a leaderboard: their manifests and records, and nothing else."""
    from molw2s.results import find_runs, pack_run

    packed = [pack_run(run, out, overwrite=overwrite) for run in find_runs(places)]
    if json:
        print_json({"packed": [str(folder) for folder in packed]})
        return
    for folder in packed:
        print(f"{folder}: packed; `molw2s check-results {folder}` checks it")
