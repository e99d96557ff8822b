"""Logistic heads: probabilities whose logits are linear functions of fixed features."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit, logit

from molw2s.learners.heads.penalised import Elsewhere, PenalisedHead

Array = NDArray[np.float64]

PENALTIES = np.logspace(2, -4, 13)
"""Multiples of a quarter of the mean squared norm of the centred features, largest first."""

_STEPS = 50
_CLOSE = 1e-9
_FURTHEST = 30.0  # logits: further out a probability is 0 or 1 to rounding


class Logistic(PenalisedHead):
    """Ridge logistic regression on probabilities: min sum of cross-entropies + penalty/2 ||w||^2.

    Targets lie in [0, 1]: classes, or a teacher's probabilities. ``predict`` gives probabilities.
    Fitted by Newton's method, the intercept is not penalised.

    Parameters
    ----------
    penalty : float, optional
        By default chosen for each target among ``PENALTIES`` by approximate leave-one-out on the
        labels it is fitted to - one Newton step from the fit to all (Rad and Maleki 2020) - or,
        given ``X_val`` and ``y_val``, by the cross-entropy there.
    confidence : float
        Weight in [0, 1) of the auxiliary confidence loss (Burns et al. 2023, arXiv 2312.09390,
        section 4.3): the cross-entropy to the model's own classes, of which as many are 1 as the
        labels have probability. The penalty is chosen without it.

    Attributes
    ----------
    penalty_ : ndarray () or (m,)
    coef_ : ndarray (d,) or (d, m)
    """

    coef_: Array

    def __init__(self, penalty: float | None = None, confidence: float = 0) -> None:
        self.penalty = penalty
        self.confidence = confidence

    def predict(self, X: ArrayLike) -> Array:
        logits = self._asked(X) @ self.coef_ + self.intercept_
        probabilities: Array = expit(np.clip(logits, -_FURTHEST, _FURTHEST))
        return probabilities

    def _solved(self, rows: Array, y: Array, elsewhere: Elsewhere) -> dict[str, Array]:
        if y.min() < 0 or y.max() > 1:
            raise ValueError("logistic heads are fitted to classes 0 and 1, or probabilities")
        if not 0 <= self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}, expected a weight in [0, 1)")
        mean = rows.mean(0)
        centred = rows - mean
        unit = (centred**2).sum(1).mean() / 4 or 1.0
        penalties = PENALTIES * unit if self.penalty is None else np.array([float(self.penalty)])
        weights, penalty = np.empty((1 + rows.shape[1], y.shape[1])), np.empty(y.shape[1])
        for place, target in enumerate(y.T):
            judge = None if elsewhere is None else (elsewhere[0] - mean, elsewhere[1][:, place])
            found, penalty[place] = _best(centred, target, penalties, judge)
            if self.confidence:
                found = _confident(centred, target, penalty[place], found, self.confidence)
            weights[:, place] = found
        intercept = weights[0] - mean @ weights[1:]
        return {"coef_": weights[1:], "intercept_": intercept, "penalty_": penalty}


def _best(X: Array, y: Array, penalties: Array, judge: Elsewhere) -> tuple[Array, float]:
    """(1 + d,) intercept and weights, and the penalty, of least error."""
    design = np.column_stack([np.ones(len(X)), X])
    weights = np.zeros(design.shape[1])
    weights[0] = logit(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    found = []
    for penalty in penalties:  # each from where the last one ended
        weights, left_out = _newton(design, y, penalty, weights)
        if judge is None:
            error = _cross_entropy(y, left_out)
        else:
            error = _cross_entropy(judge[1], weights[0] + judge[0] @ weights[1:])
        found.append((error, weights, float(penalty)))
    _, weights, penalty = min(found, key=lambda each: each[0])
    return weights, penalty


def _confident(X: Array, y: Array, penalty: float, weights: Array, confidence: float) -> Array:
    """The fit to labels mixed with its own classes, from a fit to the labels alone.

    Fit and classes take turns until the classes stay as they are: each turn lowers the loss.
    """
    design = np.column_stack([np.ones(len(X)), X])
    ones = round(y.sum())
    before = None
    for _ in range(_STEPS):
        classes = np.zeros(len(y))
        classes[np.argsort(-(design @ weights), kind="stable")[:ones]] = 1
        if before is not None and (before == classes).all():
            break
        weights, _ = _newton(design, (1 - confidence) * y + confidence * classes, penalty, weights)
        before = classes
    return weights


def _newton(design: Array, y: Array, penalty: float, weights: Array) -> tuple[Array, Array]:
    """Weights of the minimum, and the logits of each row where it is left out, approximately."""
    ridge = np.full(len(weights), penalty)
    ridge[0] = 0

    def objective(weights: Array) -> float:
        return len(y) * _cross_entropy(y, design @ weights) + (ridge * weights**2).sum() / 2

    value = objective(weights)
    for _ in range(_STEPS):
        probabilities = expit(design @ weights)
        gradient = design.T @ (probabilities - y) + ridge * weights
        factor = _hessian(design, probabilities, ridge)
        step = cho_solve(factor, gradient)
        length = 1.0
        while objective(weights - length * step) > value and length > 1e-4:
            length /= 2
        weights = weights - length * step
        before, value = value, objective(weights)
        if before - value <= _CLOSE * max(1.0, abs(value)):
            break
    logits = design @ weights
    probabilities = expit(logits)
    spread = np.maximum(probabilities * (1 - probabilities), 1e-12)
    solved = cho_solve(factor, design.T)  # of the last step, which was a small one
    leverage = np.minimum((design * solved.T).sum(1) * spread, 1 - 1e-6)
    return weights, logits + leverage / (1 - leverage) * (probabilities - y) / spread


def _hessian(design: Array, probabilities: Array, ridge: Array) -> tuple[Array, bool]:
    spread = np.maximum(probabilities * (1 - probabilities), 1e-12)
    hessian = (design * spread[:, None]).T @ design
    hessian[np.diag_indices_from(hessian)] += ridge + 1e-10 * np.trace(hessian) / len(hessian)
    factor: tuple[Array, bool] = cho_factor(hessian)
    return factor


def _cross_entropy(y: Array, logits: Array) -> float:
    """Mean of -y log p - (1 - y) log(1 - p), p = expit(logits)."""
    return float((np.logaddexp(0, logits) - y * logits).mean())
