"""DeepChem without its import-time chatter about packages that molw2s does not need."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from types import ModuleType


def deepchem() -> ModuleType:
    """The imported ``deepchem``; the import takes seconds the first time, so ask late."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            import deepchem as dc
    finally:
        logging.disable(level)
    module: ModuleType = dc
    return module
