"""Gains when other molecules are tested: against draws counted by hand and a closed form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from molw2s.analysis.molecules import gain_over_molecules
from molw2s.losses import LOSSES


def kept(gains, splits=1, teacher="t", first=0):
    """Predictions of one teacher whose squared gain at each molecule is given, on every split."""
    frames = [
        pd.DataFrame(
            {
                "trial": first + split, "row": range(len(gains)), "part": "evaluation",
                "truth": 0.0, "weak": np.sqrt(2 + np.asarray(gains)), "student": np.sqrt(2.0),
            }
        )
        for split in range(splits)
    ]  # fmt: skip
    trials = pd.DataFrame({"trial": range(first, first + splits), "weak": teacher})
    return pd.concat(frames), trials


def test_the_interval_is_that_of_a_mean_over_molecules():
    gains = np.random.default_rng(0).normal(0.2, 1, 400).clip(-2)
    low, high = gain_over_molecules(*kept(gains), LOSSES["squared"])["t"]
    error = gains.std() / 20
    assert (low + high) / 2 == pytest.approx(gains.mean(), abs=0.2 * error)
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1)


def test_more_splits_of_the_same_molecules_make_it_no_narrower():
    gains = np.random.default_rng(0).normal(0.2, 1, 100).clip(-2)
    once, often = (
        gain_over_molecules(*kept(gains, splits), LOSSES["squared"])["t"] for splits in (1, 9)
    )
    assert often == pytest.approx(once)


def test_a_molecule_counts_as_often_as_it_is_tested_and_other_parts_do_not():
    predictions, trials = kept([1.0, 1.0, 1.0])
    twice, more = kept([1.0], first=1)
    elsewhere = predictions.assign(part="validation", weak=9.0)
    found = gain_over_molecules(
        pd.concat([predictions, twice, elsewhere]), pd.concat([trials, more]), LOSSES["squared"]
    )
    assert found["t"] == pytest.approx((1, 1))


def test_teachers_are_kept_apart():
    one, first = kept([1.0, 1.0], teacher="a")
    other, second = kept([0.5, 0.5], teacher="b", first=1)
    found = gain_over_molecules(
        pd.concat([one, other]), pd.concat([first, second]), LOSSES["squared"]
    )
    assert found == {"a": pytest.approx((1, 1)), "b": pytest.approx((0.5, 0.5))}
