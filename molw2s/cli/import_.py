"""molw2s import"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, print_json

imports = typer.Typer(help="Make an encoder's folder of a checkpoint in another layout.")


@imports.command("molbert")
def import_molbert(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CKPT",
            help="MolBERT's PyTorch Lightning file; hparams.yaml is beside it or one folder up.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The encoder's folder, e.g. models/molbert.")],
    max_length: Annotated[
        int | None,
        typer.Option(help="Longest SMILES in tokens (default: MolBERT's training length, 128)."),
    ] = None,
    json: Json = False,
) -> None:
    """Import MolBERT's published checkpoint; no code in it is run."""
    from molw2s.encoders.molbert import import_molbert as import_

    record = import_(checkpoint, out, max_length)
    if json:
        print_json(record)
    else:
        print(
            f"{out}: {record['parameters']:,} parameters, SMILES of up to "
            f"{record['max_length']} tokens"
        )
