"""How time and memory grow with the number of molecules, up to 100,000.

    python benchmarks/speed/scale.py SMILES.smi.gz [...] [--molecules 8000] [--figure scale.png]

Two weak encoders teach the default strong one on RDKit's Crippen logP with noise of 0.5, one
random split, first with an empty cache (cold), then again in another folder (warm). Molecules are
drawn at random from the files, which hold one SMILES a line. Memory is the largest sum over the
process and its workers, shared pages counted once.
"""

from __future__ import annotations

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from rdkit import Chem, rdBase
from rdkit.Chem.Crippen import MolLogP

SIZES = (8_000, 32_000, 100_000)
RUN = ("run", "--weak", "weak-h8-v2", "--weak", "weak-h16-v2", "--seed", "122")
PROGRAM = "from molw2s.cli import main; main()"


def molecules(files: list[Path], number: int) -> pd.DataFrame:
    """(number, 2) a random sample of readable molecules, with noisy logP as target."""
    texts = list(dict.fromkeys(text for file in files for text in lines(file)))
    rng = np.random.default_rng(0)
    found: list[tuple[str, float]] = []
    with rdBase.BlockLogs():
        for place in rng.permutation(len(texts)):
            mol = Chem.MolFromSmiles(texts[place])
            if mol is not None and mol.GetNumAtoms():
                found.append((texts[place], MolLogP(mol)))
            if len(found) == number:
                break
        else:
            sys.exit(f"the files hold {len(found)} readable molecules, fewer than {number}")
    table = pd.DataFrame(found, columns=["smiles", "target"])
    return table.assign(target=table["target"] + rng.normal(0, 0.5, number))


def lines(file: Path) -> list[str]:
    with gzip.open(file, "rt") if file.suffix == ".gz" else file.open() as text:
        return [line.split()[0] for line in text if line.strip()]


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """Seconds and peak gigabytes of molw2s with a command."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command], cwd=folder, stdout=subprocess.DEVNULL,
        env=os.environ | {"MOLW2S_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    peak = [0.0]
    watch = threading.Thread(target=watch_memory, args=(process.pid, peak))
    watch.start()
    code = process.wait()
    seconds = time.perf_counter() - started
    watch.join()
    if code:
        sys.exit(f"molw2s {' '.join(command)} ended with {code}")
    return seconds, peak[0]


def watch_memory(pid: int, peak: list[float]) -> None:
    try:
        root = psutil.Process(pid)
        while root.is_running() and root.status() != psutil.STATUS_ZOMBIE:
            family = (root, *root.children(recursive=True))
            peak[0] = max(peak[0], sum(map(held, family)) / 1e9)
            time.sleep(0.5)
    except psutil.NoSuchProcess:
        return


def held(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("smiles", nargs="+", type=Path)
    parser.add_argument("--molecules", nargs="+", type=int, default=SIZES)
    parser.add_argument("--figure", type=Path)
    chosen = parser.parse_args()
    everything = molecules(chosen.smiles, max(chosen.molecules))
    rows = []
    for number in chosen.molecules:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch)
            everything[:number].to_csv(folder / "logp.csv", index=False)
            for state in ("cold", "warm"):
                command = [*RUN, "--csv", "logp.csv", "--out", state]
                seconds, memory = measured(command, folder)
                rows.append(
                    {
                        "molecules": number,
                        "cache": state,
                        "seconds": round(seconds, 1),
                        "ms a molecule": round(1000 * seconds / number, 2),
                        "peak GB": round(memory, 2),
                    }
                )
                print(rows[-1], flush=True)
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    if chosen.figure:
        draw(table, chosen.figure)


def draw(table: pd.DataFrame, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for state, group in table.groupby("cache"):
        left.plot(group["molecules"], group["ms a molecule"], "o-", label=state)
        right.plot(group["molecules"], group["peak GB"], "o-", label=state)
    for axes, label in ((left, "ms a molecule"), (right, "peak memory (GB)")):
        axes.set(xscale="log", xlabel="molecules", ylabel=label, ylim=(0, None))
        axes.set_xticks(sorted(set(table["molecules"])), labels=None)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.xaxis.set_minor_formatter(lambda value, _: "")
        axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
