"""How fast embeddings are made, and what bfloat16 costs, side by side in one run.

    python benchmarks/speed/encode_speed.py [ENCODER]

Time of "plain": float32, batches in file order, each padded to its longest molecule. Then the
encoder's own batches of few fixed shapes, in float32 and in bfloat16. Linear-probe RMSE is ridge
(penalty by leave-one-out) on standardised features, train part to test part, three splits.
"""

from __future__ import annotations

import sys
import time

import numpy as np
import torch

from molw2s import HEADS, get_encoder, load_dataset, make_splits
from molw2s.datasets import BENCHMARKS
from molw2s.encoders.pooling import pool


def plain(encoder, smiles, size=64):
    rows = []
    with torch.inference_mode():
        for start in range(0, len(smiles), size):
            batch = encoder.tokenizer(
                smiles[start : start + size],
                padding=True,
                truncation=True,
                max_length=128,
                return_tensors="pt",
            )
            mask = batch["attention_mask"]
            hidden = encoder.model(batch["input_ids"], attention_mask=mask).last_hidden_state
            rows.append(pool(hidden, mask, encoder.usage.pooling).numpy())
    return np.concatenate(rows)


def linear_probe(dataset, features):
    errors = []
    for split in make_splits(dataset):
        head = HEADS["ridge"]().fit(features[split.train], dataset.target[split.train])
        errors.append(
            ((head.predict(features[split.test]) - dataset.target[split.test]) ** 2).mean()
        )
    return np.sqrt(errors).mean()


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "strong-small"
    exact, fast = (get_encoder(name, precision=p) for p in ("float32", "bfloat16"))
    for encoder in (exact, fast):
        encoder.encode(load_dataset("freesolv").smiles[:100])
    print("| dataset | molecules | plain float32 | float32 | bfloat16 | RMSE float32 | bfloat16 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for dataset in map(load_dataset, BENCHMARKS):
        smiles, times, features = dataset.canonical_smiles, [], []
        for encode in (lambda s: plain(exact, s), exact.encode, fast.encode):
            started = time.perf_counter()
            features.append(encode(smiles))
            times.append(time.perf_counter() - started)
        rmse = [linear_probe(dataset, feature) for feature in features[1:]]
        print(
            f"| {dataset.name} | {len(dataset)} | {times[0]:.1f} s "
            f"| {times[1]:.1f} s ({times[0] / times[1]:.1f}x) "
            f"| {times[2]:.1f} s ({times[0] / times[2]:.1f}x) "
            f"| {rmse[0]:.4f} | {rmse[1]:.4f} ({rmse[1] / rmse[0] - 1:+.2%}) |"
        )


if __name__ == "__main__":
    main()
