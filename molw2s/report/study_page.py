"""The study as a page: tables and figures made from records, among prose that is left alone."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pandas as pd

from molw2s.analysis.bootstrap import DRAWS, SEED
from molw2s.analysis.study import combination_table, combine
from molw2s.analysis.summary import encoders_only
from molw2s.errors import InvalidInput
from molw2s.locations import as_file_name, sweep, write_atomically
from molw2s.records import read_records
from molw2s.report.figures import gain_over_misfit, gain_vs_misfit_panels, save_figure
from molw2s.report.text import (
    OVERVIEW_CAPTION,
    errors_of,
    in_markdown,
    loss_unit,
    readable_overview,
    readable_regrets,
    readable_study,
    to_markdown,
)

BEGIN = "<!-- molw2s study: made from records; write above or below, not here -->"
END = "<!-- molw2s study: end -->"
_NOTE = (
    "Every combination that was run, one row each; means over trials, errors are {errors}. "
    "Weak and strong model: a head on the frozen encoder, or how it was finetuned. Leak: the share "
    "of the weak error that the weak labels lack. Alignment: cosine of the angle between the "
    "student's step away from its teacher and the step to the truth. Gain, averaged: of the same "
    "students averaged half and half with their teachers, gain / 2 + misfit / 4. Slope: of gain on "
    "misfit over teachers and splits. Slack: 2 √(eps · misfit). PGR: median over the trials whose "
    "weak error is above the ceiling; undefined in the others. Spearman, regret: of choosing the "
    "teacher with the smallest weak error - misfit. In brackets: 95 % intervals over splits, by "
    "Student's t with Nadeau and Bengio's correction for splits that share molecules; of regret, "
    "the middle 95 % of {draws} bootstrap draws of splits (seed {seed})."
)
_DISTANCE = (
    " Distance: mean absolute difference to the paper's Table 1, over weak error - misfit and "
    "w2s error."
)


def write_study(folders: Sequence[str | Path], page: str | Path) -> pd.DataFrame:
    """Write the page and, in a folder beside it that has its name, what it is made from.

    The folder gets ``records.csv.gz`` (all trials; a later study takes the folder as one of its
    runs), ``table.csv`` (a row a combination), and a figure for each dataset. In a page that exists
    only what stands between the two marks is replaced.

    Returns
    -------
    DataFrame
        ``combination_table``.

    Raises
    ------
    InvalidInput
        If the page is not a .md file or has no place for tables, a folder holds no run or one that
        has not ended, or runs do not go together (``combine``), or by their datasets' names would
        share a figure's file.
    """
    page = Path(page)
    if page.suffix.lower() not in (".md", ".markdown"):
        raise InvalidInput(f"{page}: the page is Markdown; name it {page.name}.md")
    before, after = _around(page)
    trials = combine(read_records(folder) for folder in folders)
    names = [*(str(name) for name in trials["dataset"].unique()), "gain-over-misfit"]
    if len({as_file_name(name) for name in names}) < len(names):
        raise InvalidInput(f"two of {', '.join(names)} would have one figure file; rename one")
    table = combination_table(trials)
    beside = page.with_suffix("")
    if (beside / "manifest.json").exists() or (beside / "table.md").exists():
        raise InvalidInput(
            f"{page}: the study's records would take the place of the run's in {beside}; name the "
            "page otherwise with --out"
        )
    sweep(beside)
    save_figure(gain_over_misfit(table), beside / "gain-over-misfit")
    sections = [
        OVERVIEW_CAPTION,
        to_markdown(readable_overview(table)).rstrip(),
        f"![Gain over misfit]({quote(beside.name)}/gain-over-misfit.png)",
        _NOTE.format(draws=DRAWS, seed=SEED, errors=errors_of(trials)),
    ]
    for dataset, rows in table.groupby("dataset", sort=False):
        of_dataset = trials[trials["dataset"] == dataset]
        figure = f"{beside.name}/{as_file_name(str(dataset))}"
        save_figure(gain_vs_misfit_panels(of_dataset, rows), page.parent / figure)
        sections.append(_section(str(dataset), of_dataset, rows, f"{quote(figure)}.png"))
    packed = gzip.compress(trials.to_csv(index=False).encode(), mtime=0)
    write_atomically(beside / "records.csv.gz", packed)
    (beside / "records.csv").unlink(missing_ok=True)  # of a study by molw2s 0.1
    write_atomically(beside / "table.csv", table.to_csv(index=False).encode())
    content = before + "\n\n".join([BEGIN, *sections, END]) + after
    write_atomically(page, content.encode())
    return table


def _around(page: Path) -> tuple[str, str]:
    """What stands before and after the marks."""
    if not page.exists():
        return "# Study\n\n", "\n"
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InvalidInput(
            f"{page} exists and does not say where the tables go; put these two lines there:\n"
            f"{BEGIN}\n{END}"
        )
    return before, after


def _section(dataset: str, trials: pd.DataFrame, table: pd.DataFrame, figure: str) -> str:
    distance = _DISTANCE if table["paper_distance"].notna().any() else ""
    return "\n\n".join(
        [
            f"## {in_markdown(dataset)}",
            f"Errors in {in_markdown(loss_unit(trials)) or 'no unit'}; "
            f"{encoders_only(trials)['weak'].nunique()} weak encoders, "
            f"{trials['split'].nunique()} splits." + distance,
            to_markdown(readable_study(table)).rstrip(),
            "Regret of each rule for choosing a teacher:",
            to_markdown(readable_regrets(table)).rstrip(),
            f"![Gain against misfit on {in_markdown(dataset)}]({figure})",
            "*Gain against misfit: one panel a combination (weak model → strong model), one dot a "
            "trial: weak encoder, split and, where a side is finetuned, its seed.*",
        ]
    )
