"""Weak error, misfit and gain for every head and both label protocols, on the shipped encoders.

    python benchmarks/speed/heads_and_labels.py > table.md

A convex class used on both sides; means over ChemBench's three splits. "Spearman" is that of weak
error - misfit with the w2s error over the eight teachers, "regret" that of choosing the teacher by
it, and "PGR" the mean gain over the mean gap between weak error and ceiling, where there is a gap.
"""

from __future__ import annotations

from itertools import product

from molw2s import load_suite, run_suite
from molw2s.analysis import compare_with_paper

HEADS = ("least-squares", "ridge", "norm-ball", "kernel-ridge", "kernel-ball")
SHOWN = ("weak-h8-v2", "weak-h32-v2", "weak-h96-v2")


def main() -> None:
    columns = [
        "dataset", "heads", "labels", "weak error", "misfit", "gain", "corr(gain, misfit)",
        "Spearman", "regret", "PGR", "ceiling",
    ]  # fmt: skip
    print(f"| {' | '.join(columns)} |")
    print("| --- " * len(columns) + "|")
    for dataset, head, labels in product(
        ("esol", "freesolv", "lipop"), HEADS, ("shared", "disjoint")
    ):
        suite = load_suite(dataset, weak_head=head, strong_head=head, labels=labels)
        records = run_suite(suite).records
        means = records.groupby("weak")[["weak_error", "misfit", "gain"]].mean().loc[list(SHOWN)]
        cells = [" / ".join(f"{value:.3f}" for value in means[name]) for name in means]
        correlation = records["gain"].corr(records["misfit"])
        rule, ceiling = compare_with_paper(records).run, records["strong_error"].mean()
        gap = records["weak_error"].mean() - ceiling
        recovered = f"{records['gain'].mean() / gap:.2f}" if gap > 0 else "-"
        print(
            f"| {dataset} | {head} | {labels} | {' | '.join(cells)} | {correlation:.2f} "
            f"| {rule.spearman:.2f} | {rule.regret:.3f} | {recovered} | {ceiling:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
