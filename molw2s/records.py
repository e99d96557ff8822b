"""A run on disk: ``records.csv``, one row a trial, and ``manifest.json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from molw2s.errors import InvalidInput
from molw2s.locations import write_atomically

REQUIRED = (
    "suite", "dataset", "unit", "weak", "weak_hidden_size", "strong", "weak_head", "strong_head",
    "labels", "split", "weak_error", "w2s_error", "misfit", "gain", "strong_error",
    "weak_error_minus_misfit", "gain_minus_misfit", "pgr",
)  # fmt: skip


# What pandas does by itself from 3.1 on.
_OLD_PANDAS = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
_EVERY_DIGIT: dict[str, Any] = {"float_precision": "round_trip"} if _OLD_PANDAS else {}


def write_records(records: pd.DataFrame, manifest: dict[str, Any], folder: Path) -> None:
    """Write both files, each in one step; numbers keep every digit."""
    write_atomically(folder / "records.csv", records.to_csv(index=False).encode())
    write_atomically(folder / "manifest.json", (json.dumps(manifest, indent=1) + "\n").encode())


def check_replaceable(
    folder: Path, suite: dict[str, Any], content_sha256: str | None, overwrite: bool
) -> None:
    """Raise InvalidInput if a run cannot be written to ``folder``, or would replace another one.

    One with the same settings and molecules is no other: its finished trials are not made again.
    ``content_sha256`` is that of the dataset: a CSV of one's own may have a built-in one's name.
    """
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise InvalidInput(f"{existing} is a file, not a folder")
    if overwrite or not (folder / "records.csv").exists():
        return
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        there, data = dict(manifest["suite"]), dict(manifest.get("dataset", {}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        other = ["of a run that no manifest describes"]
    else:
        other = [
            f"{key}: {there.get(key)} there, {suite.get(key)} now"
            for key in sorted({*there, *suite})
            if there.get(key) != suite.get(key)
        ]
        if data.get("content_sha256", content_sha256) != content_sha256:
            other.append("other molecules, targets or parts")
    if other:
        raise InvalidInput(
            f"{folder} holds other records ({'; '.join(other)}); choose another folder with --out, "
            "or replace them with --overwrite"
        )


def check_finished(folder: str | Path) -> None:
    """Raise InvalidInput if the manifest says that a run has not ended."""
    try:
        trials = json.loads((Path(folder) / "manifest.json").read_text())["trials"]
        done, of = trials["done"], trials["of"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # records alone, as a study keeps them
    if done < of:
        raise InvalidInput(
            f"{folder} holds {done} of {of} trials; the command that began the run finishes it"
        )


def read_records(folder: str | Path) -> pd.DataFrame:
    """The trials of a run's folder.

    Raises
    ------
    InvalidInput
        If there is no ``records.csv``, or it is not one of ours.
    """
    path = Path(folder) / "records.csv"
    try:
        records = pd.read_csv(path, keep_default_na=False, na_values=[""], **_EVERY_DIGIT)
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"{folder} holds no run ({error}); `molw2s run SUITE --out {folder}` makes one"
        ) from error
    if missing := [column for column in REQUIRED if column not in records]:
        raise InvalidInput(f"{path} is no table of trials: it lacks {', '.join(missing)}")
    if records.empty:
        raise InvalidInput(f"{path} holds no trial")
    return records.assign(unit=records["unit"].fillna(""))  # the one text that may be empty
