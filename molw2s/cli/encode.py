"""molw2s encode"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from molw2s.cli.console import Json, TrustRemoteCode, print_json
from molw2s.errors import InvalidInput


def encode(
    encoder: Annotated[str, typer.Argument(help="Registered name, folder, or hub checkpoint.")],
    file: Annotated[Path, typer.Argument(help="CSV file with a header line.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .npy file to write.")],
    smiles_column: str = "smiles",
    trust_remote_code: TrustRemoteCode = False,
    json: Json = False,
) -> None:
    """Write the embeddings of a CSV's molecules, one row each, in file order."""
    import io

    import numpy as np

    from molw2s.cells import read_cells
    from molw2s.encoders import embed, get_encoder
    from molw2s.locations import write_atomically

    chosen = get_encoder(encoder, trust_remote_code=trust_remote_code)
    frame, _ = read_cells(file)
    if smiles_column not in frame:
        raise InvalidInput(f"{file} has no column {smiles_column!r}; it has {list(frame.columns)}")
    if len(frame) and frame.index[-1] - 1 > len(frame):
        print(f"{file}: lines without any text are left out", file=sys.stderr)
    embeddings = embed(chosen, frame[smiles_column].str.strip().tolist())
    buffer = io.BytesIO()
    np.save(buffer, embeddings)
    write_atomically(out, buffer.getvalue())
    if json:
        print_json({"out": str(out), "shape": list(embeddings.shape)})
    else:
        print(f"{out}: {embeddings.shape[0]} molecules x {embeddings.shape[1]} {embeddings.dtype}")
