"""Centred features and kernels in the basis where a ridge fit is diagonal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

Array = NDArray[np.float64]

# Multiples of the mean squared norm of the centred features: 3 a decade.
PENALTIES = np.logspace(-7, 3, 31)


class Spectrum:
    """Centred targets in the basis where a ridge fit is diagonal; the intercept is not penalised.

    U (n, r) and ``eigenvalues`` (r,) are those of the centred features' Gram matrix. Where U and
    ``y`` are some rows of more, ``rows`` says of how many, and ``projected`` (r, m) is U' y of all.
    """

    def __init__(
        self,
        U: Array,
        eigenvalues: Array,
        y: Array,
        rows: int | None = None,
        projected: Array | None = None,
    ) -> None:
        self.U, self.eigenvalues, self.y = U, eigenvalues, y
        self.rows = len(U) if rows is None else rows
        self.projected = U.T @ y if projected is None else projected

    @classmethod
    def of_kernel(cls, kernel: Array, y: Array) -> Self:
        """Of a centred kernel matrix (n, n) and centred targets (n, m)."""
        eigenvalues, vectors = positive_part(kernel, len(kernel))
        return cls(vectors, eigenvalues, y)

    @property
    def mean_squared_norm(self) -> float:
        return float(self.eigenvalues.sum() / self.rows) or 1.0

    def shrinkage(self, penalty: Array) -> Array:
        """(r, k) factors that a ridge fit puts on each direction, for k penalties."""
        return _shrinkage(self.eigenvalues, penalty)

    def leave_one_out(self, penalties: Array) -> Array:
        """(k, m) mean squared leave-one-out errors; ``penalties`` is (k,), or (k, m) by target.

        Each row of U is left out once, of the fit to all.
        """
        squared = self.U**2
        errors = np.empty((len(penalties), self.y.shape[1]))
        for row, penalty in enumerate(penalties):
            factors = self.shrinkage(np.atleast_1d(penalty))
            leverage = squared @ factors + 1 / self.rows
            residual = self.y - self.U @ (factors * self.projected)
            # A leverage of 1 is an interpolated point: its error without it is unknown.
            left = np.where(leverage < 1 - 1e-10, 1 - leverage, np.nan)
            errors[row] = np.nan_to_num((residual / left) ** 2, nan=np.inf).mean(0)
        return errors

    def validated(self, penalties: Array, at: Array, y: Array) -> Array:
        """(k, m) mean squared errors elsewhere: at rows ``at`` (v, r) that mean there what U means
        here, with centred targets y (v, m); ``penalties`` as in ``leave_one_out``."""
        errors = np.empty((len(penalties), self.y.shape[1]))
        for row, penalty in enumerate(penalties):
            factors = self.shrinkage(np.atleast_1d(penalty))
            errors[row] = ((y - at @ (factors * self.projected)) ** 2).mean(0)
        return errors

    def best_penalty(self, at: Array | None = None, y: Array | None = None) -> Array:
        """(m,) the smallest error among ``PENALTIES`` for each target: by leave-one-out, or
        ``validated`` elsewhere."""
        candidates = PENALTIES * self.mean_squared_norm
        if at is None or y is None:
            return candidates[self.leave_one_out(candidates).argmin(0)]
        return candidates[self.validated(candidates, at, y).argmin(0)]


class CentredSpectrum(Spectrum):
    """Of features: X - mean = U sqrt(eigenvalues) V'."""

    def __init__(self, X: Array, y: Array) -> None:
        self.x_mean, self.y_mean = X.mean(0), y.mean(0)
        X = X - self.x_mean
        U, eigenvalues, self.V = decomposed(X)
        super().__init__(U, eigenvalues, y - self.y_mean)

    def at(self, X: Array) -> Array:
        """(v, r) what U is for other rows."""
        at: Array = (X - self.x_mean) @ self.V / np.sqrt(self.eigenvalues)
        return at

    def coefficients(self, penalty: Array) -> Array:
        """(d, m) coefficients for one penalty a target; penalty 0 is the minimum-norm fit."""
        root = np.sqrt(self.eigenvalues)[:, None]
        return self.V @ (self.shrinkage(penalty) / root * self.projected)


class StreamedSpectrum:
    """Of features (n, d) that come in parts, so that only (d, d) of them is held at once."""

    def __init__(self, parts: Iterable[Array], y: Array) -> None:
        self.rows, self.y_mean = len(y), y.mean(0)
        gram, total, products = np.zeros((1, 1)), np.zeros(1), np.zeros((1, 1))
        start = 0
        for part in parts:
            labels = y[start : start + len(part)] - self.y_mean
            gram = gram + part.T @ part
            total = total + part.sum(0)
            products = products + part.T @ labels
            start += len(part)
        self.x_mean: Array = total / self.rows
        centred = gram - self.rows * np.outer(self.x_mean, self.x_mean)
        self.eigenvalues, self.V = positive_part(centred, self.rows)
        self.projected: Array = self._scaled.T @ products  # of centred labels: any shift is gone

    @property
    def _scaled(self) -> Array:
        """(d, r) what takes centred features to U."""
        return self.V / np.sqrt(self.eigenvalues)

    def at(self, features: Array, y: Array) -> Spectrum:
        """The spectrum, seen at some of its rows: features (k, d) and labels (k, m)."""
        U = (features - self.x_mean) @ self._scaled
        return Spectrum(U, self.eigenvalues, y - self.y_mean, self.rows, self.projected)

    def coefficients(self, penalty: Array) -> Array:
        """(d, m) coefficients for one penalty a target."""
        return self._scaled @ (_shrinkage(self.eigenvalues, penalty) * self.projected)


def _shrinkage(eigenvalues: Array, penalty: Array) -> Array:
    return eigenvalues[:, None] / (eigenvalues[:, None] + penalty)


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
