"""predictions.parquet: what every trial predicted, row by row, and whose trials they are.

From this file alone the records can be made again, under any loss.
"""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from molw2s.errors import InvalidInput
from molw2s.locations import write_atomically
from molw2s.losses import Loss, get_loss
from molw2s.records import as_numbers, in_order, manifest_bytes, read_manifest, records_file
from molw2s.report.page import Source
from molw2s.report.write import write_report
from molw2s.store import digest
from molw2s.theory import SQUARED, Values, measures

PARTS = ("evaluation", "validation", "unlabelled")
PREDICTIONS = ("trial", "row", "smiles", "part", "truth", "weak", "student", "ceiling")
"""A row a trial and molecule (or point), in target units. ``weak`` is the teacher's prediction, on
the unlabelled part the label it made; student and ceiling are not asked there."""
_TRIALS, _RUN, _SHA256 = b"molw2s.trials", b"molw2s.run", b"molw2s.sha256"


def predictions_bytes(
    predictions: pd.DataFrame, records: pd.DataFrame, manifest: dict[str, Any]
) -> bytes:
    """The file's content: predictions and, in its metadata, what the records say of each trial
    beside its measures, whose run it is, and a digest of it all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = records.drop(columns=_measure_names(), errors="ignore").astype(object)
    trials = json.dumps(about.where(about.notna(), None).to_dict("split", index=False))
    table = pa.Table.from_pandas(predictions, preserve_index=False)
    ours = {_TRIALS: trials.encode(), _RUN: _run_of(manifest).encode()}
    ours[_SHA256] = _digest(predictions, ours[_TRIALS], ours[_RUN]).encode()
    table = table.replace_schema_metadata({**table.schema.metadata, **ours})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def read_predictions(folder: str | Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The predictions of a run, and a row a trial with what is said of it beside its measures.

    Raises
    ------
    InvalidInput
        If the run kept none, or the file is damaged, changed, or another run's.
    """
    import pyarrow.parquet as pq

    path = Path(folder) / "predictions.parquet"
    if not path.exists():
        raise InvalidInput(
            f"{folder} holds no predictions: it is no run's folder, or one of molw2s 0.1, or of a "
            "suite with keep_predictions: false; run it again with keep_predictions: true"
        )
    try:
        table = pq.read_table(path)
        stated = table.schema.metadata
        trials = pd.DataFrame(**json.loads(stated[_TRIALS]))
        frame = table.to_pandas()
        whole = _digest(frame[list(PREDICTIONS)], stated[_TRIALS], stated[_RUN])
    except (OSError, ValueError, KeyError, TypeError) as error:  # pyarrow's are ValueErrors
        raise InvalidInput(f"cannot read {path}: {error}; run it again") from error
    if whole.encode() != stated[_SHA256]:
        raise InvalidInput(f"{path} was changed after the run wrote it; run it again")
    manifest = read_manifest(folder)
    if manifest is not None and _run_of(manifest).encode() != stated[_RUN]:
        raise InvalidInput(f"{path} is another run's than {folder}; run it again")
    return frame, as_numbers(trials)


def measure_again(
    trials: pd.DataFrame, predictions: pd.DataFrame, loss: Loss = SQUARED
) -> pd.DataFrame:
    """Records whose every measure is computed from predictions, under any loss.

    Raises
    ------
    InvalidInput
        If a trial has no predictions, or a value lies outside of the loss's domain.
    """
    groups = {key: dict(list(each.groupby("part"))) for key, each in predictions.groupby("trial")}
    rows = []
    for about in trials.to_dict("records"):
        parts = groups.get(about["trial"], {})
        who = f"trial {about['trial']} ({about['weak']}, {about['split']})"
        if "evaluation" not in parts:
            raise InvalidInput(f"{who} has no predictions on the evaluation part")
        values = {part: _values(parts[part]) for part in PARTS if part in parts}
        try:
            found = measures(**values, loss=loss)
        except InvalidInput as error:
            raise InvalidInput(f"{who}: {error}") from error
        rows.append({name: value.item() for name, value in found.items()})
    found = pd.DataFrame(rows, index=trials.index)
    return in_order(trials.assign(loss=loss.name).join(found))


def measure_run(
    folder: str | Path, loss: str | None = None, out: str | Path | None = None
) -> tuple[Path, pd.DataFrame]:
    """Make a run's records, and its report, again from its predictions alone.

    They are those that the run wrote, to rounding.

    Parameters
    ----------
    folder
        The run's.
    loss
        A name of ``molw2s.losses.LOSSES``; by default the run's own.
    out
        Where records.csv and the report go; by default the run's folder for its own loss, and a
        folder within it named after any other.

    Returns
    -------
    path, DataFrame
        Where they went, and the records.

    Raises
    ------
    UnknownName
        If there is no such loss.
    InvalidInput
        If the run kept no predictions, or one of them lies outside of the loss's domain.
    """
    asked = None if loss is None else get_loss(loss)
    predictions, trials = read_predictions(folder)
    own = get_loss(str(trials["loss"].iloc[0]))
    chosen = asked or own
    records = measure_again(trials, predictions, chosen)
    where = Path(folder) if chosen is own else Path(folder) / f"loss-{chosen.name}"
    where = where if out is None else Path(out)
    again = where.absolute() == Path(folder).absolute() and chosen is own
    is_study = records_file(where).exists() and not (where / "table.md").exists()
    if not again and ((where / "manifest.json").exists() or is_study):
        raise InvalidInput(f"{where} is a run's folder or a study's; choose another with --out")
    content = records.to_csv(index=False).encode()
    write_atomically(where / "records.csv", content)
    manifest = read_manifest(where)
    if manifest is not None:
        manifest["records_sha256"] = hashlib.sha256(content).hexdigest()
        write_atomically(where / "manifest.json", manifest_bytes(manifest))
    write_report(where, Source(records, read_manifest(folder) or {}, predictions))
    return where, records


def _run_of(manifest: dict[str, Any]) -> str:
    """What tells a run from others: its settings and data."""
    data = manifest.get("dataset", {}).get("content_sha256", "")
    return digest(json.dumps(manifest["suite"], sort_keys=True), data)


def _digest(predictions: pd.DataFrame, *metadata: bytes) -> str:
    columns = [
        "\n".join(values) if values.dtype == object else values
        for values in (predictions[name].to_numpy() for name in PREDICTIONS)
    ]
    return digest(*metadata, *columns)


def _values(part: pd.DataFrame) -> Values:
    def column(name: str) -> np.ndarray | None:
        values = part[[name]].to_numpy(np.float64)
        return None if np.isnan(values).all() else values

    truth, weak = (part[[name]].to_numpy(np.float64) for name in ("truth", "weak"))
    return Values(truth, weak, column("student"), column("ceiling"))


def _measure_names() -> list[str]:
    """Under any loss: the logistic one measures most."""
    any_ = np.full((1, 1), 0.5)
    return list(measures(Values(any_, any_, any_, any_), loss=get_loss("logistic")))
