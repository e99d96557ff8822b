"""A run beside the paper's table, and the paper's rule for choosing a weak teacher."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from scipy.stats import kendalltau, spearmanr

from molw2s.locations import shipped
from molw2s.report.tables import summary_table


@dataclass(frozen=True)
class Selection:
    """How well weak error - misfit ranks weak teachers by the error of their students.

    Attributes
    ----------
    spearman, kendall : float
        Rank correlation between the means of weak error - misfit and of w2s error; nan where
        fewer than two teachers, or all alike.
    chosen, best : str
        The teacher with the smallest mean weak error - misfit, and the one with the best student.
    regret : float
        How much worse the chosen teacher's student is than the best one, in squared units.
    """

    spearman: float
    kendall: float
    chosen: str
    best: str
    regret: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """``table`` has a row a weak encoder of the run; the paper's columns end in ``_paper``."""

    dataset: str
    table: pd.DataFrame
    run: Selection
    paper: Selection | None


def paper_table(dataset: str) -> pd.DataFrame | None:
    """Table 1 of Charikar et al. (2024); None for a dataset whose figures are not at hand."""
    table = pd.read_csv(shipped("benchmarks") / "paper_table.csv")
    table = table[table["dataset"] == dataset].drop(columns="dataset").reset_index(drop=True)
    return None if table.empty else table


def select(table: pd.DataFrame, label: str) -> Selection:
    """Apply the rule to means over splits; ``label`` is the column that names a teacher."""
    rule, error = table["weak_error_minus_misfit_mean"], table["w2s_error_mean"]
    chosen, best = rule.idxmin(), error.idxmin()
    ranked = len(table) > 1 and rule.nunique() > 1 and error.nunique() > 1
    return Selection(
        spearman=float(spearmanr(rule, error).statistic) if ranked else float("nan"),
        kendall=float(kendalltau(rule, error).statistic) if ranked else float("nan"),
        chosen=str(table.loc[chosen, label]),
        best=str(table.loc[best, label]),
        regret=float(error[chosen] - error[best]),
    )


def compare_with_paper(records: pd.DataFrame) -> Comparison:
    """Set the trials of one dataset beside the paper's table, by hidden size."""
    dataset = str(records["dataset"].iloc[0])
    ours = summary_table(records)
    paper = paper_table(dataset)
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
        run=select(ours, "weak"),
        paper=None if paper is None else select(paper, "hidden_size"),
    )
