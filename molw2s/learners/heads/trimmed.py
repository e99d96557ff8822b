"""A head that trusts only the labels which agree with their neighbours'."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

from molw2s.learners.heads.judged import chosen_penalty, fit_judged
from molw2s.learners.heads.penalised import Elsewhere, PenalisedHead

Array = NDArray[np.float64]
NEIGHBOURS = 10


class Trimmed(PenalisedHead):
    """Fit a head to the share of the labels that differ least from their neighbours' mean.

    The neighbours of a row are its ``neighbours`` nearest others among the standardised features.
    Each target has rows of its own, so it is a fit of its own.

    Parameters
    ----------
    head : regressor
        Cloned and fitted for each target.
    keep : float
        Share of the rows that are kept, in (0, 1].
    neighbours : int

    Attributes
    ----------
    heads_ : list
    kept_ : ndarray of bool (n,) or (n, m)
    penalty_ : ndarray () or (m,)
    """

    def __init__(self, head: Any, keep: float = 0.5, neighbours: int = NEIGHBOURS) -> None:
        self.head = head
        self.keep = keep
        self.neighbours = neighbours

    def predict(self, X: ArrayLike) -> Array:
        rows = self._asked(X)
        columns = [np.asarray(head.predict(rows), np.float64) for head in self.heads_]
        return np.column_stack(columns).reshape(len(rows), *self.penalty_.shape)

    def _solved(self, rows: Array, y: Array, elsewhere: Elsewhere) -> dict[str, Array]:
        kept = self._agreeing(rows, y)
        self.heads_ = [clone(self.head) for _ in y.T]
        for task, (head, of) in enumerate(zip(self.heads_, kept.T)):
            if elsewhere is None:
                head.fit(rows[of], y[of, task])
            else:
                fit_judged(head, rows[of], y[of, task], elsewhere[0], elsewhere[1][:, task])
        penalties = np.array([chosen_penalty(head, 1)[0] for head in self.heads_])
        return {"kept_": kept, "penalty_": penalties}

    def _agreeing(self, rows: Array, y: Array) -> NDArray[np.bool_]:
        """(n, m) whether a label is among those that are kept."""
        if not 0 < self.keep <= 1:
            raise ValueError(f"keep is {self.keep}, expected a share in (0, 1]")
        kept = np.zeros(y.shape, bool)
        number = min(len(rows), max(2, round(self.keep * len(rows))))
        scaled = StandardScaler().fit_transform(rows)
        near = NearestNeighbors(n_neighbors=min(self.neighbours, len(rows) - 1)).fit(scaled)
        around = y[near.kneighbors(return_distance=False)].mean(1)
        order = np.argsort(np.abs(y - around), axis=0, kind="stable")[:number]
        np.put_along_axis(kept, order, True, axis=0)
        return kept
