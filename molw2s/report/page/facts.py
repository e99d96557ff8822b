"""What is needed to make a run again: settings, data, encoders, versions, and the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import yaml

from molw2s.analysis.diagonal import has_tasks
from molw2s.analysis.summary import encoders_only, side
from molw2s.locations import as_file_name
from molw2s.report.page.parts import Facts
from molw2s.report.text import labels_of, loss_unit

_NAMES = 60  # values that are longer lists are told by their number


def facts_of(manifest: Mapping[str, Any]) -> list[Facts]:
    """Of one run's manifest; nothing where it is empty."""
    if not manifest.get("suite"):
        return []
    dataset = dict(manifest.get("dataset", {}))
    for name in ("duplicates", "dropped"):
        if isinstance(dataset.get(name), list | dict):
            dataset[name] = len(dataset[name])
    hashed = {name: manifest.get(name) for name in ("schema_version", "records_sha256")}
    parts = {
        "Settings": manifest["suite"],
        "Data": dataset,
        "Encoders": manifest.get("encoders"),
        "Splits": manifest.get("splits"),
        "Versions": manifest.get("versions"),
        "Records": hashed,
    }
    found = (Facts(title, _rows(content)) for title, content in parts.items())
    return [facts for facts in found if facts.rows]


def _rows(content: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(content, Mapping):
        return ()
    return tuple((str(name), _told(value)) for name, value in content.items() if value is not None)


def _told(value: Any) -> str:
    if isinstance(value, list):
        if len(value) > _NAMES:
            return f"{len(value)} of them, from {value[0]} to {value[-1]}"
        return ", ".join(map(_told, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_told(each)}" for name, each in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def command_of(manifest: Mapping[str, Any]) -> str:
    """Shell lines that run the same suite again; empty where its settings are not known."""
    if not manifest.get("suite"):
        return ""
    suite = {name: value for name, value in manifest["suite"].items() if value is not None}
    file = f"{as_file_name(str(suite.get('name', 'suite')))}.yaml"
    text = yaml.safe_dump(suite, sort_keys=False, allow_unicode=True, width=100)
    return f"cat > {file} <<'END'\n{text}END\nmolw2s run {file}\n"


def _many(tested: pd.Series) -> str:
    few, most = tested.min(), tested.max()
    return f"{few} test points" if few == most else f"{few} to {most} test points"


def tags_of(records: pd.DataFrame) -> tuple[str, ...]:
    """What was run, in a few words each."""
    trials = encoders_only(records)
    first, splits = trials.iloc[0], trials["split"].nunique()
    if has_tasks(records):
        how = f"weak {first['weak']} → strong {first['strong']}"
        times = f"{trials['task'].nunique()} tasks, {splits} seed{'s' * (splits != 1)}"
    else:
        how = (
            f"{side(trials, 'weak').iloc[0]} → {first['strong']}, {side(trials, 'strong').iloc[0]}"
        )
        teachers = trials["weak"].nunique()
        times = f"{teachers} teacher{'s' * (teachers != 1)}, {splits} split{'s' * (splits != 1)}"
    tested = _many(trials["n_evaluation"]) if "n_evaluation" in trials else ""
    known = (str(first["dataset"]), labels_of(records), how, times, tested)
    return (*filter(None, known), f"errors in {loss_unit(records)}")
