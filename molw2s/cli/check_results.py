"""molw2s check-results"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, print_json


def check_results(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders of results, or folders of these."),
    ],
    json: Json = False,
) -> None:
    """Check results before they are ranked: schema, hashes, splits, and plausible numbers.

    Exits with 1 where one has a fault.
    """
    from molw2s.results import check_results as checked
    from molw2s.results import find_runs

    found = [checked(folder) for folder in find_runs(places)]
    if json:
        print_json({"results": [vars(each) | {"folder": str(each.folder)} for each in found]})
    else:
        for each in found:
            not_checked = "".join(f"; not checked: {what}" for what in each.unchecked)
            if not each.faults:
                print(f"{each.folder}: {each.trials} trials, no fault{not_checked}")
            for fault in each.faults:
                print(f"{each.folder}: fault: {fault}")
    if any(each.faults for each in found):
        raise typer.Exit(1)
