"""Intervals over splits against SciPy, a case done by hand, and how often they hold the truth."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from molw2s.analysis import intervals
from molw2s.analysis.intervals import by_split, corrected_interval


def mean(values):
    return float(values.mean())


def test_without_overlap_the_interval_of_a_mean_is_students():
    values = np.random.default_rng(0).normal(size=(25, 8))
    found = corrected_interval(mean, values, test_share=0)
    means = values.mean(1)
    expected = stats.t.interval(0.95, 24, means.mean(), stats.sem(means))
    assert found == pytest.approx((values.mean(), *expected))


def test_overlap_widens_it_as_nadeau_and_bengio_say():
    values = np.random.default_rng(0).normal(size=(10, 1))
    value, low, high = corrected_interval(mean, values, test_share=1 / 9)
    half = stats.t.ppf(0.975, 9) * math.sqrt((1 / 10 + 1 / 9) * values.var(ddof=1))
    assert (high - low) / 2 == pytest.approx(half)
    assert (low + high) / 2 == pytest.approx(value)


def test_a_ratio_of_means_has_the_interval_of_its_linear_part():
    rng = np.random.default_rng(0)
    below = rng.uniform(1, 1.01, (400, 1))
    above = 0.5 * below + rng.normal(0, 0.01, (400, 1))

    def ratio(a, b):
        return float(a.mean() / b.mean())

    value, low, high = corrected_interval(ratio, above, below, test_share=0)
    linear = (above - value * below) / below.mean()
    half = stats.t.ppf(0.975, 399) * stats.sem(linear[:, 0])
    assert (high - low) / 2 == pytest.approx(half, rel=0.01)


def test_cross_validations_interval_holds_the_truth_more_often_than_the_plain_one():
    """Means of test folds, 5x5: the estimate varies with the sample, which all folds share."""
    rng = np.random.default_rng(0)
    held = {0.0: 0, 0.25: 0}
    for _ in range(300):
        sample = rng.normal(size=50)
        folds = [rng.permutation(50)[:10] for _ in range(25)]
        values = np.array([[sample[fold].mean()] for fold in folds])
        for share in held:
            _, low, high = corrected_interval(mean, values, test_share=share)
            held[share] += low <= 0 <= high
    assert held[0.0] / 300 < 0.75
    assert held[0.25] / 300 > 0.9


def test_of_one_split_there_is_none():
    value, low, high = corrected_interval(mean, np.ones((1, 3)), test_share=0.1)
    assert value == 1
    assert math.isnan(low)
    assert math.isnan(high)


def test_the_test_share_counts_labelled_and_unlabelled_molecules_once():
    trials = pd.DataFrame({"labels": "shared", "n_labelled": 80, "n_unlabelled": 80}, index=[0, 1])
    trials["n_evaluation"] = 10
    assert intervals.test_share(trials) == pytest.approx(10 / 80)
    halves = trials.assign(labels="disjoint, 25 %", n_labelled=20, n_unlabelled=60)
    assert intervals.test_share(halves) == pytest.approx(10 / 80)


def test_splits_keep_their_teachers_and_repetitions_are_averaged():
    trials = pd.DataFrame(
        {
            "split": ["a", "b", "a", "b", "b"], "weak": ["t", "u", "u", "t", "t"],
            "x": [1, 2, 3, 4, 6], "y": [5.0, 6, 7, 8, 8],
        }
    )  # fmt: skip
    x, y = (each.to_numpy() for each in by_split(trials, "x", "y"))
    assert x.tolist() == [[1, 3], [5, 2]]
    assert y.tolist() == [[5, 7], [8, 6]]
