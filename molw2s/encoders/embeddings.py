"""Embeddings: computed once for an encoder and a molecule, in pieces that can be done anywhere.

Where a piece ends is decided by the molecules in it, so that a molecule more or less in a file
leaves the other pieces as they were; and a piece that is new takes what older ones of the same
encoder have of its molecules. A killed encoding goes on behind its last whole piece.
"""

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

from molw2s.encoders.base import FAULTS, Encoder, checked_output
from molw2s.errors import InvalidInput
from molw2s.smiles import as_list
from molw2s.store import Arrays, Shapes, Spread, Store, Work, digest, do, shared_store

VERSION = 3
"""Raised by hand whenever the embeddings of an encoder change for the same files and molecules."""

SHORTEST, LONGEST = 1024, 8192
"""Molecules in a piece but the last; about 3,000 in most."""

_log = logging.getLogger(__name__)
_LIBRARIES = ("rdkit", "tokenizers", "torch", "transformers")


@dataclass(frozen=True, eq=False)
class Encoding:
    """The work of embedding some molecules, the first of which is row ``start`` of a dataset.

    ``ids`` (n, 2) are hashes of the SMILES, kept beside the embeddings.
    """

    encoder: Encoder
    smiles: Sequence[str]
    ids: NDArray[np.uint64]
    start: int
    needs: ClassVar[tuple[Work, ...]] = ()

    @cached_property
    def _maker(self) -> str | None:
        """All that decides an embedding but its molecule."""
        known = getattr(self.encoder, "fingerprint", None)
        libraries = " ".join(version(name) for name in _LIBRARIES)
        return None if known is None else digest(f"embeddings {VERSION}", libraries, known)

    @property
    def kind(self) -> str:
        return f"embeddings-{(self._maker or '')[:16]}"

    @cached_property
    def key(self) -> str:
        if self._maker is None:
            return f"unknown-{uuid4().hex}"
        return digest(self._maker, "\n".join(self.smiles))

    @property
    def kept(self) -> bool:
        return self._maker is not None

    @property
    def spread(self) -> Spread:
        return "always" if getattr(self.encoder, "takes_one_core", False) else "never"

    @property
    def shapes(self) -> Shapes:
        return self._shapes(len(self.smiles))

    def _shapes(self, n: int) -> Shapes:
        return {
            "embeddings": ((n, self.encoder.dim), "float32"),
            "faults": ((n,), "uint8"),
            "ids": ((n, 2), "uint64"),
        }

    @property
    def title(self) -> str:
        return f"encode {self.encoder.name}"

    def call(self, store: Store) -> tuple[Callable[..., Arrays], tuple[Any, ...]]:
        before = self._before(store) if self.kept else {}
        rows = np.array([*before], np.int64)
        embeddings = np.array([each for each, _ in before.values()], np.float32)
        faults = np.array([each for _, each in before.values()], np.uint8)
        shaped = embeddings.reshape(len(rows), self.encoder.dim)
        return encode, (self.encoder, self.smiles, self.ids, self.start, rows, shaped, faults)

    def _before(self, store: Store) -> dict[int, tuple[NDArray[np.float32], np.uint8]]:
        """Row -> embedding and faults, of molecules that other pieces have."""
        missing = {tuple(each): row for row, each in enumerate(self.ids.tolist())}
        found = {}
        for key in store.keys_on_disk(self.kind):
            ids = store.glance(key, self.kind, "ids")
            if ids is None or ids.shape[1:] != (2,):
                continue
            there = [tuple(each) for each in ids.tolist()]
            if missing.keys().isdisjoint(there):
                continue
            arrays = store.on_disk(key, self.kind, self._shapes(len(there)))
            if arrays is None:
                continue
            for place, each in enumerate(there):
                if (row := missing.pop(each, None)) is not None:
                    found[row] = arrays["embeddings"][place], arrays["faults"][place]
        return found


def encode(
    encoder: Encoder,
    smiles: Sequence[str],
    ids: NDArray[np.uint64],
    start: int,
    rows: NDArray[np.int64],
    known: NDArray[np.float32],
    known_faults: NDArray[np.uint8],
) -> Arrays:
    """The checked output of an encoder, as the store keeps it; ``known`` at ``rows``."""
    new = np.setdiff1d(np.arange(len(smiles)), rows)
    texts = [smiles[row] for row in new]
    embeddings = np.empty((len(smiles), encoder.dim), np.float32)
    faults = np.zeros(len(smiles), np.uint8)
    embeddings[rows], faults[rows] = known, known_faults
    by_itself = logging.getLogger("molw2s.encoders.transformer")
    by_itself.disabled = True  # whoever asks for kept embeddings tells of faults, kept as well
    try:
        if texts:
            embeddings[new] = checked_output(encoder, texts)
        if texts and hasattr(encoder, "faults"):
            faults[new] = encoder.faults(texts)
    except InvalidInput as error:
        if len(rows):  # once more, that the message counts rows as the dataset does
            return encode(encoder, smiles, ids, start, rows[:0], known[:0], known_faults[:0])
        if not start:
            raise
        raise InvalidInput(f"{error} (rows counted from row {start})") from error
    finally:
        by_itself.disabled = False
    return {"embeddings": embeddings, "faults": faults, "ids": ids}


@dataclass(frozen=True, eq=False)
class Embeddings:
    """An encoder's (n, d) embeddings of n molecules, as a learner's inputs."""

    encoder: Encoder
    smiles: Sequence[str]

    @cached_property
    def needs(self) -> tuple[Encoding, ...]:
        """The pieces of work."""
        ids = _ids(self.smiles)
        return tuple(
            Encoding(self.encoder, self.smiles[start:end], ids[start:end], start)
            for start, end in _pieces(ids)
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


def _ids(smiles: Sequence[str]) -> NDArray[np.uint64]:
    """(n, 2) 128 bits of a hash of each SMILES."""
    hashes = b"".join(hashlib.sha256(text.encode()).digest()[:16] for text in smiles)
    return np.frombuffer(hashes, np.uint64).reshape(-1, 2)


def _pieces(ids: NDArray[np.uint64]) -> list[tuple[int, int]]:
    """First row and end of each piece: it ends behind a molecule whose hash says so."""
    last = ids[:, 0] % np.uint64(2048) == 0
    pieces, start = [], 0
    for row, ends in enumerate(last.tolist(), start=1):
        length = row - start
        if length == LONGEST or (ends and length >= SHORTEST) or row == len(ids):
            pieces.append((start, row))
            start = row
    return pieces


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
