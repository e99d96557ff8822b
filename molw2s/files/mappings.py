"""YAML files of settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from molw2s.errors import InvalidInput

_LARGEST = 1 << 20  # bytes; settings are a page


def read_mapping(path: Path, what: str) -> dict[str, Any]:
    """The settings in a YAML file; ``what`` it is ("suite"), for messages.

    Raises
    ------
    InvalidInput
        On one line, if it cannot be read, is no YAML in UTF-8, or no mapping with text for keys.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise InvalidInput(f"cannot read the {what} {path}: it has more than 1 MB")
        content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = "it is nested too deep" if isinstance(error, RecursionError) else error
        if isinstance(error, InvalidInput):
            raise
        told = " ".join(str(reason).split())
        raise InvalidInput(f"cannot read the {what} {path}: {told}") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InvalidInput(f"{path} is not a YAML mapping")
    return content
