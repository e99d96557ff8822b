"""Heads that choose by other rows than those they are fitted to, and what they chose."""

from __future__ import annotations

from inspect import signature
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn import config_context
from sklearn.pipeline import Pipeline

Array = NDArray[np.float64]


@runtime_checkable
class Head(Protocol):
    """What a fit needs of a head."""

    def fit(self, X: ArrayLike, y: ArrayLike) -> Any: ...

    def predict(self, X: ArrayLike) -> Array: ...


def can_be_judged(head: Head) -> bool:
    """Whether its ``fit`` takes ``X_val`` and ``y_val``, to choose on them."""
    return "X_val" in signature(last_step(head).fit).parameters


def fit_judged(head: Head, X: Array, y: Array, X_val: Array, y_val: Array) -> None:
    """Fit a head that chooses by its error at other rows, which are scaled as its own are."""
    if isinstance(head, Pipeline):
        with config_context(enable_metadata_routing=True):
            head.set_params(transform_input=["X_val"]).fit(X, y, X_val=X_val, y_val=y_val)
            head.set_params(transform_input=None)
    else:
        head.fit(X, y, X_val=X_val, y_val=y_val)  # type: ignore[call-arg]


def chosen_penalty(head: Head, targets: int) -> Array:
    """(targets,) penalties that a fitted head chose; not a number where it has none."""
    return np.broadcast_to(getattr(last_step(head), "penalty_", np.nan), (targets,))


def last_step(head: Head) -> Any:
    """What fits the targets: a pipeline's last step, or the head itself."""
    return head[-1] if isinstance(head, Pipeline) else head
