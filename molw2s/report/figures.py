"""Gain against misfit: one colour a weak encoder, one marker a split, and the diagonal.

With many tasks a seed it is one colour a seed, and where weak and strong have changed places the
anti-diagonal as well.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from molw2s.report.diagonal import has_tasks

MARKERS = "osD^vP*Xhp<>"


def gain_vs_misfit(records: pd.DataFrame) -> Figure:
    """The paper's figure for one dataset; on the diagonal, gain equals misfit.

    Above it a student improved by more than its misfit says, below it by less.
    """
    figure = Figure(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    encoders = records[["weak", "weak_hidden_size"]].drop_duplicates()
    encoders = encoders.sort_values(["weak_hidden_size", "weak"], kind="stable")["weak"].tolist()
    colours = matplotlib.colormaps["viridis"]
    colour_of = {
        name: colours(place / max(1, len(encoders) - 1)) for place, name in enumerate(encoders)
    }
    splits = records["split"].drop_duplicates().tolist()
    marker_of = {name: MARKERS[place % len(MARKERS)] for place, name in enumerate(splits)}

    seeds = has_tasks(records)
    if seeds:
        marker_of = dict.fromkeys(splits, "o")
        colour_of = {name: colours(place / len(splits)) for place, name in enumerate(splits)}
    for (encoder, split), trials in records.groupby(["weak", "split"], sort=False):
        axes.plot(
            trials["misfit"], trials["gain"], marker_of[split], linestyle="",
            color=colour_of[split if seeds else encoder], markersize=4 if seeds else 7,
            markeredgecolor="white", markeredgewidth=0.3 if seeds else 0.5,
        )  # fmt: skip
    low = min(0.0, records["gain"].min(), records["misfit"].min())
    high = max(records["gain"].max(), records["misfit"].max())
    flipped = seeds and records["expected_slope"].iloc[0] < 0
    if flipped:
        low = 0.0
        axes.plot([0, high], [0, -high], ":", color="0.3", linewidth=1.2, zorder=0)
    axes.plot([low, high], [low, high], "--", color="0.5", linewidth=1, zorder=0)
    axes.axhline(0, color="0.85", linewidth=1, zorder=0)

    first = records.iloc[0]
    unit = f"  [({first['unit']})²]" if first["unit"] else ""
    axes.set_xlabel(f"misfit{unit}")
    axes.set_ylabel(f"gain = weak error - w2s error{unit}")
    axes.set_title(
        f"{first['suite']}\nweak {first['weak']}, strong {first['strong']}, "
        f"{first['labels']} labels"
        if seeds
        else f"{first['dataset']}: strong {first['strong']}, heads {first['weak_head']} / "
        f"{first['strong_head']}, {first['labels']} labels",
        fontsize=10,
    )
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour_of[name], label=name)
        for name in (splits if seeds else encoders)
    ]
    handles += (
        []
        if seeds
        else [
            Line2D([], [], marker=marker_of[name], linestyle="", color="0.4", label=name)
            for name in splits
        ]
    )
    handles.append(Line2D([], [], linestyle="--", color="0.5", label="gain = misfit"))
    if flipped:
        handles.append(Line2D([], [], linestyle=":", color="0.3", label="gain = −misfit"))
    figure.legend(handles=handles, loc="outside right center", fontsize=8, frameon=False)
    return figure


def save_figure(figure: Figure, stem: Path) -> None:
    """``stem``.png and ``stem``.svg; the same records give the same bytes."""
    with matplotlib.rc_context({"svg.hashsalt": "molw2s"}):
        figure.savefig(stem.with_suffix(".png"), dpi=150, metadata={"Software": None})
        figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None})
