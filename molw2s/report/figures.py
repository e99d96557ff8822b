"""Gain against misfit: one colour a weak encoder, one marker a split, and the diagonal.

With many tasks a seed it is one colour a seed, and where weak and strong have changed places the
anti-diagonal as well.
"""

from __future__ import annotations

import io
import math
import textwrap
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from molw2s.analysis.diagonal import has_tasks
from molw2s.analysis.summary import encoders_only, side
from molw2s.locations import write_atomically
from molw2s.report.text import labels_of, loss_unit

# Colours that colour-blind readers tell apart (Okabe and Ito 2008), in the page's order.
_OKABE_ITO = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#666666"]
_SEEN = (-2, 3)  # of gain / misfit; what lies further out is in the table
_TITLE = 33  # characters that fit above a panel
_MANY = 60  # dots, from which on they are small
MARKERS = "osD^vP*Xhp<>"


class Picture(Figure):
    """A figure that a notebook shows, though it is none of pyplot's."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=100)
        return buffer.getvalue()


@matplotlib.rc_context({"text.parse_math": False})  # a "$" in a name begins no formula
def gain_vs_misfit(records: pd.DataFrame) -> Figure:
    """The paper's figure for one dataset; on the diagonal, gain equals misfit.

    Above it a student improved by more than its misfit says, below it by less. The control "truth"
    is left out: labels that are the truth leave nothing to gain, and its misfit is an error.
    """
    records = with_a_teacher(records)
    figure = Picture(figsize=(6.4, 4.6), layout="constrained")
    axes = figure.add_subplot()
    colour_of, marker_of = _encoder_colours(records), _split_markers(records)
    seeds = has_tasks(records)
    if seeds:
        colours, splits = matplotlib.colormaps["viridis"], list(marker_of)
        colour_of = {name: colours(place / len(splits)) for place, name in enumerate(splits)}
        marker_of = dict.fromkeys(splits, "o")
    size = 4 if len(records) > _MANY else 7
    for (encoder, split), trials in records.groupby(["weak", "split"], sort=False):
        axes.plot(
            trials["misfit"], trials["gain"], marker_of[split], linestyle="",
            color=colour_of[split if seeds else encoder], markersize=size,
            markeredgecolor="white", markeredgewidth=size / 14,
        )  # fmt: skip
    high = max(records["gain"].max(), records["misfit"].max())
    flipped = seeds and records["expected_slope"].iloc[0] < 0
    if flipped:
        axes.plot([0, high], [0, -high], ":", color="0.3", linewidth=1.2, zorder=0)
    axes.plot([0, high], [0, high], "--", color="0.5", linewidth=1, zorder=0)
    axes.axhline(0, color="0.85", linewidth=1, zorder=0)

    first = encoders_only(records).iloc[0]
    unit = _bracketed(records)
    axes.set_xlabel(f"misfit{unit}")
    axes.set_ylabel(f"gain = weak error - w2s error{unit}")
    if seeds:
        what = first["suite"]
        how = f"weak {first['weak']}, strong {first['strong']}, {first['labels']} labels"
    else:
        what = f"{first['dataset']}: strong {first['strong']}, {labels_of(records)}"
        how = f"{side(records, 'weak')[first.name]} / {side(records, 'strong')[first.name]}"
    axes.set_title(f"{what}\n{textwrap.fill(how, 2 * _TITLE)}", fontsize=10)
    handles = _legend(colour_of, {} if seeds else marker_of)
    if flipped:
        handles.append(Line2D([], [], linestyle=":", color="0.3", label="gain = −misfit"))
    figure.legend(handles=handles, loc="outside right center", fontsize=8, frameon=False)
    return figure


@matplotlib.rc_context({"text.parse_math": False})  # a "$" in a name begins no formula
def gain_vs_misfit_panels(trials: pd.DataFrame, table: pd.DataFrame) -> Figure:
    """One dataset's combinations, a panel each: same axes, same colours, a row of labels' own.

    Parameters
    ----------
    trials, table
        As ``study.combine`` and ``study.combination_table`` give them.
    """
    key = ["strong", "labels", "weak_side", "strong_side"]
    blocks = [block for _, block in table.groupby(key[:2], sort=False)]
    if max(map(len, blocks)) == 1:  # labels alone differ: one row
        blocks = [table]
    columns = min(5, max(map(len, blocks)))
    place_of: dict[Any, int] = {}
    start = 0
    for block in blocks:
        place_of |= {index: start + place for place, index in enumerate(block.index)}
        start += math.ceil(len(block) / columns) * columns
    rows = start // columns
    titles = {
        index: textwrap.wrap(f"{row['weak_side']} → {row['strong_side']}", _TITLE)
        for index, row in table.iterrows()
    }
    row_height = 1.95 + 0.1 * max(map(len, titles.values()))
    height = max(3.6, row_height * rows + 0.5)  # one row is lower than its label is long
    figure = Picture(figsize=(1.9 * columns + 1.6, height), layout="constrained")
    panels: Any = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    colour_of, marker_of = _encoder_colours(trials), _split_markers(trials)
    reach = max(trials["gain"].max(), trials["misfit"].max())
    used = set(place_of.values())
    for place, axes in enumerate(panels):
        axes.set_visible(place in used)
        axes.tick_params(labelsize=7, labelbottom=place + columns not in used)
    for index, row in table.iterrows():
        axes = panels[place_of[index]]
        axes.plot([0, reach], [0, reach], "--", color="0.5", linewidth=1, zorder=0)
        axes.axhline(0, color="0.85", linewidth=1, zorder=0)
        of_panel = trials[(trials[key] == row[key]).all(axis=1)]
        for (encoder, split), dots in of_panel.groupby(["weak", "split"], sort=False):
            axes.plot(
                dots["misfit"], dots["gain"], marker_of[split], linestyle="",
                color=colour_of[encoder], markersize=4.5, markeredgecolor="white",
                markeredgewidth=0.3,
            )  # fmt: skip
        title = [*titles[index], row["strong"], labels_of(of_panel)]
        axes.set_title("\n".join(title), fontsize=7)
        axes.text(
            0.04, 0.96, f"slope {row['slope']:.2f}, r {row['correlation']:.2f}",
            transform=axes.transAxes, fontsize=6.5, verticalalignment="top",
        )  # fmt: skip
    unit = _bracketed(trials)
    figure.supxlabel(f"misfit{unit}", fontsize=9)
    figure.supylabel(f"gain = weak error - w2s error{unit}", fontsize=9)
    figure.legend(
        handles=_legend(colour_of, marker_of), loc="outside right center", fontsize=7, frameon=False
    )
    return figure


@matplotlib.rc_context({"text.parse_math": False})
def gain_over_misfit(table: pd.DataFrame) -> Figure:
    """Gain / misfit with its interval: a line per combination, dataset by dataset.

    Where more than labels differs, each label scheme has a panel of its own.

    Parameters
    ----------
    table
        As ``study.combination_table`` gives it.
    """
    others = [name for name in ("weak_side", "strong", "strong_side") if table[name].nunique() > 1]
    names = [", ".join(map(str, row)) for row in table[others or ["labels"]].to_numpy()]
    rows = table.assign(kind=names, panel=table["labels"] if others else "")
    kinds = list(dict.fromkeys(names))
    style: dict[str, dict[str, Any]] = {
        kind: {"color": _OKABE_ITO[place % 7], "marker": MARKERS[place // 7 % len(MARKERS)]}
        for place, kind in enumerate(kinds)
    }
    lines: dict[str, dict[str, int]] = {}  # by dataset and kind; one is left out between datasets
    top = 0
    for dataset, block in rows.groupby("dataset", sort=False):
        there = sorted(set(block["kind"]), key=kinds.index)
        lines[dataset] = {kind: line for line, kind in enumerate(there, top)}
        top += len(there) + 1
    panels = dict(iter(rows.groupby("panel", sort=False)))
    size = max(7.2, 1.4 + 2.4 * len(panels)), 1.2 + 0.15 * top + 0.2 * len(kinds)
    figure = Picture(figsize=size, layout="constrained")
    subplots = figure.subplots(1, len(panels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (labels, panel) in zip(subplots, panels.items()):
        for row in panel.itertuples():
            ends = [[row.ratio - row.ratio_low], [row.ratio_high - row.ratio]]
            axes.errorbar(
                row.ratio, lines[row.dataset][row.kind], xerr=np.nan_to_num(ends), markersize=4,
                linewidth=1.3, **style[row.kind],
            )  # fmt: skip
        for of_dataset in list(lines.values())[1:]:
            axes.axhline(min(of_dataset.values()) - 1, color="0.9", linewidth=1, zorder=0)
        axes.axvline(0, color="0.6", linewidth=1, zorder=0)
        diagonal = axes.axvline(1, color="0.5", linewidth=1, linestyle="--", zorder=0)
        axes.set_title(labels, fontsize=10)
        axes.set_xlabel("gain / misfit, 95 % interval")
    axes.set_yticks(
        [np.mean(list(of_dataset.values())) for of_dataset in lines.values()],
        [_shown(name) for name in lines],
    )
    axes.set_ylim(top - 1, -1)
    axes.set_xlim(*_SEEN)
    marks = [Line2D([], [], linestyle="", markersize=5, **each) for each in style.values()]
    figure.legend(
        [*marks, diagonal], [*kinds, "gain = misfit"], loc="outside lower left", fontsize=8,
        frameon=False,
    )  # fmt: skip
    return figure


def _bracketed(records: pd.DataFrame) -> str:
    """The errors' unit behind an axis' name."""
    named = records["unit"].iloc[0] or loss_unit(records) == "nats"
    return f"  [{loss_unit(records)}]" if named else ""


def with_a_teacher(records: pd.DataFrame) -> pd.DataFrame:
    """The trials without those of the control "truth", unless there are no others."""
    if "teacher_kind" not in records:
        return records
    truth = (records["weak"] == "truth") & (records["teacher_kind"] == "control")
    return records if truth.all() else records[~truth]


def _encoder_colours(records: pd.DataFrame) -> dict[str, Any]:
    """A colour for each weak encoder, by hidden size; reds for ensembles, greys for controls."""
    encoders = encoders_only(records)[["weak", "weak_hidden_size"]].drop_duplicates()
    encoders = encoders.sort_values(["weak_hidden_size", "weak"], kind="stable")["weak"]
    colours = matplotlib.colormaps["viridis"]
    last = max(1, len(encoders) - 1)
    colour_of: dict[str, Any] = {name: colours(place / last) for place, name in enumerate(encoders)}
    if "teacher_kind" in records:
        for kind, shades in (("ensemble", ("#d62728", "#ff7f0e")), ("control", ("0.2", "0.6"))):
            names = records.loc[records["teacher_kind"] == kind, "weak"].drop_duplicates()
            colour_of |= dict(zip(names, shades))
    return colour_of


def _split_markers(records: pd.DataFrame) -> dict[str, str]:
    """A marker for each split, in the records' order; the same where there are too many."""
    splits = records["split"].drop_duplicates()
    if len(splits) > len(MARKERS):
        return dict.fromkeys(splits, MARKERS[0])
    return dict(zip(splits, MARKERS))


def _legend(colour_of: dict[str, Any], marker_of: dict[str, str]) -> list[Line2D]:
    dots = [(name, "o", colour) for name, colour in colour_of.items()]
    if len(set(marker_of.values())) == len(marker_of):
        dots += [(name, marker, "0.4") for name, marker in marker_of.items()]
    return [
        *(
            Line2D([], [], linestyle="", marker=marker, color=colour, label=_shown(name))
            for name, marker, colour in dots
        ),
        Line2D([], [], linestyle="--", color="0.5", label="gain = misfit"),
    ]


def _shown(name: str) -> str:
    """A legend leaves labels out that begin with an underscore."""
    return f" {name}" if name.startswith("_") else name


def save_figure(figure: Figure, stem: Path) -> None:
    """``stem``.png and ``stem``.svg; the same records give the same bytes."""
    with matplotlib.rc_context({"svg.hashsalt": "molw2s"}):
        for kind, options in (
            ("png", {"dpi": 150, "metadata": {"Software": None}}),
            ("svg", {"metadata": {"Date": None}}),
        ):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, **options)
            write_atomically(stem.with_name(f"{stem.name}.{kind}"), buffer.getvalue())
