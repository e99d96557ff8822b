"""Linear heads: ridge, and least squares over a norm ball."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from molw2s.learners.heads.penalised import Elsewhere, PenalisedHead
from molw2s.learners.heads.spectrum import PENALTIES, CentredSpectrum

Array = NDArray[np.float64]

# Multiples of the labels' standard deviation over the features' root mean squared norm.
RADII = np.logspace(-2, 4, 37)


class _LinearHead(PenalisedHead):
    """Linear function with an unpenalised intercept; subclasses say which penalties there are."""

    coef_: Array

    def predict(self, X: ArrayLike) -> Array:
        return self._asked(X) @ self.coef_ + self.intercept_

    def _solved(self, rows: Array, y: Array, elsewhere: Elsewhere) -> dict[str, Array]:
        spectrum = CentredSpectrum(rows, y)
        penalties = self._penalties(spectrum)
        if elsewhere is None:
            errors = spectrum.leave_one_out(penalties)
        else:
            X_val, y_val = elsewhere
            errors = spectrum.validated(penalties, spectrum.at(X_val), y_val - spectrum.y_mean)
        penalty = np.take_along_axis(penalties, errors.argmin(0)[None], 0)[0]
        coefficients = spectrum.coefficients(penalty)
        intercept = spectrum.y_mean - spectrum.x_mean @ coefficients
        return {"coef_": coefficients, "intercept_": intercept, "penalty_": penalty}

    def _penalties(self, spectrum: CentredSpectrum) -> Array:
        """(k, m) to choose from, a column per target."""
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

    def _penalties(self, spectrum: CentredSpectrum) -> Array:
        if self.penalty is not None:
            return np.full((1, spectrum.y.shape[1]), float(self.penalty))
        return np.tile((PENALTIES * spectrum.mean_squared_norm)[:, None], spectrum.y.shape[1])


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

    def _penalties(self, spectrum: CentredSpectrum) -> Array:
        if self.radius is not None:
            return _multipliers(spectrum, np.full(spectrum.y.shape[1], float(self.radius)))[None]
        unit = spectrum.y.std(0) / np.sqrt(spectrum.mean_squared_norm)
        return np.array([_multipliers(spectrum, factor * unit) for factor in RADII])


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
