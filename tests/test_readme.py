"""The Python in the README runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()
ENCODER, *LIBRARY = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", [ENCODER, "\n".join(LIBRARY)], ids=["encoder", "library"])
def test_python_runs_as_written(block, tmp_path):
    done = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    if "savefig" in block:
        assert (tmp_path / "esol.png").stat().st_size > 10_000
    else:
        assert b"weak-h32" in done.stdout
        assert b"length" in done.stdout
