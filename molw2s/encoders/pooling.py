"""How the hidden states of a molecule's tokens become one vector."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor

from molw2s.encoders.usage import Usage


def pool(hidden: Tensor, attention_mask: Tensor, pooling: Literal["mean", "cls"]) -> Tensor:
    """(b, L, d) hidden states -> (b, d).

    The mean is over the attended tokens, [CLS] and [SEP] among them; "cls" is the first token.
    """
    if pooling == "cls":
        return hidden[:, 0]
    weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def read_out(output: Any, attention_mask: Tensor, usage: Usage) -> Tensor:
    """(b, width) float32 embeddings from a transformers model's output.

    ``output.hidden_states`` is needed only where ``usage`` wants other layers than the last.
    """
    last = output.last_hidden_state
    states = [last if layer == -1 else output.hidden_states[layer] for layer in usage.layers]
    of_tokens: Literal["mean", "cls"] = "cls" if usage.pooling == "cls" else "mean"
    parts = [pool(state.float(), attention_mask, of_tokens) for state in states]
    if usage.pooling == "mean+cls":
        parts.append(last[:, 0].float())
    elif usage.pooling == "mean+pooler":
        parts.append(output.pooler_output.float())
    return torch.cat(parts, dim=-1)
