"""Mean ranks over datasets, and how far apart they must be to differ."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from molw2s.analysis.bootstrap import LEVEL


@dataclass(frozen=True, eq=False)
class Ranking:
    """Who is better over several blocks, such as datasets (Demsar 2006, section 3.2.2).

    Attributes
    ----------
    mean : Series
        Mean rank of each, the best first; 1 is the smallest error, ties share their mean.
    critical_difference : float
        Mean ranks that differ by less are not told apart (Nemenyi); nan for fewer than two
        blocks, or one entrant.
    friedman : float
        p of Friedman's test that all are alike; nan for fewer than three entrants or two blocks.
    """

    mean: pd.Series
    critical_difference: float
    friedman: float

    def groups(self) -> list[tuple[str, ...]]:
        """The largest groups of neighbours that are not told apart, the best first."""
        if math.isnan(self.critical_difference):
            return []
        names, ranks = list(self.mean.index), self.mean.to_numpy()
        ends = [int(np.sum(ranks < rank + self.critical_difference)) for rank in ranks]
        return [
            tuple(names[first:end])
            for first, end in enumerate(ends)
            if end - first > 1 and (first == 0 or end > ends[first - 1])
        ]


def rank_over(errors: pd.DataFrame) -> Ranking:
    """The ranking by errors, blocks x entrants."""
    blocks, entrants = errors.shape
    mean = errors.rank(axis=1).mean().sort_values(kind="stable")
    friedman = math.nan
    if entrants > 2 and blocks > 1 and (errors.nunique(axis=1) > 1).any():
        friedman = float(stats.friedmanchisquare(*errors.to_numpy().T).pvalue)
    return Ranking(mean, critical_difference(entrants, blocks), friedman)


def critical_difference(entrants: int, blocks: int, level: float = LEVEL) -> float:
    """q sqrt(k (k + 1) / (6 N)) of k entrants over N blocks; q is the studentized range's quantile
    over sqrt(2), of infinite degrees of freedom (Nemenyi 1963; Demsar 2006)."""
    if entrants < 2 or blocks < 2:
        return math.nan
    quantile = float(stats.studentized_range.ppf(level, entrants, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(entrants * (entrants + 1) / (6 * blocks))


def most_comparable(have: Mapping[str, frozenset[Hashable]]) -> frozenset[Hashable]:
    """The part of what all have together on which most can be compared.

    Of what each one, each two and all have in common, the part whose size times the number of
    those who have all of it is largest; one that only a single one has is taken if no other is.
    """
    sets = sorted(set(have.values()), key=_listed)
    shared = {each & other for each, other in combinations(sets, 2)}
    candidates = {*sets, *shared, reduce(frozenset.__and__, sets)} if sets else set()
    scored = [
        ((who > 1 or len(have) == 1, len(part) * who, who), part)
        for part in sorted(candidates - {frozenset()}, key=_listed)
        if (who := sum(part <= each for each in have.values()))
    ]
    return max(scored, key=lambda each: each[0])[1] if scored else frozenset()


def _listed(part: frozenset[Hashable]) -> list[str]:
    return sorted(map(repr, part))
