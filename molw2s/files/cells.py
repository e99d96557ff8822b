"""The cells of a file, whatever its format, each row with the place where people find it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from molw2s.errors import InvalidInput
from molw2s.files.delimited import read_delimited
from molw2s.files.others import read_excel, read_parquet, read_sdf, read_smi
from molw2s.files.unpacked import as_text, looks_like, unpacked


@dataclass(frozen=True, eq=False)
class Cells:
    """A table of text.

    Attributes
    ----------
    name : str
        The file's, for messages.
    frame : DataFrame of str
        Rows without any text are left out. The index says where a row is: a physical line of a
        text file (where it begins), a row of a sheet, or the number of a molecule or record.
    noun : str
        What the index counts: "line", "row", "molecule", "record".
    sha256 : str
        Of the file.
    decimal_comma : bool
        Whether numbers may be written as 1,5: where commas do not separate cells.
    remarks : tuple of str
        What a reader should know of how the file was read.
    """

    name: str
    frame: pd.DataFrame
    noun: str
    sha256: str
    decimal_comma: bool = False
    remarks: tuple[str, ...] = ()

    def column(self, name: str, kind: str) -> pd.Series:
        """A column by name.

        Raises
        ------
        InvalidInput
            If it is missing, or there are two of that name; ``kind`` ("smiles") names the option.
        """
        names = list(self.frame.columns)
        if names.count(name) == 1:
            column: pd.Series = self.frame[name]
            return column
        option = f"(choose with --{kind}-column)"
        if name in names:
            raise InvalidInput(f"{self.name} has {names.count(name)} columns {name!r}; rename one")
        raise InvalidInput(
            f"{self.name} has no {kind} column {name!r}; its columns: "
            f"{', '.join(map(repr, names))} {option}"
        )

    def where(self, place: object) -> str:
        """For messages: "my.csv, line 7"."""
        return f"{self.name}, {self.noun} {place}"


def read_cells(path: str | Path, bare: bool = False) -> Cells:
    """Read a file once, be it a pipe.

    Text is lines of cells below a header; or, where the file's name ends in .smi, .smiles or .ism
    (or, if ``bare``, in anything but .csv), a SMILES a line.

    Raises
    ------
    InvalidInput
        If it cannot be read, is too large unpacked, or is no table: the message says what it looks
        like.
    """
    path = Path(path)
    try:
        packed = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    digest = hashlib.sha256(packed).hexdigest()
    try:
        content = unpacked(packed)
        kind = looks_like(content)
        if kind == "excel":
            frame, remarks = read_excel(content)
            return Cells(str(path), _with_text(frame), "row", digest, remarks=remarks)
        if kind == "parquet":
            return Cells(str(path), _with_text(read_parquet(content)), "record", digest)
        text, remarks = as_text(content)
        if "\n$$$$" in text:
            return Cells(str(path), read_sdf(text), "molecule", digest, remarks=remarks)
        ending = _suffix(path)
        if ending in (".smi", ".smiles", ".ism") or (bare and ending != ".csv"):
            frame = read_smi(text)
            return Cells(str(path), _with_text(frame), "line", digest, remarks=remarks)
        rows, comma, told = read_delimited(text)
    except InvalidInput as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    frame = _with_text(_framed(rows))
    return Cells(str(path), frame, "line", digest, comma, (*remarks, *told))


_PACKED = (".gz", ".bz2", ".xz", ".zip")


def _suffix(path: Path) -> str:
    """Without the endings of archives: ".smi" for "x.smi.gz"."""
    endings = [each.lower() for each in path.suffixes if each.lower() not in _PACKED]
    return endings[-1] if endings else ""


def _framed(rows: Sequence[tuple[int, list[str]]]) -> pd.DataFrame:
    (_, header), *body = rows
    cells = pd.DataFrame([cells for _, cells in body], columns=header, dtype=str)
    cells.index = pd.Index([line for line, _ in body], dtype="int64")
    return cells


def _with_text(frame: pd.DataFrame) -> pd.DataFrame:
    has_text = frame.apply(lambda row: any(cell.strip() for cell in row), axis=1)
    return frame[has_text.astype(bool)] if len(frame) else frame
