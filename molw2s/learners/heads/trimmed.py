"""A head that trusts only the labels which agree with their neighbours'."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin, clone
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted, validate_data

from molw2s.learners.heads.judged import chosen_penalty, fit_judged

Array = NDArray[np.float64]
NEIGHBOURS = 10


class Trimmed(MultiOutputMixin, RegressorMixin, BaseEstimator):
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
    kept_ : ndarray of bool (n, m)
    penalty_ : ndarray () or (m,)
    """

    __metadata_request__fit = {"X_val": True, "y_val": True}  # noqa: RUF012

    def __init__(self, head: Any, keep: float = 0.5, neighbours: int = NEIGHBOURS) -> None:
        self.head = head
        self.keep = keep
        self.neighbours = neighbours

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Fit to rows (n, d) and targets (n,) or (n, m); ``X_val`` and ``y_val`` as the head's."""
        rows: Array
        rows, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(y, np.float64)
        self._shape = targets.shape[1:]
        targets = targets.reshape(len(rows), -1)
        self.kept_ = self._agreeing(rows, targets)
        self.heads_ = [clone(self.head) for _ in targets.T]
        for task, (head, kept) in enumerate(zip(self.heads_, self.kept_.T)):
            known, labels = rows[kept], targets[kept, task]
            if X_val is None or y_val is None:
                head.fit(known, labels)
            else:
                truth = np.asarray(y_val, np.float64).reshape(len(y_val), -1)[:, task]  # type: ignore[arg-type]
                fit_judged(head, known, labels, np.asarray(X_val, np.float64), truth)
        penalties = [chosen_penalty(head, 1)[0] for head in self.heads_]
        self.penalty_ = np.reshape(penalties, self._shape)
        return self

    def predict(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        rows: Array = validate_data(self, X, dtype=np.float64, reset=False)
        columns = [np.asarray(head.predict(rows), np.float64) for head in self.heads_]
        return np.column_stack(columns).reshape(len(rows), *self._shape)

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
