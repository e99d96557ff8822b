"""What heads that choose a penalty have in common: what they are given, and what they keep."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

Array = NDArray[np.float64]
Elsewhere = tuple[Array, Array] | None
"""Rows (v, d) and targets (v, m) on which a penalty is chosen; None where the labels do."""


class PenalisedHead(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """A regressor with a penalty for each target; subclasses solve for all targets at once."""

    # What scikit-learn's pipelines hand on to ``fit`` (metadata routing).
    __metadata_request__fit: ClassVar = {"X_val": True, "y_val": True}

    intercept_: Array
    penalty_: Array

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        X_val: ArrayLike | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Fit to rows (n, d) and targets (n,) or (n, m).

        With ``X_val`` (v, d) and ``y_val`` of as many columns as y, each target's penalty is the
        one of least error there, not by leave-one-out.
        """
        rows: Array
        rows, y = validate_data(self, X, y, dtype=np.float64, multi_output=True, y_numeric=True)
        targets = np.asarray(y, dtype=np.float64)
        elsewhere: Elsewhere = None
        if X_val is not None and y_val is not None:
            others: Array = validate_data(self, X_val, dtype=np.float64, reset=False)
            elsewhere = others, np.asarray(y_val, np.float64).reshape(len(others), -1)
        solved = self._solved(rows, targets.reshape(len(rows), -1), elsewhere)
        for name, values in solved.items():  # one target in, one target out
            setattr(self, name, values.reshape((*values.shape[:-1], *targets.shape[1:])))
        return self

    def _solved(self, rows: Array, y: Array, elsewhere: Elsewhere) -> dict[str, Array]:
        """Fitted attributes by name, the last axis of each being the m targets of y (n, m)."""
        raise NotImplementedError

    def _asked(self, X: ArrayLike) -> Array:
        """Rows to predict, checked."""
        check_is_fitted(self)
        rows: Array = validate_data(self, X, dtype=np.float64, reset=False)
        return rows
