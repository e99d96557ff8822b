"""Heads against independent oracles: numpy, scikit-learn, and brute force."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.gaussian_process.kernels import Matern
from sklearn.kernel_ridge import KernelRidge as SklearnKernelRidge
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from molw2s.learners.heads import (
    HEADS,
    PROBABILITIES,
    KernelFeatures,
    KernelRidge,
    NormBall,
    Ridge,
    Trimmed,
    can_be_judged,
    chosen_penalty,
    fit_judged,
    make_head,
)
from molw2s.learners.heads.kernel import WIDTHS
from molw2s.learners.heads.spectrum import PENALTIES

REGRESSORS = [name for name in HEADS.names() if name not in PROBABILITIES]


def problem(n=40, d=6, m=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * rng.uniform(0.1, 10, d) + rng.normal(size=d)
    return X, X @ rng.normal(size=(d, m)) + rng.normal(size=(n, m)) + 5


@pytest.mark.parametrize("shape", [(40, 6), (20, 50)], ids=["tall", "wide"])
def test_ridge_equals_scikit_learn(shape):
    X, y = problem(*shape)
    ours, theirs = Ridge(penalty=3.0).fit(X, y), SklearnRidge(alpha=3.0).fit(X, y)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-8)
    assert_allclose(ours.coef_.T, theirs.coef_, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("shape", [(40, 6), (20, 50)], ids=["tall", "wide"])
def test_ridge_chooses_the_penalty_of_scikit_learns_leave_one_out(shape):
    X, y = problem(*shape)
    centred = X - X.mean(0)
    candidates = PENALTIES * (centred**2).sum(1).mean()
    theirs = RidgeCV(alphas=candidates, alpha_per_target=True).fit(X, y)
    assert_allclose(Ridge().fit(X, y).penalty_, theirs.alpha_)


def test_leave_one_out_is_what_leaving_each_point_out_gives():
    X, y = problem(n=15, d=4, m=1)
    y = y[:, 0]
    centred = X - X.mean(0)
    candidates = PENALTIES * (centred**2).sum(1).mean()
    errors = [
        ((cross_val_predict(SklearnRidge(alpha=a), X, y, cv=LeaveOneOut()) - y) ** 2).mean()
        for a in candidates
    ]
    assert Ridge().fit(X, y).penalty_ == pytest.approx(candidates[np.argmin(errors)])


def test_many_targets_are_the_single_targets():
    X, y = problem()
    for name in REGRESSORS:
        together = HEADS[name]().fit(X, y).predict(X)
        alone = [HEADS[name]().fit(X, y[:, task]).predict(X) for task in range(y.shape[1])]
        assert_allclose(together, np.array(alone).T, rtol=1e-7, err_msg=name)


def test_kernel_ridge_equals_scikit_learn_at_the_chosen_penalty():
    X, y = problem(n=60)
    new = problem(n=10, seed=1)[0]
    head = HEADS["kernel-ridge"]().fit(X, y)
    scaler = StandardScaler().fit(X)
    Z = scaler.transform(X)
    for task, penalty in enumerate(chosen_penalty(head, 3)):
        # scikit-learn's has no intercept: centre the kernel's features and the targets by hand.
        K = np.exp(-((Z[:, None] - Z[None]) ** 2).sum(-1) / 6)
        H = np.eye(60) - 1 / 60
        dual = SklearnKernelRidge(alpha=penalty, kernel="precomputed")
        dual.fit(H @ K @ H, H @ y[:, task])
        cross = np.exp(-((scaler.transform(new)[:, None] - Z[None]) ** 2).sum(-1) / 6)
        expected = (cross - K.mean(0)) @ H @ dual.dual_coef_ + y[:, task].mean()
        assert_allclose(head.predict(new)[:, task], expected, rtol=1e-5)


def test_matern_ridge_is_scikit_learns_with_its_matern_kernel():
    X, y = problem(n=60)
    new = problem(n=10, seed=1)[0]
    head = HEADS["matern-ridge"]().fit(X, y)
    scaler = StandardScaler().fit(X)
    Z = scaler.transform(X)
    # The mean squared distance between standardised rows is 2 d.
    kernel = Matern(length_scale=np.sqrt(2 * X.shape[1]), nu=1.5)
    for task, penalty in enumerate(chosen_penalty(head, 3)):
        intercept = head[-1].intercept_[task]
        theirs = SklearnKernelRidge(alpha=penalty, kernel="precomputed")
        theirs.fit(kernel(Z), y[:, task] - intercept)
        predicted = theirs.predict(kernel(scaler.transform(new), Z)) + intercept
        assert_allclose(head.predict(new)[:, task], predicted, rtol=1e-8)


@pytest.mark.parametrize("name", ["ridge", "kernel-ridge", "matern-ridge"])
def test_validation_labels_choose_penalty_and_width_that_scikit_learn_finds_best_there(name):
    X, y = problem(n=40, m=2)
    X_val, y_val = problem(n=15, m=2, seed=1)
    head = HEADS[name]()
    fit_judged(head, X, y, X_val, y_val)
    scaler = StandardScaler().fit(X)
    Z, Z_val = scaler.transform(X), scaler.transform(X_val)
    kernels = {
        "ridge": [lambda a, b: a @ b.T],
        "kernel-ridge": [partial(rbf_kernel, gamma=width / 6) for width in WIDTHS],
        "matern-ridge": [Matern(length_scale=np.sqrt(12 / width), nu=1.5) for width in WIDTHS],
    }[name]
    centring = np.eye(40) - 1 / 40
    for task, chosen in enumerate(chosen_penalty(head, 2)):
        tried = []
        for place, kernel in enumerate(kernels):
            gram = centring @ kernel(Z, Z) @ centring
            between = (kernel(Z_val, Z) - kernel(Z, Z).mean(0)) @ centring
            for penalty in PENALTIES * np.trace(gram) / 40:
                dual = np.linalg.solve(gram + penalty * np.eye(40), y[:, task] - y[:, task].mean())
                predicted = between @ dual + y[:, task].mean()
                tried.append((((predicted - y_val[:, task]) ** 2).mean(), penalty, place))
        _, best, place = min(tried)
        assert chosen == pytest.approx(best)
        # And it is fitted with those.
        settings = head[-1].get_params() | {"penalty": chosen}
        if name != "ridge":
            usual = {"kernel-ridge": 1, "matern-ridge": 0.25}[name] / 6
            assert head[-1].gamma_[task] == pytest.approx(usual * WIDTHS[place])
            settings["gamma"] = head[-1].gamma_[task]
        alone = head[-1].__class__(**settings).fit(Z, y[:, task])
        assert_allclose(head.predict(X)[:, task], alone.predict(Z), rtol=1e-6)


def test_over_landmarks_validation_labels_choose_as_exactly():
    X, y = problem(n=60, m=1)
    X_val, y_val = problem(n=15, m=1, seed=1)
    exact, over = KernelRidge(), KernelRidge(exact_rows=10, landmarks=60)
    penalties = [head.fit(X, y, X_val, y_val).penalty_[0] for head in (exact, over)]
    assert penalties[0] == pytest.approx(penalties[1], rel=1e-3)


def test_trimming_leaves_out_the_labels_that_their_neighbours_contradict():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    y = np.column_stack([X[:, 0], X[:, 1]])
    wrong = rng.choice(80, 12, replace=False)
    y[wrong, 0] += 5
    head = Trimmed(Ridge(penalty=1e-6), keep=0.8, neighbours=5).fit(X, y)
    # By scikit-learn: a regressor of the five nearest others, for each row.
    Z = StandardScaler().fit_transform(X)
    around = cross_val_predict(KNeighborsRegressor(5), Z, y, cv=LeaveOneOut())
    for task in range(2):
        least = np.argsort(np.abs(y - around)[:, task])[:64]
        assert set(np.flatnonzero(head.kept_[:, task])) == set(least)
        alone = LinearRegression().fit(X[least], y[least, task])
        assert_allclose(head.predict(X)[:, task], alone.predict(X), atol=1e-6)
    assert not head.kept_[wrong, 0].any()
    assert np.abs(head.predict(X) - np.column_stack([X[:, 0], X[:, 1]])).max() < 1e-6


def test_a_trimmed_head_that_keeps_all_is_the_head():
    X, y = problem(n=40, m=2)
    kept = make_head("matern-ridge", keep=1)
    assert not isinstance(kept, Trimmed)
    all_of_it = Trimmed(make_head("matern-ridge"), keep=1.0).fit(X, y)
    assert_allclose(all_of_it.predict(X), kept.fit(X, y).predict(X), rtol=1e-9)
    with pytest.raises(ValueError, match="keep is 0, expected a share"):
        Trimmed(Ridge(), keep=0).fit(X, y)


def test_an_auxiliary_confidence_loss_is_a_larger_penalty_where_errors_are_squared():
    """Burns et al. 2023 mix the labels with the model's own predictions f: for ridge, the fit to
    (1 - a) y + a f that reproduces its own f is ridge with the penalty over (1 - a)."""
    X, y = problem(n=40, m=1)
    y = y - y.mean(0)
    X = X - X.mean(0)
    penalty, trust = 3.0, 0.4
    own = np.zeros_like(y)
    for _ in range(300):
        own = Ridge(penalty=penalty).fit(X, (1 - trust) * y + trust * own).predict(X)
    alone = Ridge(penalty=penalty / (1 - trust)).fit(X, y).predict(X)
    assert_allclose(own, alone, rtol=1e-9, atol=1e-12)


def test_heads_that_choose_nothing_are_known():
    assert [name for name in HEADS.names() if not can_be_judged(HEADS[name]())] == ["least-squares"]


def test_a_kernel_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="kernel is 'cubic', expected one of rbf, matern"):
        KernelRidge(kernel="cubic").fit(*problem())


def test_kernel_ridge_chooses_the_penalty_of_leaving_each_point_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(25, 3))
    y = X[:, :2] + rng.normal(size=(25, 2))  # as much noise as signal: a penalty is needed
    head = KernelRidge().fit(X, y)
    K = np.exp(-((X[:, None] - X[None]) ** 2).sum(-1) / 3)
    candidates = PENALTIES * (1 - K.mean())
    errors = np.zeros((len(candidates), 2))
    for left in range(25):
        kept = np.delete(np.arange(25), left)
        for row, penalty in enumerate(candidates):
            # The intercept by elimination: minimise over it in closed form.
            inverse = np.linalg.inv(K[np.ix_(kept, kept)] + penalty * np.eye(24))
            b = inverse.sum(0) @ y[kept] / inverse.sum()
            predicted = K[left, kept] @ inverse @ (y[kept] - b) + b
            errors[row] += (predicted - y[left]) ** 2
    assert (head.penalty_ > 1e3 * candidates.min()).all()  # else rounding would choose
    assert_allclose(head.penalty_, candidates[errors.argmin(0)])


def test_kernel_ridge_fits_all_rows_and_leaves_out_only_some():
    X, y = problem(n=300, d=3)
    some, every = KernelRidge(loo_rows=150).fit(X, y), KernelRidge(loo_rows=None).fit(X, y)
    assert some.dual_coef_.shape == every.dual_coef_.shape == (300, 3)
    fixed = KernelRidge(penalty=some.penalty_[0], loo_rows=None).fit(X, y[:, 0])
    assert_allclose(some.predict(X[:9])[:, 0], fixed.predict(X[:9]), rtol=1e-9)
    assert (some.penalty_ / every.penalty_).max() < 10
    assert (some.penalty_ / every.penalty_).min() > 0.1


def test_kernel_ridge_predicts_the_training_rows_as_any_others():
    X, y = problem(n=50)
    head = KernelRidge().fit(X, y)
    assert_allclose(head.predict(X), np.vstack([head.predict(X[:20]), head.predict(X[20:])]))


def test_rbf_features_have_the_kernel_as_inner_products():
    X, _ = problem(n=30)
    features = KernelFeatures(gamma=0.3).fit_transform(X)
    expected = np.exp(-0.3 * ((X[:, None] - X[None]) ** 2).sum(-1))
    assert_allclose(features @ features.T, expected, atol=1e-7)


def test_landmarks_limit_the_features_and_change_little():
    X, y = problem(n=300, d=3)
    some, every = (
        make_pipeline(StandardScaler(), KernelFeatures(landmarks=count), Ridge()).fit(X, y)
        for count in (150, None)
    )
    assert some[1].landmarks_.shape == (150, 3)
    assert every[1].landmarks_.shape == (300, 3)
    difference = some.predict(X) - every.predict(X)
    assert 0 < (difference**2).mean() < 0.01 * y.var()


def test_norm_ball_is_the_constrained_minimum():
    X, y = problem(n=30, d=4, m=1)
    X, y = X - X.mean(0), (y - y.mean())[:, 0]
    free = np.linalg.norm(np.linalg.lstsq(X, y, rcond=None)[0])
    radius = free / 2
    found = minimize(
        lambda w: ((X @ w - y) ** 2).sum(),
        np.zeros(4),
        constraints={"type": "ineq", "fun": lambda w: radius**2 - w @ w},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    head = NormBall(radius=radius).fit(X, y)
    assert np.linalg.norm(head.coef_) == pytest.approx(radius, rel=1e-9)
    assert_allclose(head.coef_, found.x, atol=1e-5)


def test_norm_ball_that_does_not_bind_is_least_squares():
    X, y = problem()
    free = HEADS["least-squares"]().fit(X, y)
    ball = NormBall(radius=1e9).fit(X, y)
    assert_allclose(ball.predict(X), free.predict(X), rtol=1e-8)
    assert_allclose(ball.penalty_, 0)


def test_least_squares_is_the_minimum_norm_solution_on_rank_deficient_features():
    X, y = problem(n=10, d=30)
    X[:, 7] = 0
    head = HEADS["least-squares"]().fit(X, y)
    centred = X - X.mean(0)
    expected = np.linalg.lstsq(centred, y - y.mean(0), rcond=None)[0]
    assert_allclose(head.coef_.T, expected, atol=1e-9)


def test_equal_molecules_and_constant_labels_are_no_trouble():
    X = np.repeat(problem(n=10)[0], 2, axis=0)
    for name in REGRESSORS:
        prediction = HEADS[name]().fit(X, np.full(20, 3.0)).predict(X)
        assert_allclose(prediction, 3.0, rtol=1e-6, err_msg=name)


def test_heads_are_clonable_and_ours_compute_in_float64():
    X, y = (values.astype(np.float32) for values in problem())
    for name in REGRESSORS:
        predicted = clone(HEADS[name]()).fit(X, y).predict(X)
        assert name == "least-squares" or predicted.dtype == np.float64


@pytest.mark.parametrize(
    "estimator",
    [Ridge(), NormBall(), KernelRidge(), KernelRidge(kernel="matern"), KernelFeatures()],
    ids=str,
)
def test_scikit_learns_own_estimator_checks(estimator):
    for instance, check in estimator_checks_generator(estimator):
        check(instance)


def test_kernel_ridge_solves_its_stationarity_equations_at_a_tiny_penalty():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + 50
    penalty = 1e-6
    bordered = np.ones((61, 61))
    bordered[:60, :60] = rbf_kernel(X, gamma=0.5) + penalty * np.eye(60)
    bordered[60, 60] = 0
    expected = np.linalg.solve(bordered, np.vstack([y, np.zeros(2)]))
    fitted = KernelRidge(gamma=0.5, penalty=penalty).fit(X, y)
    new = rng.normal(size=(10, 2))
    assert_allclose(
        fitted.predict(new), rbf_kernel(new, X, gamma=0.5) @ expected[:60] + expected[60], rtol=1e-6
    )


def over_landmarks(**settings):
    return KernelRidge(exact_rows=10, landmarks=25, **settings)


def test_landmarks_at_all_rows_are_the_exact_head():
    X, y = problem(n=60)
    exact = KernelRidge(penalty=0.3).fit(X, y)
    over = KernelRidge(penalty=0.3, exact_rows=10, landmarks=60).fit(X, y)
    new = problem(n=20, seed=1)[0]
    assert_allclose(over.predict(new), exact.predict(new), rtol=1e-5)


def test_over_landmarks_it_is_the_best_function_in_their_span():
    """min ||y - K a - b||^2 + penalty a' Kz a, solved as one linear system."""
    X, y = problem(n=300, d=3)
    head = over_landmarks(penalty=0.7, gamma=0.02).fit(X, y)
    assert head.X_fit_.shape == (25, 3)
    assert head.dual_coef_.shape == (25, 3)
    K = rbf_kernel(X, head.X_fit_, gamma=0.02)
    K = K - K.mean(0)
    dual = np.linalg.solve(
        K.T @ K + 0.7 * rbf_kernel(head.X_fit_, gamma=0.02), K.T @ (y - y.mean(0))
    )
    expected = K @ dual + y.mean(0)
    assert_allclose(head.predict(X), expected, atol=1e-4 * y.std())


def test_over_landmarks_it_chooses_the_penalty_of_leaving_each_point_out():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = X[:, :2] + rng.normal(size=(60, 2))
    head = over_landmarks().fit(X, y)
    Z, gamma = head.X_fit_, 1 / 3
    features = (
        rbf_kernel(X, Z, gamma=gamma)
        @ np.linalg.inv(np.linalg.cholesky(rbf_kernel(Z, gamma=gamma) + 25e-10 * np.eye(25))).T
    )
    scale = ((features - features.mean(0)) ** 2).sum(1).mean()
    errors = [
        ((cross_val_predict(SklearnRidge(alpha=p * scale), features, y, cv=LeaveOneOut()) - y) ** 2)
        .mean(0)
        for p in PENALTIES
    ]  # fmt: skip
    chosen = PENALTIES[np.argmin(errors, axis=0)] * scale
    assert (chosen > 1e3 * PENALTIES.min() * scale).all()  # else rounding would choose
    assert_allclose(head.penalty_, chosen, rtol=1e-6)


def test_the_same_landmarks_each_time_and_targets_side_by_side_are_those_alone():
    X, y = problem(n=200)
    first, again = over_landmarks().fit(X, y), over_landmarks().fit(X, y)
    assert np.array_equal(first.predict(X), again.predict(X))
    alone = [over_landmarks().fit(X, y[:, task]).predict(X) for task in range(3)]
    assert_allclose(first.predict(X), np.array(alone).T, rtol=1e-7)


def test_a_head_is_told_when_to_take_landmarks():
    X, y = problem(n=50)
    few = make_head("kernel-ridge", exact_rows=20, landmarks=7).fit(X, y)
    assert few[-1].X_fit_.shape == (7, 6)
    assert make_head("kernel-ridge").fit(X, y)[-1].X_fit_.shape == (50, 6)
    assert make_head("ridge", exact_rows=20, landmarks=7).fit(X, y).predict(X).shape == (50, 3)


@pytest.mark.parametrize(
    ("head", "check"), list(estimator_checks_generator(KernelRidge(exact_rows=3, landmarks=30)))
)
def test_over_landmarks_it_is_a_scikit_learn_regressor(head, check):
    check(head)
