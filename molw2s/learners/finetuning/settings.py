"""How an encoder is finetuned."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt

Mode = Literal["full", "lora"]


class Finetuning(BaseModel):
    """Settings of one gradient-descent fit; unknown keys are errors.

    Attributes
    ----------
    epochs : int
        At most; the learning rate reaches zero at the last one.
    patience : int
        Stop after this many epochs without a smaller error on the molecules held out.
    batch : int
        Molecules a step.
    encoder_rate, head_rate : float
        AdamW's learning rates times the hidden size: the wider, the smaller the steps (Yang et
        al. 2022, "Tensor Programs V", table 3, hidden and output weights under Adam).
    warmup : float
        Share of the steps in which the rates grow from zero.
    weight_decay : float
    held_out : float
        Share of the molecules it is fitted to whose labels - those given - stop it.
    lora_rank : int
        Rank of the updates in mode "lora" (Hu et al. 2022).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: PositiveInt = 30
    patience: PositiveInt = 10
    batch: PositiveInt = 16
    encoder_rate: PositiveFloat = 0.06
    head_rate: PositiveFloat = 0.2
    warmup: float = Field(0.1, ge=0, lt=1)
    weight_decay: NonNegativeFloat = 0.01
    held_out: float = Field(0.1, gt=0, lt=1)
    lora_rank: PositiveInt = 8
