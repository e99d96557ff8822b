"""What a page consists of; plain values, which the renderer writes as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

Json = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Source:
    """What a page is made from: a run, or a study's records.

    Attributes
    ----------
    records : DataFrame
        A row a trial.
    manifest : mapping
        Settings, data, versions; empty where nothing is known of them.
    predictions : DataFrame, optional
        A row a trial and molecule; None where none were kept.
    """

    records: pd.DataFrame
    manifest: Mapping[str, Any] = field(default_factory=dict)
    predictions: pd.DataFrame | None = None


@dataclass(frozen=True)
class Claim:
    """The finding in one sentence: ``before``, the ``figure`` that is set large, ``after``."""

    before: str
    figure: str
    after: str
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it as text."""
        return " ".join(part for part in (self.before, self.figure, self.after) if part)


@dataclass(frozen=True)
class Heading:
    """The head of a column: its text, what it means, and whether its cells are numbers."""

    text: str
    meaning: str
    numeric: bool


@dataclass(frozen=True)
class Cell:
    """A cell as it is read, and what it is sorted by."""

    text: str
    key: str


@dataclass(frozen=True)
class Table:
    """A table that people sort and filter.

    Attributes
    ----------
    id : str
        Unique on the page.
    title, caption : str
    headings : tuple of Heading
    rows : tuple of tuple of Cell
    chooses : int, optional
        The column whose cells name teachers, by which the molecules are chosen.
    folded : bool
        Whether it is shown only when asked for.
    """

    id: str
    title: str
    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    chooses: int | None = None
    folded: bool = False


@dataclass(frozen=True)
class Facts:
    """Name and value, line by line, under a title."""

    title: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Page:
    """Everything on the page.

    Attributes
    ----------
    kind : str
        "run", "study" or "comparison".
    title : str
    claim : Claim
    tags : tuple of str
        What was run, in a few words each.
    data : dict
        What the charts and the molecules view draw, as JSON.
    tables : tuple of Table
    facts : tuple of Facts
    command : str
        What makes the run again; empty where nothing is known of it.
    """

    kind: str
    title: str
    claim: Claim
    tags: tuple[str, ...]
    data: Json
    tables: tuple[Table, ...]
    facts: tuple[Facts, ...]
    command: str
