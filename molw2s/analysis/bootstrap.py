"""Bootstrap weights and intervals; the same records give the same interval."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

LEVEL = 0.95
DRAWS = 10_000
SEED = 0

Array = NDArray[np.float64]


def resampled_splits(splits: pd.Series) -> Array:
    """(DRAWS, n) weights, each row summing to 1, for repetitions named by their split.

    Splits are drawn with replacement, and for each one drawn as many of its own repetitions
    (seeds) as it has, with replacement again; so a split counts the same however many it has.
    """
    rng = np.random.default_rng(SEED)
    code, names = pd.factorize(splits)
    often = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=DRAWS)
    weights = np.empty((DRAWS, len(splits)))
    for split in range(len(names)):
        members = np.flatnonzero(code == split)
        size = len(members)
        drawn = rng.multinomial(often[:, split] * size, np.full(size, 1 / size))
        weights[:, members] = drawn / size
    return weights / len(names)


def interval(values: Array) -> tuple[float, float]:
    """The middle ``LEVEL`` of the draws whose value is defined; both ends are values drawn."""
    values = values[~np.isnan(values)]
    if not len(values):
        return np.nan, np.nan
    ends = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low, high = np.quantile(values, ends, method="inverted_cdf").tolist()
    return low, high
