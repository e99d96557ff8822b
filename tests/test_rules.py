"""Rules for choosing a teacher, against every bootstrap draw counted out and cases by hand."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from molw2s.analysis.bootstrap import DRAWS, LEVEL, interval, resampled_splits
from molw2s.analysis.rules import RULES, rules_table, select
from molw2s.errors import InvalidInput

PAPER = "weak_error_minus_misfit"


def trials(w2s_error, score=None, repetitions=None, **columns):
    """Records of matrices, a row a repetition (split and perhaps seed) and a column a teacher."""
    w2s_error = np.asarray(w2s_error, float)
    repetitions = repetitions or [{"split": f"s{row}"} for row in range(len(w2s_error))]
    columns = {PAPER: w2s_error if score is None else score, **columns}
    return pd.DataFrame(
        [
            {**repetition, "weak": f"t{teacher}", "w2s_error": w2s_error[row, teacher]}
            | {name: values[row][teacher] for name, values in columns.items()}
            for row, repetition in enumerate(repetitions)
            for teacher in range(w2s_error.shape[1])
        ]
    )


def judged(records, column=PAPER):
    (row,) = [row for row in rules_table(records).to_dict("records") if row["column"] == column]
    return row


def test_regret_is_what_the_choice_loses():
    teachers = ["a", "b", "c"]
    selection = select(pd.Series([1.0, 2.0, 3.0], teachers), pd.Series([0.7, 0.5, 0.9], teachers))
    assert (selection.chosen, selection.best) == ("a", "b")
    assert selection.regret == pytest.approx(0.2)
    assert selection.spearman == pytest.approx(0.5)
    assert selection.kendall == pytest.approx(1 / 3)


def test_one_teacher_has_no_rank_correlation():
    row = judged(trials([[1.0], [2.0]]))
    assert math.isnan(row["spearman"])
    assert (row["regret"], row["picks_best"]) == (0, 1)


def test_three_splits_have_27_draws_and_the_bootstrap_shares_their_law():
    rng = np.random.default_rng(1)
    score, error = rng.normal(size=(2, 3, 5))
    row = judged(trials(error, score))
    regrets = []
    for draw in product(range(3), repeat=3):
        means = score[list(draw)].mean(0), error[list(draw)].mean(0)
        regrets.append(means[1][means[0].argmin()] - means[1].min())
    regrets = np.sort(regrets)
    assert len(np.unique(regrets.round(9))) > 3
    noise = 4 * math.sqrt(0.25 / DRAWS)
    assert row["picks_best"] == pytest.approx(np.mean(regrets < 1e-12), abs=noise)
    # 2.5 % of 27 draws is less than one of them, so the ends are the extremes.
    assert (row["regret_low"], row["regret_high"]) == pytest.approx((regrets[0], regrets[-1]))
    alone = [error[split, score[split].argmin()] - error[split].min() for split in range(3)]
    assert row["regret_each"] == pytest.approx(alone)
    assert row["regret"] == pytest.approx(
        error.mean(0)[score.mean(0).argmin()] - error.mean(0).min()
    )


def test_a_rule_that_prefers_the_largest_is_turned_round():
    error = np.array([[1.0, 2.0, 3.0]] * 2)
    row = judged(trials(error, misfit=[[0.3, 0.2, 0.1]] * 2), "misfit")
    assert (row["chosen"], row["regret"], row["spearman"]) == ("t0", 0, pytest.approx(1))
    row = judged(trials(error, misfit=[[0.1, 0.2, 0.3]] * 2), "misfit")
    assert (row["chosen"], row["regret"], row["spearman"]) == ("t2", 2, pytest.approx(-1))


def test_a_column_that_a_run_lacks_leaves_its_rule_empty():
    error = np.ones((2, 2))
    table = rules_table(trials(error, weak_error_valid=[[1, 2], [np.nan, 1]])).set_index("column")
    assert set(table.index) == {rule.column for rule in RULES}
    assert table["chosen"].notna().sum() == 1
    assert table.loc[PAPER, "chosen"] == "t0"


def test_the_same_records_give_the_same_table():
    records = trials(np.random.default_rng(0).normal(size=(4, 3)))
    pd.testing.assert_frame_equal(rules_table(records), rules_table(records))


def test_the_order_of_the_records_does_not_matter():
    rng = np.random.default_rng(0)
    repetitions = [{"split": split, "seed": seed} for split in "ba" for seed in (1, 0)]
    records = trials(rng.normal(size=(4, 3)), rng.normal(size=(4, 3)), repetitions)
    teachers_first = records.sort_values("weak", kind="stable")
    assert judged(teachers_first) == judged(records)
    shuffled = judged(records.sample(frac=1, random_state=0))
    for measure in ("chosen", "best", "regret", "spearman"):
        assert shuffled[measure] == pytest.approx(judged(records)[measure])


def test_a_split_counts_the_same_however_many_seeds_it_has():
    repetitions = [{"split": "a", "seed": 0}] + [{"split": "b", "seed": s} for s in range(9)]
    error = [[0.0, 1.0]] + [[0.9, 0.0]] * 9
    assert judged(trials(error, repetitions=repetitions))["best"] == "t0"
    weights = resampled_splits(pd.Series([r["split"] for r in repetitions]))
    assert weights.sum(1) == pytest.approx(1)
    share = weights[:, 0]
    assert set(share.round(12)) == {0, 0.5, 1}
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    # Within a split the seeds are drawn as well.
    assert weights[:, 1:].std(0).min() > 0


def test_tasks_of_a_repetition_are_averaged():
    records = trials([[1.0, 2.0], [1.0, 2.0]])
    tasks = pd.concat([records.assign(task=0), records.assign(task=1, w2s_error=[5, 0, 5, 0])])
    assert judged(tasks)["best"] == "t1"


def test_teachers_tried_on_different_splits_are_not_compared():
    with pytest.raises(InvalidInput, match=r"t1 was not.*finish the run"):
        rules_table(trials([[1.0, 2.0], [1.0, 2.0]]).iloc[:-1])


def test_interval_leaves_out_equal_tails_and_what_is_undefined():
    low, high = interval(np.r_[np.arange(1000.0), np.full(500, np.nan)])
    assert high - low == pytest.approx(1000 * LEVEL, abs=1)
    assert low == pytest.approx(999 - high, abs=2)
    assert all(map(math.isnan, interval(np.array([np.nan]))))
