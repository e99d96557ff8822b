"""A table of trials: read, and checked against what its columns mean."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from molw2s.columns import COLUMNS, KEY, SCHEMA_VERSION
from molw2s.errors import InvalidInput

_ROUNDING = 1e-9
_NEVER_EMPTY = ("suite", "dataset", "weak", "strong", "labels", "split")
_SINCE_SCHEMA_1 = {"teacher_kind": "encoder", "loss": "squared", "chain": ""}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


def read_records(folder: str | Path) -> pd.DataFrame:
    """The trials of a finished run, or of a study's folder.

    Raises
    ------
    InvalidInput
        If there is no ``records.csv`` (``records.csv.gz`` of a study), the run has not ended, or
        the table is not as a run writes it: the message names line and column.
    """
    path = records_file(folder)
    manifest = read_manifest(folder)
    if manifest is not None and not path.exists():
        raise InvalidInput(
            f"{folder} is a run that has not ended; the command that began it finishes it"
        )
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        cells = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise InvalidInput(
            f"{folder} holds no run ({error}); `molw2s run SUITE --out {folder}` makes one"
        ) from error
    _check_whole(cells, content, path)
    records = _typed(cells, path)
    _check_trials(records, path)
    if manifest is not None:
        _check_count(records, manifest, folder)
        stated = manifest.get("records_sha256", hashlib.sha256(content).hexdigest())
        if stated != hashlib.sha256(content).hexdigest():
            raise InvalidInput(
                f"{path} is not as the run wrote it, though each of its values could be; the "
                "command that began the run makes it again"
            )
    return records.assign(
        **{name: value for name, value in _SINCE_SCHEMA_1.items() if name not in records}
    )


def records_file(folder: str | Path) -> Path:
    """Where a run's records are, or would be; a study's are packed."""
    path = Path(folder) / "records.csv"
    packed = path.with_name("records.csv.gz")
    return packed if packed.exists() and not path.exists() else path


def manifest_bytes(manifest: dict[str, Any]) -> bytes:
    """A manifest as it is written."""
    return (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()


def in_order(records: pd.DataFrame) -> pd.DataFrame:
    """The columns in the order of ``COLUMNS``, others behind them."""
    known = [name for name in COLUMNS if name in records]
    return records[[*known, *(name for name in records if name not in COLUMNS)]]


def read_manifest(folder: str | Path) -> dict[str, Any] | None:
    """A run's manifest; None where there is none, as in a study's folder.

    Raises
    ------
    InvalidInput
        If it is not one of ours, or of a newer molw2s.
    """
    path = Path(folder) / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except NotADirectoryError as error:
        beside = Path(folder).with_suffix("")
        hint = f", {beside}" if beside.is_dir() else ""
        raise InvalidInput(
            f"{folder} is a file; give the folder of a run or of a study{hint}"
        ) from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    parts = [manifest] if isinstance(manifest, dict) else []
    parts += [part.get(name, {}) for part in parts for name in ("trials", "dataset")]
    if (
        len(parts) != 3
        or not all(isinstance(part, dict) for part in parts)
        or not isinstance(manifest.get("suite"), dict)
        or not isinstance(manifest.get("schema_version", 1), int)
        or not isinstance(parts[1].get("of", 0), int)
    ):
        raise InvalidInput(f"{path} is no manifest of a run")
    if manifest.get("schema_version", 1) > SCHEMA_VERSION:
        raise InvalidInput(
            f"{path} was written by a newer molw2s (schema {manifest['schema_version']}, this one "
            f"knows up to {SCHEMA_VERSION}); update molw2s to read it"
        )
    return manifest


def _check_whole(cells: pd.DataFrame, content: bytes, path: Path) -> None:
    """Raise InvalidInput if the file was cut: in a row, or in its last cell."""
    if len(cells) and cells.isna().any(axis=None):
        row, column = np.argwhere(cells.isna().to_numpy())[0]
        raise _wrong(path, int(row), str(cells.columns[column]), "is missing: the row was cut")
    if len(cells) and not content.endswith(b"\n"):
        raise _wrong(path, len(cells) - 1, str(cells.columns[-1]), "was cut")


def _typed(cells: pd.DataFrame, path: Path) -> pd.DataFrame:
    required = [column.name for column in COLUMNS.values() if column.required]
    if missing := [name for name in required if name not in cells]:
        raise InvalidInput(f"{path} is no table of trials: it lacks {', '.join(missing)}")
    if cells.empty:
        raise InvalidInput(f"{path} holds no trial")
    records = cells.copy()
    for name, text in cells.items():
        column = COLUMNS.get(str(name))
        if column is None:
            continue
        if column.kind != "text":
            records[name] = _numbers(str(name), text, column.kind, path)
        elif column.allowed and not text.isin(column.allowed).all():
            row = int(np.flatnonzero(~text.isin(column.allowed))[0])
            wanted = " or ".join(column.allowed)
            raise _wrong(path, row, str(name), f"is {text.iloc[row]!r}, expected {wanted}")
        elif name in _NEVER_EMPTY and (text == "").any():
            raise _wrong(path, int(np.flatnonzero(text == "")[0]), str(name), "is empty")
    return records


def _numbers(name: str, text: pd.Series, kind: str, path: Path) -> pd.Series:
    written = text.to_numpy(dtype=object)
    numbers = np.array([_as_float(each) for each in written])
    finite, empty = np.isfinite(numbers), written == ""
    whole = finite & (numbers >= 0) & (numbers == np.floor(numbers)) & (numbers < 2**53)
    right = {
        "undefined": finite | empty,
        "spread": (finite & (numbers >= 0)) | empty,
        "size": whole | empty,
        "number": finite,
        "error": finite & (numbers >= 0),
        "count": whole,
    }[kind]
    if not right.all():
        row = int(np.flatnonzero(~right)[0])
        wanted = {
            "undefined": "a number, or nothing",
            "spread": "a number of at least 0, or nothing",
            "size": "a whole number, or nothing",
            "number": "a number",
            "error": "a number of at least 0",
            "count": "a whole number of at least 0",
        }[kind]
        raise _wrong(path, row, name, f"is {text.iloc[row]!r}, expected {wanted}")
    return _of_kind(pd.Series(numbers, text.index), kind)


def as_numbers(trials: pd.DataFrame) -> pd.DataFrame:
    """Columns that ``COLUMNS`` calls numbers as such, whatever objects they hold."""
    numeric = [name for name in trials if name in COLUMNS and COLUMNS[name].kind != "text"]
    return trials.assign(
        **{name: _of_kind(pd.to_numeric(trials[name]), COLUMNS[name].kind) for name in numeric}
    )


def _of_kind(numbers: pd.Series, kind: str) -> pd.Series:
    """Whole numbers as such; with missing ones among them, of pandas' nullable type."""
    if kind not in ("count", "size"):
        return numbers.astype(np.float64)
    return numbers.astype("Int64" if numbers.isna().any() else np.int64)


def _as_float(text: str) -> float:
    return float(text) if _NUMBER.fullmatch(text) else np.nan


def _check_trials(records: pd.DataFrame, path: Path) -> None:
    """Raise InvalidInput if a number is not what the others make it, or a trial appears twice."""
    identities = {
        "gain": records["weak_error"] - records["w2s_error"],
        "weak_error_minus_misfit": records["weak_error"] - records["misfit"],
        "gain_minus_misfit": records["weak_error"] - records["w2s_error"] - records["misfit"],
    }
    size = records[["weak_error", "w2s_error", "misfit"]].max(axis=1)
    for name, value in identities.items():
        wrong = (records[name] - value).abs() > _ROUNDING * size
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise _wrong(
                path, row, name,
                f"is {records[name].iloc[row]:g}, but the errors beside it make it "
                f"{value.iloc[row]:g}",
            )  # fmt: skip
    if "leak" in records:
        _check_leak(records, path)
    if "trial" in records and records["trial"].duplicated().any():
        row = int(np.flatnonzero(records["trial"].duplicated())[0])
        raise _wrong(path, row, "trial", f"repeats {records['trial'].iloc[row]}")
    key = [name for name in KEY if name in records]
    again = records.duplicated(key)
    if again.any():
        row = int(np.flatnonzero(again)[0])
        raise _wrong(path, row, "split", f"repeats the trial {', '.join(_trial(records, row))}")


def _check_leak(records: pd.DataFrame, path: Path) -> None:
    """What is a ratio of other columns, or a difference on the validation part."""
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = {
            "leak": 1 - records["label_error"] / records["weak_error"],
            "weak_error_minus_misfit_valid": records["weak_error_valid"] - records["misfit_valid"],
            "pgr": records["gain"] / (records["weak_error"] - records["strong_error"]),
        }
    for name, value in expected.items():
        size = np.maximum(value.abs(), 1)
        wrong = np.isfinite(records[name]) & ~((records[name] - value).abs() <= 1e-6 * size)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            told = f"is {records[name].iloc[row]:g}, but others make it {value.iloc[row]:g}"
            raise _wrong(path, row, name, told)


def _check_count(records: pd.DataFrame, manifest: dict[str, Any], folder: str | Path) -> None:
    trials = manifest.get("trials", {})
    of = trials.get("of") if isinstance(trials, dict) else None
    if of is not None and len(records) != of:
        state = "has not ended" if len(records) < of else "was changed"
        raise InvalidInput(
            f"{folder} holds {len(records)} of {of} trials, so the run {state}; the command that "
            "began it finishes it"
        )


def _trial(records: pd.DataFrame, row: int) -> list[str]:
    return [str(records[name].iloc[row]) for name in KEY if name in records]


def _wrong(path: Path, row: int, column: str, fault: str) -> InvalidInput:
    return InvalidInput(
        f"{path}, line {row + 2}, column {column!r}: {fault}; the table was changed, and the "
        "command that began the run makes it again"
    )
