"""The ground truth of the synthetic experiments: h*, linear tasks over it, and their data.

Charikar, Pabbaraju and Shiragur (2024), "Synthetic experiments". Everything is NumPy in float64
and drawn from a generator of its own, so that one seed always means one world.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Mlp:
    """A representation: affine layers with a ReLU after every one, the last too.

    Attributes
    ----------
    weights : tuple of ndarray (d_in, d_out)
    biases : tuple of ndarray (d_out,)
    """

    weights: tuple[Array, ...]
    biases: tuple[Array, ...]

    @property
    def depth(self) -> int:
        return len(self.weights)

    def __call__(self, x: Array) -> Array:
        """Features (..., width) of inputs (..., d)."""
        for weight, bias in zip(self.weights, self.biases):
            x = x @ weight
            x += bias
            np.maximum(x, 0, out=x)
        return x


@dataclass(frozen=True, eq=False)
class Tasks:
    """Linear functions with intercept over a representation, one a column.

    Attributes
    ----------
    weight : ndarray (width, tasks)
    bias : ndarray (tasks,)
    """

    weight: Array
    bias: Array

    def __call__(self, features: Array) -> Array:
        """Values (..., tasks) from features (..., width)."""
        return features @ self.weight + self.bias


@dataclass(frozen=True, eq=False)
class TaskData:
    """What a representation is learned from: known heads, and points of each task's own.

    Attributes
    ----------
    x : ndarray (tasks, n, d)
    y : ndarray (tasks, n)
        f_t(h*(x)) for task t.
    tasks : Tasks
        The heads f_t, known and frozen.
    """

    x: Array
    y: Array
    tasks: Tasks


def draw_mlp(rng: np.random.Generator, widths: Sequence[int]) -> Mlp:
    """A random MLP with PyTorch's default initialisation; ``widths`` are d, width, ..., width.

    Weights and biases of a layer are uniform on +-1/sqrt(d_in), as ``torch.nn.Linear`` has it.
    """
    weights, biases = [], []
    for d_in, d_out in pairwise(widths):
        weight, bias = _linear(rng, d_in, d_out)
        weights.append(weight)
        biases.append(bias)
    return Mlp(tuple(weights), tuple(biases))


def draw_tasks(rng: np.random.Generator, width: int, tasks: int) -> Tasks:
    """Random linear heads, initialised as ``torch.nn.Linear(width, 1)`` each."""
    return Tasks(*_linear(rng, width, tasks))


def draw_task_data(
    rng: np.random.Generator, truth: Mlp, tasks: int, points: int, sigma: float
) -> TaskData:
    """``tasks`` new tasks over ``truth`` with ``points`` inputs each, x ~ N(0, sigma^2 I)."""
    d, width = truth.weights[0].shape[0], truth.weights[-1].shape[1]
    heads = draw_tasks(rng, width, tasks)
    x = rng.normal(0, sigma, (tasks, points, d))
    y = np.einsum("tnw,wt->tn", truth(x), heads.weight) + heads.bias[:, None]
    return TaskData(x, y, heads)


def perturb(rng: np.random.Generator, representation: Mlp, sigma: float) -> Mlp:
    """``representation`` with independent N(0, sigma^2) noise on every weight and bias."""

    def noisy(arrays: tuple[Array, ...]) -> tuple[Array, ...]:
        return tuple(array + rng.normal(0, sigma, array.shape) for array in arrays)

    return Mlp(noisy(representation.weights), noisy(representation.biases))


def _linear(rng: np.random.Generator, d_in: int, d_out: int) -> tuple[Array, Array]:
    bound = d_in**-0.5
    return rng.uniform(-bound, bound, (d_in, d_out)), rng.uniform(-bound, bound, d_out)
