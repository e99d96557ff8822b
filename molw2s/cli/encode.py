"""molw2s encode"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.completion import encoders
from molw2s.cli.console import Json, TrustRemoteCode, print_json, tell


def encode(
    encoder: Annotated[
        str,
        typer.Argument(help="Registered name, folder, or hub checkpoint.", autocompletion=encoders),
    ],
    file: Annotated[Path, typer.Argument(help="CSV (or Excel, Parquet, SDF, .smi) of molecules.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .npy file to write.")],
    smiles_column: str = "smiles",
    drop_invalid: Annotated[
        bool, typer.Option("--drop-invalid", help="Leave invalid molecules out.")
    ] = False,
    trust_remote_code: TrustRemoteCode = False,
    json: Json = False,
) -> None:
    """Write the embeddings of a file's molecules, one row each, in file order."""
    import io

    import numpy as np

    from molw2s.datasets import read_smiles
    from molw2s.encoders import embed, get_encoder
    from molw2s.locations import write_atomically

    chosen = get_encoder(encoder, trust_remote_code=trust_remote_code)
    smiles, dropped = read_smiles(file, smiles_column, drop_invalid)
    tell(file, dropped)
    embeddings = embed(chosen, smiles)
    buffer = io.BytesIO()
    np.save(buffer, embeddings)
    write_atomically(out, buffer.getvalue())
    if json:
        print_json({"out": str(out), "shape": list(embeddings.shape)})
    else:
        print(f"{out}: {embeddings.shape[0]} molecules x {embeddings.shape[1]} {embeddings.dtype}")
