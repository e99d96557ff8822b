"""Predictors of representations against (n, n) matrices formed as the papers write them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orth, subspace_angles
from sklearn.decomposition import PCA

from molw2s.predictors import (
    RIDGE,
    centred_spectrum,
    representation_predictors,
    subspace_overlap,
    unlearned_energy,
    unlearned_norm,
)


def features(seed, n, d):
    """With a decaying spectrum and a mean far from zero, as embeddings have."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ np.diag(0.8 ** np.arange(d)) + rng.normal(size=d)


def P(X):
    """As written: K (K + reg I)^-1, K = X X' / n, reg = 0.1 tr(K) / n."""
    n = len(X)
    X = X - X.mean(0)
    K = X @ X.T / n
    return K @ np.linalg.inv(K + RIDGE * np.trace(K) / n * np.eye(n))


SHAPES = pytest.mark.parametrize(
    ("n", "weak_dim", "strong_dim"), [(40, 3, 12), (40, 12, 3), (20, 5, 60), (20, 60, 50)]
)


@SHAPES
def test_xue_s_predictors_are_those_of_the_n_by_n_matrices(n, weak_dim, strong_dim):
    weak, strong = features(1, n, weak_dim), features(2, n, strong_dim)
    y = np.random.default_rng(3).normal(5, 2, n)
    operator = P(strong) @ (np.eye(n) - P(weak))
    (found,) = representation_predictors([weak], strong, y)
    expected = np.linalg.norm(operator @ (y - y.mean())) ** 2 / n
    assert found.xue_labelled == pytest.approx(expected, rel=1e-8)
    assert found.xue_label_free == pytest.approx(np.linalg.norm(operator, 2), rel=1e-8)


@SHAPES
def test_overlap_is_the_squared_cosines_of_the_principal_angles(n, weak_dim, strong_dim):
    weak, strong = features(1, n, weak_dim), features(2, n, strong_dim)
    tops = [PCA(0.9, svd_solver="full").fit_transform(X) for X in (weak, strong)]
    expected = (np.cos(subspace_angles(*map(orth, tops))) ** 2).sum()
    found = subspace_overlap(*map(centred_spectrum, (weak, strong)), explained=0.9)
    assert found == pytest.approx(expected, rel=1e-8)


def test_overlap_is_the_papers_where_both_have_one_feature_space():
    # Centred orthonormal columns: every covariance is the identity on the columns used, V_w and
    # V_s are columns of the identity, and the columns 3 and 4 are in both.
    Q = np.random.default_rng(0).normal(size=(50, 9))
    Q = orth(Q - Q.mean(0))
    assert subspace_overlap(
        centred_spectrum(Q[:, :5]), centred_spectrum(Q[:, 3:8]), explained=1.0
    ) == pytest.approx(2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 25), st.integers(1, 30), st.integers(1, 30))
def test_norm_bounds_the_energy_of_every_target(seed, n, weak_dim, strong_dim):
    weak, strong = (
        centred_spectrum(features(seed + i, n, d)) for i, d in enumerate((weak_dim, strong_dim))
    )
    y = np.random.default_rng(seed).normal(size=n)
    bound = unlearned_norm(weak, strong)
    assert 0 <= bound <= 1
    assert unlearned_energy(weak, strong, y) <= bound**2 * y.var() * (1 + 1e-9) + 1e-15


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(1e-3, 1e3), st.floats(-10, 10))
def test_rotation_scale_and_shift_of_a_representation_change_nothing(seed, scale, shift):
    rng = np.random.default_rng(seed)
    weak, strong, y = features(seed, 30, 4), features(seed + 1, 30, 8), rng.normal(size=30)
    rotation, _ = np.linalg.qr(rng.normal(size=(4, 4)))
    (before,) = representation_predictors([weak], strong, y)
    (after,) = representation_predictors([scale * weak @ rotation + shift], strong, y + shift)
    for name in ("xue_labelled", "xue_label_free", "dong_overlap"):
        assert getattr(after, name) == pytest.approx(getattr(before, name), rel=1e-6)


def test_a_teacher_that_sees_what_the_student_sees_leaves_little():
    strong = features(0, 60, 6)
    y = strong @ np.arange(1.0, 7)
    same, blind = representation_predictors([strong, np.ones((60, 2))], strong, y)
    assert same.dong_overlap == pytest.approx(len(centred_spectrum(strong).top(0.99).T))
    # k (1 - k) over the kept shares k, at most 1/4.
    kept = np.linalg.eigvalsh(P(strong))
    assert same.xue_label_free == pytest.approx((kept * (1 - kept)).max(), rel=1e-6)
    # A constant teacher teaches nothing: all that the strong one keeps is unlearned.
    assert blind.dong_overlap == 0
    assert blind.xue_label_free == pytest.approx(kept.max())
    assert blind.xue_labelled > 1000 * same.xue_labelled


def test_a_constant_student_can_learn_nothing():
    (found,) = representation_predictors([features(0, 10, 3)], np.ones((10, 4)), np.arange(10))
    assert (found.xue_labelled, found.xue_label_free, found.dong_overlap) == (0, 0, 0)
