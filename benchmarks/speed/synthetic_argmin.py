"""The objective of representation learning: molw2s beside the notebook's recipe, same data.

python benchmarks/speed/synthetic_argmin.py [--pooled]

For each seed both start from one h*, one set of tasks and one set of points. ``--pooled`` gives
the recipe batches of 32 points in all rather than 32 of each task: ten times as many steps.
"""

from __future__ import annotations

import sys
import time

import notebook_recipe
import numpy as np
import torch
from molw2s.problems.synthetic.run import pretrained, pretraining_data

from molw2s import load_suite
from molw2s.problems.synthetic.representations import objective

SEEDS = (0, 1, 2)


def main(pooled: bool) -> None:
    suite = load_suite("synthetic-pretraining")
    print("| seed | layers | recipe's loss | s | molw2s's loss | s | ratio of losses |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    worst = 0.0
    for seed in SEEDS:
        data = pretraining_data(suite, seed)
        for depth in (suite.weak_depth, suite.strong_depth):
            started = time.perf_counter()
            ours = pretrained(suite, seed, depth)
            seconds = time.perf_counter() - started
            threads = torch.get_num_threads()
            torch.set_num_threads(1)
            theirs, theirs_seconds = notebook_recipe.learn_representation(
                data, depth, suite.width, seed, pooled=pooled
            )
            torch.set_num_threads(threads)
            loss = objective(theirs, data)
            worst = max(worst, ours.loss / loss)
            print(
                f"| {seed} | {depth} | {loss:.4f} | {theirs_seconds:.0f} | {ours.loss:.4f} | "
                f"{seconds:.1f} | {ours.loss / loss:.2f} |",
                flush=True,
            )
    data_variance = np.mean([pretraining_data(suite, seed).y.var(1).mean() for seed in SEEDS])
    print(f"\nPredicting each task's mean scores {data_variance:.2f} on average.")
    print(f"Largest ratio {worst:.2f}: molw2s is {'at or below' if worst <= 1 else 'ABOVE'} it.")


if __name__ == "__main__":
    main("--pooled" in sys.argv[1:])
