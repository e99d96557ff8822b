"""CSV files as people write them: every cell as text, every fault with its line."""

from __future__ import annotations

import hashlib
import io
import warnings
import zlib
from pathlib import Path

import pandas as pd
from pandas.errors import ParserWarning

from molw2s.errors import InvalidInput


def read_cells(path: Path) -> tuple[pd.DataFrame, str]:
    """The cells of a CSV file (gzip allowed) with a header, and the file's SHA-256.

    The index are line numbers, the header being line 1; empty lines are left out.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or has lines with more cells than its header: pandas would
        take the first ones for row labels and the others for their neighbours' columns.
    """
    try:
        content = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("error", ParserWarning)
            cells = pd.read_csv(
                io.BytesIO(content),
                dtype=str,
                keep_default_na=False,
                skip_blank_lines=False,
                index_col=False,
                compression="gzip" if path.suffix == ".gz" else None,
            )
    except ParserWarning as error:
        raise InvalidInput(f"{path}: there are lines with more cells than the header") from error
    except (OSError, ValueError, EOFError, zlib.error) as error:  # the last two of a cut .gz
        raise InvalidInput(f"cannot read {path}: {error}") from error
    cells.index += 2
    return cells[(cells != "").any(axis=1)], hashlib.sha256(content).hexdigest()
