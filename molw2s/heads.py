"""Heads: convex sets of functions over fixed features, fitted in closed form.

A head is a scikit-learn regressor: ``fit(X, y)`` with X (n, d) and y (n,) or (n, m) - m tasks at
once - then ``predict(X)``. The protocol hands every head float64, and those written here compute
in nothing else. ``HEADS`` maps a name to a function that makes an unfitted one; any scikit-learn
regressor that takes many targets can be registered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, eigh, solve_triangular
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data
from typing_extensions import Self

from molw2s.registry import Registry

Array = NDArray[np.float64]

# Multiples of the mean squared norm of the centred features: 3 a decade.
PENALTIES = np.logspace(-7, 3, 31)
# Multiples of the labels' standard deviation over the features' root mean squared norm.
RADII = np.logspace(-2, 4, 37)


@runtime_checkable
class Head(Protocol):
    """What the protocol needs of a head."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Any: ...

    def predict(self, X: ArrayLike) -> Array: ...


HEADS: Registry[Callable[[], Head]] = Registry("head", "molw2s.heads")
register_head = HEADS.register


class _Spectrum:
    """Centred targets in the basis where a ridge fit is diagonal; the intercept is not penalised.

    U (n, r) and ``eigenvalues`` (r,) are those of the centred features' Gram matrix.
    """

    def __init__(self, U: Array, eigenvalues: Array, y: Array) -> None:
        self.U, self.eigenvalues, self.y = U, eigenvalues, y
        self.projected = U.T @ y  # (r, m)

    @classmethod
    def of_kernel(cls, kernel: Array, y: Array) -> Self:
        """Of a centred kernel matrix (n, n) and centred targets (n, m)."""
        eigenvalues, vectors = positive_part(kernel, len(kernel))
        return cls(vectors, eigenvalues, y)

    @property
    def mean_squared_norm(self) -> float:
        return float(self.eigenvalues.sum() / len(self.U)) or 1.0

    def shrinkage(self, penalty: Array) -> Array:
        """(r, k) factors that a ridge fit puts on each direction, for k penalties."""
        return self.eigenvalues[:, None] / (self.eigenvalues[:, None] + penalty)

    def leave_one_out(self, penalties: Array) -> Array:
        """(k, m) mean squared leave-one-out errors; ``penalties`` is (k,), or (k, m) by target."""
        n = len(self.U)
        squared = self.U**2
        errors = np.empty((len(penalties), self.y.shape[1]))
        for row, penalty in enumerate(penalties):
            factors = self.shrinkage(np.atleast_1d(penalty))
            leverage = squared @ factors + 1 / n
            residual = self.y - self.U @ (factors * self.projected)
            # A leverage of 1 is an interpolated point: its error without it is unknown.
            left = np.where(leverage < 1 - 1e-10, 1 - leverage, np.nan)
            errors[row] = np.nan_to_num((residual / left) ** 2, nan=np.inf).mean(0)
        return errors

    def best_penalty(self) -> Array:
        """(m,) the smallest leave-one-out error among ``PENALTIES`` for each target."""
        candidates = PENALTIES * self.mean_squared_norm
        return candidates[self.leave_one_out(candidates).argmin(0)]


class _CentredSpectrum(_Spectrum):
    """Of features: X - mean = U sqrt(eigenvalues) V'."""

    def __init__(self, X: Array, y: Array) -> None:
        self.x_mean, self.y_mean = X.mean(0), y.mean(0)
        X = X - self.x_mean
        U, eigenvalues, self.V = decomposed(X)
        super().__init__(U, eigenvalues, y - self.y_mean)

    def coefficients(self, penalty: Array) -> Array:
        """(d, m) coefficients for one penalty a target; penalty 0 is the minimum-norm fit."""
        root = np.sqrt(self.eigenvalues)[:, None]
        return self.V @ (self.shrinkage(penalty) / root * self.projected)


def decomposed(X: Array) -> tuple[Array, Array, Array]:
    """X = U sqrt(eigenvalues) V', smallest first: U (n, r), eigenvalues (r,), V (d, r)."""
    tall = X.shape[0] > X.shape[1]
    eigenvalues, vectors = positive_part(X.T @ X if tall else X @ X.T, max(X.shape))
    scale = np.sqrt(eigenvalues)
    U, V = (X @ vectors / scale, vectors) if tall else (vectors, X.T @ vectors / scale)
    return U, eigenvalues, V


def positive_part(gram: Array, size: int) -> tuple[Array, Array]:
    """Eigenvalues that are not rounding error, smallest first, and their vectors in columns."""
    eigenvalues, vectors = eigh(gram, driver="evd")
    kept = eigenvalues > eigenvalues[-1] * size * np.finfo(np.float64).eps
    return eigenvalues[kept], vectors[:, kept]


class _LinearHead(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Linear function with an unpenalised intercept; subclasses choose the penalty."""

    coef_: Array
    intercept_: Array
    penalty_: Array

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        rows: Array
        rows, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(y, dtype=np.float64)
        spectrum = _CentredSpectrum(rows, targets.reshape(len(rows), -1))
        penalty = self._choose(spectrum)
        shape = targets.shape[1:]  # one target in, one target out
        self.penalty_ = penalty.reshape(shape)
        self.coef_ = spectrum.coefficients(penalty).reshape(-1, *shape)
        self.intercept_ = spectrum.y_mean.reshape(shape) - spectrum.x_mean @ self.coef_
        return self

    def predict(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        rows: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return rows @ self.coef_ + self.intercept_

    def _choose(self, spectrum: _CentredSpectrum) -> Array:
        raise NotImplementedError


class Ridge(_LinearHead):
    """Ridge regression: min ||y - X w - b||^2 + penalty ||w||^2.

    Parameters
    ----------
    penalty : float, optional
        By default chosen for each target by leave-one-out on the labels it is fitted to, among
        ``PENALTIES`` times the mean squared norm of the centred features.

    Attributes
    ----------
    penalty_ : ndarray () or (m,)
    coef_ : ndarray (d,) or (d, m)
    """

    def __init__(self, penalty: float | None = None) -> None:
        self.penalty = penalty

    def _choose(self, spectrum: _CentredSpectrum) -> Array:
        if self.penalty is not None:
            return np.full(spectrum.y.shape[1], float(self.penalty))
        return spectrum.best_penalty()


class NormBall(_LinearHead):
    """Least squares over the ball ||w|| <= radius, intercept free: a fixed convex set.

    Parameters
    ----------
    radius : float, optional
        By default chosen for each target by leave-one-out on the labels it is fitted to, the
        Lagrange multiplier of each candidate held fixed while a point is left out.

    Attributes
    ----------
    penalty_ : ndarray () or (m,)
        The Lagrange multiplier; 0 where the ball does not bind.
    """

    def __init__(self, radius: float | None = None) -> None:
        self.radius = radius

    def _choose(self, spectrum: _CentredSpectrum) -> Array:
        if self.radius is not None:
            return _multipliers(spectrum, np.full(spectrum.y.shape[1], float(self.radius)))
        unit = spectrum.y.std(0) / np.sqrt(spectrum.mean_squared_norm)
        candidates = np.array([_multipliers(spectrum, factor * unit) for factor in RADII])
        best = spectrum.leave_one_out(candidates).argmin(0)
        return candidates[best, np.arange(len(best))]


def _multipliers(spectrum: _CentredSpectrum, radius: Array) -> Array:
    """(m,) penalties at which the ridge coefficients of target j have norm ``radius[j]``."""
    root = np.sqrt(spectrum.eigenvalues)[:, None]

    def norms(penalty: Array) -> Array:
        scaled = root / (spectrum.eigenvalues[:, None] + penalty) * spectrum.projected
        return np.linalg.norm(scaled, axis=0)

    inside = norms(np.zeros_like(radius)) <= radius
    # ||w|| <= ||U'y|| max(root) / penalty, so the multiplier lies below this.
    reach = np.linalg.norm(spectrum.projected, axis=0) * root.max(initial=0)
    high = np.where(inside, 1.0, reach / np.where(inside, 1.0, radius))
    low = high * 1e-18
    for _ in range(70):  # bisection in the logarithm, to the last bits
        middle = np.sqrt(low * high)
        outside = norms(middle) > radius
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    return np.where(inside, 0.0, high)


class KernelRidge(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Kernel ridge regression with k(x, z) = exp(-gamma ||x - z||^2): ridge in its RKHS.

    Unlike scikit-learn's it has an intercept, which is not penalised, and chooses its penalty.

    Parameters
    ----------
    gamma : float, optional
        1 / d by default, the usual choice for standardised features.
    penalty : float, optional
        By default chosen for each target by leave-one-out on the labels it is fitted to, among
        ``PENALTIES`` times the mean squared norm of the centred features.
    loo_rows : int, optional
        With more rows than this, the penalty is chosen by leave-one-out on that many of them,
        drawn at random; the fit itself uses all. None takes all for both, which is slow: it needs
        the spectrum of the kernel matrix and not only a factorisation.
    seed : int

    Attributes
    ----------
    penalty_ : ndarray () or (m,)
    dual_coef_ : ndarray (n,) or (n, m)
    """

    def __init__(
        self,
        gamma: float | None = None,
        penalty: float | None = None,
        loo_rows: int | None = 1000,
        seed: int = 0,
    ) -> None:
        self.gamma = gamma
        self.penalty = penalty
        self.loo_rows = loo_rows
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        rows: Array
        rows, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(y, dtype=np.float64)
        columns = targets.reshape(len(rows), -1)
        self.gamma_ = 1 / rows.shape[1] if self.gamma is None else self.gamma
        kernel: Array = rbf_kernel(rows, gamma=self.gamma_)
        penalty = self._choose(kernel, columns)
        dual, intercept = np.empty_like(columns), np.empty(columns.shape[1])
        system = np.empty_like(kernel)
        for value in np.unique(penalty):
            chosen = penalty == value
            np.copyto(system, kernel)
            dual[:, chosen], intercept[chosen] = _solve(system, value, columns[:, chosen])
        shape = targets.shape[1:]  # one target in, one target out
        self.X_fit_ = rows
        self.penalty_ = penalty.reshape(shape)
        self.dual_coef_ = dual.reshape(targets.shape)
        self.intercept_ = intercept.reshape(shape)
        return self

    def predict(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        rows: Array = validate_data(self, X, dtype=np.float64, reset=False)
        kernel = rbf_kernel(rows, self.X_fit_, gamma=self.gamma_)
        predicted: Array = kernel @ self.dual_coef_ + self.intercept_
        return predicted

    def _choose(self, kernel: Array, y: Array) -> Array:
        if self.penalty is not None:
            return np.full(y.shape[1], float(self.penalty))
        rows = np.arange(len(kernel))
        if self.loo_rows is not None and len(kernel) > self.loo_rows:
            rng = np.random.default_rng(self.seed)
            rows = np.sort(rng.choice(len(kernel), self.loo_rows, replace=False))
        kernel = kernel[np.ix_(rows, rows)]
        _centre(kernel)
        return _Spectrum.of_kernel(kernel, y[rows] - y[rows].mean(0)).best_penalty()


def _solve(kernel: Array, penalty: float, y: Array) -> tuple[Array, Array]:
    """Dual coefficients (n, m) and intercepts (m,) for targets (n, m); overwrites ``kernel``.

    Stationarity of ridge with a free intercept: (K + penalty I) dual = y - b with sum(dual) = 0,
    so one factorisation solves for y and for 1, and b makes the sum vanish.
    """
    kernel[np.diag_indices_from(kernel)] += penalty
    factor = cho_factor(kernel.T, lower=True, overwrite_a=True, check_finite=False)
    mean = y.mean(0)
    solved = cho_solve(factor, np.column_stack([y - mean, np.ones(len(y))]), check_finite=False)
    of_y, of_ones = solved[:, :-1], solved[:, -1]
    shift = of_y.sum(0) / of_ones.sum()
    return of_y - of_ones[:, None] * shift, mean + shift


def _centre(kernel: Array) -> None:
    """Make a kernel matrix that of the centred features, in place."""
    mean = kernel.mean(0)
    kernel -= mean
    kernel -= mean[:, None] - mean.mean()


class RBFFeatures(TransformerMixin, BaseEstimator):
    """Features whose inner products are the kernel exp(-gamma ||x - z||^2).

    A linear function w of them has the norm ||w|| in the kernel's function space (RKHS), so a
    norm-ball head on top is an RKHS ball.

    Parameters
    ----------
    gamma : float, optional
        1 / d by default, the usual choice for standardised features.
    landmarks : int, optional
        With more rows than this, functions are restricted to the span of the kernel at that many
        rows drawn at random (Nystroem; still a convex class): exact, but slower, with None.
    seed : int
    """

    def __init__(
        self, gamma: float | None = None, landmarks: int | None = 1000, seed: int = 0
    ) -> None:
        self.gamma = gamma
        self.landmarks = landmarks
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        rows: Array = validate_data(self, X, dtype=np.float64)
        self.gamma_ = 1 / rows.shape[1] if self.gamma is None else self.gamma
        if self.landmarks is not None and len(rows) > self.landmarks:
            rng = np.random.default_rng(self.seed)
            rows = rows[np.sort(rng.choice(len(rows), self.landmarks, replace=False))]
        self.landmarks_ = rows
        kernel = rbf_kernel(self.landmarks_, gamma=self.gamma_)
        kernel[np.diag_indices_from(kernel)] += 1e-10 * len(kernel)  # equal rows are allowed
        self.factor_ = cholesky(kernel, lower=True, overwrite_a=True)
        return self

    def transform(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        kernel = rbf_kernel(self.landmarks_, X, gamma=self.gamma_)
        features: Array = solve_triangular(self.factor_, kernel, lower=True, overwrite_b=True).T
        return features


@register_head("least-squares")
def least_squares() -> LinearRegression:
    """Linear functions with intercept; the minimum-norm fit where it is not unique."""
    return LinearRegression()


@register_head("ridge")
def ridge() -> Pipeline:
    """Ridge on standardised features, penalty by leave-one-out."""
    return make_pipeline(StandardScaler(), Ridge())


@register_head("norm-ball")
def norm_ball() -> Pipeline:
    """Linear functions of bounded norm on standardised features, radius by leave-one-out."""
    return make_pipeline(StandardScaler(), NormBall())


@register_head("kernel-ridge")
def kernel_ridge() -> Pipeline:
    """RBF kernel ridge on standardised features, penalty by leave-one-out."""
    return make_pipeline(StandardScaler(), KernelRidge())


@register_head("kernel-ball")
def kernel_ball() -> Pipeline:
    """Functions of bounded RBF-kernel norm on standardised features, radius by leave-one-out."""
    return make_pipeline(StandardScaler(), RBFFeatures(), NormBall())


def chosen_penalty(head: Head, targets: int) -> Array:
    """(targets,) penalties that a fitted head chose; not a number where it has none."""
    last = head[-1] if isinstance(head, Pipeline) else head
    return np.broadcast_to(getattr(last, "penalty_", np.nan), (targets,))
