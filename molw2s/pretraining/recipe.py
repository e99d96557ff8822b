"""A pretraining recipe: everything that decides what an encoder has seen and learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
    model_validator,
)

from molw2s.encoders.usage import Usage
from molw2s.errors import InvalidInput, explain
from molw2s.files.mappings import read_mapping


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CorpusPart(_Section):
    """One source of unlabelled molecules: a registered corpus name or a .smi/.csv(.gz) file."""

    source: str
    smiles_column: str = "smiles"
    sample: int | None = Field(None, gt=0, description="molecules drawn at random; all by default")
    fragments: bool = Field(False, description="the BRICS fragments of the molecules, not they")


class Tokenization(_Section):
    """Bracket atoms seen at least ``min_count`` times get a token of their own."""

    min_count: int = Field(100, ge=1)
    max_length: int = Field(
        128, ge=16, description="tokens with [CLS] and [SEP]; longer is left out"
    )


class Architecture(_Section):
    """A BERT encoder; ``intermediate_size`` is 4 x hidden unless given."""

    layers: int = Field(2, ge=1)
    heads: int = Field(2, ge=1)
    hidden_size: int = Field(32, ge=1)
    intermediate_size: PositiveInt | None = None
    dropout: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _heads_divide_hidden(self) -> Architecture:
        if self.hidden_size % self.heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not divisible by heads {self.heads}"
            )
        return self


class Objectives(_Section):
    """Masked tokens; RDKit's values of atoms from the atoms' tokens; and RDKit's descriptors of the
    molecule from the pooled output.

    Of each batch, ``masked_share`` of the molecules are masked and ask for tokens; the others are
    seen whole and ask for values and descriptors. With a share of 1 all ask for everything.
    """

    masking_rate: float = Field(0.15, gt=0, lt=1)
    masked_share: float = Field(0.5, ge=0, le=1)
    atom_weight: float = Field(1.0, ge=0)
    descriptor_weight: float = Field(1.0, ge=0)
    descriptor_pooling: Literal["mean", "cls"] = Field(
        "mean", description="what is asked for descriptors: the tokens' mean, or [CLS]"
    )
    spellings: int = Field(
        2, ge=1, description="SMILES of each molecule: the canonical one, and random ones"
    )


class Optimisation(_Section):
    """``tokens`` tokens (special ones counted); linear warm-up, then linear decay to zero.

    "muon" moves the encoder's matrices by Muon (Jordan et al. 2024; torch 2.9 or newer) and the
    other weights by AdamW; "adamw" moves all by AdamW.
    """

    tokens: int = Field(10_000_000, gt=0)
    tokens_per_batch: int = Field(4096, ge=16)
    optimizer: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0)
    muon_learning_rate: float = Field(0.02, gt=0)
    warmup: float = Field(0.05, ge=0, lt=1)
    weight_decay: float = Field(0.01, ge=0)
    checkpoints: int = Field(10, ge=1, description="how many times the run is saved on its way")
    seed: NonNegativeInt = 0


class Recipe(_Section):
    """The whole recipe; unknown keys are errors."""

    corpus: tuple[CorpusPart, ...] = Field(min_length=1)
    tokenization: Tokenization = Tokenization()
    architecture: Architecture = Architecture()
    objectives: Objectives = Objectives()
    optimisation: Optimisation = Optimisation()
    readout: Usage = Field(Usage(), description="how the finished encoder is read; not trained for")
    held_out: int = Field(2000, ge=1, description="molecules kept for measuring the losses")

    @model_validator(mode="after")
    def _layers_exist(self) -> Recipe:
        depth = self.architecture.layers
        if not self.readout.fits(depth):
            raise ValueError(f"readout.layers {self.readout.layers}: there are {depth} layers")
        return self


def read_recipe(path: str | Path, overrides: dict[str, Any] | None = None) -> Recipe:
    """Read a YAML recipe; ``overrides`` maps dotted keys ("architecture.hidden_size") to values.

    Corpus files named relatively are looked for beside the recipe.

    Raises
    ------
    InvalidInput
        If the file is missing, is no YAML mapping, or has unknown or ill-typed keys, or an
        override's key is not that of a setting.
    """
    path = Path(path)
    content = read_mapping(path, "recipe")
    for key, value in (overrides or {}).items():
        *sections, last = key.split(".")
        target = content
        for section in sections:
            target = target.setdefault(section, {})
            if not isinstance(target, dict):
                raise InvalidInput(f"cannot set {key}: {section} is no section of the recipe")
        target[last] = value
    parts = content.get("corpus")
    for part in parts if isinstance(parts, list) else []:
        if isinstance(part, dict) and (beside := path.parent / str(part.get("source"))).is_file():
            part["source"] = str(beside)
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        raise InvalidInput(f"{path}: {explain(error, Recipe.model_fields)}") from error
