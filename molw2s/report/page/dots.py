"""Gain against misfit as data: who the series are, their colours and shapes, and the dots."""

from __future__ import annotations

import matplotlib
import pandas as pd
from matplotlib.colors import to_hex

from molw2s.analysis.diagonal import has_tasks
from molw2s.report.figures import with_a_teacher
from molw2s.report.page.molecules import short
from molw2s.report.page.parts import Json
from molw2s.report.text import loss_unit

DOTS, DOTS_EACH = 12_000, 2_000
"""At most so many on the page, and in one chart; of more, a sample is shown."""
SHAPES = 8
_MEASURES = ("misfit", "gain", "weak_error", "w2s_error", "strong_error")
# By day and by night; no kind has more than two.
_KINDS = {
    "ensemble": (("#d55e00", "#ff9d5c"), ("#a67c00", "#f0c04a")),
    "control": (("#666666", "#a3acb8"), ("#8c8c8c", "#d0d5db")),
}
_LIGHT, _DARK = (0.0, 0.86), (0.36, 1.0)  # of viridis: what stands out from paper, and from night


def dots_of(trials: pd.DataFrame, title: str, groups: int = 1) -> Json:
    """One chart's data: a dot a trial, a series a teacher (of a synthetic suite: a seed)."""
    known = with_a_teacher(trials)
    by = "split" if has_tasks(known) else "weak"
    names = _in_order(known, by)
    most = min(DOTS_EACH, max(200, DOTS // groups))
    sample = known if len(known) <= most else known.sample(most, random_state=0).sort_index()
    splits = list(dict.fromkeys(sample["split"]))
    values = sample[list(_MEASURES)].to_numpy(float).tolist()
    reverse = "expected_slope" in known and float(known["expected_slope"].iloc[0]) < 0
    means = known.groupby(by, sort=False)[["misfit", "gain"]].mean()
    return {
        "title": title,
        "unit": loss_unit(trials),
        "word": "seed" if by == "split" else "teacher",
        "series": _series(known, names, by),
        "means": [means.loc[name].tolist() for name in names],
        "splits": splits,
        "dots": [
            [names.index(who), splits.index(split), *(short(value) for value in row)]
            for who, split, row in zip(sample[by], sample["split"], values)
        ],
        "all": len(known),
        "reverse": reverse,
        "molecules": None,
        "why": "",
    }


def _in_order(trials: pd.DataFrame, by: str) -> list[str]:
    """Weak encoders by size, then ensembles, then controls; seeds as they come."""
    if by == "split":
        return list(dict.fromkeys(trials["split"]))
    who = trials.drop_duplicates("weak")
    kind = who.get("teacher_kind", pd.Series("encoder", who.index))
    order = who.assign(place=kind.map({"encoder": 0, "ensemble": 1, "control": 2}))
    order = order.sort_values(["place", "weak_hidden_size", "weak"], kind="stable")
    return [str(name) for name in order["weak"]]


def _series(trials: pd.DataFrame, names: list[str], by: str) -> list[Json]:
    kind_of = dict.fromkeys(names, "encoder")
    if by == "weak" and "teacher_kind" in trials:
        kind_of |= dict(zip(trials["weak"], trials["teacher_kind"]))
    encoders = [name for name in names if kind_of[name] == "encoder"]
    colours = matplotlib.colormaps["viridis"]
    met: dict[str, int] = {}
    series = []
    for place, name in enumerate(names):
        kind = kind_of[name]
        light, dark = _KINDS.get(kind, _KINDS["control"])[met.get(kind, 0) % 2]
        met[kind] = met.get(kind, 0) + 1
        if kind == "encoder":
            share = encoders.index(name) / max(1, len(encoders) - 1)
            light, dark = (
                to_hex(colours(low + share * (high - low))) for low, high in (_LIGHT, _DARK)
            )
        series.append({"name": name, "kind": kind, "light": light, "dark": dark,
                       "shape": place % SHAPES if by == "weak" else 0})  # fmt: skip
    return series


def ratios_of(table: pd.DataFrame, names: list[str], kinds: list[str]) -> list[list[object]]:
    """Gain / misfit of each combination: group, dataset, kind, value, low, high, gain's verdict.

    ``table`` is ``combination_table``'s, its rows being the groups; ``names`` their datasets and
    ``kinds`` what else they are.
    """
    ends = table[["ratio", "ratio_low", "ratio_high"]].to_numpy(float).tolist()
    return [
        [place, name, kind, *(short(value) for value in row)]
        for place, (name, kind, row) in enumerate(zip(names, kinds, ends))
    ]
