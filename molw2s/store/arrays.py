"""Arrays by key, in memory and on disk.

A key is a hash of all that decides the arrays, so what is kept never has to be thrown away. Files
are written in one step: two processes may write at once, and a killed one leaves nothing
half-written. Each says what is in it (a SHA-256 over key, names, types, shapes and values); a file
that says otherwise, whoever changed it, is as good as none.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molw2s.locations import cache_dir, sweep, write_atomically

_log = logging.getLogger(__name__)

Arrays = Mapping[str, NDArray[Any]]
Shapes = Mapping[str, tuple[tuple[int, ...], str]]
"""Name -> shape and type ("float32") that an array must have."""


class Store:
    """Arrays of this process, and those on disk that it and others have kept.

    Parameters
    ----------
    folder : path, optional
        Where arrays are kept; None keeps nothing beyond this process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self._here: dict[str, Arrays] = {}
        self._derived: dict[str, NDArray[Any]] = {}
        if folder is not None:
            for kind in folder.glob("*"):
                sweep(kind)

    def __getitem__(self, key: str) -> Arrays:
        return self._here[key]

    def has(self, key: str, kind: str, shapes: Shapes) -> bool:
        """Whether there are arrays of this key and these shapes; they are in memory from then on.

        ``kind`` is the folder's name within the store: "embeddings", "predictions".
        """
        if key not in self._here and (arrays := self.on_disk(key, kind, shapes)) is not None:
            self._here[key] = arrays
        return key in self._here

    def on_disk(self, key: str, kind: str, shapes: Shapes) -> Arrays | None:
        """Arrays of this key and these shapes that are on disk, without holding them in memory."""
        if self.folder is None:
            return None
        arrays = read(self._path(key, kind), key)
        return arrays if arrays is not None and fit(arrays, shapes) else None

    def keys_on_disk(self, kind: str) -> list[str]:
        """Sorted keys of the arrays of a kind that are on disk, whole or not."""
        if self.folder is None:
            return []
        return sorted(path.stem for path in (self.folder / kind).glob("*.safetensors"))

    def glance(self, key: str, kind: str, name: str) -> NDArray[Any] | None:
        """One array of several on disk, unchecked: to see whether they are worth reading."""
        if self.folder is None:
            return None
        return _contents(self._path(key, kind), [name])[0].get(name)

    def put(self, key: str, kind: str, arrays: Arrays, keep: bool) -> None:
        """Hold arrays in memory and, to ``keep`` them, on disk; a disk that is full or not ours to
        write is told of, and no matter."""
        self._here[key] = arrays
        if keep and self.folder is not None:
            try:
                write(self._path(key, kind), key, arrays)
            except OSError as error:
                _log.warning(
                    "nothing is kept from now on: %s (set MOLW2S_CACHE to a folder that can be "
                    "written)", error,
                )  # fmt: skip
                self.folder = None

    def derived(self, key: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The one array of this process that ``make`` gives, made when it is first asked for.

        One object for all who ask, so that it is sent to each worker once.
        """
        if key not in self._derived:
            self._derived[key] = make()
        return self._derived[key]

    def forget(self, keys: Iterable[str]) -> None:
        """Drop these arrays, and all derived ones, from memory; what is on disk stays."""
        for key in keys:
            self._here.pop(key, None)
        self._derived.clear()

    def _path(self, key: str, kind: str) -> Path:
        assert self.folder is not None
        return self.folder / kind / f"{key}.safetensors"


def shared_store() -> Store:
    """The store in ``cache_dir()``, which all runs share."""
    return Store(cache_dir())


def read(path: Path, key: str) -> Arrays | None:
    """The arrays in a file; None if it is absent, damaged, or of another key."""
    arrays, stated = _contents(path)
    return arrays if arrays and stated == _digest(key, arrays) else None


def _contents(path: Path, names: Iterable[str] | None = None) -> tuple[Arrays, str | None]:
    """Arrays in a file, and the digest that it states; no arrays where it cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            wanted = file.keys() if names is None else names
            arrays = {name: file.get_tensor(name) for name in wanted}
            return arrays, (file.metadata() or {}).get("sha256")
    except (OSError, SafetensorError, ValueError, TypeError, KeyError):
        return {}, None


def write(path: Path, key: str, arrays: Arrays) -> None:
    """Write arrays in one step."""
    from safetensors.numpy import save

    contiguous = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    content = save(contiguous, metadata={"sha256": _digest(key, contiguous)})
    write_atomically(path, content)


def fit(arrays: Arrays, shapes: Shapes) -> bool:
    """Whether there are just these arrays, of these shapes and types."""
    return {name: (array.shape, array.dtype.name) for name, array in arrays.items()} == dict(shapes)


def digest(*parts: str | bytes | NDArray[Any]) -> str:
    """SHA-256 over parts, each with its length (and type and shape) before it."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            part = part.encode()
        if isinstance(part, bytes):
            head, body = f"bytes {len(part)}", part
        else:
            head, body = f"{part.dtype.str} {part.shape}", np.ascontiguousarray(part).tobytes()
        total.update(head.encode() + b"\n" + body)
    return total.hexdigest()


def _digest(key: str, arrays: Arrays) -> str:
    return digest(key, *(part for name in sorted(arrays) for part in (name, arrays[name])))
