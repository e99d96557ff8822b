"""Text whose cells a separator parts: CSV and its kin, with physical lines."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from molw2s.errors import InvalidInput
from molw2s.files.unpacked import lines_of
from molw2s.smiles import cleaned

_SEPARATORS = ",;\t|"
_LOOKED_AT = 50  # lines, to find the separator
_QUOTED = re.compile(r'"[^"]*"')
_STATED = re.compile(r'"?sep=([,;\t|])"?\s*')

Rows = list[tuple[int, list[str]]]


def read_delimited(text: str) -> tuple[Rows, bool, tuple[str, ...]]:
    """Header and rows, each with the physical line where it begins; whether decimal commas may be;
    and remarks.

    Comments ("# ...") above the header are left out, and so is Excel's "sep=;", which is heeded.
    Every row is as wide as the header.

    Raises
    ------
    InvalidInput
        If a row is wider than the header, a cell spans lines and swallows rows, or the file is no
        table.
    """
    lines = lines_of(text)
    above, comments = _above(lines)
    remarks = [f"{comments} lines of comments above the header are left out"] * bool(comments)
    stated = _STATED.fullmatch(lines[above]) if lines else None
    separator = stated[1] if stated else _separator(lines[above:])
    above += bool(stated)
    rows: Rows = []
    for first, last, cells in _records("".join(lines[above:]), separator, above + 1):
        width = len(rows[0][1]) if rows else len(cells)
        if first != last:
            _check_span(first, cells, separator, width, lines[first - 1 : last])
            remarks.append(f"lines {first} to {last} are one row: a cell in quotes spans them")
        if rows:
            rows.append((first, _as_wide(cells, width, first)))
        else:
            rows.append((first, [cleaned(cell) for cell in cells]))
    if not rows:
        raise InvalidInput("there is no line of column names")
    return rows, separator != ",", tuple(remarks)


def _above(lines: list[str]) -> tuple[int, int]:
    """How many lines stand above the header, and how many of them are comments."""
    above = next((n for n, line in enumerate(lines) if line.strip()[:1] not in ("", "#")), 0)
    return above, sum(bool(line.strip()) for line in lines[:above])


def _separator(below: list[str]) -> str:
    """What parts the header most often, and as often in most of the first lines."""
    lines = [_QUOTED.sub("", line) for line in below[:_LOOKED_AT] if line.strip()]
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


def _check_span(first: int, cells: list[str], separator: str, width: int, lines: list[str]) -> None:
    """A cell may have line breaks in quotes; but a quote that is not closed swallows rows."""
    inner = [line for cell in cells for line in lines_of(cell)[1:]]
    swallows = any(line.count(separator) >= width - 1 > 0 for line in inner)
    if swallows or not _well_quoted(lines, separator):
        raise InvalidInput(
            f"lines {first} to {first + len(lines) - 1} are one cell that swallows rows: a quote "
            f'(") in line {first} is not closed there; remove it, or double it'
        )


def _well_quoted(lines: list[str], separator: str) -> bool:
    """Whether every quote that is closed ends its cell."""
    try:
        list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        return False
    return True


def _as_wide(cells: list[str], width: int, line: int) -> list[str]:
    surplus = cells[width:]
    if any(cell.strip() for cell in surplus):
        raise InvalidInput(
            f"line {line} has more cells than the header: {len(cells)}, not {width}; a cell with "
            "a separator in it needs quotes"
        )
    return cells[:width] + [""] * (width - len(cells))
