"""Heads in the function space (RKHS) of a Gaussian kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, TransformerMixin
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.utils.validation import check_is_fitted, validate_data
from typing_extensions import Self

from molw2s.learners.heads.spectrum import Spectrum

Array = NDArray[np.float64]


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
        return Spectrum.of_kernel(kernel, y[rows] - y[rows].mean(0)).best_penalty()


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
