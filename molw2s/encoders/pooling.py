"""How the hidden states of a molecule's tokens become one vector."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

Pooling = Literal["mean", "cls", "mean+cls"]
POOLINGS: tuple[str, ...] = get_args(Pooling)


def pool(hidden: Tensor, attention_mask: Tensor, pooling: Pooling) -> Tensor:
    """(b, L, d) hidden states -> (b, d), or (b, 2 d) for "mean+cls".

    The mean is over the attended tokens, [CLS] and [SEP] among them; "cls" is the first token.
    """
    if pooling == "cls":
        return hidden[:, 0]
    weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * weights).sum(1) / weights.sum(1)
    return mean if pooling == "mean" else torch.cat([mean, hidden[:, 0]], dim=-1)
