"""The embedding cache: computed once, whoever writes, dies or damages a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

from molw2s.encoders import cache, embed


class Counting:
    """Counts how often it is asked."""

    name, dim, fingerprint = "counting", 3, "0" * 64

    def __init__(self):
        self.calls = 0

    def encode(self, smiles):
        self.calls += 1
        return np.full((len(smiles), 3), len(smiles), np.float32)


def test_the_same_molecules_are_encoded_once(fresh_cache):
    encoder = Counting()
    first, again = embed(encoder, ["C", "CC"]), embed(encoder, ["C", "CC"])
    assert encoder.calls == 1
    assert np.array_equal(first, again)


def test_other_molecules_another_order_and_another_encoder_are_encoded_anew(fresh_cache):
    encoder, other = Counting(), Counting()
    other.fingerprint = "1" * 64
    for smiles in (["C", "CC"], ["CC", "C"], ["C"], ["C", "C", "C"]):
        embed(encoder, smiles)
    embed(other, ["C"])
    assert (encoder.calls, other.calls) == (4, 1)


def test_an_encoder_without_a_fingerprint_is_never_kept(fresh_cache):
    encoder = Counting()
    encoder.fingerprint = None
    embed(encoder, ["C"]), embed(encoder, ["C"])
    assert encoder.calls == 2
    assert not fresh_cache.exists()


def test_other_code_computes_anew(fresh_cache, monkeypatch, tmp_path):
    encoder = Counting()
    embed(encoder, ["C"])
    monkeypatch.setattr(cache, "_code", lambda: "changed")
    embed(encoder, ["C"])
    assert encoder.calls == 2
    (tmp_path / "a.py").write_text("x = 1")
    before = cache.source_digest(tmp_path / "a.py")
    (tmp_path / "a.py").write_text("x = 2")
    assert cache.source_digest(tmp_path / "a.py") != before


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "foreign"])
def test_a_damaged_file_is_computed_again(fresh_cache, damage):
    encoder = Counting()
    expected = embed(encoder, ["C"] * 50)
    path = cache.location(encoder.fingerprint, ["C"] * 50)
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0xFF
    path.write_bytes(
        {"truncate": content[:-40], "flip": content, "empty": b"", "foreign": b"x" * 999}[damage]
    )
    assert np.array_equal(embed(encoder, ["C"] * 50), expected)
    assert encoder.calls == 2
    embed(encoder, ["C"] * 50)
    assert encoder.calls == 2


def _write(seed):
    rows = np.random.default_rng(0).normal(size=(2000, 8)).astype(np.float32)
    for _ in range(20):
        path = cache.location("2" * 64, ["C"] * 2000)
        path.unlink(missing_ok=True)
        got = cache.get_or_compute("2" * 64, ["C"] * 2000, lambda: rows)
        if not np.array_equal(got, rows):
            return False
    return True


def test_two_processes_may_write_at_once(fresh_cache):
    with ProcessPoolExecutor(2) as pool:
        assert all(pool.map(_write, range(2)))


def test_a_writer_killed_at_any_moment_leaves_nothing_half_written(fresh_cache):
    program = textwrap.dedent(
        """
        import numpy as np
        from molw2s.encoders import cache
        rows = np.ones((20000, 32), np.float32)
        print("ready", flush=True)
        while True:
            path = cache.location("3" * 64, ["C"] * 20000)
            path.unlink(missing_ok=True)
            cache.get_or_compute("3" * 64, ["C"] * 20000, lambda: rows)
        """
    )
    path = cache.location("3" * 64, ["C"] * 20000)
    for attempt in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, env=os.environ
        )
        writer.stdout.readline()
        time.sleep(0.05 + 0.037 * attempt)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        if path.exists():
            with np.load(path) as stored:
                assert stored["embeddings"].shape == (20000, 32)
