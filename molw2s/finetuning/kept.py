"""Predictions that are kept on disk, so that no fit is done twice."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Self

from molw2s.encoders import cache
from molw2s.finetuning.regressor import FinetunedEncoder, OneFitATarget


class KeptPredictions(OneFitATarget):
    """Answers as ``model`` would, from the disk where it was asked the same before.

    The model is fitted when it is first asked something new. Predictions are found by the hash of
    all that decides them: the model's fingerprint, the SMILES and labels it is fitted to, and the
    SMILES asked about. A killed run so goes on where it was, and runs share their fits.
    """

    def __init__(self, model: FinetunedEncoder) -> None:
        self.model = model

    def fit(self, smiles: Sequence[str], y: ArrayLike) -> Self:
        """Take n SMILES and their labels, (n,) or (n, m): m targets are m independent fits."""
        return self._fit_each(smiles, np.asarray(y, np.float64), partial(_Fit, self.model))


class _Fit:
    """One target's fit, put off until it is needed."""

    def __init__(
        self, model: FinetunedEncoder, smiles: list[str], labels: NDArray[np.float64]
    ) -> None:
        self._model, self._smiles, self._labels = model, smiles, labels
        self._fitted: FinetunedEncoder | None = None
        digest = hashlib.sha256("\n".join([model.fingerprint, *smiles]).encode())
        digest.update(np.ascontiguousarray(labels).tobytes())
        self._fingerprint = digest.hexdigest()

    def predict(self, smiles: list[str]) -> NDArray[np.float64]:
        compute = partial(self._predict, smiles)
        return cache.get_or_compute(self._fingerprint, smiles, compute, "predictions")

    def _predict(self, smiles: list[str]) -> NDArray[np.float64]:
        if self._fitted is None:
            self._fitted = copy.copy(self._model).fit(self._smiles, self._labels)
        return self._fitted.predict(smiles)
