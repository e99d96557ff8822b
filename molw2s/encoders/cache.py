"""Arrays on disk, found by content: what computed them, and for which SMILES."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from molw2s.locations import cache_dir, write_atomically

Kind = Literal["embeddings", "predictions"]


def location(fingerprint: str, smiles: Sequence[str], kind: Kind = "embeddings") -> Path:
    """The file that holds the rows of just these SMILES, in just this order.

    It is another one under other code, ours or that of the libraries which read SMILES and run
    models.
    """
    content = hashlib.sha256("\n".join([_code(), *smiles]).encode()).hexdigest()
    return cache_dir() / kind / fingerprint[:32] / f"{content[:32]}.npz"


@cache
def _code() -> str:
    libraries = (version(name) for name in ("rdkit", "tokenizers", "torch", "transformers"))
    here = Path(__file__).parent
    ours = source_digest(*here.glob("*.py"), here.parent / "smiles.py")
    return " ".join([*libraries, ours])


def source_digest(*files: Path) -> str:
    """SHA-256 of the files' names and contents."""
    digest = hashlib.sha256()
    for path in sorted(files):
        digest.update(f"{path.name}\n{path.read_text()}".encode())
    return digest.hexdigest()


def get_or_compute(
    fingerprint: str,
    smiles: Sequence[str],
    compute: Callable[[], NDArray[Any]],
    kind: Kind = "embeddings",
) -> NDArray[Any]:
    """Read the array that has a row a SMILES, or compute and keep it.

    Files are written in one step, so two processes may write at once and a killed one leaves
    nothing half-written; a file that is damaged all the same (the format has checksums) is
    computed again.
    """
    path = location(fingerprint, smiles, kind)
    try:
        with np.load(path, allow_pickle=False) as stored:
            rows: NDArray[Any] = stored[kind]
            if len(rows) == len(smiles):
                return rows
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # absent or damaged
    rows = compute()
    buffer = io.BytesIO()
    np.savez(buffer, **{kind: rows})  # type: ignore[arg-type]
    write_atomically(path, buffer.getvalue())
    return rows
