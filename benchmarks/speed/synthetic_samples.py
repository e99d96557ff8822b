"""How the slope of gain on misfit approaches 1 as heads are fitted to more points (realizable).

python benchmarks/speed/synthetic_samples.py

In population the slope is 1 exactly. A head fitted to n points is off by delta, and gain - misfit
by -2 <delta, f_sw - f*> - 2 |delta|^2, with |delta|^2 of the order of misfit d / n.
"""

from __future__ import annotations

from molw2s import load_suite, run_suite
from molw2s.report import diagonal_table

SEEDS = tuple(range(5))


def main() -> None:
    print("| points N_f | weak labels | slope | R² | median abs(gain - misfit) / misfit |")
    print("| --- | --- | --- | --- | --- |")
    for points in (500, 2000, 8000, 32000, 128000):
        for labels in ("fresh", "reused"):
            suite = load_suite("synthetic-realizable", points=points, labels=labels, seeds=SEEDS)
            (row,) = diagonal_table(run_suite(suite).records).to_dict("records")
            print(
                f"| {points} | {labels} | {row['slope']:.3f} "
                f"[{row['slope_low']:.3f}, {row['slope_high']:.3f}] | {row['r_squared']:.4f} | "
                f"{row['off_diagonal']:.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
