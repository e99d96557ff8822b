"""The Python in the README runs as it stands, and the README keeps to its length."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text()
START, ENCODER = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("block", "teachers"), [(START, ["weak-h8-v2", "weak-h96-v2"]), (ENCODER, ["length"])]
)
def test_python_runs_as_written(block, teachers, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in teachers)


def test_it_has_fewer_than_900_words():
    assert len(README.split()) < 900
