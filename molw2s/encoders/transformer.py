"""SMILES through any transformers checkpoint, frozen."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from molw2s.encoders.base import FAULTS
from molw2s.encoders.licences import card_licence
from molw2s.encoders.loading import CHECKPOINT_FILES, check_trust, load_model, load_tokenizer
from molw2s.encoders.shapes import bucket_lengths
from molw2s.encoders.smiles_transformer import SmilesTransformer
from molw2s.encoders.usage import Pooling, Spelling, Usage, read_usage, stated
from molw2s.encoders.vocabulary import not_spelled
from molw2s.errors import InvalidInput
from molw2s.smiles import as_list, canonical, kekulized, name_rows

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Precision = Literal["auto", "float32", "bfloat16"]
_SPELL: dict[Spelling, Callable[[Sequence[str]], list[str]]] = {
    "canonical": canonical,
    "kekulized": kekulized,
    "as-given": as_list,
}
_log = logging.getLogger(__name__)
_BFLOAT16_FROM = 256  # hidden size below which bfloat16 saves no time


class TransformerEncoder(SmilesTransformer):
    """A checkpoint in the Hugging Face layout, its hidden states pooled.

    Parameters
    ----------
    folder : path
        Holds config.json, the weights and the tokenizer.
    pooling, layers, spelling : optional
        See ``Usage``. By default what config.json says under "molw2s", else the mean over the
        last hidden states of the canonical SMILES.
    precision : "auto", "float32" or "bfloat16"
        "auto" is bfloat16 for encoders of hidden size 256 and more where the CPU (or GPU) has it.
    trust_remote_code : bool
        Run the Python files that a checkpoint of no type known to transformers brings along.

    Raises
    ------
    InvalidInput
        If the folder holds no config.json, its settings or those given do not fit, or it needs
        code of its own and is not trusted.
    """

    def __init__(
        self,
        folder: str | Path,
        name: str | None = None,
        pooling: Pooling | None = None,
        layers: Sequence[int] | None = None,
        precision: Precision = "auto",
        spelling: Spelling | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.name = name or self.folder.resolve().name
        if not (self.folder / "config.json").is_file():
            raise InvalidInput(f"{self.folder} is no encoder: it has no config.json")
        self.usage: Usage = read_usage(
            self.folder, self.config, pooling=pooling, layers=layers, spelling=spelling
        )
        self.trust_remote_code = trust_remote_code
        if not trust_remote_code:
            check_trust(self.folder, self.name, self.config)
        if precision not in get_args(Precision):
            known = ", ".join(get_args(Precision))
            raise InvalidInput(f"precision is {precision!r}; known: {known}")
        self._precision: Precision = precision
        self.finetuned = False
        self._given: dict[str, Any] = {
            "folder": folder, "name": self.name, "pooling": pooling, "layers": layers,
            "precision": precision, "spelling": spelling, "trust_remote_code": trust_remote_code,
        }  # fmt: skip

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """What the encoder was made of."""
        return self._given | {"name": self.name}

    def set_params(self, **params: Any) -> Self:
        """Make it of other settings; raises ValueError for unknown ones."""
        if unknown := params.keys() - self.get_params().keys():
            raise ValueError(f"{type(self).__name__} has no parameter {unknown.pop()!r}")
        self.__dict__ = type(self)(**(self.get_params() | params)).__dict__
        return self

    def __sklearn_clone__(self) -> Self:
        """The pretrained encoder, whatever this one was finetuned to."""
        return type(self)(**self.get_params())

    def __getstate__(self) -> dict[str, Any]:
        """Without the model that the folder gives again; finetuned weights stay.

        transformers' hooks, on a model that was asked for hidden states, cannot be pickled.
        """
        state = dict(self.__dict__)
        if not self.finetuned:
            state.pop("model", None)
        return state

    @cached_property
    def config(self) -> dict[str, Any]:
        path = self.folder / "config.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"cannot read {path}: {error}") from error
        if not isinstance(config, dict):
            raise InvalidInput(f"{path} is not a JSON object")
        return config

    @property
    def hidden_size(self) -> int:
        if (size := stated(self.config, "hidden_size")) is None:
            raise InvalidInput(f"{self.folder}: config.json states no hidden_size")
        return size

    @property
    def dim(self) -> int:  # type: ignore[override]
        return self.usage.width(self.hidden_size)

    @property
    def licence(self) -> str:
        """What its model card says; empty without one."""
        return card_licence(self.folder)

    @cached_property
    def precision(self) -> str:
        """What "auto" comes to on this machine."""
        if self._precision != "auto":
            return self._precision
        return "bfloat16" if self.hidden_size >= _BFLOAT16_FROM and has_bfloat16() else "float32"

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over usage, precision, the checkpoint's files, and whether their code is run."""
        digest = hashlib.sha256(f"{self.usage.model_dump_json()} {self.precision}".encode())
        if self.trust_remote_code and any(self.folder.glob("*.py")):
            digest.update(b"its own code")
        for path in sorted(path for kind in CHECKPOINT_FILES for path in self.folder.glob(kind)):
            digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    @cached_property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        spell = _SPELL[self.usage.spelling]
        return load_tokenizer(self.folder, self.trust_remote_code, spell)

    @cached_property
    def model(self) -> PreTrainedModel:
        with_pooler = self.usage.pooling == "mean+pooler"
        return load_model(self.folder, with_pooler, self.trust_remote_code)

    @cached_property
    def max_length(self) -> int:
        """How many tokens the checkpoint takes, special ones among them."""
        positions = stated(self.config, "max_position_embeddings") or 512
        table = getattr(getattr(self.model, "embeddings", None), "position_embeddings", None)
        padding = getattr(table, "padding_idx", None)
        if padding is not None:  # RoBERTa's family counts positions from behind the padding index
            positions -= padding + 1
        most = min(self.tokenizer.model_max_length, positions)
        if most <= self.tokenizer.num_special_tokens_to_add():
            raise InvalidInput(f"{self.folder}: it takes {most} tokens, so none of a molecule's")
        return most

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim), in the order given.

        A SMILES with more tokens than the checkpoint takes is cut, and one with unknown tokens is
        encoded with them, and a warning says so: ``faults`` says which.

        Raises
        ------
        InvalidInput
            Naming the rows that cannot be parsed; where the usage is strict, also those that are
            too long or have unknown tokens.
        """
        return self.encode_tokens(self.tokenise(smiles))

    def tokenise(self, smiles: Sequence[str]) -> list[NDArray[Any]]:
        """Token ids of each molecule, at most ``max_length``; raises like ``encode``."""
        smiles = as_list(smiles)
        tokens, faults = self._tokens(smiles)
        told = {
            1: (f"have more than {self.max_length} tokens", "are cut"),
            2: (FAULTS["with_unknown_tokens"][1], "are encoded with its unknown token"),
        }
        for bit, (fault, consequence) in told.items():
            rows = np.flatnonzero(faults & bit).tolist()
            faulty = f"{self.name}: {len(rows)} of {len(smiles)} SMILES {fault}"
            if rows and self.usage.strict:
                which = name_rows(smiles, rows)
                raise InvalidInput(f"{faulty}: {which}; leave them out, or choose another encoder")
            if rows:
                _log.warning("%s and %s; the first is row %s", faulty, consequence, rows[0])
        return tokens

    def faults(self, smiles: Sequence[str]) -> NDArray[np.uint8]:
        """(n,) bits of ``FAULTS`` for each SMILES."""
        return self._tokens(smiles)[1]

    def _tokens(self, smiles: Sequence[str]) -> tuple[list[NDArray[Any]], NDArray[np.uint8]]:
        texts = _SPELL[self.usage.spelling](smiles)
        if not texts:
            return [], np.zeros(0, np.uint8)
        tokens = self.tokenizer(texts, verbose=False)["input_ids"]
        rows = stated(self.config, "vocab_size")
        largest = max((max(ids, default=0) for ids in tokens), default=0)
        if rows is not None and largest >= rows:
            raise InvalidInput(
                f"{self.folder}: the tokenizer gives token {largest}, but the model knows {rows} "
                "tokens; are they of the same checkpoint?"
            )
        cut = np.array([len(ids) > self.max_length for ids in tokens], bool)
        strange = not_spelled(self.tokenizer, texts, tokens)
        faults = (cut * FAULTS["cut"][0] + strange * FAULTS["with_unknown_tokens"][0]).astype(
            np.uint8
        )
        if cut.any():
            tokens = self.tokenizer(texts, truncation=True, max_length=self.max_length)["input_ids"]
        return [np.asarray(ids) for ids in tokens], faults

    def encode_tokens(
        self, tokens: Sequence[NDArray[Any]], tokens_per_batch: int = 4096
    ) -> NDArray[np.float32]:
        """(n, dim): by length into batches of few fixed shapes; the order given is restored."""
        import torch

        if not tokens:
            return np.empty((0, self.dim), np.float32)
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

        from molw2s.encoders.pooling import read_out

        device = self.model.device
        ids = np.full(shape, self.tokenizer.pad_token_id or 0)
        mask = np.zeros(shape, dtype=np.int64)
        mask[:, 0] = 1  # rows that only fill the shape attend to something
        for line, row in enumerate(tokens):
            ids[line, : len(row)] = row
            mask[line, : len(row)] = 1
        attention = torch.from_numpy(mask).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
            states = self.model(
                input_ids=torch.from_numpy(ids).to(device),
                attention_mask=attention,
                **({} if self.usage.layers == (-1,) else {"output_hidden_states": True}),
            )
        return read_out(states, attention, self.usage)


def has_bfloat16() -> bool:
    """Whether the GPU, or without one the CPU, computes in bfloat16."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
