"""From a file's bytes to its content: archives opened, text decoded, foreign formats told."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from typing import Any

from molw2s.errors import InvalidInput

LARGEST = 2 << 30
"""Bytes a file may have when it is unpacked."""

_ARCHIVES = ((b"\x1f\x8b", gzip.open, "gzip"), (b"BZh", bz2.open, "bzip2"),
             (b"\xfd7zXZ", lzma.open, "xz"))  # fmt: skip
_DAMAGED = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError,
            NotImplementedError)  # fmt: skip
_FOREIGN = (
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"SQLite format 3", "a database"),
    (b"\x89HDF", "an HDF5 file"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x7fELF", "a program"),
    (b"version https://git-lfs", "a Git LFS pointer: `git lfs pull` fetches the file itself"),
)
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$")
_SPREADSHEETS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")


def unpacked(packed: bytes) -> bytes:
    """The content of a gzip, bzip2, xz or zip file, told by its first bytes; others as they are.

    Raises
    ------
    InvalidInput
        If it is damaged, unpacks to more than ``LARGEST``, or is a zip file of several.
    """
    for mark, opened, name in _ARCHIVES:
        if packed.startswith(mark):
            try:
                with opened(io.BytesIO(packed)) as file:
                    return _limited(file)
            except _DAMAGED as error:
                raise InvalidInput(f"this is no whole {name} file: {error}") from error
    if packed.startswith(b"PK"):
        return _unzipped(packed)
    return packed


def _unzipped(packed: bytes) -> bytes:
    """The one file in a zip archive; spreadsheets, which are such archives too, as they are."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
            if sum(each.file_size for each in members) > LARGEST:
                raise InvalidInput(_TOO_LARGE)
            if any(each.filename in _SPREADSHEETS for each in members):
                return packed
            if any(each.filename == "word/document.xml" for each in members):
                raise InvalidInput("this looks like a Word document; save its table as CSV")
            if len(members) != 1:
                raise InvalidInput(f"this is an archive of {len(members)} files; unpack it first")
            with archive.open(members[0]) as file:
                return _limited(file)
    except _DAMAGED as error:
        raise InvalidInput(f"this is no whole zip file: {error}") from error


_TOO_LARGE = f"it unpacks to more than {LARGEST >> 30} GB; split it"


def _limited(file: Any) -> bytes:
    content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InvalidInput(_TOO_LARGE)
    return content


def looks_like(content: bytes) -> str:
    """ "excel", "parquet" or "text".

    Raises
    ------
    InvalidInput
        If it is empty or looks like something that is no table; the message says so.
    """
    if not content.strip():
        raise InvalidInput("it is empty")
    if content.startswith(b"PAR1"):
        return "parquet"
    if content.startswith((b"PK", b"\xd0\xcf\x11\xe0")):
        return "excel"
    for mark, what in _FOREIGN:
        if content.startswith(mark):
            raise InvalidInput(f"this looks like {what}, not like a table; save it as CSV")
    beginning = content.lstrip()[:200].lower()
    if beginning.startswith((b"<!doctype", b"<html", b"<?xml")):
        raise InvalidInput("this looks like a web page or XML, not like a table; save it as CSV")
    if beginning.startswith((b"{", b'["', b"[{", b"[[")):
        raise InvalidInput("this looks like JSON, not like a table; save it as CSV")
    return "text"


def lines_of(text: str) -> list[str]:
    """Physical lines with their ends, which are \\n, \\r or both; "str.splitlines" knows others."""
    return _LINE.findall(text)


def as_text(content: bytes) -> tuple[str, tuple[str, ...]]:
    """Text of any common encoding, and a remark where the encoding is a guess.

    Raises
    ------
    InvalidInput
        If it is no text.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if content.startswith(mark):
            return _decoded(content, encoding), ()
    if content[:200].count(0) > len(content[:200]) // 4:
        low_first = content[1:2] == b"\0"
        return _decoded(content, "utf-16-le" if low_first else "utf-16-be"), ()
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return _decoded(content, "latin-1"), ("it is not UTF-8 and was read as Latin-1",)
    return _checked(text), ()


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return _checked(content.decode(encoding))
    except UnicodeDecodeError as error:
        raise InvalidInput(f"it is no text in {encoding.upper()}: {error.reason}") from error


def _checked(text: str) -> str:
    strange = sum(each < " " and each not in "\t\n\r\f\v" for each in text[:2000])
    if "\0" in text or strange > len(text[:2000]) // 20:
        raise InvalidInput("this looks like a binary file, not like a table; save it as CSV")
    return text
