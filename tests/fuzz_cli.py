"""Files that nobody wrote, given to the commands that read files: never a traceback.

    python tests/fuzz_cli.py [--seconds 60] [--seed 0]

Each input is a whole file of some kind, changed at random. Whatever a command makes of it, it ends
with 0, 1 or 2, and says what is wrong without a traceback. The same seed gives the same inputs.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

CSV = b"smiles,target,part\n" + b"".join(
    f"{'C' * n}O,{n / 3},{'test' if n % 4 == 0 else 'train'}\n".encode() for n in range(1, 21)
)
SUITE = b"dataset: freesolv\nweak: [ecfp4]\nstrong: rdkit-cdf\nweak_head: ridge\nseeds: [122]\n"
RECIPE = b"architecture: {hidden_size: 8}\ncorpus: [{source: x.smi}]\noptimisation: {tokens: 1}\n"
STRANGE = (
    b"\0", b"\xff\xfe", b"\xc3", b'"', b"'", b"\n", b"\r", b",", b";", b"\t", b"nan", b"1e999",
    b"-", b"{", b"[" * 500, b": ", b"&a *a", b"!!python/object:os.system", b"\xe2\x80\x8b",
    b"C" * 200, b"(" * 300, b"9" * 400, b"PK\x03\x04", b"\x1f\x8b", b"PAR1", b"%PDF",
)  # fmt: skip


def changed(content: bytes, rng: random.Random) -> bytes:
    """``content`` after one to four changes."""
    for _ in range(rng.randint(1, 4)):
        place = rng.randint(0, len(content))
        kind = rng.randrange(6)
        if kind == 0:
            content = content[:place]
        elif kind == 1:
            content = content[:place] + rng.choice(STRANGE) + content[place:]
        elif kind == 2 and content:
            place = min(place, len(content) - 1)
            content = content[:place] + bytes([rng.randrange(256)]) + content[place + 1 :]
        elif kind == 3:
            other = rng.randint(0, len(content))
            content = content[: min(place, other)] + content[max(place, other) :]
        elif kind == 4:
            content = content[:place] + content[place : place + 40] * 3 + content[place:]
        else:
            wrap: Callable[[bytes], bytes] = rng.choice(
                [gzip.compress, lambda c: c.decode("latin-1").encode("utf-16"), lambda c: c]
            )
            content = wrap(content)
    return content


def command(rng: random.Random, home: Path, run: Path) -> list[str]:
    """A command line, its files written to ``home``; ``run`` is a finished run's folder."""
    kind = rng.choice(["csv", "csv", "encode", "suite", "recipe", "records", "manifest", "kept"])
    out = ["--out", str(home / "out")]
    if kind in ("csv", "encode"):
        file = home / f"a.{rng.choice(['csv', 'tsv', 'smi', 'xlsx', 'parquet', 'sdf'])}"
        file.write_bytes(changed(CSV, rng))
        if kind == "encode":
            return ["encode", "ecfp4", str(file), "-o", str(home / "a.npy"), "--drop-invalid"]
        options = rng.choice([[], ["--drop-invalid"], ["--split-column", "part"]])
        return ["run", "--csv", str(file), *options, "--weak", "ecfp4", "--strong", "rdkit-cdf",
                "--weak-head", "ridge", "--strong-head", "ridge", "--jobs", "1", *out]  # fmt: skip
    if kind in ("suite", "recipe"):
        (home / "a.yaml").write_bytes(changed(SUITE if kind == "suite" else RECIPE, rng))
        name = "run" if kind == "suite" else "pretrain"
        return [name, str(home / "a.yaml"), *out, *(["--jobs", "1"] * (kind == "suite"))]
    shutil.copytree(run, home / "run")
    name = {"records": "records.csv", "manifest": "manifest.json", "kept": "predictions.parquet"}
    file = home / "run" / name[kind]
    file.write_bytes(changed(file.read_bytes(), rng))
    page, board = ["--out", str(home / "study.md")], ["--out", str(home / "board")]
    reading = [["report"], ["compare"], ["study", *page], ["measure"], ["leaderboard", *board],
               ["pack", "--out", str(home / "packed")], ["check-results"]]  # fmt: skip
    first, *rest = rng.choice(reading)
    return [first, str(home / "run"), *rest]


def told(arguments: list[str]) -> tuple[int, str]:
    """A command's exit status and what it wrote to stderr; a traceback is status 99."""
    from molw2s.cli import main

    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(arguments)
            code: object = 0
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            traceback.print_exc()
            code = 99
    return (code if isinstance(code, int) else 99), err.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    ends, faults, number = time.monotonic() + chosen.seconds, 0, 0
    ended: Counter[int] = Counter()
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["MOLW2S_CACHE"] = f"{scratch}/cache"
        whole = Path(scratch) / "whole.csv"
        whole.write_bytes(CSV)
        run = Path(scratch) / "run"
        code, err = told(
            ["run", "--csv", str(whole), "--weak", "ecfp4", "--strong", "rdkit-cdf",
             "--seed", "5", "--jobs", "1", "--out", str(run)]
        )  # fmt: skip
        assert code == 0, err
        while time.monotonic() < ends:
            home = Path(scratch) / str(number)
            home.mkdir()
            arguments = command(random.Random(f"{chosen.seed}-{number}"), home, run)
            code, err = told(arguments)
            ended[code] += 1
            if code not in (0, 1, 2) or "Traceback" in err:
                faults += 1
                print(json.dumps({"input": number, "command": arguments, "code": code}))
                print(err, file=sys.stderr)
            shutil.rmtree(home)
            number += 1
    exits = ", ".join(f"{count} with {code}" for code, count in sorted(ended.items()))
    print(f"{number} inputs (ended {exits}), {faults} tracebacks, seed {chosen.seed}")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
