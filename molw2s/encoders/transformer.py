"""SMILES through any transformers checkpoint, frozen."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from molw2s.encoders.shapes import bucket_lengths
from molw2s.errors import InvalidInput
from molw2s.smiles import canonical

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from molw2s.encoders.pooling import Pooling

Precision = Literal["auto", "float32", "bfloat16"]
_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_BFLOAT16_FROM = 256  # hidden size below which bfloat16 saves no time
_log = logging.getLogger(__name__)


class TransformerEncoder:
    """A checkpoint in the Hugging Face layout, its last hidden states pooled.

    Parameters
    ----------
    folder : path
        Holds config.json, the weights and the tokenizer.
    pooling : "mean", "cls" or "mean+cls"
    precision : "auto", "float32" or "bfloat16"
        "auto" is bfloat16 for encoders of hidden size 256 and more where the CPU (or GPU) has it.
    canonicalise : bool
        Encode RDKit's canonical SMILES, so that a molecule has one embedding however it is
        written; False gives the checkpoint the SMILES as they are.
    """

    def __init__(
        self,
        folder: str | Path,
        name: str | None = None,
        pooling: Pooling = "mean",
        precision: Precision = "auto",
        canonicalise: bool = True,
    ) -> None:
        self.folder = Path(folder)
        self.name = name or self.folder.name
        self.pooling = pooling
        self.canonicalise = canonicalise
        if not (self.folder / "config.json").is_file():
            raise InvalidInput(f"{self.folder} is no encoder: it has no config.json")
        self._precision: Precision = precision

    @cached_property
    def config(self) -> dict[str, Any]:
        config: dict[str, Any] = json.loads((self.folder / "config.json").read_text())
        return config

    @property
    def hidden_size(self) -> int:
        return int(self.config["hidden_size"])

    @property
    def dim(self) -> int:
        return self.hidden_size * (2 if self.pooling == "mean+cls" else 1)

    @cached_property
    def precision(self) -> str:
        """What "auto" comes to on this machine."""
        if self._precision != "auto":
            return self._precision
        return "bfloat16" if self.hidden_size >= _BFLOAT16_FROM and _has_bfloat16() else "float32"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the weights, configuration and tokenizer files, pooling and precision."""
        digest = hashlib.sha256(f"{self.pooling} {self.precision} {self.canonicalise}".encode())
        patterns = (*_WEIGHTS, "config.json", "tokenizer*", "vocab*", "merges.txt")
        for path in sorted({path for pattern in patterns for path in self.folder.glob(pattern)}):
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        from transformers import AutoTokenizer

        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(self.folder)
        return tokenizer

    @cached_property
    def model(self) -> PreTrainedModel:
        return load_model(self.folder)

    @property
    def max_length(self) -> int:
        """How many tokens the checkpoint takes, special ones among them."""
        positions: int = self.config.get("max_position_embeddings", 512)
        return min(self.tokenizer.model_max_length, positions)

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim), in the order given.

        A SMILES with more tokens than the checkpoint has positions is cut, with a warning.

        Raises
        ------
        InvalidInput
            Naming the rows that cannot be parsed.
        """
        return self.encode_tokens(self.tokenise(smiles))

    def tokenise(self, smiles: Sequence[str]) -> list[NDArray[Any]]:
        """Token ids of each molecule, at most ``max_length``; raises like ``encode``."""
        texts = canonical(smiles) if self.canonicalise else list(smiles)
        tokens = self.tokenizer(texts, verbose=False)["input_ids"]
        longest = self.max_length
        cut = [row for row, ids in enumerate(tokens) if len(ids) > longest]
        if cut:
            _warn_of_cut(len(cut), len(tokens), longest, cut[0])
            tokens = self.tokenizer(texts, truncation=True, max_length=longest)["input_ids"]
        return [np.asarray(ids) for ids in tokens]

    def encode_tokens(
        self, tokens: Sequence[NDArray[Any]], tokens_per_batch: int = 4096
    ) -> NDArray[np.float32]:
        """(n, dim): by length into batches of few fixed shapes; the order given is restored."""
        import torch

        self.model.eval()
        buckets = bucket_lengths(self.max_length)
        bucket_of = np.searchsorted(buckets, [len(ids) for ids in tokens])
        output = np.empty((len(tokens), self.dim), np.float32)
        with torch.inference_mode():
            for bucket in np.unique(bucket_of):
                length = buckets[bucket]
                size = max(1, tokens_per_batch // length)
                rows = np.flatnonzero(bucket_of == bucket)
                for start in range(0, len(rows), size):
                    chosen = rows[start : start + size]
                    pooled = self.forward([tokens[row] for row in chosen], (size, length))
                    output[chosen] = pooled[: len(chosen)].cpu().numpy()
        return output

    def forward(self, tokens: Sequence[NDArray[Any]], shape: tuple[int, int]) -> Tensor:
        """(shape[0], dim) float32 embeddings of one batch, padded to ``shape``: rows x tokens.

        The rows behind the last molecule only fill the shape. Differentiable, as the model is.
        """
        import torch

        from molw2s.encoders.pooling import pool

        device = self.model.device
        ids = np.full(shape, self.tokenizer.pad_token_id)
        mask = np.zeros(shape, dtype=np.int64)
        mask[:, 0] = 1  # rows that only fill the shape attend to something
        for line, row in enumerate(tokens):
            ids[line, : len(row)] = row
            mask[line, : len(row)] = 1
        attention = torch.from_numpy(mask).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            hidden = self.model(
                input_ids=torch.from_numpy(ids).to(device), attention_mask=attention
            ).last_hidden_state
        return pool(hidden.float(), attention, self.pooling)


@lru_cache
def _warn_of_cut(cut: int, total: int, longest: int, first: int) -> None:
    """Once a process: encoders of a family share a tokenizer and would all say the same."""
    _log.warning(
        "%d of %d SMILES have more than %d tokens and are cut; the first is row %d",
        cut, total, longest, first,
    )  # fmt: skip


def load_model(folder: Path) -> PreTrainedModel:
    """The checkpoint's encoder without heads, in float32, on the GPU where there is one."""
    import torch
    import transformers

    level = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        config = transformers.AutoConfig.from_pretrained(folder)
        extra = {"add_pooling_layer": False} if config.model_type in _WITH_POOLER else {}
        model: PreTrainedModel = transformers.AutoModel.from_pretrained(
            folder, dtype=torch.float32, **extra
        )
    finally:
        transformers.utils.logging.set_verbosity(level)
    return model.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]


_WITH_POOLER = ("bert", "roberta")


def _has_bfloat16() -> bool:
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
