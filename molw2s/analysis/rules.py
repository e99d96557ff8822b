"""Rules for choosing a weak teacher, and how well each chooses on the trials of one run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from molw2s.analysis.bootstrap import interval, resampled_splits
from molw2s.analysis.summary import encoders_only, repetitions


@dataclass(frozen=True, slots=True)
class Rule:
    """Choose the teacher whose mean of one column of the records is smallest, or largest.

    Attributes
    ----------
    name : str
    column : str
        Of the records; ``molw2s.predictors`` says how the representations' ones are computed.
    prefers : str
        Which of its values is taken as the sign of a good teacher.
    needs : str
        The labels it looks at, and of which molecules: those of the test or valid part, or those
        that get weak labels.
    """

    name: str
    column: str
    prefers: Literal["smallest", "largest"]
    needs: str

    @property
    def title(self) -> str:
        """As in "smallest weak error, valid"."""
        return f"{self.prefers} {self.name}"


RULES = (
    # Charikar, Pabbaraju, Shiragur (2024), Theorem 1: the bound on w2s_error. As in their Table 1
    # it is measured on the test part, where the students are judged too.
    Rule("weak error - misfit, test", "weak_error_minus_misfit", "smallest", "true, test"),
    # The same where no student is judged and no head is fitted: what can be done in practice.
    Rule("weak error - misfit, valid", "weak_error_minus_misfit_valid", "smallest", "true, valid"),
    # The baseline: the better teacher teaches better.
    Rule("weak error, valid", "weak_error_valid", "smallest", "true, valid"),
    # The theorem's gain, whatever the teacher's own error.
    Rule("misfit, test", "misfit", "largest", "none"),
    # Xue, Li, Mirzasoleiman (2025).
    Rule("‖P_s (I - P_w) y‖²", "xue_labelled", "smallest", "true, weakly labelled"),
    Rule("‖P_s (I - P_w)‖", "xue_label_free", "smallest", "none"),
    # Dong et al. (2025).
    Rule("overlap ‖V_wᵀ V_s‖²", "dong_overlap", "smallest", "none"),
)


@dataclass(frozen=True)
class Selection:
    """How well a score ranks weak teachers by the error of their students.

    Attributes
    ----------
    spearman, kendall : float
        Rank correlation between the score, turned so that a small one is good, and w2s error;
        nan where fewer than two teachers, or all alike.
    chosen, best : str
        The teacher with the best score, and the one with the best student.
    regret : float
        How much worse the chosen teacher's student is than the best one, in squared units.
    """

    spearman: float
    kendall: float
    chosen: str
    best: str
    regret: float


def select(score: pd.Series, w2s_error: pd.Series) -> Selection:
    """Choose the smallest score; both are means over splits, indexed by the teachers' names."""
    chosen, best = score.idxmin(), w2s_error.idxmin()
    ranked = score.nunique() > 1 and w2s_error.nunique() > 1
    return Selection(
        spearman=float(spearmanr(score, w2s_error).statistic) if ranked else float("nan"),
        kendall=float(kendalltau(score, w2s_error).statistic) if ranked else float("nan"),
        chosen=str(chosen),
        best=str(best),
        regret=float(w2s_error[chosen] - w2s_error[best]),
    )


def rules_table(records: pd.DataFrame) -> pd.DataFrame:
    """One row a rule, applied to the means over splits of one run's weak encoders.

    Columns ``rule``, ``column`` and ``needs`` say what it is; where the run has not
    recorded its column the others are empty:

    chosen, best, regret, spearman
        As in ``Selection``.
    regret_low, regret_high, picks_best
        The middle 95 % of the regret, and the share of draws without any, when splits (and seeds
        within a split) are drawn with replacement: choice and judgement are both made on the
        draw's means. It tells how much the verdict hangs on which splits were run. It is no
        confidence interval for other data: random splits of one dataset share most molecules, and
        three splits have only 10 distinct draws, of which each split three times over has
        probability 1/27 - so the ends are then little more than the extremes among them.
    regret_each
        The regret on each split alone: all that was seen, in the records' order.

    Raises
    ------
    InvalidInput
        If teachers were not all tried on the same splits and seeds, as in a run that has not ended.
    """
    records = encoders_only(records)
    errors = repetitions(records, "w2s_error")
    splits = errors.index.get_level_values("split")
    weights = resampled_splits(pd.Series(splits))
    rows = []
    for rule in RULES:
        row: dict[str, object] = {
            "rule": rule.title, "column": rule.column, "needs": rule.needs
        }  # fmt: skip
        if _recorded(records, rule):
            sign = 1 if rule.prefers == "smallest" else -1
            row |= _judge(sign * repetitions(records, rule.column), errors, weights)
        rows.append(row)
    return pd.DataFrame(rows)


def _recorded(records: pd.DataFrame, rule: Rule) -> bool:
    return rule.column in records and bool(records[rule.column].notna().all())


def _judge(
    score: pd.DataFrame, errors: pd.DataFrame, weights: NDArray[np.float64]
) -> dict[str, object]:
    each = [score.groupby("split", sort=False).mean(), errors.groupby("split", sort=False).mean()]
    found = select(each[0].mean(), each[1].mean())
    regrets = _regrets(weights @ score.to_numpy(), weights @ errors.to_numpy())
    low, high = interval(regrets)
    return {
        "chosen": found.chosen,
        "best": found.best,
        "regret": found.regret,
        "regret_low": low,
        "regret_high": high,
        "picks_best": float((regrets == 0).mean()),
        "regret_each": _regrets(each[0].to_numpy(), each[1].to_numpy()).tolist(),
        "spearman": found.spearman,
    }


def _regrets(score: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k,) regret of the smallest score in each of k rows, a column a teacher."""
    rows = np.arange(len(score))
    regrets: NDArray[np.float64] = errors[rows, score.argmin(1)] - errors.min(1)
    return regrets
