"""The store: computed once, whoever writes, dies or damages a file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors.numpy import load_file, save_file

from molw2s.encoders import embed, embeddings
from molw2s.locations import cache_dir, sweep, write_atomically
from molw2s.store import arrays, digest, shared_store


class Counting:
    """Counts how often it is asked, and remembers for what."""

    name, dim, fingerprint = "counting", 3, "0" * 64

    def __init__(self):
        self.calls = 0
        self.seen = []

    def encode(self, smiles):
        self.calls += 1
        self.seen += smiles
        return np.array([[len(text), ord(text[0]), 1] for text in smiles], np.float32)


def kept(kind="embeddings"):
    return sorted(cache_dir().glob(f"{kind}*/*"))


def test_the_same_molecules_are_encoded_once(fresh_cache):
    encoder = Counting()
    first, again = embed(encoder, ["C", "CC"]), embed(encoder, ["C", "CC"])
    assert encoder.calls == 1
    assert np.array_equal(first, again)


def test_another_encoder_encodes_anew(fresh_cache):
    encoder, other = Counting(), Counting()
    other.fingerprint = "1" * 64
    embed(encoder, ["C"])
    embed(other, ["C"])
    assert (encoder.calls, other.calls) == (1, 1)


def test_an_encoder_without_a_fingerprint_is_never_kept(fresh_cache):
    encoder = Counting()
    encoder.fingerprint = None
    embed(encoder, ["C"]), embed(encoder, ["C"])
    assert encoder.calls == 2
    assert not fresh_cache.exists()


def test_another_version_computes_anew(fresh_cache, monkeypatch):
    encoder = Counting()
    embed(encoder, ["C"])
    monkeypatch.setattr(embeddings, "VERSION", embeddings.VERSION + 1)
    embed(encoder, ["C"])
    assert encoder.calls == 2


def alkanes(n):
    return ["C" * (number + 1) for number in range(n)]


def test_many_molecules_are_done_in_pieces_that_are_kept_one_by_one(fresh_cache, monkeypatch):
    monkeypatch.setattr(embeddings, "SHORTEST", 1)
    monkeypatch.setattr(embeddings, "LONGEST", 4)
    encoder = Counting()
    found = embed(encoder, alkanes(10))
    assert encoder.calls == len(kept()) == 3
    assert encoder.seen == alkanes(10)
    kept()[0].unlink()
    assert np.array_equal(embed(encoder, alkanes(10)), found)
    assert encoder.calls == 4


def test_molecules_more_or_less_or_in_another_order_are_not_embedded_again(fresh_cache):
    encoder = Counting()
    embed(encoder, alkanes(50))
    embed(encoder, alkanes(49))
    embed(encoder, alkanes(50)[::-1])
    found = embed(encoder, [*alkanes(20), "O", *alkanes(50)[20:]])
    assert encoder.seen == [*alkanes(50), "O"]
    fresh = Counting().encode([*alkanes(20), "O", *alkanes(50)[20:]])
    assert np.array_equal(found, fresh)


def test_a_molecule_more_leaves_the_other_pieces_as_they_were(fresh_cache):
    ids = embeddings._ids([f"C{number}" for number in range(30_000)])
    more = np.insert(ids, 5, embeddings._ids(["O"]), axis=0)
    pieces, after = (
        {each[start:end].tobytes() for start, end in embeddings._pieces(each)}
        for each in (ids, more)
    )
    assert len(pieces) > 5
    assert len(pieces - after) == 1
    lengths = [b - a for a, b in embeddings._pieces(ids)]
    assert sum(lengths) == 30_000
    assert max(lengths) <= embeddings.LONGEST
    assert min(lengths[:-1]) >= embeddings.SHORTEST


@pytest.mark.parametrize(
    "damage", ["truncate", "flip", "empty", "foreign", "wider", "ints", "text", "other key"]
)
def test_a_damaged_or_exchanged_file_is_computed_again(fresh_cache, damage):
    encoder = Counting()
    expected = embed(encoder, ["C"] * 50)
    (path,) = kept()
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0xFF
    there = load_file(path)["embeddings"]
    if damage in ("wider", "ints"):
        changed = np.hstack([there, there]) if damage == "wider" else there.astype(np.int64)
        save_file({"embeddings": changed}, path)
    elif damage == "other key":
        embed(encoder, ["N"] * 50)
        (other,) = set(kept()) - {path}
        path.write_bytes(other.read_bytes())
    else:
        path.write_bytes(
            {
                "truncate": content[:-40], "flip": content, "empty": b"", "foreign": b"x" * 999,
                "text": b"[[1, 2, 3]]",
            }[damage]
        )  # fmt: skip
    before = encoder.calls
    assert np.array_equal(embed(encoder, ["C"] * 50), expected)
    assert encoder.calls == before + 1
    embed(encoder, ["C"] * 50)
    assert encoder.calls == before + 1


def test_what_is_kept_under_a_key_but_of_another_shape_is_computed_again(fresh_cache):
    encoder = Counting()
    expected = embed(encoder, ["C"] * 5)
    (path,) = kept()
    # Whole, and of this very key, but as no encoder of this width makes it.
    arrays.write(path, path.stem, {"embeddings": np.ones((5, 4), np.float32)})
    assert np.array_equal(embed(encoder, ["C"] * 5), expected)
    arrays.write(path, path.stem, {"embeddings": np.ones((5, 3), np.float64)})
    assert np.array_equal(embed(encoder, ["C"] * 5), expected)


@given(
    npst.arrays(
        st.sampled_from([np.float32, np.float64, np.int64]),
        npst.array_shapes(min_dims=0, max_dims=2),
    )
)
def test_arrays_come_back_bit_for_bit(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("store") / "x.safetensors"
    arrays.write(path, "key", {"values": array})
    found = arrays.read(path, "key")
    assert found["values"].tobytes() == array.tobytes()
    assert (found["values"].dtype, found["values"].shape) == (array.dtype, array.shape)
    assert arrays.read(path, "another key") is None


def test_digests_tell_parts_apart():
    assert digest("ab", "c") != digest("a", "bc")
    assert digest(np.zeros(2)) != digest(np.zeros((2, 1)))
    assert digest(np.zeros(2, np.float32)) != digest(np.zeros(1, np.float64))


def _write(seed):
    rows = {"values": np.random.default_rng(0).normal(size=(2000, 8))}
    path = cache_dir() / "2.safetensors"
    for _ in range(20):
        arrays.write(path, "key", rows)
        if not np.array_equal(arrays.read(path, "key")["values"], rows["values"]):
            return False
    return True


def test_two_processes_may_write_at_once(fresh_cache):
    with ProcessPoolExecutor(2) as pool:
        assert all(pool.map(_write, range(2)))


def test_a_writer_killed_at_any_moment_leaves_nothing_half_written(fresh_cache):
    program = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        import numpy as np
        from molw2s.store import arrays
        rows = np.ones((200000, 32), np.float32)
        print("ready", flush=True)
        while True:
            arrays.write(Path(sys.argv[1]), "key", {"embeddings": rows})
        """
    )
    path = fresh_cache / "3.safetensors"
    left = 0
    for attempt in range(30):
        if left and attempt > 3:
            break
        writer = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, env=os.environ
        )
        writer.stdout.readline()
        latest = time.monotonic() + 30
        while time.monotonic() < latest and not list(fresh_cache.glob(".*.part")):
            time.sleep(0.001)
        time.sleep(0.0037 * attempt)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        left += len(list(fresh_cache.glob(".*.part")))
        if path.exists():
            assert arrays.read(path, "key")["embeddings"].shape == (200000, 32)
        sweep(fresh_cache)
        assert not list(fresh_cache.glob(".*.part"))
    assert left  # one at least was killed while it wrote


def test_sweeping_leaves_what_somebody_is_writing(tmp_path, monkeypatch):
    seen = []

    def replace(self, target):
        sweep(tmp_path)
        seen.append(self.exists())
        os.replace(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    write_atomically(tmp_path / "a", b"x")
    assert seen == [True]


def test_a_cache_that_cannot_be_written_is_told_of_once_and_no_matter(
    tmp_path, monkeypatch, caplog
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOLW2S_CACHE", str(tmp_path / "file" / "cache"))
    store = shared_store()
    for key in ("a", "b"):
        store.put(key, "predictions", {"values": np.ones(3)}, keep=True)
        assert store[key]["values"].sum() == 3
    assert caplog.text.count("MOLW2S_CACHE") == 1


def test_sweeping_leaves_other_peoples_files(tmp_path):
    for name in (".download.part", ".a-b-c.part", f".{'0' * 32}-x-y.part"):
        (tmp_path / name).write_text("")
    gone = tmp_path / f".{'0' * 32}-999999999-{socket.gethostname()}.part"
    gone.write_text("")
    sweep(tmp_path)
    assert not gone.exists()
    assert len(list(tmp_path.iterdir())) == 3
