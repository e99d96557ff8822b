"""Names that a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NAMES = [
    ("molw2s run es", ["esol", "esol-paper"]),
    ("molw2s run syntheti", ["synthetic", "synthetic-low-sample"]),
    ("molw2s run esol --weak weak-h9", ["weak-h96", "weak-h96-v2"]),
    ("molw2s run esol --strong rdk", ["rdkit", "rdkit-cdf"]),
    ("molw2s run esol --weak-head mat", ["matern-ridge", "matern-logistic"]),
    ("molw2s probe rdkit --dataset free", ["freesolv"]),
    ("molw2s encode ecf", ["ecfp4"]),
    ("molw2s doc", ["doctor"]),
]


@pytest.mark.parametrize(("line", "names"), NAMES, ids=[line for line, _ in NAMES])
def test_a_shell_completes_names(line, names):
    """By the protocol of click's scripts for bash: words in the environment, names on stdout."""
    words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    done = subprocess.run(
        [Path(sys.executable).with_name("molw2s")],
        env=os.environ | words | {"_MOLW2S_COMPLETE": "complete_bash"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = done.stdout.split()
    assert found[: len(names)] == names
    assert all(name.startswith(line.split()[-1]) for name in found)
