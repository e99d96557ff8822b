"""Text whose cells a separator parts: CSV and its kin, with physical lines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from molw2s.errors import InvalidInput
from molw2s.smiles import cleaned

_SEPARATORS = ",;\t|"
_LOOKED_AT = 50  # lines, to find the separator

Rows = list[tuple[int, list[str]]]


def read_delimited(text: str) -> tuple[Rows, bool, tuple[str, ...]]:
    """Header and rows, each with the physical line where it begins; whether decimal commas may be;
    and remarks.

    Comments ("# ...") above the header are left out. Every row is as wide as the header.

    Raises
    ------
    InvalidInput
        If a row is wider than the header, a cell spans lines and swallows rows, or the file is no
        table.
    """
    comments = _comments_above(text)
    text = "".join(text.splitlines(keepends=True)[comments:])
    remarks = [f"{comments} lines of comments above the header are left out"] * bool(comments)
    separator = _separator(text)
    rows: Rows = []
    for first, last, cells in _records(text, separator, comments + 1):
        if not rows:
            rows.append((first, [cleaned(cell) for cell in cells]))
            continue
        _check_span(first, last, cells, separator, len(rows[0][1]), remarks)
        rows.append((first, _as_wide(cells, len(rows[0][1]), first)))
    if not rows:
        raise InvalidInput("there is no line of column names")
    return rows, separator != ",", tuple(remarks)


def _comments_above(text: str) -> int:
    lines = text.splitlines()
    above = 0
    while above < len(lines) and lines[above].lstrip().startswith("#"):
        above += 1
    return above if above < len(lines) else 0


def _separator(text: str) -> str:
    """What parts the header most often, and as often in most of the first lines."""
    lines = [line for line in text.splitlines()[:_LOOKED_AT] if line.strip()]
    header = lines[0] if lines else ""

    def evidence(separator: str) -> tuple[float, int]:
        parts = header.count(separator)
        alike = sum(line.count(separator) == parts for line in lines) if parts else 0
        return alike / max(1, len(lines)), parts

    return max(_SEPARATORS, key=lambda each: (header.count(each) > 0, *evidence(each)))


def _records(text: str, separator: str, first: int) -> Iterator[tuple[int, int, list[str]]]:
    """Each record with its first and last physical line, empty ones left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    before = 0
    try:
        for cells in reader:
            begins, before = before + 1, reader.line_num
            if any(cell.strip() for cell in cells):
                yield first - 1 + begins, first - 1 + before, cells
    except csv.Error as error:
        raise InvalidInput(f"line {first + before}: {error}") from error


def _check_span(
    first: int, last: int, cells: list[str], separator: str, width: int, remarks: list[str]
) -> None:
    """A cell may have line breaks in quotes; but a quote that is not closed swallows rows."""
    if first == last:
        return
    inner = [line for cell in cells for line in cell.splitlines()[1:]]
    if any(line.count(separator) >= width - 1 > 0 for line in inner):
        raise InvalidInput(
            f'lines {first} to {last} are one cell that swallows rows: a quote (") in line '
            f"{first} is not closed there; remove it, or double it"
        )
    remarks.append(f"lines {first} to {last} are one row: a cell in quotes spans them")


def _as_wide(cells: list[str], width: int, line: int) -> list[str]:
    surplus = cells[width:]
    if any(cell.strip() for cell in surplus):
        raise InvalidInput(
            f"line {line} has more cells than the header: {len(cells)}, not {width}; a cell with "
            "a separator in it needs quotes"
        )
    return cells[:width] + [""] * (width - len(cells))
