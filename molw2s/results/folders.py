"""Folders of results: found, packed, and read with their encoders' licences."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from molw2s.encoders.catalog import get_encoder, is_ours
from molw2s.encoders.licences import UNKNOWN, licence_of
from molw2s.errors import InvalidInput
from molw2s.locations import as_file_name, write_atomically
from molw2s.records import read_manifest, read_records, records_file

_MANIFEST, _PACKED = "manifest.json", "records.csv.gz"


def find_runs(places: Iterable[str | Path]) -> list[Path]:
    """The runs' and studies' folders among ``places`` and below them, each once.

    Raises
    ------
    InvalidInput
        If there is none in a place.
    """
    found: dict[Path, Path] = {}
    for place in map(Path, places):
        below = [place] if _is_run(place) else sorted(filter(_is_run, place.rglob("*")))
        if not below:
            raise InvalidInput(f"{place}: there is no run's folder here or below")
        found |= {each.resolve(): each for each in below}
    return list(found.values())


def _is_run(folder: Path) -> bool:
    return (folder / _MANIFEST).is_file() or records_file(folder).is_file()


def pack_run(run: str | Path, into: str | Path, *, overwrite: bool = False) -> Path:
    """Put a finished run's manifest and packed records into ``into``/SUITE, and nothing else.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        If the run is a study or has not ended, or another run's results are there and
        ``overwrite`` is not set.
    """
    records, manifest = read_records(run), read_manifest(run)
    if manifest is None or "records_sha256" not in manifest or "seconds" not in manifest:
        raise InvalidInput(f"{run} is no finished run, so its results cannot be packed")
    if manifest["suite"].get("kind", "molecules") != "molecules":
        raise InvalidInput(f"{run} is a synthetic run; results are of molecules")
    path = records_file(run)
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    folder = Path(into) / as_file_name(str(records["suite"].iloc[0]))
    there = read_manifest(folder) if (folder / _MANIFEST).exists() else None
    same = there is None or there.get("records_sha256") == manifest["records_sha256"]
    if not same and not overwrite:
        raise InvalidInput(
            f"{folder} has the results of another run; choose another folder, or replace them with "
            "--overwrite"
        )
    if folder.resolve() != Path(run).resolve():
        write_atomically(folder / _MANIFEST, (Path(run) / _MANIFEST).read_bytes())
    write_atomically(folder / _PACKED, gzip.compress(content, mtime=0))
    return folder


def origin_of(folder: str | Path) -> tuple[str, str, str]:
    """Folder, suite and hash of the records; the last two are empty of a study."""
    manifest = read_manifest(folder) or {}
    suite = _mapping(manifest.get("suite")).get("name", "")
    return Path(folder).as_posix(), str(suite), str(manifest.get("records_sha256", ""))


def read_with_licences(folder: str | Path) -> pd.DataFrame:
    """The records, and columns ``weak_licence`` and ``strong_licence``.

    They are what the run's manifest says of its encoders; where it says nothing, what encoders
    that ship with molw2s say; else "unknown".
    """
    records, manifest = read_records(folder), read_manifest(folder)
    encoders = _mapping((manifest or {}).get("encoders"))
    names = {str(name) for which in ("weak", "strong") for name in records[which].unique()}
    licences = {name: _licence(name, _mapping(encoders.get(name))) for name in names}
    return records.assign(
        **{f"{which}_licence": records[which].map(licences) for which in ("weak", "strong")}
    )


def _licence(name: str, stated: dict[str, Any]) -> str:
    said = stated.get("licence")
    if isinstance(said, str) and said:
        return said
    return licence_of(get_encoder(name)) if is_ours(name) else UNKNOWN


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
