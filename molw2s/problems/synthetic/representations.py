"""Learning a representation: the argmin of (1/T) sum_t E (f_t(h(x)) - f_t(h*(x)))^2 over MLPs.

The heads f_t are known and frozen, so this is one least-squares problem in the weights of h. Two
things make it easy. Inputs and targets are scaled to unit size, and the scales folded back into
the first and the last layer (a ReLU network is positively homogeneous), so that what comes out is
still exactly an MLP. And the search starts where every layer after the first passes its
(nonnegative) inputs on: near the identity, an 8-layer network trains like a shallow one. Several
starts run side by side in batched matrices by Adam, and the best goes to full-batch L-BFGS.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from molw2s.problems.synthetic.targets import Array, Mlp, TaskData
from molw2s.threads import one_thread

VERSION = 1
"""Raised by hand whenever ``learn`` finds another representation for the same arguments."""

_WARM_UP = 20
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Search:
    """How hard to look for the argmin.

    Attributes
    ----------
    restarts : int
        Starts that Adam takes side by side.
    steps, batch, learning_rate
        Of Adam; the rate falls to zero along a cosine.
    polish : int
        Iterations of full-batch L-BFGS on the best of them.
    """

    restarts: int = 4
    steps: int = 12000
    batch: int = 256
    learning_rate: float = 0.005
    polish: int = 500


@dataclass(frozen=True, eq=False)
class Learned:
    """A representation and the objective there: mean squared error over all tasks' points."""

    representation: Mlp
    loss: float


def objective(representation: Mlp, data: TaskData) -> float:
    """(1/T) sum_t of the mean of (f_t(h(x)) - y)^2 over task t's points, in squared units."""
    features = representation(data.x)
    values = np.einsum("tnw,wt->tn", features, data.tasks.weight) + data.tasks.bias[:, None]
    return float(((values - data.y) ** 2).mean())


def learn(data: TaskData, depth: int, seed: np.random.SeedSequence, search: Search) -> Learned:
    """The best ``depth``-layer ReLU MLP found, as wide as the tasks' heads are.

    Uses a GPU if torch sees one. The same arguments give the same bits on the same machine.
    """
    _, points, d = data.x.shape
    width = data.tasks.weight.shape[0]
    x_scale = _size(data.x)
    y_scale = _size(data.y - data.tasks.bias[:, None])
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def tensor(values: Array) -> torch.Tensor:
        return torch.tensor(values, dtype=torch.float32, device=device)

    problem = _Problem(
        x=tensor(data.x.reshape(-1, d) / x_scale),
        y=tensor(((data.y - data.tasks.bias[:, None]) / y_scale).reshape(-1)),
        heads=tensor(np.repeat(data.tasks.weight.T, points, axis=0)),
    )
    widths = [d] + [width] * depth
    starts = _starts(np.random.default_rng(seed), search.restarts, widths)
    generator = torch.Generator().manual_seed(int(seed.generate_state(1)[0]))
    with one_thread():  # the fastest for matrices this small
        best = _adam(problem, [tensor(start) for start in starts], search, generator)
        polished = _lbfgs(problem, best, search.polish)
    arrays = [t.cpu().numpy().astype(np.float64) for t in polished]
    biases = tuple(bias[0] for bias in arrays[1::2])
    representation = unscaled(Mlp(tuple(arrays[::2]), biases), x_scale, y_scale)
    return Learned(representation, objective(representation, data))


def unscaled(representation: Mlp, x_scale: float, y_scale: float) -> Mlp:
    """The MLP x -> y_scale * representation(x / x_scale)."""
    weights, biases = list(representation.weights), list(representation.biases)
    weights[0] = weights[0] / x_scale
    weights[-1], biases[-1] = weights[-1] * y_scale, biases[-1] * y_scale
    return Mlp(tuple(weights), tuple(biases))


def _size(values: Array) -> float:
    return float(np.sqrt(np.mean(values**2))) or 1.0


@dataclass(frozen=True, eq=False)
class _Problem:
    """x (n, d), y (n,), and each row's own head (n, width): predict y by (h(x) * heads).sum()."""

    x: torch.Tensor
    y: torch.Tensor
    heads: torch.Tensor

    def residuals(self, parameters: list[torch.Tensor]) -> torch.Tensor:
        """(n,), or (restarts, n) for stacked parameters."""
        stacked = parameters[0].ndim == 3
        a = self.x.expand(len(parameters[0]), -1, -1) if stacked else self.x
        affine: Callable[..., torch.Tensor] = torch.baddbmm if stacked else torch.addmm
        for weight, bias in zip(parameters[::2], parameters[1::2]):
            a = affine(bias, a, weight).relu()
        return (a * self.heads).sum(-1) - self.y


def _starts(rng: np.random.Generator, restarts: int, widths: list[int]) -> list[Array]:
    """Weights (restarts, d_in, d_out) and biases (restarts, 1, d_out), one after the other.

    The first layer holds random rotations of the inputs and their negatives, so that nothing is
    lost to the ReLU; the others are near the identity.
    """
    starts = []
    d, width = widths[:2]
    for layer, (d_in, d_out) in enumerate(pairwise(widths)):
        if layer == 0:
            copies = -(-width // (2 * d))
            frames = [np.linalg.qr(rng.normal(size=(restarts, d, d)))[0] for _ in range(copies)]
            pairs = [part for frame in frames for part in (frame, -frame)]
            weight = np.concatenate(pairs, axis=2)[:, :, :width]
        else:
            weight = np.eye(d_in, d_out) + 0.05 * rng.normal(size=(restarts, d_in, d_out))
        starts += [weight, np.zeros((restarts, 1, d_out))]
    return starts


@torch.no_grad()
def _adam(
    problem: _Problem, starts: list[torch.Tensor], search: Search, generator: torch.Generator
) -> list[torch.Tensor]:
    """The best restart's parameters. Gradients are written out: autograd takes twice as long."""
    theta = torch.cat([start.flatten() for start in starts])
    gradient, first, second = (torch.zeros_like(theta) for _ in range(3))
    parameters, gradients = _views(theta, starts), _views(gradient, starts)
    weights = parameters[::2]
    rows, restarts = len(problem.y), len(starts[0])
    batch = min(search.batch, rows)
    steps = search.steps
    place = rows
    for step in range(steps):
        if place + batch > rows:
            order = torch.randperm(rows, generator=generator).to(theta.device)
            x, y, heads = problem.x[order], problem.y[order], problem.heads[order]
            place = 0
        here = slice(place, place + batch)
        place += batch

        a = x[here].expand(restarts, -1, -1)
        activations = [a]
        for weight, bias in zip(weights, parameters[1::2]):
            a = torch.baddbmm(bias, a, weight).relu_()
            activations.append(a)
        residual = ((a * heads[here]).sum(-1) - y[here]) * (2 / batch)
        delta = residual[..., None] * heads[here]
        for layer in reversed(range(len(weights))):
            delta = torch.ops.aten.threshold_backward(delta, activations[layer + 1], 0)
            torch.bmm(activations[layer].transpose(1, 2), delta, out=gradients[2 * layer])
            torch.sum(delta, 1, keepdim=True, out=gradients[2 * layer + 1])
            if layer:
                delta = torch.bmm(delta, weights[layer].transpose(1, 2))

        rate = search.learning_rate * min(1, (step + 1) / _WARM_UP)
        rate *= 0.5 + 0.5 * math.cos(math.pi * step / steps)
        first.lerp_(gradient, 1 - _BETA1)
        second.mul_(_BETA2).addcmul_(gradient, gradient, value=1 - _BETA2)
        debias = math.sqrt(1 - _BETA2 ** (step + 1))
        theta.addcdiv_(
            first,
            second.sqrt().add_(_EPSILON * debias),
            value=-rate * debias / (1 - _BETA1 ** (step + 1)),
        )
    best = int((problem.residuals(parameters) ** 2).mean(1).nan_to_num(math.inf).argmin())
    return [p[best].clone() for p in parameters]


def _views(flat: torch.Tensor, like: list[torch.Tensor]) -> list[torch.Tensor]:
    pieces = flat.split([tensor.numel() for tensor in like])
    return [piece.view(tensor.shape) for piece, tensor in zip(pieces, like)]


def _lbfgs(
    problem: _Problem, parameters: list[torch.Tensor], iterations: int
) -> list[torch.Tensor]:
    """Full-batch descent from ``parameters``; never worse than they are."""
    if iterations == 0:
        return parameters
    moving = [p.clone().requires_grad_() for p in parameters]
    optimizer = torch.optim.LBFGS(
        moving,
        max_iter=iterations,
        history_size=50,
        line_search_fn="strong_wolfe",
        tolerance_grad=0,
        tolerance_change=0,
    )

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = (problem.residuals(moving) ** 2).mean()
        loss.backward()
        return loss

    before = closure().item()
    optimizer.step(closure)
    after = closure().item()
    return [p.detach() for p in moving] if after <= before else parameters
