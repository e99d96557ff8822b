"""A piece of work: what it is called, what it needs, and how it is done, here or elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from molw2s.store.arrays import Arrays, Shapes, Store

Spread = Literal["never", "if asked", "always"]


class Work(Protocol):
    """One computation whose result is arrays of known shapes.

    Attributes
    ----------
    key : str
        SHA-256 of all that decides the arrays.
    kind : str
        Where they are kept: a folder of the store.
    kept : bool
        Whether the key really knows all that decides them, so that another process may use them.
    shapes : dict
        Name, shape and type of each array.
    needs : sequence of Work
        What must be in the store first.
    spread : "never", "if asked" or "always"
        Whether it is done in processes side by side. Work that uses every core by itself never
        is, and work that takes much memory only where the user says how many at once. (On a
        cluster, all work is.)
    title : str
        For the progress bar.
    """

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def kept(self) -> bool: ...
    @property
    def shapes(self) -> Shapes: ...
    @property
    def needs(self) -> Sequence[Work]: ...
    @property
    def spread(self) -> Spread: ...
    @property
    def title(self) -> str: ...

    def call(self, store: Store) -> tuple[Callable[..., Arrays], tuple[Any, ...]]:
        """A function and its arguments, for a worker: large arrays stand alone among them, and
        the same array is the same object each time."""
        ...


def is_done(work: Work, store: Store) -> bool:
    """Whether the store has what the work would compute."""
    return store.has(work.key, work.kind, work.shapes)


def do(work: Work, store: Store) -> Arrays:
    """The work's arrays, computed in this process where the store lacks them."""
    if not is_done(work, store):
        function, arguments = work.call(store)
        store.put(work.key, work.kind, function(*arguments), work.kept)
    return store[work.key]
