"""Muon for the matrices of an encoder's layers, AdamW for everything else, as one optimizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from molw2s.errors import InvalidInput
from molw2s.pretraining.recipe import Optimisation


def make_optimizer(model: nn.Module, settings: Optimisation) -> torch.optim.Optimizer:
    """AdamW, or Muon with AdamW, as the recipe says; vectors (biases, norms) do not decay.

    Raises
    ------
    InvalidInput
        If Muon is wanted and torch has none.
    """
    if settings.optimizer == "muon" and not hasattr(torch.optim, "Muon"):
        raise InvalidInput(f"optimizer: muon needs torch 2.9 or newer, this is {torch.__version__}")
    hidden: list[nn.Parameter] = []
    others: list[nn.Parameter] = []
    for name, weight in model.named_parameters():
        in_layer = weight.ndim == 2 and ".layer." in name
        (hidden if settings.optimizer == "muon" and in_layer else others).append(weight)
    adamw = torch.optim.AdamW(
        [
            {"params": [w for w in others if w.ndim > 1], "weight_decay": settings.weight_decay},
            {"params": [w for w in others if w.ndim <= 1], "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        fused=others[0].is_cuda or None,
    )
    if not hidden:
        return adamw
    muon = torch.optim.Muon(
        hidden, lr=settings.muon_learning_rate, weight_decay=settings.weight_decay
    )
    return Together(muon, adamw)


class Together(torch.optim.Optimizer):
    """Several optimizers stepped as one; the learning-rate schedule scales each one's own rate."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        self.parts = parts
        super().__init__([group for part in parts for group in part.param_groups], {})
        # Shared with the parts, so that a scheduler that changes a rate here changes it there.
        self.param_groups = [group for part in parts for group in part.param_groups]

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for part in self.parts:
            part.step()

    def state_dict(self) -> dict[str, Any]:
        return {str(place): part.state_dict() for place, part in enumerate(self.parts)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for place, part in enumerate(self.parts):
            part.load_state_dict(state_dict[str(place)])
        self.param_groups = [group for part in self.parts for group in part.param_groups]
