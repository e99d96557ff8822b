"""Exact kernel ridge against landmarks, and how many rows choosing its penalty needs (Lipop).

    python benchmarks/speed/exact_kernel_ridge.py

Side by side in one run; fitted to true labels, means over ChemBench's three splits.
"""

from __future__ import annotations

import time

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from molw2s import embed, get_encoder, load_dataset, make_splits
from molw2s.learners.heads import KernelFeatures, KernelRidge, Ridge

METHODS = {
    "1000 landmarks": lambda: make_pipeline(KernelFeatures(landmarks=1000), Ridge()),
    "2000 landmarks": lambda: make_pipeline(KernelFeatures(landmarks=2000), Ridge()),
    "exact, leave-one-out on 500 rows": lambda: KernelRidge(loo_rows=500),
    "exact, leave-one-out on 1000 rows": lambda: KernelRidge(loo_rows=1000),
    "exact, leave-one-out on every row": lambda: KernelRidge(loo_rows=None),
}


def main() -> None:
    lipop = load_dataset("lipop")
    splits = make_splits(lipop)
    print("| encoder | method | test MSE, true labels | seconds a fit |")
    print("| --- | --- | --- | --- |")
    for name in ("weak-h8", "weak-h96", "strong-small"):
        features = embed(get_encoder(name), lipop.smiles)
        for method, make in METHODS.items():
            errors, started = [], time.perf_counter()
            for split in splits:
                head = make_pipeline(StandardScaler(), make())
                head.fit(features[split.train], lipop.target[split.train])
                error = head.predict(features[split.test]) - lipop.target[split.test]
                errors.append((error**2).mean())
            seconds = (time.perf_counter() - started) / len(splits)
            print(f"| {name} | {method} | {sum(errors) / len(errors):.4f} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
