"""Transformers that never saw a molecule: the control for what pretraining brings."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from molw2s.encoders.transformer import TransformerEncoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class UntrainedEncoder(TransformerEncoder):
    """The architecture and tokenizer of a checkpoint, with weights drawn from ``seed``."""

    def __init__(self, folder: str | Path, name: str, seed: int = 0) -> None:
        super().__init__(folder, name, precision="float32")
        self.seed = seed
        self._given = {"folder": folder, "name": name, "seed": seed}

    @cached_property
    def fingerprint(self) -> str:
        import torch

        origin = f"untrained {self.seed} torch {torch.__version__} {super().fingerprint}"
        return hashlib.sha256(origin.encode()).hexdigest()

    @cached_property
    def model(self) -> PreTrainedModel:
        import torch
        from transformers import AutoConfig, AutoModel

        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            config = AutoConfig.from_pretrained(self.folder)
            model: PreTrainedModel = AutoModel.from_config(config, dtype=torch.float32)
        return model.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]
