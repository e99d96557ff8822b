"""How the hidden states of a molecule's tokens become one vector."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from molw2s.encoders.usage import Usage


def pool(
    hidden: Tensor, attention_mask: Tensor, pooling: Literal["mean", "cls", "mean+cls"]
) -> Tensor:
    """(b, L, d) hidden states -> (b, d), or (b, 2 d) for "mean+cls".

    The mean is over the attended tokens, [CLS] and [SEP] among them; "cls" is the first token.
    """
    if pooling == "cls":
        return hidden[:, 0]
    weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
    mean = (hidden * weights).sum(1) / weights.sum(1)
    return mean if pooling == "mean" else torch.cat([mean, hidden[:, 0]], dim=-1)


def read_out(output: Any, attention_mask: Tensor, usage: Usage) -> Tensor:
    """(b, width) float32 embeddings from a transformers model's output.

    ``output.hidden_states`` is needed only where ``usage`` wants other layers than the last.
    """
    if usage.layers == (-1,):
        states = [output.last_hidden_state]
    else:
        states = [output.hidden_states[layer] for layer in usage.layers]
    of_tokens = "mean" if usage.pooling == "mean+pooler" else usage.pooling
    parts = [pool(state.float(), attention_mask, of_tokens) for state in states]
    if usage.pooling == "mean+pooler":
        parts.append(output.pooler_output.float())
    return torch.cat(parts, dim=-1)
