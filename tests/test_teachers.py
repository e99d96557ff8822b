"""Teachers side by side, against SciPy's and a textbook's tests, and cases by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from molw2s.analysis import compare_teachers

SPLITS, SHARE = 12, 100 / 800


def trials(errors, weak_error=2.0, misfit=0.3):
    """Records of a matrix of students' errors, a row per split."""
    errors = np.asarray(errors, float)
    frame = pd.DataFrame(
        [
            {"split": f"s{row}", "weak": f"t{column}", "w2s_error": error}
            for row, each in enumerate(errors)
            for column, error in enumerate(each)
        ]
    )
    return frame.assign(
        gain=weak_error - frame["w2s_error"], misfit=misfit, teacher_kind="encoder",
        labels="shared", n_labelled=800, n_unlabelled=800, n_evaluation=100,
    )  # fmt: skip


def noisy(*means, noise=0.02):
    rng = np.random.default_rng(0)
    return (
        np.array(means)
        + rng.normal(0, 0.2, (SPLITS, 1))
        + rng.normal(0, noise, (SPLITS, len(means)))
    )


def test_friedman_is_scipys_and_nemenyi_is_of_the_studentized_range():
    errors = noisy(1.0, 1.005, 1.1, 1.02)
    found = compare_teachers(trials(errors))
    assert found.friedman == pytest.approx(stats.friedmanchisquare(*errors.T).pvalue)
    ranks = stats.rankdata(errors, axis=1).mean(0)
    table = found.table.set_index("weak")
    # Demsar 2006, section 3.2.2, in terms of the studentized range.
    for place, rank in enumerate(ranks):
        distance = (rank - ranks.min()) / math.sqrt(4 * 5 / (6 * SPLITS))
        expected = stats.studentized_range.sf(distance * math.sqrt(2), 4, np.inf)
        assert table["rank"][f"t{place}"] == pytest.approx(rank)
        if rank > ranks.min():
            assert table["p"][f"t{place}"] == pytest.approx(expected, abs=2e-3)


def test_gains_have_intervals_that_hold_together():
    errors = noisy(1.0, 1.1)
    found = compare_teachers(trials(errors)).table.set_index("weak")
    for place in (0, 1):
        gain = 2 - errors[:, place]
        half = stats.t.ppf(1 - 0.05 / 2 / 2, SPLITS - 1) * math.sqrt(
            (1 / SPLITS + SHARE) * gain.var(ddof=1)
        )
        row = found.loc[f"t{place}"]
        assert (row["gain_low"], row["gain_high"]) == pytest.approx(
            (gain.mean() - half, gain.mean() + half)
        )


def test_a_student_is_equal_worse_or_undecided():
    steady = noisy(1.0, 1.01, 1.5, noise=0.001)
    loose = 1.03 + np.random.default_rng(1).normal(0, 0.2, (SPLITS, 1)) + steady[:, :1] - 1
    found = compare_teachers(trials(np.hstack([steady, loose])), margin=0.05)
    assert dict(zip(found.table["weak"], found.table["verdict"])) == {
        "t0": "best", "t1": "equal", "t2": "worse", "t3": "undecided",
    }  # fmt: skip
    assert found.margin == pytest.approx(0.05 * steady[:, 0].mean())


def test_two_teachers_or_one_split_have_no_friedman_test():
    for errors in (noisy(1.0, 1.1), noisy(1.0, 1.1, 1.2)[:1]):
        found = compare_teachers(trials(errors))
        assert math.isnan(found.friedman)
        assert found.table["verdict"].iloc[0] == "best"
