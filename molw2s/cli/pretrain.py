"""molw2s pretrain"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, print_json


def pretrain(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE.yaml", help="What to train on, and how.")
    ],
    out: Annotated[Path, typer.Option(help="The encoder's folder, e.g. models/NAME.")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a setting, e.g. architecture.hidden_size=16.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Pretrain an encoder; the same command goes on after an interruption."""
    import shlex

    import yaml

    overrides = {}
    for item in set_ or []:
        key, equals, value = item.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set wants KEY=VALUE, got {item!r}")
        try:
            overrides[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise typer.BadParameter(f"--set {item}: {value!r} is no YAML value") from error

    from molw2s.pretraining.recipe import read_recipe
    from molw2s.pretraining.train import pretrain as pretrain_

    parts = ["molw2s", "pretrain", str(recipe), "--out", str(out)]
    parts += [word for item in set_ or [] for word in ("--set", item)]
    record = pretrain_(read_recipe(recipe, overrides), out, shlex.join(parts))
    if json:
        print_json(record)
    else:
        print(
            f"{out}: {record['tokens']:,} tokens in {record['seconds']} s; "
            f"held out: {record['held_out']}"
        )
