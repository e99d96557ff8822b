"""The authors' recipe written again, to measure against: AdamW, lr 1e-3, batch 32, 1000 epochs.

Unscaled inputs, PyTorch's default initialisation, float32. By default it is written tighter than
a notebook would be: batches are slices of a shuffled tensor and the optimiser is the fused one.
``loader=True`` writes it in the usual way, with a DataLoader and the plain ``AdamW``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from molw2s.problems.synthetic.targets import Mlp, TaskData

BATCH, LEARNING_RATE, EPOCHS = 32, 1e-3, 1000


def learn_representation(
    data: TaskData,
    depth: int,
    width: int,
    seed: int,
    epochs: int = EPOCHS,
    pooled: bool = False,
    loader: bool = False,
) -> tuple[Mlp, float]:
    """The representation, and the seconds it took.

    A step takes 32 points of every task, so that an epoch has N_r / 32 steps. ``pooled`` shuffles
    all tasks' points together instead, 32 points a step in all: T times as many steps.
    """
    torch.manual_seed(seed)
    x, y, weight, bias = map(_tensor, (data.x, data.y, data.tasks.weight.T, data.tasks.bias))
    tasks, points, d = x.shape
    layers: list[nn.Module] = []
    for d_in in [d] + [width] * (depth - 1):
        layers += [nn.Linear(d_in, width), nn.ReLU()]
    model = nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=not loader or None)
    if pooled:
        task = torch.arange(tasks).repeat_interleave(points)
        tensors = (x.reshape(-1, d), y.reshape(-1), task)
    else:
        tensors = (x.transpose(0, 1).contiguous(), y.T.contiguous())
    started = time.perf_counter()
    for _ in range(epochs):
        for x_batch, y_batch, *task_batch in _batches(tensors, loader):
            w, b = (weight[task_batch[0]], bias[task_batch[0]]) if pooled else (weight, bias)
            loss = (((model(x_batch) * w).sum(-1) + b - y_batch) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - started
    linear = [layer for layer in model if isinstance(layer, nn.Linear)]
    return (
        Mlp(
            tuple(layer.weight.detach().numpy().T.astype(np.float64) for layer in linear),
            tuple(layer.bias.detach().numpy().astype(np.float64) for layer in linear),
        ),
        seconds,
    )


def fit_head(
    features: np.ndarray, y: np.ndarray, seed: int, epochs: int = EPOCHS, loader: bool = False
) -> tuple[nn.Linear, float]:
    """One task's linear head on fixed features (n, width), and the seconds it took."""
    torch.manual_seed(seed)
    tensors = (_tensor(features), _tensor(y))
    head = nn.Linear(features.shape[1], 1)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, fused=not loader or None)
    started = time.perf_counter()
    for _ in range(epochs):
        for x_batch, y_batch in _batches(tensors, loader):
            loss = ((head(x_batch).squeeze(1) - y_batch) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return head, time.perf_counter() - started


def _batches(tensors: tuple[torch.Tensor, ...], loader: bool) -> Iterable[Any]:
    """One epoch."""
    if loader:
        return DataLoader(TensorDataset(*tensors), BATCH, shuffle=True)
    order = torch.randperm(len(tensors[0])).split(BATCH)
    return ([tensor[rows] for tensor in tensors] for rows in order)


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32)
