"""Embeddings: computed once for an encoder and molecules, in pieces that can be done anywhere."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any, ClassVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from molw2s.encoders.base import Encoder, checked_output
from molw2s.encoders.transformer import FAULTS
from molw2s.errors import InvalidInput
from molw2s.smiles import as_list
from molw2s.store import Arrays, Shapes, Spread, Store, Work, digest, do, shared_store

VERSION = 1
"""Raised by hand whenever the embeddings of an encoder change for the same files and molecules."""

CHUNK = 8192
"""Molecules a piece: one for each of the shipped datasets."""

_log = logging.getLogger(__name__)
_LIBRARIES = ("rdkit", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, eq=False)
class Encoding:
    """The work of embedding some molecules, the first of which is row ``start`` of a dataset."""

    encoder: Encoder
    smiles: Sequence[str]
    start: int
    kind: ClassVar[str] = "embeddings"
    needs: ClassVar[tuple[Work, ...]] = ()
    spread: ClassVar[Spread] = "never"

    @cached_property
    def key(self) -> str:
        known = getattr(self.encoder, "fingerprint", None)
        if known is None:
            return f"unknown-{uuid4().hex}"
        libraries = " ".join(version(name) for name in _LIBRARIES)
        return digest(f"embeddings {VERSION}", libraries, known, "\n".join(self.smiles))

    @property
    def kept(self) -> bool:
        return getattr(self.encoder, "fingerprint", None) is not None

    @property
    def shapes(self) -> Shapes:
        n = len(self.smiles)
        return {"embeddings": ((n, self.encoder.dim), "float32"), "faults": ((n,), "uint8")}

    @property
    def title(self) -> str:
        return f"encode {self.encoder.name}"

    def call(self, store: Store) -> tuple[Callable[..., Arrays], tuple[Any, ...]]:
        return encode, (self.encoder, self.smiles, self.start)


def encode(encoder: Encoder, smiles: Sequence[str], start: int) -> Arrays:
    """The checked output of an encoder, as the store keeps it."""
    by_itself = logging.getLogger("molw2s.encoders.transformer")
    by_itself.disabled = True  # whoever asks for kept embeddings tells of faults, kept as well
    try:
        embeddings = checked_output(encoder, smiles)
        faults = getattr(encoder, "faults", lambda smiles: np.zeros(len(smiles), np.uint8))
        return {"embeddings": embeddings, "faults": faults(smiles)}
    except InvalidInput as error:
        if not start:
            raise
        raise InvalidInput(f"{error} (rows counted from row {start})") from error
    finally:
        by_itself.disabled = False


@dataclass(frozen=True, eq=False)
class Embeddings:
    """An encoder's (n, d) embeddings of n molecules, as a learner's inputs."""

    encoder: Encoder
    smiles: Sequence[str]

    @cached_property
    def needs(self) -> tuple[Encoding, ...]:
        """The pieces of work."""
        starts = range(0, len(self.smiles), CHUNK)
        return tuple(
            Encoding(self.encoder, self.smiles[start : start + CHUNK], start) for start in starts
        )

    @cached_property
    def key(self) -> str:
        return digest(*(piece.key for piece in self.needs))

    @property
    def kept(self) -> bool:
        return all(piece.kept for piece in self.needs)

    def array(self, store: Store) -> NDArray[np.float32]:
        """(n, d) float32, its pieces being in the store."""
        return store.derived(self.key, lambda: self._joined(store))

    def faulty(self, bit: int, store: Store) -> tuple[int, ...]:
        """Rows whose SMILES has the fault of this bit (``FAULTS``)."""
        faults = [do(piece, store)["faults"] for piece in self.needs]
        return tuple(np.flatnonzero(np.concatenate(faults) & bit).tolist()) if faults else ()

    def _joined(self, store: Store) -> NDArray[np.float32]:
        if not self.needs:
            return np.empty((0, self.encoder.dim), np.float32)
        return np.concatenate([store[piece.key]["embeddings"] for piece in self.needs])


def embed(encoder: Encoder, smiles: Sequence[str]) -> NDArray[np.float32]:
    """The encoder's (n, dim) float32 output, checked, from the store where it has been computed.

    Raises
    ------
    InvalidInput
        If the output has the wrong shape or type, or contains a value that is not finite.
    """
    smiles = as_list(smiles)
    store, embeddings = shared_store(), Embeddings(encoder, smiles)
    for piece in embeddings.needs:
        do(piece, store)
    for bit, words in FAULTS.values():
        if rows := embeddings.faulty(bit, store):
            told = f"{encoder.name}: {len(rows)} of {len(smiles)} SMILES {words}"
            _log.warning("%s; the first is row %s", told, rows[0])
    return embeddings.array(store)


def fingerprint(encoder: Encoder, embeddings: NDArray[np.float32]) -> str:
    """The encoder's own fingerprint, or else the hash of what it returned."""
    known: str | None = getattr(encoder, "fingerprint", None)
    return known or hashlib.sha256(embeddings.tobytes()).hexdigest()
