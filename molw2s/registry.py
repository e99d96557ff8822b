"""One registry for everything that is chosen by name: datasets, encoders, heads, corpora."""

from __future__ import annotations

import sys
from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from molw2s.errors import AlreadyRegistered, InvalidInput, UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """Names mapped to functions or classes, plus those that plug-in packages declare.

    Parameters
    ----------
    kind : str
        What is registered, in the singular; used in error messages ("encoder").
    group : str, optional
        Entry-point group searched for plug-ins ("molw2s.encoders"). A plug-in is imported
        only when its name is asked for.
    """

    def __init__(self, kind: str, group: str | None = None) -> None:
        self.kind = kind
        self._group = group
        self._items: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorator that adds an object under ``name``.

        Raises
        ------
        AlreadyRegistered
            If the name is taken. (A plug-in that takes it too is noticed when it is asked for.)
        InvalidInput
            If the object is not callable: a dataset itself, and not a function that loads it.
        """

        def add(item: T) -> T:
            if not callable(item):
                raise InvalidInput(
                    f"{self.kind} {name!r}: register a function or class that makes it, not "
                    f"{type(item).__name__}"
                )
            if name in self._items:
                raise AlreadyRegistered(
                    f"{self.kind} {name!r} is registered already, by {self._items[name]!r}; "
                    "choose another name"
                )
            self._items[name] = item
            return item

        return add

    def __getitem__(self, name: str) -> T:
        """The object called ``name``.

        Raises
        ------
        UnknownName
            With the nearest names, if there is none.
        AlreadyRegistered
            If a plug-in claims a name that is taken.
        InvalidInput
            If a plug-in cannot be imported.
        """
        plugins = self._plugins().get(name, [])
        if len(plugins) + (name in self._items) > 1:
            claims = ", ".join(plugin.value for plugin in plugins)
            raise AlreadyRegistered(
                f"{self.kind} {name!r} is claimed more than once, by plug-in {claims}; rename or "
                "uninstall one of them"
            )
        if name in self._items:
            return self._items[name]
        if plugins:
            try:
                loaded: T = plugins[0].load()
            except (ImportError, AttributeError) as error:
                raise InvalidInput(
                    f"{self.kind} {name!r}: plug-in {plugins[0].value} cannot be imported: {error}"
                ) from error
            return loaded
        near = get_close_matches(name, self.names(), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else ""
        raise UnknownName(
            f"unknown {self.kind} {name!r}; {hint or 'known: ' + ', '.join(self.names())}"
        )

    def __contains__(self, name: str) -> bool:
        return name in self._items or name in self._plugins()

    def names(self) -> list[str]:
        """All names, built-in ones in order of registration, then plug-ins."""
        return [*self._items, *(name for name in self._plugins() if name not in self._items)]

    def registered(self) -> list[str]:
        """The names that have been registered by now, without plug-ins'."""
        return list(self._items)

    def _plugins(self) -> dict[str, list[EntryPoint]]:
        return _declared(self._group, tuple(sys.path)) if self._group is not None else {}


@cache
def _declared(group: str, path: tuple[str, ...]) -> dict[str, list[EntryPoint]]:
    """The plug-ins of a group; reading all installed packages takes tens of milliseconds."""
    found: dict[str, list[EntryPoint]] = {}
    for point in entry_points(group=group):
        found.setdefault(point.name, []).append(point)
    return found
