"""Losses by which predictions are measured; gain and misfit are defined by the loss.

A Bregman loss is D(a, b) = phi(a) - phi(b) - phi'(b) (a - b) for a convex phi. Errors are
D(truth, prediction) and the misfit is D(student, teacher): in this order of arguments the student
that minimises its misfit over a convex class obeys gain >= misfit (Charikar et al. 2024, Theorem 1,
for squares; Mulgund and Pabbaraju 2025, arXiv 2501.19105, for Bregman losses).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molw2s.errors import InvalidInput, UnknownName

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Loss:
    """A loss of two arrays, element by element.

    Attributes
    ----------
    name : str
    power : int
        Its unit is the target's to this power.
    bregman : bool
        Whether the theorem is about it.
    domain : tuple of float
        The first argument lies in this closed interval, the second strictly within - or the other
        way round, where ``reversed_`` says so.
    of : callable
        (a, b) -> loss, of the shape of both.
    """

    name: str
    power: int
    bregman: bool
    domain: tuple[float, float]
    of: Callable[[Array, Array], Array]
    reversed_: bool = False

    def __call__(self, a: NDArray[Any], b: NDArray[Any]) -> Array:
        """Element by element; nan where an argument is nan.

        Raises
        ------
        InvalidInput
            If an argument lies outside of the domain; the message has the first such value.
        """
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        low, high = self.domain
        closed, open_ = (b, a) if self.reversed_ else (a, b)
        for values, outside in (
            (closed, (closed < low) | (closed > high)),
            (open_, (open_ <= low) | (open_ >= high)),
        ):
            if outside.any():
                raise InvalidInput(
                    f"loss {self.name!r} is for values between {low:g} and {high:g}; there is "
                    f"{values[outside][0]:g}"
                )
        return self.of(a, b)


def _squared(a: Array, b: Array) -> Array:
    return (a - b) ** 2


def _absolute(a: Array, b: Array) -> Array:
    return np.abs(a - b)


def _poisson(a: Array, b: Array) -> Array:
    from scipy.special import kl_div

    divergence: Array = kl_div(a, b)
    return divergence


def _logistic(a: Array, b: Array) -> Array:
    from scipy.special import rel_entr

    divergence: Array = rel_entr(a, b) + rel_entr(1 - a, 1 - b)
    return divergence


def _logistic_reversed(a: Array, b: Array) -> Array:
    return _logistic(b, a)


_EVERYWHERE = (-math.inf, math.inf)
LOSSES = {
    loss.name: loss
    for loss in (
        Loss("squared", 2, True, _EVERYWHERE, _squared),  # phi(a) = a^2
        Loss("absolute", 1, False, _EVERYWHERE, _absolute),
        Loss("poisson", 1, True, (0, math.inf), _poisson),  # phi(a) = a log a
        Loss("logistic", 0, True, (0, 1), _logistic),  # phi(a) = a log a + (1 - a) log(1 - a)
        # Of logits, phi(u) = log(1 + e^u): the student that minimises cross-entropy to its teacher
        # is then the projection, and functions with linear logits are a convex class.
        Loss("logistic-reversed", 0, True, (0, 1), _logistic_reversed, reversed_=True),
    )
}


def get_loss(name: str) -> Loss:
    """A loss by name; raises UnknownName."""
    if name not in LOSSES:
        raise UnknownName(f"unknown loss {name!r}; known: {', '.join(LOSSES)}")
    return LOSSES[name]
