"""What landmarks change: kernel ridge over them beside the exact one, on the same rows.

    python benchmarks/speed/landmarks.py SMILES.smi.gz [...] [--rows 8000] [--test 20000]

The data are those of ``scale.py``. A weak head is fitted to noisy logP, a student to its labels and
a ceiling to the truth; errors are mean squared, on molecules of a test part large enough that a
difference of 1% is more than chance. "exact, same penalty" shows what the landmarks alone change:
over them, the penalty is chosen by leaving out rows of a fit to all, and exactly by leaving out
rows of a fit to a thousand.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scale import molecules
from sklearn.preprocessing import StandardScaler

from molw2s import embed, get_encoder
from molw2s.learners.heads import LANDMARKS, KernelRidge


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("smiles", nargs="+", type=Path)
    parser.add_argument("--rows", type=int, default=8000)
    parser.add_argument("--test", type=int, default=20_000)
    parser.add_argument("--landmarks", nargs="+", type=int, default=[LANDMARKS])
    chosen = parser.parse_args()
    data = molecules(chosen.smiles, chosen.rows + chosen.test)
    smiles, y = data["smiles"].tolist(), data["target"].to_numpy()
    known, new = slice(chosen.rows), slice(chosen.rows, None)
    weak, strong = (scaled(name, smiles, known) for name in ("weak-h8-v2", "strong-small-v2"))

    labels = KernelRidge(exact_rows=None).fit(weak[known], y[known]).predict(weak)
    both = np.column_stack([labels, y])  # the student's labels and the ceiling's
    rows = []

    def fitted(title: str, **settings: object) -> KernelRidge:
        started = time.perf_counter()
        teacher = KernelRidge(**settings).fit(weak[known], y[known])
        student = KernelRidge(**settings).fit(strong[known], both[known])
        seconds = time.perf_counter() - started
        predicted = np.column_stack([teacher.predict(weak[new]), student.predict(strong[new])])
        errors = ((predicted - y[new, None]) ** 2).mean(0)
        named = dict(zip(("weak error", "w2s error", "ceiling"), errors))
        rows.append({"head": title, **named, "seconds": round(seconds, 1)})
        print(rows[-1], flush=True)
        return student

    fitted("exact", exact_rows=None)
    for number in chosen.landmarks:
        student = fitted(f"{number} landmarks", exact_rows=1, landmarks=number)
        same = KernelRidge(exact_rows=None)
        errors = []
        for column, penalty in enumerate(student.penalty_):
            same.set_params(penalty=penalty).fit(strong[known], both[known, column])
            errors.append(((same.predict(strong[new]) - y[new]) ** 2).mean())
        rows.append({"head": "exact, same penalty", "w2s error": errors[0], "ceiling": errors[1]})
    print(pd.DataFrame(rows).round(4).to_string(index=False))


def scaled(name: str, smiles: list[str], known: slice) -> np.ndarray:
    X = embed(get_encoder(name), smiles).astype(np.float64)
    return StandardScaler().fit(X[known]).transform(X)


if __name__ == "__main__":
    main()
