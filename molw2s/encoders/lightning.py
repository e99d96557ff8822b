"""PyTorch Lightning checkpoints and hparams.yaml, read as data: nothing in them is executed."""

from __future__ import annotations

import re
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
import yaml

from molw2s.errors import InvalidInput


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The checkpoint's dictionary, its tensors on the CPU.

    Beside tensors it may hold ``argparse.Namespace``, ``collections.defaultdict`` and Lightning's
    ``AttributeDict`` (the last two are read as dictionaries), as hyper-parameters and optimizer
    states do.

    Raises
    ------
    InvalidInput
        If the file cannot be read, or holds any other class or function, which is named.
    """
    try:
        with torch.serialization.safe_globals(
            [
                Namespace,
                dict,
                (_as_dict, "collections.defaultdict"),
                (dict, "pytorch_lightning.utilities.parsing.AttributeDict"),
            ]
        ):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise InvalidInput(f"cannot read the checkpoint {path}: {error}") from error
    except Exception as error:  # whatever unpickling a file that is something else runs into
        if refused := re.search(r"GLOBAL ([\w.]+)", str(error)):
            raise InvalidInput(
                f"{path} is not loaded: it holds {refused[1]}, which is neither a tensor nor a "
                "plain container and could run code. If you trust its source, save its state_dict "
                "and hyper_parameters alone with torch.save, and import that"
            ) from error
        raise InvalidInput(
            f"{path} is no PyTorch checkpoint, or a damaged one (a download cut short, a web page "
            "saved in its place?)"
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise InvalidInput(f"{path} is no Lightning checkpoint: it has no state_dict")
    return content


def _as_dict(default_factory: Any = None) -> dict[Any, Any]:
    return {}


def read_hyper_parameters(path: Path, checkpoint: dict[str, Any]) -> dict[str, Any]:
    """hparams.yaml beside the checkpoint at ``path`` or one folder up, else what is inside it.

    Raises
    ------
    InvalidInput
        If there is neither, or the file is not a YAML mapping.
    """
    beside = path.absolute().parent
    for folder in (beside, beside.parent):
        if (folder / "hparams.yaml").is_file():
            return _read_yaml(folder / "hparams.yaml")
    inside = checkpoint.get("hyper_parameters", checkpoint.get("hparams"))
    if isinstance(inside, Namespace):
        return vars(inside)
    if isinstance(inside, dict):
        return inside
    raise InvalidInput(
        f"{path} holds no hyper-parameters, and there is no hparams.yaml beside it or one folder up"
    )


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(), Loader=_PlainLoader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InvalidInput(f"cannot read {path}: {error}") from error
    if not isinstance(content, dict):
        raise InvalidInput(f"{path} is not a YAML mapping")
    return content


class _PlainLoader(yaml.SafeLoader):
    """``yaml.safe_load`` for which a Python tag is no instruction: what it marks is plain data."""


def _untagged(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)  # type: ignore[arg-type]


_PlainLoader.add_multi_constructor("tag:yaml.org,2002:python/", _untagged)
