"""Weak teachers side by side: whose student gains, and whose students really differ."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from molw2s.analysis.bootstrap import LEVEL
from molw2s.analysis.intervals import by_split, corrected_interval, mean, test_share
from molw2s.analysis.summary import encoders_only

Array = NDArray[np.float64]

MARGIN = 0.05
"""Errors that differ by less than this share of the best one are equal for practical purposes."""


@dataclass(frozen=True, eq=False)
class Teachers:
    """How the teachers of one run compare.

    Attributes
    ----------
    friedman : float
        p of Friedman's test that all students are alike, splits being blocks; nan for fewer than
        three teachers or two splits. Splits share molecules, so it is an optimistic one.
    margin : float
        In the errors' unit: what makes no practical difference.
    table : DataFrame
        One row per weak encoder, the best student first.
    """

    friedman: float
    margin: float
    table: pd.DataFrame


def compare_teachers(records: pd.DataFrame, margin: float = MARGIN) -> Teachers:
    """Set the weak encoders of one run side by side, over splits.

    Columns of the table:

    weak, w2s_error, misfit
        The encoder, and means over splits.
    gain, gain_low, gain_high
        Mean gain and its interval. The intervals of all k teachers hold together in 95 % of cases:
        each is of 1 - 0.05 / k (Bonferroni), over splits (``corrected_interval``).
    rank
        Mean rank of the student's error over splits; 1 is the best.
    p
        Of Nemenyi's test against the best mean rank, corrected for all pairs.
    verdict
        "best", the smallest mean error; of the others, by the interval of the difference to it:
        "equal" where that is within ``margin`` of the best error, else "worse" where it is above
        0 and "undecided" where it is not.
    """
    trials = encoders_only(records)
    errors, gains, misfits = by_split(trials, "w2s_error", "gain", "misfit")
    best = errors.mean().idxmin()
    share, allowed = test_share(trials), margin * float(errors[best].mean())
    level = 1 - (1 - LEVEL) / errors.shape[1]
    ranks, friedman, nemenyi = _ranked(errors)
    top = ranks.idxmin()
    rows = []
    for weak in errors.mean().sort_values(kind="stable").index:
        gain = corrected_interval(mean, _column(gains[weak]), test_share=share, level=level)
        behind = corrected_interval(
            mean, _column(errors[weak] - errors[best]), test_share=share, level=level
        )
        rows.append(
            {
                "weak": weak,
                "w2s_error": errors[weak].mean(),
                "misfit": misfits[weak].mean(),
                **dict(zip(("gain", "gain_low", "gain_high"), gain)),
                "rank": ranks[weak],
                "p": math.nan if weak == top else nemenyi.loc[weak, top],
                "verdict": "best" if weak == best else _verdict(behind, allowed),
            }
        )
    return Teachers(friedman, allowed, pd.DataFrame(rows))


def _ranked(errors: pd.DataFrame) -> tuple[pd.Series, float, pd.DataFrame]:
    """Mean ranks, p of Friedman's test, and those of Nemenyi's between all pairs."""
    ranks = errors.rank(axis=1).mean()
    if min(errors.shape[0], errors.shape[1] - 1) < 2:
        unknown = pd.DataFrame(math.nan, errors.columns, errors.columns)
        return ranks, math.nan, unknown
    from scikit_posthocs import posthoc_nemenyi_friedman

    friedman = float(stats.friedmanchisquare(*errors.to_numpy().T).pvalue)
    return ranks, friedman, posthoc_nemenyi_friedman(errors.reset_index(drop=True))


def _verdict(behind: tuple[float, float, float], allowed: float) -> str:
    _, low, high = behind
    if -allowed <= low and high <= allowed:
        return "equal"
    return "worse" if low > 0 else "undecided"


def _column(values: pd.Series) -> Array:
    return values.to_numpy(np.float64)[:, None]
