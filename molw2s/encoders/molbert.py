"""MolBERT's published checkpoint (Fabian et al. 2020) as an ordinary Hugging Face folder."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from pydantic import BaseModel, Field, ValidationError
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from torch import Tensor
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from molw2s.encoders.lightning import read_checkpoint, read_hyper_parameters
from molw2s.encoders.usage import Usage
from molw2s.errors import InvalidInput, explain

TOKENS = (
    "[PAD]", "[CLS]", "[SEP]", "[MASK]",
    "F", "H", "I", "B", "C", "N", "O", "P", "S", "Br", "Cl", "Si", "Se", "se", "@@",
    *"0123456789", *"=@#%/\\()+-.[]",
)  # fmt: skip
"""In the order of their ids."""

USAGE = Usage(pooling="mean+pooler", spelling="kekulized", strict=True)
_BODY = "model.bert."
_FREQUENCIES = "embeddings.position_embeddings.inv_freq"


@dataclass(frozen=True, slots=True)
class Architecture:
    """The BERT that a checkpoint must hold; by default the published one."""

    layers: int = 12
    hidden_size: int = 768
    heads: int = 12
    intermediate_size: int = 3072


class _HyperParameters(BaseModel):
    """Those of MolBERT's command line that matter here, with its defaults."""

    max_seq_length: int = Field(128, ge=3)
    max_position_embeddings: int = 512


def import_molbert(
    checkpoint: str | Path,
    out: str | Path,
    max_length: int | None = None,
    architecture: Architecture | None = None,
) -> dict[str, Any]:
    """Write a MolBERT checkpoint as the folder ``out``, which any transformers code can load.

    BERT's table of positions holds MolBERT's sinusoids, so no code of its own is needed. Task
    heads and optimizer state are left out. The folder appears complete or not at all.

    Parameters
    ----------
    checkpoint : path
        The PyTorch Lightning file; hparams.yaml is looked for beside it and one folder up.
    max_length : int, optional
        Longest SMILES in tokens, [CLS] and [SEP] included; by default the training length (128).
        Sinusoids reach further: up to the hyper-parameter max_position_embeddings (512).
    architecture : Architecture, optional

    Returns
    -------
    dict
        ``out``, ``sha256`` of the checkpoint, ``parameters`` and ``max_length``.

    Raises
    ------
    InvalidInput
        If ``out`` is taken, or the checkpoint cannot be read, would run code, lacks weights, or is
        of another shape.
    """
    checkpoint, out = Path(checkpoint), Path(out)
    if not out.name:
        raise InvalidInput(f"{out} cannot be replaced; give a folder of its own, as {out}/molbert")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InvalidInput(f"{out} exists already; remove it or choose another folder")
    content = read_checkpoint(checkpoint)
    settings = _settings(checkpoint, content)
    length = settings.max_seq_length if max_length is None else max_length
    if not 3 <= length <= settings.max_position_embeddings:
        raise InvalidInput(
            f"a longest SMILES of {length} tokens: from 3 to max_position_embeddings="
            f"{settings.max_position_embeddings} is possible"
        )
    weights = {
        key.removeprefix(_BODY): value
        for key, value in content["state_dict"].items()
        if key.startswith(_BODY)
    }
    architecture = architecture or Architecture()
    _check_shape(checkpoint, weights, architecture)
    model = _with_positions(checkpoint, weights, architecture, settings.max_position_embeddings)

    with checkpoint.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    record = {
        "out": str(out),
        "sha256": digest.hexdigest(),
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "max_length": length,
    }
    part = out.with_name(f".{out.name}-{uuid4().hex}")
    part.mkdir(parents=True)
    try:
        model.save_pretrained(part)
        make_tokenizer(length).save_pretrained(part)
        (part / "README.md").write_text(
            _card(out.name, checkpoint.name, record, architecture, settings)
        )
        part.replace(out)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return record


def make_tokenizer(max_length: int) -> PreTrainedTokenizerFast:
    """MolBERT's tokens: two-letter ones before single letters, [CLS] and [SEP] around a molecule.

    The vocabulary has no [UNK]: what is no token becomes [MASK], which no SMILES contains, and the
    strict usage makes that an error.
    """
    ids = {token: index for index, token in enumerate(TOKENS)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="[MASK]"))
    longer = "|".join(token for token in TOKENS[4:] if len(token) == 2)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(f"{longer}|."), behavior="isolated")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[MASK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        clean_up_tokenization_spaces=False,
    )


def _settings(checkpoint: Path, content: dict[str, Any]) -> _HyperParameters:
    try:
        return _HyperParameters.model_validate(read_hyper_parameters(checkpoint, content))
    except ValidationError as error:
        raise InvalidInput(f"hyper-parameters of {checkpoint}: {explain(error)}") from error


def _check_shape(checkpoint: Path, weights: dict[str, Tensor], wanted: Architecture) -> None:
    """Raise InvalidInput unless depth, widths and vocabulary are MolBERT's."""
    try:
        vocabulary, hidden_size = weights["embeddings.word_embeddings.weight"].shape
        intermediate_size = len(weights["encoder.layer.0.intermediate.dense.weight"])
    except KeyError as error:
        raise InvalidInput(
            f"{checkpoint} is no MolBERT checkpoint: its state_dict lacks {_BODY}{error.args[0]}"
        ) from error
    layers = len({key.split(".")[2] for key in weights if key.startswith("encoder.layer.")})
    found = (layers, hidden_size, intermediate_size, vocabulary)
    right = (wanted.layers, wanted.hidden_size, wanted.intermediate_size, len(TOKENS))
    names = ("layers", "hidden size", "intermediate size", "vocabulary size")
    differing = [
        f"{name} {has}, not {must}" for name, has, must in zip(names, found, right) if has != must
    ]
    if differing:
        raise InvalidInput(f"{checkpoint} has another shape than MolBERT: {'; '.join(differing)}")


def _with_positions(
    checkpoint: Path, weights: dict[str, Tensor], architecture: Architecture, positions: int
) -> BertModel:
    """A BertModel with ``weights``, its table of positions filled with MolBERT's sinusoids.

    Row p is [sin(p f), cos(p f)] with f_i = 10000^(-2i/d), all sines first (Dai et al. 2019,
    Transformer-XL), computed in float32 as MolBERT does in its forward pass.
    """
    half = torch.arange(0, architecture.hidden_size, 2, dtype=torch.float64)
    frequencies = weights.pop(_FREQUENCIES, torch.empty(0))
    expected = 10000 ** -(half / architecture.hidden_size)
    if frequencies.shape != expected.shape or not torch.allclose(frequencies.double(), expected):
        raise InvalidInput(
            f"{checkpoint}: {_BODY}{_FREQUENCIES} is missing or not that of sinusoidal positions"
        )
    angles = torch.outer(torch.arange(positions, dtype=torch.float32), frequencies.float())
    table = torch.cat([angles.sin(), angles.cos()], dim=-1)

    config = BertConfig(
        vocab_size=len(TOKENS),
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        intermediate_size=architecture.intermediate_size,
        max_position_embeddings=positions,
    )
    config.update({"molw2s": USAGE.model_dump(mode="json", exclude_defaults=True)})
    model = BertModel(config)
    complete = {**weights, "embeddings.position_embeddings.weight": table}
    try:
        model.load_state_dict(complete)
    except RuntimeError as error:  # it lists missing, unexpected and misshapen weights by name
        raise InvalidInput(f"{checkpoint} does not fit MolBERT: {error}") from error
    return model


def _card(
    name: str,
    checkpoint: str,
    record: dict[str, Any],
    architecture: Architecture,
    settings: _HyperParameters,
) -> str:
    shape = asdict(architecture)
    return f"""---
library_name: transformers
license: mit
tags: [chemistry, SMILES, MolBERT, molw2s]
---
# {name}

MolBERT (Fabian et al., *Molecular representation learning with language models and domain-relevant
auxiliary tasks*, 2020, [arXiv 2011.13230](https://arxiv.org/abs/2011.13230)), code and weights
published under the MIT licence by BenevolentAI (https://github.com/BenevolentAI/MolBERT), imported
by `molw2s import molbert` from

| file | SHA-256 |
| --- | --- |
| {checkpoint} | `{record["sha256"]}` |

BERT with {shape["layers"]} layers, hidden size {shape["hidden_size"]}, {shape["heads"]} attention
heads, intermediate size {shape["intermediate_size"]}; {record["parameters"]:,} parameters with the
pooler. Its positions are sinusoidal: the table of {settings.max_position_embeddings} positions
holds the precomputed sinusoids. Task heads and optimizer state of the checkpoint are left out.

## Use

```python
from molw2s import get_encoder

embeddings = get_encoder("models/{name}").encode(["CCO", "c1ccccc1"])
```

SMILES are kekulized and keep their order of atoms; an embedding is the mean over the tokens' last
hidden states beside the pooled output, MolBERT's "average-1-cat-pooled", padding left out. The
{len(TOKENS)} tokens know the elements H, B, C, N, O, F, Si, P, S, Cl, Se, Br and I: SMILES with
others, or of more than {record["max_length"]} tokens, are errors (`model_max_length` in
tokenizer_config.json, up to {settings.max_position_embeddings}).

The folder also loads with `AutoModel.from_pretrained` and `AutoTokenizer.from_pretrained`; what is
no token is [MASK] there.
"""
