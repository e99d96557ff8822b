"""Theorem 1 of Charikar et al. (2024) as a property, in population: P is a finite set of points.

All three sets are the same points, so that d_P is an exact mean, and the truth is realizable: a
member of the strong head's convex class.
"""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline

from molw2s.experiment.protocol import ThreeSets, weak_to_strong
from molw2s.learners.heads import HEADS, KernelFeatures, NormBall


@st.composite
def populations(draw):
    seed = draw(st.integers(0, 2**32 - 1))
    n = draw(st.integers(4, 40))
    rng = np.random.default_rng(seed)
    strong = rng.normal(size=(n, draw(st.integers(1, 8)))) * 10.0 ** draw(st.integers(-2, 2))
    weak = rng.normal(size=(n, draw(st.integers(1, 3))))
    return rng, weak, strong


def trial(weak, strong, truth, strong_head):
    ((errors,),) = weak_to_strong(
        [ThreeSets(weak, weak, weak)],
        ThreeSets(strong, strong, strong),
        ThreeSets(truth, truth, truth),
        HEADS["least-squares"],
        strong_head,
    )
    return errors


@given(populations())
@settings(max_examples=60, deadline=None)
def test_gain_equals_misfit_on_a_linear_subspace(population):
    rng, weak, strong = population
    truth = strong @ rng.normal(size=strong.shape[1]) + rng.normal()
    errors = trial(weak, strong, truth, HEADS["least-squares"])
    scale = truth.var() + 1e-12
    assert abs(errors.gain_minus_misfit) <= 1e-7 * scale


@given(populations(), st.floats(1.0, 3.0))
@settings(max_examples=60, deadline=None)
def test_gain_is_at_least_misfit_on_a_norm_ball(population, slack):
    rng, weak, strong = population
    w = rng.normal(size=strong.shape[1])
    truth = strong @ w
    radius = slack * np.linalg.norm(w)
    errors = trial(weak, strong, truth, lambda: NormBall(radius=radius))
    assert errors.gain_minus_misfit >= -1e-7 * (truth.var() + 1e-12)


@given(populations(), st.floats(1.0, 3.0), st.floats(0.1, 5.0))
@settings(max_examples=60, deadline=None)
def test_gain_is_at_least_misfit_on_an_rkhs_ball(population, slack, gamma):
    rng, weak, strong = population
    features = KernelFeatures(gamma=gamma).fit(strong)
    w = rng.normal(size=len(strong))
    truth = features.transform(strong) @ w
    assume(truth.var() > 1e-6)
    radius = slack * np.linalg.norm(w)

    def rkhs_ball():
        return make_pipeline(KernelFeatures(gamma=gamma), NormBall(radius=radius))

    errors = trial(weak, strong, truth, rkhs_ball)
    assert errors.gain_minus_misfit >= -1e-6 * truth.var()


def test_the_inequality_fails_outside_the_class_so_the_properties_can_fail():
    rng = np.random.default_rng(0)
    strong, weak = rng.normal(size=(30, 2)), rng.normal(size=(30, 3))
    truth = weak[:, 0] * 5
    errors = trial(weak, strong, truth, HEADS["least-squares"])
    assert errors.gain_minus_misfit < -1
