"""One whole figure of `synthetic-pretraining`: the notebook's recipe beside molw2s, in one run.

python benchmarks/speed/synthetic_speed.py

The recipe is timed for a few epochs and extrapolated to its 1000, and from a few heads to its
200 (100 weak, 100 strong). It is timed twice: as such code is usually written, with DataLoader
and AdamW, and as tight as it can be without changing it. Representation learning is given the
fewer steps of its two readings, 32 points of every task a step.
"""

from __future__ import annotations

import time

import notebook_recipe as recipe
import torch
from molw2s.problems.synthetic.run import draw_sets, pretrained, pretraining_data, target

from molw2s import load_suite, run_suite
from molw2s.learners.heads import HEADS

TIMED_EPOCHS, TIMED_HEADS = 10, 4


def main() -> None:
    suite = load_suite("synthetic-pretraining")
    seed = suite.seeds[0]
    started = time.perf_counter()
    run_suite(suite)
    figure = time.perf_counter() - started

    weak, strong = (pretrained(suite, seed, d) for d in (suite.weak_depth, suite.strong_depth))
    (weak_x,), strong_x, truth = draw_sets(
        suite, seed, target(suite, seed), weak.representation, strong.representation
    )
    head = HEADS["least-squares"]
    started = time.perf_counter()
    teacher = head().fit(weak_x.labelled, truth.labelled)
    labels = teacher.predict(weak_x.unlabelled)
    head().fit(strong_x.unlabelled, labels)
    heads = time.perf_counter() - started

    scale = recipe.EPOCHS / TIMED_EPOCHS
    data = pretraining_data(suite, seed)
    print("| | weak and strong representation, s | 200 heads, s | whole figure, s | figure: ratio |"
          " heads: ratio |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- |")
    threads = torch.get_num_threads()
    for name, loader, used in (
        ("as usually written", True, threads),
        ("tight, 1 thread", False, 1),
    ):
        torch.set_num_threads(used)
        learning = scale * sum(
            recipe.learn_representation(
                data, depth, suite.width, seed, TIMED_EPOCHS, loader=loader
            )[1]
            for depth in (suite.weak_depth, suite.strong_depth)
        )
        one = [
            recipe.fit_head(features.labelled, y[:, task], task, TIMED_EPOCHS, loader)[1]
            for features, y in ((weak_x, truth.labelled), (strong_x, labels))
            for task in range(TIMED_HEADS)
        ]
        fitting = scale * 2 * suite.tasks * sum(one) / len(one)
        whole = learning + fitting
        print(
            f"| recipe, {name} (extrapolated from {TIMED_EPOCHS} epochs) | {learning:.0f} | "
            f"{fitting:.0f} | {whole:.0f} | {whole / figure:.0f} | {fitting / heads:.0f} |"
        )
    torch.set_num_threads(threads)
    print(f"| molw2s, {threads} threads | | {heads:.3f} | {figure:.1f} | 1 | 1 |")


if __name__ == "__main__":
    main()
