"""Linear heads: ridge, and least squares over a norm ball."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from molw2s.learners.heads.spectrum import CentredSpectrum

Array = NDArray[np.float64]

# Multiples of the labels' standard deviation over the features' root mean squared norm.
RADII = np.logspace(-2, 4, 37)


class _LinearHead(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Linear function with an unpenalised intercept; subclasses choose the penalty."""

    coef_: Array
    intercept_: Array
    penalty_: Array

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        rows: Array
        rows, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(y, dtype=np.float64)
        spectrum = CentredSpectrum(rows, targets.reshape(len(rows), -1))
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

    def _choose(self, spectrum: CentredSpectrum) -> Array:
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

    def _choose(self, spectrum: CentredSpectrum) -> Array:
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

    def _choose(self, spectrum: CentredSpectrum) -> Array:
        if self.radius is not None:
            return _multipliers(spectrum, np.full(spectrum.y.shape[1], float(self.radius)))
        unit = spectrum.y.std(0) / np.sqrt(spectrum.mean_squared_norm)
        candidates = np.array([_multipliers(spectrum, factor * unit) for factor in RADII])
        best = spectrum.leave_one_out(candidates).argmin(0)
        return candidates[best, np.arange(len(best))]


def _multipliers(spectrum: CentredSpectrum, radius: Array) -> Array:
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
