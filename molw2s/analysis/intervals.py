"""Intervals over splits of one dataset, which share molecules."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from molw2s.analysis.bootstrap import LEVEL
from molw2s.analysis.summary import repetitions

Array = NDArray[np.float64]


def corrected_interval(
    statistic: Callable[..., float], *measures: Array, test_share: float, level: float = LEVEL
) -> tuple[float, float, float]:
    """A statistic of measures (splits, k), and the ends of its interval, by default of 95 %.

    Student's t over the jackknife's pseudo-values, one per split (Tukey 1958), with Nadeau and
    Bengio's (2003) correction: the splits overlap, so the variance of their mean is (1/J +
    ``test_share``) times that of one, not 1/J. For a mean over splits the pseudo-values are its
    terms, and this is their corrected resampled t-interval.

    Parameters
    ----------
    test_share
        Molecules in the test part over molecules in the training part.

    Returns
    -------
    value, low, high
        The ends are nan where there are fewer than two splits, or the statistic is not defined
        without one of them.
    """
    value = statistic(*measures)
    splits = len(measures[0])
    if splits < 2:
        return value, math.nan, math.nan
    without = [
        statistic(*(np.delete(each, split, axis=0) for each in measures)) for split in range(splits)
    ]
    pseudo = splits * value - (splits - 1) * np.array(without)
    error = math.sqrt((1 / splits + test_share) * pseudo.var(ddof=1))
    half = float(stats.t.ppf((1 + level) / 2, splits - 1)) * error
    return value, value - half, value + half


def mean(values: Array) -> float:
    """A statistic for ``corrected_interval``, as ``ratio`` is."""
    return float(values.mean())


def ratio(gain: Array, misfit: Array) -> float:
    """Mean gain over mean misfit; nan where nothing differs from its teacher."""
    return float(gain.mean() / misfit.mean()) if misfit.any() else math.nan


def test_share(trials: pd.DataFrame) -> float:
    """Molecules in the test part over those in the training part, labelled and unlabelled; nan
    where the records do not say how many there are."""
    if not {"n_labelled", "n_unlabelled", "n_evaluation"} <= set(trials):
        return math.nan
    labelled, unlabelled = trials["n_labelled"], trials["n_unlabelled"]
    apart = trials["labels"].str.startswith(("disjoint", "fresh"))
    training = np.where(apart, labelled + unlabelled, np.maximum(labelled, unlabelled))
    return float((trials["n_evaluation"] / training).mean())


def by_split(trials: pd.DataFrame, *columns: str) -> list[pd.DataFrame]:
    """A table for each column, splits x teachers; seeds and tasks of a split are averaged.

    Raises
    ------
    InvalidInput
        If not every teacher was tried on every split and seed.
    """
    return [repetitions(trials, name).groupby("split", sort=False).mean() for name in columns]
