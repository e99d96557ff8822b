"""The errors molw2s raises on purpose; the command line prints their message and nothing else."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


class Molw2sError(Exception):
    """Something the user can act on; the message says what was wrong, where, and what to do."""


class InvalidInput(Molw2sError, ValueError):
    """Bad data: an unparsable SMILES, a missing target, a corrupted file."""


class UnknownName(Molw2sError, LookupError):
    """A dataset, encoder, head or suite that nobody registered."""


class ClusterLost(Molw2sError):
    """A cluster that cannot be reached, or is not there any more."""


class AlreadyRegistered(Molw2sError):
    """Two things want the same registered name."""


def explain(error: ValidationError, known: Iterable[str] = ()) -> str:
    """What pydantic found wrong, on one line: "key: complaint; key.subkey: complaint".

    Of the ``known`` keys at the top, those nearest to an unknown one are named.
    """
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}: {_complaint(item, list(known))}"
        for item in error.errors()
    )


def _complaint(item: ErrorDetails, known: list[str]) -> str:
    if item["type"] == "tuple_type":
        return "should be a list: [a, b]"
    if item["type"] != "extra_forbidden":
        return item["msg"].removeprefix("Value error, ")
    top_level = known if len(item["loc"]) == 1 else []
    near = get_close_matches(str(item["loc"][-1]), top_level, n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"unknown setting{hint}"
