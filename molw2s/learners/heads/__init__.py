"""Heads: convex sets of functions over fixed features, fitted in closed form.

A head is a scikit-learn regressor: ``fit(X, y)`` with X (n, d) and y (n,) or (n, m) - m tasks at
once - then ``predict(X)``. A fit hands every head float64, and those written here compute in
nothing else. ``HEADS`` maps a name to a function that makes an unfitted one; any scikit-learn
regressor that takes many targets can be registered.
"""

from molw2s.learners.heads.catalog import (
    HEADS,
    PROBABILITIES,
    head_fingerprint,
    is_built_in,
    make_head,
    register_head,
)
from molw2s.learners.heads.judged import Head, can_be_judged, chosen_penalty, fit_judged
from molw2s.learners.heads.kernel import EXACT_ROWS, LANDMARKS, KernelFeatures, KernelRidge
from molw2s.learners.heads.linear import NormBall, Ridge
from molw2s.learners.heads.logistic import Logistic
from molw2s.learners.heads.trimmed import Trimmed

__all__ = [
    "EXACT_ROWS",
    "HEADS",
    "LANDMARKS",
    "PROBABILITIES",
    "Head",
    "KernelFeatures",
    "KernelRidge",
    "Logistic",
    "NormBall",
    "Ridge",
    "Trimmed",
    "can_be_judged",
    "chosen_penalty",
    "fit_judged",
    "head_fingerprint",
    "is_built_in",
    "make_head",
    "register_head",
]
