"""Heads by name: the built-in ones, and those that users register."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import version

from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from molw2s.learners.heads.judged import Head, last_step
from molw2s.learners.heads.kernel import EXACT_ROWS, LANDMARKS, KernelFeatures, KernelRidge
from molw2s.learners.heads.linear import NormBall, Ridge
from molw2s.learners.heads.logistic import Logistic
from molw2s.learners.heads.trimmed import NEIGHBOURS, Trimmed
from molw2s.registry import Registry

VERSION = 2
"""Raised by hand whenever a built-in head's predictions change by more than rounding."""


HEADS: Registry[Callable[[], Head]] = Registry("head", "molw2s.heads")
register_head = HEADS.register


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


@register_head("matern-ridge")
def matern_ridge() -> Pipeline:
    """Kernel ridge with a Matérn kernel on standardised features, penalty by leave-one-out."""
    return make_pipeline(StandardScaler(), KernelRidge(kernel="matern"))


@register_head("kernel-ball")
def kernel_ball() -> Pipeline:
    """Functions of bounded RBF-kernel norm on standardised features, radius by leave-one-out."""
    return make_pipeline(StandardScaler(), KernelFeatures(), NormBall())


@register_head("logistic")
def logistic() -> Pipeline:
    """Ridge logistic regression on standardised features, penalty by leave-one-out: for classes."""
    return make_pipeline(StandardScaler(), Logistic())


@register_head("matern-logistic")
def matern_logistic() -> Pipeline:
    """Kernel logistic regression (Matérn) over 300 landmarks, penalty by leave-one-out."""
    return make_pipeline(
        StandardScaler(), KernelFeatures(kernel="matern", landmarks=300), Logistic()
    )


@register_head("confident-logistic")
def confident_logistic() -> Pipeline:
    """The same, with an auxiliary confidence loss of weight 0.5 (Burns et al. 2023)."""
    return make_pipeline(
        StandardScaler(), KernelFeatures(kernel="matern", landmarks=300), Logistic(confidence=0.5)
    )


PROBABILITIES = ("logistic", "matern-logistic", "confident-logistic")
"""Built-in heads that predict them."""


def make_head(
    name: str, exact_rows: int = EXACT_ROWS, landmarks: int = LANDMARKS, keep: float = 1
) -> Head:
    """An unfitted head, trimmed where it keeps less than all labels.

    One that is kernel ridge, or ends in it, is told when to take landmarks.

    Raises
    ------
    UnknownName
        If there is no such head.
    """
    head = HEADS[name]()
    last = last_step(head)
    if isinstance(last, KernelRidge):
        last.set_params(exact_rows=exact_rows, landmarks=landmarks)
    return head if keep == 1 else Trimmed(head, keep)


def is_built_in(name: str) -> bool:
    """Whether we wrote a head; raises UnknownName if there is none."""
    return HEADS[name].__module__ == __name__


def head_fingerprint(name: str, exact_rows: int, landmarks: int, keep: float = 1) -> str | None:
    """What decides a built-in head's predictions; None for a head of somebody else's.

    Code that others may edit has no version that we could know, so nothing is kept of it.
    """
    if not is_built_in(name):
        return None
    limited = isinstance(last_step(HEADS[name]()), KernelRidge)
    limits = [f"{exact_rows} rows, else {landmarks} landmarks"] if limited else []
    trimmed = [] if keep == 1 else [f"{keep} of {NEIGHBOURS} neighbours"]
    return ", ".join([f"{name} {VERSION}", *limits, *trimmed, *_libraries()])


@cache
def _libraries() -> tuple[str, ...]:
    return tuple(f"{name} {version(name)}" for name in ("numpy", "scipy", "scikit-learn"))
