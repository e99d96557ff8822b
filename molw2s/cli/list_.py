"""molw2s list"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from molw2s.cli.console import Json, print_json


def list_(
    what: Annotated[
        Literal["datasets", "encoders", "heads", "suites"], typer.Argument(help="What to list.")
    ],
    json: Json = False,
) -> None:
    """List what can be chosen by name."""
    names: list[str]
    if what == "datasets":
        from molw2s.datasets import DATASETS

        names = DATASETS.names()
    elif what == "encoders":
        from molw2s.encoders import ENCODERS

        names = ENCODERS.names()
    elif what == "heads":
        from molw2s.learners.heads import HEADS

        names = HEADS.names()
    else:
        from molw2s.experiment.settings import suite_names

        names = suite_names()
    if json:
        print_json({what: names})
    else:
        print("\n".join(names))
