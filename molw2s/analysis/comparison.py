"""A run beside the paper's table, and the rules for choosing a weak teacher."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from molw2s.analysis.rules import Selection, rules_table, select
from molw2s.analysis.summary import encoders_only, summary_table
from molw2s.locations import shipped


@dataclass(frozen=True, eq=False)
class Comparison:
    """A run beside the paper's table.

    Attributes
    ----------
    table
        A row a weak encoder of the run; the paper's columns end in ``_paper``.
    run, paper
        What weak error - misfit chooses.
    rules
        What it and the other rules choose: ``rules_table``.
    """

    dataset: str
    table: pd.DataFrame
    run: Selection
    paper: Selection | None
    rules: pd.DataFrame


def paper_table(dataset: str) -> pd.DataFrame | None:
    """Table 1 of Charikar et al. (2024); None for a dataset whose figures are not at hand."""
    table = pd.read_csv(shipped("benchmarks") / "published" / "paper_table.csv")
    table = table[table["dataset"] == dataset].drop(columns="dataset").reset_index(drop=True)
    return None if table.empty else table


def compare_with_paper(records: pd.DataFrame) -> Comparison:
    """Set the trials of one dataset beside the paper's table, by hidden size."""
    dataset = str(records["dataset"].iloc[0])
    ours = summary_table(encoders_only(records))
    squared = "loss" not in records or (records["loss"] == "squared").all()
    paper = paper_table(dataset) if squared else None
    columns = [
        "weak", "weak_hidden_size",
        "weak_error_minus_misfit_mean", "weak_error_minus_misfit_std",
        "w2s_error_mean", "w2s_error_std",
    ]  # fmt: skip
    table = ours[columns]
    if paper is not None:
        theirs = paper.rename(columns={"hidden_size": "weak_hidden_size"})
        table = table.merge(theirs, "left", "weak_hidden_size", suffixes=("", "_paper"))
    return Comparison(
        dataset=dataset,
        table=table,
        run=_papers_rule(ours, "weak"),
        paper=None if paper is None else _papers_rule(paper, "hidden_size"),
        rules=rules_table(records),
    )


def _papers_rule(table: pd.DataFrame, label: str) -> Selection:
    means = table.set_index(label)
    return select(means["weak_error_minus_misfit_mean"], means["w2s_error_mean"])
