"""The authors' recipe written again, to measure against: AdamW, lr 1e-3, batch 32, 1000 epochs.

Unscaled inputs, PyTorch's default initialisation, float32. It is written tighter than a notebook
(batches are slices of a shuffled tensor, no DataLoader, the fused optimiser, one thread, which is
the fastest for matrices this small), so the ratios measured against it are on the low side.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn

from molw2s.synthetic.targets import Mlp, TaskData

BATCH, LEARNING_RATE, EPOCHS = 32, 1e-3, 1000


def learn_representation(
    data: TaskData, depth: int, width: int, seed: int, epochs: int = EPOCHS, pooled: bool = False
) -> tuple[Mlp, float]:
    """The representation, and the seconds it took.

    A step takes 32 points of every task, so that an epoch has N_r / 32 steps. ``pooled`` shuffles
    all tasks' points together instead, 32 points a step in all: T times as many steps.
    """
    torch.manual_seed(seed)
    x, y = (torch.tensor(a, dtype=torch.float32) for a in (data.x, data.y))
    weight, bias = (
        torch.tensor(a, dtype=torch.float32) for a in (data.tasks.weight.T, data.tasks.bias)
    )
    tasks, points, d = x.shape
    layers: list[nn.Module] = []
    for d_in in [d] + [width] * (depth - 1):
        layers += [nn.Linear(d_in, width), nn.ReLU()]
    model = nn.Sequential(*layers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=True)
    rows = torch.arange(tasks)[:, None]
    started = time.perf_counter()
    for _ in range(epochs):
        if pooled:
            order = torch.randperm(tasks * points)
            batches = [(i // points, i % points) for i in order.split(BATCH)]
        else:
            order = torch.rand(tasks, points).argsort(1)
            batches = [(rows, i) for i in order.split(BATCH, 1)]
        for task, point in batches:
            prediction = (model(x[task, point]) * weight[task]).sum(-1) + bias[task]
            loss = ((prediction - y[task, point]) ** 2).mean()
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
    features: np.ndarray, y: np.ndarray, seed: int, epochs: int = EPOCHS
) -> tuple[nn.Linear, float]:
    """One task's linear head on fixed features (n, width), and the seconds it took."""
    torch.manual_seed(seed)
    x = torch.tensor(features, dtype=torch.float32)
    target = torch.tensor(y, dtype=torch.float32)
    head = nn.Linear(x.shape[1], 1)
    optimizer = torch.optim.AdamW(head.parameters(), lr=LEARNING_RATE, fused=True)
    started = time.perf_counter()
    for _ in range(epochs):
        for i in torch.randperm(len(x)).split(BATCH):
            loss = ((head(x[i]).squeeze(1) - target[i]) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return head, time.perf_counter() - started
