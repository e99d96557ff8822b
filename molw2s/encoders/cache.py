"""Embeddings on disk, found by content: what the encoder is, and which SMILES it was given."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from molw2s.locations import cache_dir, write_atomically


def location(fingerprint: str, smiles: Sequence[str]) -> Path:
    """The file that holds the embeddings of just these SMILES, in just this order."""
    content = hashlib.sha256("\n".join(smiles).encode()).hexdigest()
    return cache_dir() / "embeddings" / fingerprint[:32] / f"{content[:32]}.npz"


def get_or_compute(
    fingerprint: str, smiles: Sequence[str], compute: Callable[[], NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Read the embeddings, or compute and keep them.

    Files are written in one step, so two processes may write at once and a killed one leaves
    nothing half-written; a file that is damaged all the same (the format has checksums) is
    computed again.
    """
    path = location(fingerprint, smiles)
    try:
        with np.load(path, allow_pickle=False) as stored:
            embeddings: NDArray[np.float32] = stored["embeddings"]
            if len(embeddings) == len(smiles):
                return embeddings
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # absent or damaged
    embeddings = compute()
    buffer = io.BytesIO()
    np.savez(buffer, embeddings=embeddings)
    write_atomically(path, buffer.getvalue())
    return embeddings
