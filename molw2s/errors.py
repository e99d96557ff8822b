"""The errors molw2s raises on purpose; the command line prints their message and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError


class Molw2sError(Exception):
    """Something the user can act on; the message says what was wrong, where, and what to do."""


class InvalidInput(Molw2sError, ValueError):
    """Bad data: an unparsable SMILES, a missing target, a corrupted file."""


class UnknownName(Molw2sError, LookupError):
    """A dataset, encoder, head or suite that nobody registered."""


class AlreadyRegistered(Molw2sError):
    """Two things want the same registered name."""


def explain(error: ValidationError) -> str:
    """What pydantic found wrong, on one line: "key: complaint; key.subkey: complaint"."""
    return "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
