"""Losses against scikit-learn, and against what makes a Bregman loss one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss, mean_poisson_deviance, mean_squared_error

from molw2s.errors import InvalidInput
from molw2s.losses import LOSSES
from molw2s.theory import Values, measures


def logit(a):
    return math.log(a / (1 - a))


# phi and its slope; of logits where the name ends in reversed.
PHI = {
    "squared": (lambda a: a * a, lambda a: 2 * a),
    "poisson": (lambda a: a * math.log(a), lambda a: math.log(a) + 1),
    "logistic": (lambda a: a * math.log(a) + (1 - a) * math.log(1 - a), logit),
    "logistic-reversed": (lambda u: math.log1p(math.exp(u)), lambda u: 1 / (1 + math.exp(-u))),
}
RANGE = {
    "squared": (-9, 9), "absolute": (-9, 9), "poisson": (0.05, 9), "logistic": (0.05, 0.95),
    "logistic-reversed": (0.05, 0.95),
}  # fmt: skip


def test_every_bregman_loss_is_checked_here():
    assert {name for name, loss in LOSSES.items() if loss.bregman} == set(PHI)


@pytest.mark.parametrize("name", LOSSES)
@given(data=st.data())
def test_losses_are_nonnegative_and_zero_where_both_agree(name, data):
    a, b = (data.draw(st.floats(*RANGE[name])) for _ in range(2))
    value = LOSSES[name](a, b)
    assert value >= -1e-12
    assert LOSSES[name](a, a) == pytest.approx(0, abs=1e-12)
    if abs(a - b) > 0.01:
        assert value > 0


@pytest.mark.parametrize("name", PHI)
@given(data=st.data())
def test_bregman_losses_are_what_phi_lies_above_its_tangent(name, data):
    a, b = (data.draw(st.floats(*RANGE[name])) for _ in range(2))
    phi, slope = PHI[name]
    x, z = (logit(each) if name == "logistic-reversed" else each for each in (a, b))
    expected = phi(x) - phi(z) - slope(z) * (x - z)
    assert float(LOSSES[name](a, b)) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.floats(0.05, 9), st.floats(0.05, 9)), min_size=2, max_size=20))
def test_means_are_scikit_learns(pairs):
    a, b = np.array(pairs).T
    assert LOSSES["squared"](a, b).mean() == pytest.approx(mean_squared_error(a, b))
    assert 2 * LOSSES["poisson"](a, b).mean() == pytest.approx(
        mean_poisson_deviance(a, b), abs=1e-12
    )


def test_logistic_loss_of_classes_is_their_cross_entropy():
    truth, predicted = np.array([0.0, 1.0, 1.0]), np.array([0.2, 0.7, 0.4])
    assert LOSSES["logistic"](truth, predicted).mean() == pytest.approx(log_loss(truth, predicted))


@pytest.mark.parametrize(
    ("name", "a", "b", "value"),
    [
        ("poisson", 1, 0, 0),
        ("poisson", -1, 1, -1),
        ("logistic", 0.5, 1, 1),
        ("logistic", 2, 0.5, 2),
        ("logistic-reversed", 1, 0.5, 1),
        ("logistic-reversed", 0.5, 2, 2),
    ],
)
def test_values_outside_of_the_domain_are_named(name, a, b, value):
    with pytest.raises(InvalidInput, match=f"'{name}' is for values between .* there is {value}$"):
        LOSSES[name](np.array([a]), np.array([b]))


@given(st.integers(0, 2**32 - 1))
def test_gain_is_at_least_misfit_under_kl_as_well(seed):
    """Mulgund and Pabbaraju (2025): the student that minimises D(student, teacher) over a convex
    class with the truth in it. Class: constants, for a truth that is one."""
    rng = np.random.default_rng(seed)
    truth = np.full((30, 1), rng.uniform(0.2, 5))
    weak = rng.uniform(0.2, 5, (30, 1))
    # argmin over c of mean D(c, weak_i): the geometric mean, for phi = a log a.
    student = np.full((30, 1), np.exp(np.log(weak).mean()))
    found = measures(Values(truth, weak, student, truth), loss=LOSSES["poisson"])
    assert found["gain"][0] >= found["misfit"][0] - 1e-9
