"""CSV files as people write them: every cell as text, with the line it stands in."""

from __future__ import annotations

import hashlib
import lzma
import zlib
from pathlib import Path

import pandas as pd

from molw2s.errors import InvalidInput

UNREADABLE = (OSError, ValueError, EOFError, zlib.error, lzma.LZMAError)
"""What pandas raises for a file it cannot read; the last three for archives that were cut."""


def read_cells(path: Path) -> tuple[pd.DataFrame, str]:
    """The cells of a CSV file (compressed or not) with a header, and the file's SHA-256.

    The index are line numbers, the header being line 1; lines without any text are left out.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or has lines with more cells than its header: pandas would
        take the first ones for row labels and the others for their neighbours' columns.
    """
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        cells = pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=False)
    except UNREADABLE as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    if len(cells) and not isinstance(cells.index, pd.RangeIndex):
        raise InvalidInput(f"{path}: there are lines with more cells than the header")
    cells.index = pd.RangeIndex(2, 2 + len(cells))
    has_text = cells.apply(lambda column: column.str.strip() != "").any(axis=1)
    return cells[has_text], digest
