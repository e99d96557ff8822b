"""A checkpoint's tokenizer and model, loaded without surprises: no silent gaps, no foreign code."""

from __future__ import annotations

import inspect
import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from molw2s.encoders.vocabulary import check_spelling, regex_tokenizer, smiles_vocabulary
from molw2s.errors import InvalidInput

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

CHECKPOINT_FILES = ("*.json", "*.txt", "*.model", "*.py", "*.safetensors", "pytorch_model*.bin")
"""Everything that decides what a checkpoint computes."""

_ROLES = [f"{role}_token" for role in ("bos", "eos", "unk", "sep", "pad", "cls", "mask")]


def load_tokenizer(
    folder: Path,
    trust_remote_code: bool = False,
    spell: Callable[[Sequence[str]], list[str]] = list,
) -> PreTrainedTokenizerBase:
    """The checkpoint's tokenizer, or one made of a vocabulary of SMILES tokens alone.

    Parameters
    ----------
    spell
        What is done to SMILES before they are given to the tokenizer.

    Raises
    ------
    InvalidInput
        If it cannot be loaded, cannot spell ordinary SMILES, or knows no token but special ones:
        transformers makes such a tokenizer where the folder has no vocabulary.
    """
    tokens = smiles_vocabulary(folder)
    if tokens is not None and not (folder / "tokenizer.json").exists():
        tokenizer = regex_tokenizer(folder, tokens)
    else:
        tokenizer = _its_own_tokenizer(folder, trust_remote_code)
    try:
        check_spelling(tokenizer, spell)
    except InvalidInput as error:
        raise InvalidInput(f"{folder}: {error}") from error
    except Exception as error:  # tokenizers raises nothing narrower
        raise InvalidInput(f"the tokenizer of {folder} spells no SMILES: {error}") from error
    return tokenizer


def _its_own_tokenizer(folder: Path, trust_remote_code: bool) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    with _explained("tokenizer", folder):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=trust_remote_code
        )
    named = [tokenizer.special_tokens_map.get(role) for role in _ROLES]
    if not set(tokenizer.get_vocab()) - {*named, "\N{LOWER ONE EIGHTH BLOCK}"}:
        raise InvalidInput(
            f"{folder} has no vocabulary: put its tokenizer's files (tokenizer.json, or vocab.json "
            "and merges.txt, ...) beside config.json"
        )
    return tokenizer


def load_model(
    folder: Path, with_pooler: bool = False, trust_remote_code: bool = False
) -> PreTrainedModel:
    """The checkpoint's encoder without heads, in float32, on the GPU where there is one.

    Raises
    ------
    InvalidInput
        If it cannot be loaded, needs code of its own and is not trusted, or lacks weights that
        transformers would otherwise draw at random: the pooler's count only ``with_pooler``.
    """
    import torch
    import transformers

    with _quiet(), _explained("model", folder):
        config = _config_class(folder).from_pretrained(folder, trust_remote_code=trust_remote_code)
        if hasattr(config, "deterministic_eval"):
            config.deterministic_eval = True  # MoLFormer redraws its random features otherwise
        model: PreTrainedModel
        model, report = transformers.AutoModel.from_pretrained(
            folder,
            config=config,
            dtype=torch.float32,
            trust_remote_code=trust_remote_code,
            output_loading_info=True,
            **_pooler_option(config, with_pooler),
        )
    missing = sorted(report["missing_keys"])
    parts = dict(model.named_children())
    encoder = parts.get("encoder")
    if "decoder" in parts and isinstance(encoder, transformers.PreTrainedModel):
        model = encoder  # SMILES in, vectors out: there is nothing to decode
        missing = [key for key in missing if not key.startswith("decoder.")]
    of_pooler = [key for key in missing if key.startswith("pooler.")]
    if with_pooler and (of_pooler or getattr(model, "pooler", None) is None):
        raise InvalidInput(
            f"{folder} has no pooler, which pooling 'mean+pooler' reads; choose mean, cls or "
            "mean+cls"
        )
    if absent := [key for key in missing if key not in of_pooler]:
        raise InvalidInput(
            f"{folder} lacks {len(absent)} of its model's weights, the first is {absent[0]}; is "
            f"it a checkpoint of type {config.model_type!r}, as its config.json says?"
        )
    return model.to("cuda" if torch.cuda.is_available() else "cpu")  # type: ignore[arg-type]


def _config_class(folder: Path) -> Any:
    """``AutoConfig``, or in a config.json of before there were types, what its architecture has."""
    import transformers

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if "model_type" not in config:
        for name in config.get("architectures") or ():
            if (known := getattr(transformers, str(name), None)) is not None:
                return known.config_class
    return transformers.AutoConfig


def check_trust(folder: Path, name: str, config: dict[str, Any]) -> None:
    """Raise InvalidInput if the checkpoint ``name`` works only with Python files of its own."""
    if "auto_map" not in config:
        return
    from transformers import CONFIG_MAPPING

    if config.get("model_type") not in CONFIG_MAPPING:
        raise _needs_trust(name, folder)


def _needs_trust(name: str, folder: Path) -> InvalidInput:
    return InvalidInput(
        f"{name} is a checkpoint with Python code of its own, which loading it would run on your "
        f"machine. Read the code ({folder}), and if you trust it say so: --trust-remote-code on "
        "the command line, trust_remote_code=True in Python"
    )


def _pooler_option(config: PreTrainedConfig, with_pooler: bool) -> dict[str, bool]:
    """``add_pooling_layer`` for those model classes that can be built without a pooler."""
    from transformers import MODEL_MAPPING

    kind = MODEL_MAPPING.get(type(config), None)
    optional = isinstance(kind, type) and "add_pooling_layer" in inspect.signature(kind).parameters
    return {"add_pooling_layer": with_pooler} if optional else {}


@contextmanager
def _explained(what: str, folder: Path) -> Iterator[None]:
    """Each damaged file, pointer to a large one, or shape that does not fit raises its own type."""
    try:
        yield
    except Exception as error:
        if "trust_remote_code=True" in str(error):
            raise _needs_trust(folder.name, folder) from error
        damaged = isinstance(error, pickle.UnpicklingError)  # its text advises to load it unsafely
        reason = "the weights are no PyTorch file of tensors alone" if damaged else error
        raise InvalidInput(f"cannot load the {what} of {folder}: {reason}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' report of the heads' weights that an encoder leaves unused."""
    from transformers.utils import logging

    level, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()
