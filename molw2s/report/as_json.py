"""Strict JSON: what is not finite or missing is null."""

from __future__ import annotations

import json
import math
from typing import Any


def to_json(content: Any) -> str:
    """As it is printed and written."""
    return json.dumps(_finite(content), indent=1, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return None if type(value).__name__ == "NAType" else value
