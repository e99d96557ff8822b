"""How close the dots of a many-task suite lie to gain = misfit, and what theory allows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import stats

from molw2s.analysis.bootstrap import LEVEL
from molw2s.analysis.summary import encoders_only

STATISTICS = (
    "slope",
    "intercept",
    "r_squared",
    "off_diagonal",
    "off_antidiagonal",
    "theorem1",
    "theorem1_within_noise",
    "eps",
    "within_eps",
    "sqrt_eps",
    "slack",
    "within_slack",
    "complexity_term",
    "confidence_term",
    "gain_minus_misfit_se",
)


def has_tasks(records: pd.DataFrame) -> bool:
    """Whether the run has many tasks a split, as the synthetic suites have."""
    return "task" in records


def diagonal_table(records: pd.DataFrame) -> pd.DataFrame:
    """One row a suite: each statistic, and the ends of its 95 % interval (``_low``, ``_high``).

    Each statistic is computed over the tasks of one seed; with several seeds the table has the
    mean over seeds and Student's t-interval, with one the fit's own interval for slope and
    intercept. (Tasks of a seed share points and representations, so that interval is too narrow.)

    slope, intercept, r_squared
        Of the least-squares line of gain on misfit.
    off_diagonal, off_antidiagonal
        Medians of |gain - misfit| / misfit and |gain + misfit| / misfit.
    theorem1, theorem1_within_noise
        Fraction of tasks with w2s_error <= weak_error - misfit (Charikar et al. 2024, Theorem 1),
        as measured and with two standard errors of the evaluation granted.
    eps, within_eps, sqrt_eps
        Mean ceiling, Theorem 2's eps; fraction of tasks with |gain - misfit| below it, two standard
        errors granted; mean of its root.
    slack, within_slack
        2 sqrt(eps misfit) and the fraction of tasks with |gain - misfit| below it, two standard
        errors granted: for a linear subspace gain - misfit = -2 <f_w - f_sw, f* - f_s> in
        population, which Cauchy and Schwarz bound so.
    complexity_term, confidence_term
        Theorem 2's ((d + 1) / n)^(1/4) and (log(1 / delta) / n)^(1/4) for delta = 0.05, without
        the constants that the theorem leaves open.
    gain_minus_misfit_se
        Median standard error that finitely many evaluation points leave.
    """
    rows = []
    for suite, trials in encoders_only(records).groupby("suite", sort=False):
        seeds = [_statistics(part) for _, part in trials.groupby("split", sort=False)]
        row: dict[str, object] = {"suite": suite, "seeds": len(seeds), "trials": len(trials)}
        for name in STATISTICS:
            values = np.array([seed[name] for seed in seeds])
            half = seeds[0].get(f"{name}_half", math.nan)
            if len(seeds) > 1:
                quantile = stats.t.ppf((1 + LEVEL) / 2, len(seeds) - 1)
                half = quantile * values.std(ddof=1) / math.sqrt(len(seeds))
            mean = values.mean()
            row |= {name: mean, f"{name}_low": mean - half, f"{name}_high": mean + half}
        rows.append(row)
    return pd.DataFrame(rows)


def _statistics(trials: pd.DataFrame) -> dict[str, float]:
    misfit, gain, eps = (trials[name] for name in ("misfit", "gain", "strong_error"))
    below, noise = trials["gain_minus_misfit"], 2 * trials["gain_minus_misfit_se"]
    slack = 2 * np.sqrt(eps * misfit)
    n, d = trials["n_unlabelled"].iloc[0], trials["strong_hidden_size"].iloc[0]
    return _line(misfit, gain) | {
        "off_diagonal": float(((gain - misfit).abs() / misfit).median()),
        "off_antidiagonal": float(((gain + misfit).abs() / misfit).median()),
        "theorem1": float((below >= 0).mean()),
        "theorem1_within_noise": float((below >= -noise).mean()),
        "eps": float(eps.mean()),
        "within_eps": float((below.abs() <= eps + noise).mean()),
        "sqrt_eps": float(np.sqrt(eps).mean()),
        "slack": float(slack.mean()),
        "within_slack": float((below.abs() <= slack + noise).mean()),
        "complexity_term": ((d + 1) / n) ** 0.25,
        "confidence_term": (math.log(20) / n) ** 0.25,
        "gain_minus_misfit_se": float(trials["gain_minus_misfit_se"].median()),
    }


def _line(x: pd.Series, y: pd.Series) -> dict[str, float]:
    """Slope, intercept and R² of y on x; nan where there is no line."""
    names = ("slope", "intercept", "r_squared")
    if len(x) < 3 or x.nunique() < 2:
        return dict.fromkeys(names, math.nan)
    fit = stats.linregress(x, y)
    quantile = stats.t.ppf((1 + LEVEL) / 2, len(x) - 2)
    return {
        "slope": fit.slope,
        "intercept": fit.intercept,
        "r_squared": fit.rvalue**2,
        "slope_half": quantile * fit.stderr,
        "intercept_half": quantile * fit.intercept_stderr,
    }
