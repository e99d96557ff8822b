"""Heads in the function space (RKHS) of a Gaussian or a Matérn kernel."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel
from sklearn.utils.validation import check_is_fitted, validate_data

from molw2s.learners.heads.penalised import Elsewhere, PenalisedHead
from molw2s.learners.heads.spectrum import Spectrum, StreamedSpectrum

Array = NDArray[np.float64]
KernelName = Literal["rbf", "matern"]
Judges = tuple[Array, Array] | NDArray[np.int64]
"""What chooses a penalty: other rows and their targets, or fitted rows that are left out."""

EXACT_ROWS = 10_000
"""Rows up to which kernel ridge is exact; more take landmarks."""
LANDMARKS = 4000
LEFT_OUT = 4000
"""Rows that leave-one-out leaves out, each of all, where there are more."""
WIDTHS = (0.25, 1.0, 4.0)
"""Multiples of the usual gamma that are tried where other rows than the labelled ones choose."""

_PART = 2000  # rows at a time
_CLUSTERED = 10_000  # rows whose k-means centres are found
_STEPS = 3  # of k-means


def matern_kernel(X: Array, Y: Array | None = None, *, gamma: float) -> Array:
    """(n, k) (1 + s) exp(-s), s = sqrt(6 gamma) ||x - y||: smoothness 3/2, and the length scale
    sqrt(1 / (2 gamma)) that exp(-gamma ||x - y||^2) has.

    Source: Rasmussen and Williams 2006, section 4.2.1.
    """
    scaled: Array = euclidean_distances(X, Y)
    scaled *= np.sqrt(6 * gamma)
    kernel: Array = np.exp(-scaled)
    kernel *= 1 + scaled
    return kernel


# With what gamma is, times the number of features, by default.
_KERNELS: dict[KernelName, tuple[Callable[..., Array], float]] = {
    "rbf": (rbf_kernel, 1.0),
    "matern": (matern_kernel, 0.25),
}


def _gamma(kernel: KernelName, gamma: float | None, d: int) -> float:
    """The one given, or the kernel's usual one for d standardised features."""
    if kernel not in _KERNELS:
        raise ValueError(f"kernel is {kernel!r}, expected one of {', '.join(_KERNELS)}")
    return _KERNELS[kernel][1] / d if gamma is None else gamma


class KernelRidge(PenalisedHead):
    """Kernel ridge regression: ridge in the RKHS of a kernel of distances.

    Unlike scikit-learn's it has an intercept, which is not penalised, and chooses its penalty.
    With more than ``exact_rows`` rows its functions are restricted to the span of the kernel at
    ``landmarks`` points (Nystroem; Williams and Seeger 2001), still a convex class, in closed form
    and in memory that does not grow with the rows. The points are k-means centres (Zhang, Tsang and
    Kwok 2008), of which it takes far fewer than of rows drawn at random.

    Parameters
    ----------
    gamma : float, optional
        By default 1 / d for "rbf", the usual choice for standardised features, and 1 / (4 d) for
        "matern": its length scale is then the root of the mean squared distance between them.
        Given ``X_val`` and ``y_val``, one of ``WIDTHS`` times that, chosen there for each target.
    penalty : float, optional
        By default chosen for each target by leave-one-out on the labels it is fitted to, among
        ``PENALTIES`` times the mean squared norm of the centred features.
    loo_rows : int, optional
        With more rows than this, the penalty of an exact fit is chosen by leave-one-out on that
        many of them, drawn at random; the fit itself uses all. None takes all for both, which is
        slow: it needs the spectrum of the kernel matrix and not only a factorisation. Over
        landmarks, ``LEFT_OUT`` rows are left out, each of the fit to all.
    seed : int
    kernel : "rbf" or "matern"
        exp(-gamma ||x - z||^2), or the rougher Matérn kernel of smoothness 3/2.
    exact_rows : int, optional
        None fits exactly whatever the number of rows n, in time n^3 and memory n^2.
    landmarks : int

    Attributes
    ----------
    gamma_, penalty_ : ndarray () or (m,)
    X_fit_ : ndarray (k, d)
        The rows, or the landmarks.
    dual_coef_ : ndarray (k,) or (k, m)
    """

    dual_coef_: Array

    def __init__(
        self,
        gamma: float | None = None,
        penalty: float | None = None,
        loo_rows: int | None = 1000,
        seed: int = 0,
        exact_rows: int | None = EXACT_ROWS,
        landmarks: int = LANDMARKS,
        kernel: KernelName = "rbf",
    ) -> None:
        self.gamma = gamma
        self.penalty = penalty
        self.loo_rows = loo_rows
        self.seed = seed
        self.exact_rows = exact_rows
        self.landmarks = landmarks
        self.kernel = kernel

    def predict(self, X: ArrayLike) -> Array:
        rows = self._asked(X)
        dual = self.dual_coef_.reshape(len(self.dual_coef_), -1)
        gammas = np.atleast_1d(self.gamma_)
        predicted = np.empty((len(rows), dual.shape[1]))
        for gamma in np.unique(gammas):
            alike = gammas == gamma
            kernel = self._kernel_of(gamma)
            predicted[:, alike] = np.concatenate(
                [kernel(part, self.X_fit_) @ dual[:, alike] for part in _parts(rows)]
            )
        return predicted.reshape(len(rows), *self.dual_coef_.shape[1:]) + self.intercept_

    def _solved(self, rows: Array, y: Array, elsewhere: Elsewhere) -> dict[str, Array]:
        few = self.exact_rows is None or len(rows) <= self.exact_rows
        fit = self._fit_exactly if few else self._fit_landmarks
        if few:
            self.X_fit_, left = rows, _some(len(rows), self.loo_rows, self.seed)
        else:
            rng = np.random.default_rng(self.seed)
            self.X_fit_ = _centres(rows, self.landmarks, rng)
            left = np.sort(rng.permutation(len(rows))[:LEFT_OUT])
        usual = _gamma(self.kernel, self.gamma, rows.shape[1])
        if elsewhere is None or self.gamma is not None:
            return fit(rows, y, left if elsewhere is None else elsewhere, usual)
        fits = [fit(rows, y, elsewhere, usual * width) for width in WIDTHS]
        return _least_error(fits, [self._errors(each, *elsewhere) for each in fits])

    def _kernel_of(self, gamma: float) -> Callable[..., Array]:
        return partial(_KERNELS[self.kernel][0], gamma=gamma)

    def _fit_exactly(self, rows: Array, y: Array, judges: Judges, gamma: float) -> dict[str, Array]:
        """The fitted attributes, for m targets."""
        kernel = self._kernel_of(gamma)(rows)
        penalty = self._choose(kernel, y, judges, gamma)
        dual, intercept = np.empty_like(y), np.empty(y.shape[1])
        system = np.empty_like(kernel)
        for value in np.unique(penalty):
            chosen = penalty == value
            np.copyto(system, kernel)
            dual[:, chosen], intercept[chosen] = _solve(system, value, y[:, chosen])
        return _fitted(dual, intercept, penalty, gamma)

    def _fit_landmarks(
        self, rows: Array, y: Array, judges: Judges, gamma: float
    ) -> dict[str, Array]:
        """As ``_fit_exactly``, over the landmarks."""
        kernel_of = self._kernel_of(gamma)
        factor = _factor(self.X_fit_, kernel_of)

        def features(part: Array) -> Array:
            return _features(self.X_fit_, part, kernel_of, factor)

        spectrum = StreamedSpectrum(map(features, _parts(rows)), y)
        if self.penalty is not None:
            penalty = np.full(y.shape[1], float(self.penalty))
        elif isinstance(judges, tuple):
            at = spectrum.at(features(judges[0]), judges[1])
            penalty = at.best_penalty(at.U, at.y)
        else:
            penalty = spectrum.at(features(rows[judges]), y[judges]).best_penalty()
        weights = spectrum.coefficients(penalty)
        dual = solve_triangular(factor, weights, lower=True, trans="T")
        return _fitted(dual, spectrum.y_mean - spectrum.x_mean @ weights, penalty, gamma)

    def _choose(self, kernel: Array, y: Array, judges: Judges, gamma: float) -> Array:
        if self.penalty is not None:
            return np.full(y.shape[1], float(self.penalty))
        if isinstance(judges, tuple):
            return self._validated(kernel, y, *judges, gamma)
        kernel, y = kernel[np.ix_(judges, judges)], y[judges]
        _centre(kernel)
        return Spectrum.of_kernel(kernel, y - y.mean(0)).best_penalty()

    def _validated(
        self, kernel: Array, y: Array, X_val: Array, y_val: Array, gamma: float
    ) -> Array:
        """(m,) the penalties of least error at other rows; takes the whole spectrum."""
        mean = kernel.mean(0)
        between = self._kernel_of(gamma)(X_val, self.X_fit_)
        between -= between.mean(1)[:, None] + mean - mean.mean()
        centred = kernel.copy()
        _centre(centred)
        spectrum = Spectrum.of_kernel(centred, y - y.mean(0))
        at = between @ spectrum.U / spectrum.eigenvalues
        return spectrum.best_penalty(at, y_val - y.mean(0))

    def _errors(self, fitted: dict[str, Array], X: Array, y: Array) -> Array:
        """(m,) mean squared errors of a fit of one gamma."""
        kernel = self._kernel_of(fitted["gamma_"][0])(X, self.X_fit_)
        errors: Array = ((kernel @ fitted["dual_coef_"] + fitted["intercept_"] - y) ** 2).mean(0)
        return errors


def _fitted(dual: Array, intercept: Array, penalty: Array, gamma: float) -> dict[str, Array]:
    return {
        "dual_coef_": dual,
        "intercept_": intercept,
        "penalty_": penalty,
        "gamma_": np.full(len(penalty), gamma),
    }


def _least_error(fits: list[dict[str, Array]], errors: list[Array]) -> dict[str, Array]:
    """Each target's column of the fit whose error is least there."""
    best = np.argmin(errors, axis=0)
    columns = np.arange(len(best))
    return {name: np.stack([each[name] for each in fits])[best, ..., columns].T for name in fits[0]}


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


def _some(number: int, most: int | None, seed: int) -> NDArray[np.int64]:
    """Sorted rows: all of them, or ``most`` drawn at random where there are more."""
    if most is None or number <= most:
        return np.arange(number)
    return np.sort(np.random.default_rng(seed).choice(number, most, replace=False))


def _parts(rows: Array) -> Iterator[Array]:
    for start in range(0, len(rows), _PART):
        yield rows[start : start + _PART]


def _centres(rows: Array, number: int, rng: np.random.Generator) -> Array:
    """(number, d) k-means centres of rows, after a few steps from rows drawn at random."""
    drawn = rows[np.sort(rng.permutation(len(rows))[:_CLUSTERED])]
    number = min(number, len(drawn))
    first = drawn[np.sort(rng.choice(len(drawn), number, replace=False))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # of fewer distinct rows than centres
        means = KMeans(number, init=first, n_init=1, max_iter=_STEPS).fit(drawn)
    centres: Array = means.cluster_centers_
    return centres


def _centre(kernel: Array) -> None:
    """Make a kernel matrix that of the centred features, in place."""
    mean = kernel.mean(0)
    kernel -= mean
    kernel -= mean[:, None] - mean.mean()


def _factor(landmarks: Array, kernel_of: Callable[..., Array]) -> Array:
    """The lower Cholesky factor of the kernel at the landmarks."""
    kernel = kernel_of(landmarks)
    kernel[np.diag_indices_from(kernel)] += 1e-10 * len(kernel)  # equal rows are allowed
    factor: Array = cholesky(kernel, lower=True, overwrite_a=True)
    return factor


def _features(landmarks: Array, X: Array, kernel_of: Callable[..., Array], factor: Array) -> Array:
    """(n, k) features whose inner products are the kernel, in the span of the landmarks."""
    kernel = kernel_of(landmarks, X)
    features: Array = solve_triangular(factor, kernel, lower=True, overwrite_b=True).T
    return features


class KernelFeatures(TransformerMixin, BaseEstimator):
    """Features whose inner products are a kernel.

    A linear function w of them has the norm ||w|| in the kernel's function space (RKHS), so a
    norm-ball head on top is an RKHS ball.

    Parameters
    ----------
    gamma : float, optional
        As in ``KernelRidge``.
    landmarks : int, optional
        With more rows than this, functions are restricted to the span of the kernel at that many
        rows drawn at random (Nystroem; still a convex class): exact, but slower, with None.
    seed : int
    kernel : "rbf" or "matern"
        As in ``KernelRidge``.
    """

    def __init__(
        self,
        gamma: float | None = None,
        landmarks: int | None = 1000,
        seed: int = 0,
        kernel: KernelName = "rbf",
    ) -> None:
        self.gamma = gamma
        self.landmarks = landmarks
        self.seed = seed
        self.kernel = kernel

    def fit(self, X: ArrayLike, y: ArrayLike | None = None) -> Self:
        rows: Array = validate_data(self, X, dtype=np.float64)
        self.gamma_ = _gamma(self.kernel, self.gamma, rows.shape[1])
        rows = rows[_some(len(rows), self.landmarks, self.seed)]
        self.landmarks_ = rows
        self.factor_ = _factor(rows, self._kernel)
        return self

    def transform(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        rows: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return _features(self.landmarks_, rows, self._kernel, self.factor_)

    @property
    def _kernel(self) -> Callable[..., Array]:
        return partial(_KERNELS[self.kernel][0], gamma=self.gamma_)
