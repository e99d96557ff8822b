"""A run's folder: begun by its manifest, ended by its records, and nobody else's in between."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd
from pydantic import ValidationError

from molw2s.errors import InvalidInput
from molw2s.experiment.predictions import predictions_bytes, read_predictions
from molw2s.locations import sweep, write_atomically
from molw2s.problems.settings import Settings
from molw2s.records import manifest_bytes, read_manifest, read_records
from molw2s.report.page import Source
from molw2s.report.write import remove_report, write_report

Existing = Literal["resume", "keep", "replace"]
_MANIFEST, _RECORDS, _PREDICTIONS = "manifest.json", "records.csv", "predictions.parquet"


@dataclass(frozen=True, eq=False)
class Run:
    """What a suite's run found.

    Attributes
    ----------
    records : DataFrame
        Tidy, a row a trial; ``molw2s.columns`` says what the columns are.
    manifest : dict
        What is needed to make it again.
    predictions : DataFrame, optional
        A row a trial and molecule: ``molw2s.experiment.predictions``. None where the suite keeps
        none.
    """

    records: pd.DataFrame
    manifest: dict[str, Any]
    predictions: pd.DataFrame | None

    @classmethod
    def read(cls, folder: str | Path) -> Run:
        """A finished run; raises InvalidInput where there is none."""
        records, manifest = read_records(folder), read_manifest(folder)
        if manifest is None:
            raise InvalidInput(f"{folder} has no {_MANIFEST}: it is no run's folder")
        kept = (Path(folder) / _PREDICTIONS).exists()
        return cls(records, manifest, read_predictions(folder)[0] if kept else None)

    @property
    def source(self) -> Source:
        """What a page is made from."""
        return Source(self.records, self.manifest, self.predictions)


class RunFolder:
    """The folder of one run while it is made.

    Whoever writes there checks first that the run is still the one it began: two runs with other
    settings cannot share a folder, two with the same write the same.
    """

    def __init__(self, path: Path, suite: Settings, manifest: dict[str, Any]) -> None:
        self.path = path
        self.suite = suite
        self.manifest = manifest

    def check(self, existing: Existing) -> None:
        """Raise InvalidInput if the run cannot be written here.

        It can where there is none, or the same; in another one's place only to "replace" it.
        """
        if existing not in get_args(Existing):
            known = ", ".join(get_args(Existing))
            raise InvalidInput(f"existing={existing!r} is none of {known}")
        first = next(path for path in (self.path, *self.path.absolute().parents) if path.exists())
        if not first.is_dir():
            raise InvalidInput(f"{first} is a file, not a folder")
        other = self._differences()
        if other and existing != "replace":
            raise InvalidInput(
                f"{self.path} holds other records ({'; '.join(other)}); choose another folder "
                "with --out, or replace them with --overwrite"
            )

    def begin(self, existing: Existing) -> None:
        """Write the manifest, and remove first what a run with other settings has left.

        Raises
        ------
        InvalidInput
            As ``check`` does.
        """
        self.check(existing)
        self.path.mkdir(parents=True, exist_ok=True)
        sweep(self.path)
        with _locked(self.path):
            self.check(existing)
            if self._differences() or not self._is_finished():
                remove_report(self.path)
                for name in (_RECORDS, _PREDICTIONS):
                    (self.path / name).unlink(missing_ok=True)
                self._write(_MANIFEST, manifest_bytes(self.manifest))

    def finished_run(self) -> Run | None:
        """The same run, finished before and whole; None where there is none."""
        if self._differences() or not self._is_finished():
            return None
        try:
            run = Run.read(self.path)
        except InvalidInput:
            return None
        if "seconds" not in run.manifest:  # killed before its last word
            return None
        write_report(self.path, run.source)
        return run

    def end(self, run: Run) -> Run:
        """Write everything; the records, which end the run, after the predictions.

        Returns the run as it was written: its manifest knows the records' hash.

        Raises
        ------
        InvalidInput
            If a run with other settings has begun in the folder since.
        """
        with _locked(self.path):
            if other := self._differences():
                raise InvalidInput(
                    f"another run has begun in {self.path} ({'; '.join(other)}); this one is not "
                    "written there. Give each a folder with --out"
                )
            if run.predictions is not None:
                content = predictions_bytes(run.predictions, run.records, run.manifest)
                self._write(_PREDICTIONS, content)
            records = run.records.to_csv(index=False).encode()
            hashed = {"records_sha256": hashlib.sha256(records).hexdigest()}
            run = replace(run, manifest=run.manifest | hashed)
            self._write(_RECORDS, records)
            self._write(_MANIFEST, manifest_bytes(run.manifest))
            return run

    def _is_finished(self) -> bool:
        try:
            read_records(self.path)
        except InvalidInput:
            return False
        return not self.suite.keep_predictions or (self.path / _PREDICTIONS).exists()

    def _differences(self) -> list[str]:
        """What the run in the folder has otherwise, in words; empty where there is none."""
        try:
            there = read_manifest(self.path)
        except InvalidInput:
            return ["of a run whose manifest cannot be read"]
        if there is None:
            found = (self.path / _RECORDS).exists()
            return ["of a run that no manifest describes"] if found else []
        return differences(there, self.manifest, type(self.suite))

    def _write(self, name: str, content: bytes) -> None:
        write_atomically(self.path / name, content)


def differences(there: dict[str, Any], now: dict[str, Any], kind: type[Settings]) -> list[str]:
    """Settings and data in which two manifests of suites of a ``kind`` differ, in words."""
    old, new = there["suite"], now["suite"]
    with suppress(ValidationError):  # settings that were added since have their defaults
        old = kind.model_validate(old).model_dump(mode="json")
    other = [
        f"{key}: {old.get(key)} there, {new.get(key)} now"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]
    data = [each.get("dataset", {}).get("content_sha256") for each in (there, now)]
    if None not in data and data[0] != data[1]:
        other.append("other molecules, targets or parts")
    return other


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time, where the system has such locks; the folder itself is the lock."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
