"""The errors molw2s raises on purpose; the command line prints their message and nothing else."""


class Molw2sError(Exception):
    """Something the user can act on; the message says what was wrong, where, and what to do."""


class InvalidInput(Molw2sError, ValueError):
    """Bad data: an unparsable SMILES, a missing target, a corrupted file."""


class UnknownName(Molw2sError, LookupError):
    """A dataset, encoder, head or suite that nobody registered."""


class AlreadyRegistered(Molw2sError):
    """Two things want the same registered name."""
