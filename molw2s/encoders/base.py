"""What an encoder is, and what is checked of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from molw2s.errors import InvalidInput

FAULTS = {
    "cut": (1, "have more tokens than the encoder takes and are cut"),
    "with_unknown_tokens": (2, "have tokens that the tokenizer does not know"),
}
"""What may be wrong with a SMILES for an encoder: a bit of ``faults``, and words for it."""


@runtime_checkable
class Encoder(Protocol):
    """Anything with a ``name``, a ``dim`` and ``encode``.

    An encoder may also have ``fingerprint`` (str): a hash of everything that decides its output.
    Only then are its embeddings kept on disk. ``licence`` (str), if it has one, is recorded.
    """

    name: str

    @property
    def dim(self) -> int: ...

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) embeddings; row i belongs to molecule i."""
        ...


def check_names(encoders: Sequence[Encoder]) -> None:
    """Raise InvalidInput if two encoders have the same name: a table could not tell them apart."""
    names = [encoder.name for encoder in encoders]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InvalidInput(
            f"more than one encoder is called {', '.join(sorted(repeated))}; give each a .name"
        )


def tell_apart(encoders: Sequence[Encoder]) -> None:
    """Give checkpoints in folders of one name as much of their paths as tells them apart."""
    for name in {encoder.name for encoder in encoders}:
        alike = [each for each in encoders if each.name == name]
        paths = [path for each in alike if (path := getattr(each, "folder", None)) is not None]
        if len(alike) < 2 or len(paths) < len(alike):
            continue
        parts = [Path(path).resolve().parts for path in paths]
        for length in range(2, max(map(len, parts)) + 1):
            names = ["/".join(each[-length:]) for each in parts]
            if len(set(names)) == len(names):
                for encoder, longer in zip(alike, names):
                    encoder.name = longer
                break


def checked_output(encoder: Encoder, smiles: Sequence[str]) -> NDArray[np.float32]:
    """(n, dim) float32; raises InvalidInput for another shape or type, or what is not finite."""
    name = f"encoder {encoder.name!r}"
    output = encoder.encode(list(smiles))
    if not isinstance(output, np.ndarray) or not np.issubdtype(output.dtype, np.floating):
        kind = getattr(output, "dtype", type(output).__name__)
        raise InvalidInput(f"{name} must return a float NumPy array, got {kind}")
    if output.shape != (len(smiles), encoder.dim):
        raise InvalidInput(
            f"{name} returned shape {output.shape} for {len(smiles)} molecules; "
            f"({len(smiles)}, dim={encoder.dim}) expected"
        )
    output = output.astype(np.float32, copy=False)
    bad = np.flatnonzero(~np.isfinite(output).all(axis=1))
    if len(bad):
        raise InvalidInput(
            f"{name} returned values that are not finite for {len(bad)} molecules; "
            f"the first is row {bad[0]}: {smiles[bad[0]]!r}"
        )
    return output
