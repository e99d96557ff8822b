"""How a checkpoint is used as an encoder: what it is given, and what is read off it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from molw2s.errors import InvalidInput, explain

Pooling = Literal["mean", "cls", "mean+cls", "mean+pooler"]
Spelling = Literal["canonical", "kekulized", "as-given"]


class Usage(BaseModel):
    """What a checkpoint's config.json may say under "molw2s"; unknown keys are errors.

    Attributes
    ----------
    pooling : "mean", "cls", "mean+cls" or "mean+pooler"
        How the tokens of each chosen layer become one vector. "mean+cls" puts the last layer's
        [CLS] once beside the means, "mean+pooler" the checkpoint's own pooled output,
        tanh(dense([CLS])).
    layers : tuple of int
        Which hidden states, numbered as in transformers' ``output_hidden_states``: 0 is the
        embedding layer, -1 the last layer. Each is pooled; the results stand side by side.
    spelling : "canonical", "kekulized" or "as-given"
        RDKit's canonical SMILES, so that a molecule has one embedding however it is written; the
        SMILES given with aromatic rings as alternating double bonds; or the SMILES as it is.
    strict : bool
        A SMILES with more tokens than the checkpoint takes, or with one that its tokenizer does
        not know, is an error; otherwise it is cut, or encoded with the unknown token, and a
        warning says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pooling: Pooling = "mean"
    layers: tuple[int, ...] = Field((-1,), min_length=1)
    spelling: Spelling = "canonical"
    strict: bool = False

    def width(self, hidden_size: int) -> int:
        """Length of an embedding."""
        return hidden_size * (len(self.layers) + self.pooling.startswith("mean+"))

    def fits(self, depth: int) -> bool:
        """Whether an encoder of ``depth`` layers has all of ``layers``."""
        return all(-depth - 1 <= layer <= depth for layer in self.layers)


_ALIASES = {  # of most checkpoints, then of DistilBERT, GPT-2 and T5
    "hidden_size": ("hidden_size", "dim", "n_embd", "d_model"),
    "num_hidden_layers": ("num_hidden_layers", "n_layers", "n_layer", "num_layers"),
    "vocab_size": ("vocab_size",),
    "max_position_embeddings": ("max_position_embeddings", "n_positions"),
}


def stated(config: dict[str, Any], setting: str) -> int | None:
    """A size that config.json states, under whichever of its names; None where it does not.

    Raises
    ------
    InvalidInput
        If it states something else than a whole number.
    """
    value = next((config[key] for key in _ALIASES[setting] if config.get(key) is not None), None)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise InvalidInput(f"config.json: {setting} is {value!r}, not a whole number")
    return value


def read_usage(folder: Path, config: dict[str, Any], **wanted: Any) -> Usage:
    """The usage stated in ``config`` (of ``folder``), with what is ``wanted`` and not None on top.

    Raises
    ------
    InvalidInput
        If a key or value does not fit, or a layer does not exist.
    """
    own = config.get("molw2s", {})
    if not isinstance(own, dict):
        raise InvalidInput(f'{folder}: config.json says {own!r} under "molw2s", not an object')
    given = {key: value for key, value in wanted.items() if value is not None}
    try:
        usage = Usage.model_validate(own | given)
    except ValidationError as error:
        raise InvalidInput(
            f"{folder}: settings of this encoder (its config.json says {own!r} under "
            f'"molw2s"): {explain(error)}'
        ) from error
    depth = stated(config, "num_hidden_layers")
    if depth is not None and not usage.fits(depth):
        raise InvalidInput(
            f"{folder}: layers {list(usage.layers)}, but the checkpoint has hidden states 0 (the "
            f"embedding layer) to {depth}, or -{depth + 1} to -1 from the end"
        )
    return usage
