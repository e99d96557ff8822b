"""The three molecular suites with their defaults, cold and warm, beside another commit.

    python benchmarks/speed/three_suites.py [COMMIT] [--rounds 2]

Both are run in turn, each with a cache of its own: first empty (cold: molecules are embedded and
everything is fitted), then again (warm). COMMIT is checked out into a temporary folder and run with
the packages of this Python; by default it is the last one of version 0.1's assembly lines.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
BEFORE = "340a2ef"
COMMANDS = {
    "esol freesolv lipop": ["run", "esol", "freesolv", "lipop"],
    "synthetic": ["run", "synthetic"],
    "--help": ["--help"],
}
PROGRAM = "import sys; sys.path.insert(0, {0!r}); from molw2s.cli import main; main()"


def seconds(repository: Path, command: list[str], work: Path, cache: Path) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PROGRAM.format(str(repository)), *command],
        check=True, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": str(repository), "MOLW2S_CACHE": str(cache)},
    )  # fmt: skip
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("commit", nargs="?", default=BEFORE)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch) / "before"
        git = ["git", "-C", str(HERE), "worktree"]
        subprocess.run(
            [*git, "add", "--detach", str(before), chosen.commit], check=True, capture_output=True
        )
        try:
            measure(before, Path(scratch), chosen.commit, chosen.rounds)
        finally:
            subprocess.run([*git, "remove", "--force", str(before)], check=True)


def measure(before: Path, scratch: Path, commit: str, rounds: int) -> None:
    times: dict[tuple[str, str, str], list[float]] = {}
    for number in range(rounds):
        for name, command in COMMANDS.items():
            for state in ("cold", "warm"):
                for whose, repository in ((commit, before), ("here", HERE)):
                    work = scratch / f"{whose}-{number}"
                    work.mkdir(exist_ok=True)
                    took = seconds(repository, command, work, work / "cache")
                    times.setdefault((name, state, whose), []).append(took)
    print(f"| molw2s | state | {commit}, s | here, s | ratio |\n| --- | --- | --- | --- | --- |")
    for name, state in dict.fromkeys(key[:2] for key in times):
        then, now = (statistics.median(times[name, state, whose]) for whose in (commit, "here"))
        print(f"| {name} | {state} | {then:.2f} | {now:.2f} | {now / then:.2f} |")


if __name__ == "__main__":
    main()
