"""What restricting kernel ridge to landmarks costs and saves, side by side in one run (Lipop).

python benchmarks/landmarks.py
"""

from __future__ import annotations

import time

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from molw2s import embed, get_encoder, load_dataset, make_splits
from molw2s.heads import RBFFeatures, Ridge


def main() -> None:
    lipop = load_dataset("lipop")
    splits = make_splits(lipop)
    print("| encoder | landmarks | test MSE, true labels | seconds a fit |")
    print("| --- | --- | --- | --- |")
    for name in ("weak-h8", "weak-h96", "strong-small"):
        features = embed(get_encoder(name), lipop.smiles)
        for landmarks in (250, 500, 1000, 2000, None):
            errors, started = [], time.perf_counter()
            for split in splits:
                head = make_pipeline(StandardScaler(), RBFFeatures(landmarks=landmarks), Ridge())
                head.fit(features[split.train], lipop.target[split.train])
                error = head.predict(features[split.test]) - lipop.target[split.test]
                errors.append((error**2).mean())
            seconds = (time.perf_counter() - started) / len(splits)
            mean = sum(errors) / len(errors)
            print(f"| {name} | {landmarks or 'every row'} | {mean:.4f} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
