"""The same figures on the recipe's representations: what a better argmin changes, and what not.

python benchmarks/speed/synthetic_as_notebook.py
"""

from __future__ import annotations

import notebook_recipe
import numpy as np
import torch
from molw2s.problems.synthetic.run import draw_sets, pretrained, pretraining_data, target

from molw2s import load_suite
from molw2s.experiment.protocol import weak_to_strong
from molw2s.learners.heads import HEADS
from molw2s.problems.synthetic.representations import objective
from molw2s.problems.synthetic.targets import Mlp

SEEDS = {"synthetic-low-sample": range(5), "synthetic-pretraining": range(3)}


def main() -> None:
    print(
        "| suite | seed | representations | weak, strong objective | weak error | ceiling | slope |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    threads = torch.get_num_threads()
    for name, seeds in SEEDS.items():
        suite = load_suite(name)
        depths = suite.weak_depth, suite.strong_depth
        for seed in seeds:
            data = pretraining_data(suite, seed)
            ours = [pretrained(suite, seed, depth).representation for depth in depths]
            torch.set_num_threads(1)
            theirs = [
                notebook_recipe.learn_representation(data, depth, suite.width, seed)[0]
                for depth in depths
            ]
            torch.set_num_threads(threads)
            for who, pair in (("molw2s", ours), ("recipe", theirs)):
                print(f"| {name} | {seed} | {who} | {row(suite, seed, data, *pair)} |", flush=True)


def row(suite, seed, data, weak: Mlp, strong: Mlp) -> str:  # type: ignore[no-untyped-def]
    head = HEADS[suite.weak_head]
    sets = draw_sets(suite, seed, target(suite, seed), weak, strong)
    (trials,) = weak_to_strong(*sets, head, head)
    slope = np.polyfit([t.misfit for t in trials], [t.gain for t in trials], 1)[0]
    losses = ", ".join(f"{objective(mlp, data):.3f}" for mlp in (weak, strong))
    weak_error, ceiling = (
        np.mean([getattr(t, kind) for t in trials]) for kind in ("weak_error", "strong_error")
    )
    return f"{losses} | {weak_error:.3f} | {ceiling:.3f} | {slope:.2f}"


if __name__ == "__main__":
    main()
