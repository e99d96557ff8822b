"""The protocol against cases computed by hand."""

from __future__ import annotations

import math
from dataclasses import astuple, replace
from itertools import chain

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import BaseEstimator, RegressorMixin

from molw2s.experiment.protocol import Errors, ThreeSets, weak_to_strong
from molw2s.learners.heads import HEADS, PROBABILITIES
from molw2s.theory import recovered


class Mean(RegressorMixin, BaseEstimator):
    """Predicts the mean label: a convex class whose every step can be done by hand."""

    def fit(self, X, y):
        self.mean_ = np.asarray(y).mean(0)
        return self

    def predict(self, X):
        return np.tile(self.mean_, (len(X), 1))


class Feature(RegressorMixin, BaseEstimator):
    """Predicts the first feature, whatever the labels."""

    def fit(self, X, y):
        self.tasks_ = np.asarray(y).shape[1]
        return self

    def predict(self, X):
        return np.repeat(np.asarray(X)[:, :1], self.tasks_, axis=1)


def test_errors_of_a_case_done_by_hand():
    # The weak model predicts its feature: 1, 3 on the unlabelled points and 0, 0 at the evaluation.
    weak = ThreeSets(np.zeros((2, 1)), np.array([[1.0], [3.0]]), np.zeros((2, 1)))
    strong = ThreeSets(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((2, 1)))
    # So the student predicts their mean, 2; the ceiling predicts the mean of 4 and 8, 6.
    target = ThreeSets(np.array([0.0, 0.0]), np.array([4.0, 8.0]), np.array([1.0, 3.0]))
    ((errors,),) = weak_to_strong([weak], strong, target, Feature, Mean)
    assert errors.weak_error == (1 + 9) / 2
    assert errors.w2s_error == (1 + 1) / 2
    assert errors.misfit == 4
    assert errors.strong_error == (25 + 9) / 2
    assert errors.gain == 4
    assert errors.gain_minus_misfit == 0
    assert errors.weak_error_minus_misfit == 1
    assert math.isnan(errors.pgr)  # the ceiling is the worst of all
    assert math.isnan(errors.weak_penalty)


def test_features_of_any_precision_are_fitted_in_float64():
    weak, strong, target = data()
    single = [
        ThreeSets(*(np.float32(getattr(sets, name)) for name in ThreeSets.__slots__[:3]))
        for sets in (*weak, strong)
    ]
    double = [
        ThreeSets(*(np.float64(getattr(sets, name)) for name in ThreeSets.__slots__[:3]))
        for sets in single
    ]
    for head in set(HEADS.names()) - set(PROBABILITIES):
        make = HEADS[head]
        of_single = weak_to_strong(single[:-1], single[-1], target, make, make)
        of_double = weak_to_strong(double[:-1], double[-1], target, make, make)
        for one, other in zip(chain(*of_single), chain(*of_double)):
            np.testing.assert_array_equal(astuple(one), astuple(other), err_msg=head)


def test_validation_points_have_errors_of_their_own_and_change_no_other():
    weak, strong, target = data()
    head = HEADS["ridge"]
    before = weak_to_strong(weak, strong, target, head, head)
    # The evaluation points once more, as validation points: the errors must be the same.
    again = [replace(sets, validation=sets.evaluation) for sets in (*weak, strong, target)]
    after = weak_to_strong(again[:-2], again[-2], again[-1], head, head)
    for old, new in zip(chain(*before), chain(*after)):
        assert math.isnan(old.weak_error_valid)
        assert math.isnan(old.misfit_valid)
        assert new.weak_error_valid == pytest.approx(new.weak_error, rel=1e-12)
        assert new.misfit_valid == pytest.approx(new.misfit, rel=1e-12)
        assert new.weak_error_minus_misfit_valid == new.weak_error_valid - new.misfit_valid
        assert (new.weak_error, new.misfit, new.w2s_error) == (
            old.weak_error, old.misfit, old.w2s_error,
        )  # fmt: skip


def test_pgr_is_the_share_of_the_gap_and_undefined_without_one():
    assert recovered(0.3, 1.0, 0.4) == pytest.approx(0.3 / 0.6)
    assert math.isnan(recovered(0.5, 1.0, 1.0))
    assert math.isnan(recovered(-0.5, 1.0, 1.1))  # else losing would look like recovering


def data(tasks=2, seed=0):
    rng = np.random.default_rng(seed)
    sets = [rng.normal(size=(n, 5)) for n in (20, 30, 25)]
    truth = rng.normal(size=(5, tasks))
    strong = ThreeSets(*sets)
    weak = [ThreeSets(*(x[:, :k] for x in sets)) for k in (1, 3)]
    return weak, strong, ThreeSets(*(np.tanh(x @ truth) for x in sets))


def test_all_tasks_and_weak_models_at_once_are_the_same_as_one_by_one():
    weak, strong, target = data()
    head = HEADS["kernel-ridge"]
    together = weak_to_strong(weak, strong, target, head, head)
    for place, representation in enumerate(weak):
        for task in range(2):
            one = ThreeSets(*(values[:, task] for values in astuple(target)[:3]))
            ((alone,),) = weak_to_strong([representation], strong, one, head, head)
            for name in Errors.__slots__:
                assert_allclose(
                    getattr(together[place][task], name), getattr(alone, name), rtol=1e-6
                )


def test_true_labels_at_the_weakly_labelled_points_reach_the_ceiling_only():
    weak, strong, target = data()
    head = HEADS["kernel-ridge"]
    before = weak_to_strong(weak, strong, target, head, head)
    shuffled = ThreeSets(target.labelled, target.unlabelled[::-1] * 7 + 1, target.evaluation)
    after = weak_to_strong(weak, strong, shuffled, head, head)
    for old, new in zip(chain(*before), chain(*after)):
        for name in ("weak_error", "w2s_error", "misfit", "weak_penalty", "w2s_penalty"):
            assert getattr(new, name) == pytest.approx(getattr(old, name), rel=1e-6)
        assert new.strong_error != pytest.approx(old.strong_error, rel=1e-3)


def test_a_model_is_asked_everything_at_once():
    asked = []

    class Counted(Mean):
        def predict(self, X):
            asked.append(len(X))
            return super().predict(X)

    points = ThreeSets(np.zeros((5, 1)), np.zeros((4, 1)), np.zeros((3, 1)), np.zeros((2, 1)))
    target = ThreeSets(np.arange(5.0), np.arange(4.0), np.arange(3.0), np.arange(2.0))
    weak_to_strong([points], points, target, Counted, Mean)
    assert asked == [3 + 2 + 4]  # a teacher: evaluation, validation, weak labels
    asked.clear()
    without = [replace(each, validation=None) for each in (points, target)]
    weak_to_strong([without[0]], without[0], without[1], Mean, Counted)
    assert asked == [3]  # a student is not asked about what it is fitted to
