"""Encoders as scikit-learn transformers; apart, as listing encoders needs no scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from molw2s.smiles import as_list


class SmilesTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An encoder as a scikit-learn transformer: first in a pipeline, cloned, searched over.

    Subclasses have ``dim`` and ``encode``, and keep what ``__init__`` is given under the same
    names. There is nothing to fit.
    """

    dim: int

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        raise NotImplementedError

    def fit(self, smiles: Sequence[str], y: object = None) -> Self:
        """Nothing but a look at whether these are SMILES, one a row."""
        as_list(smiles)
        return self

    def transform(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim), as ``encode``."""
        return self.encode(smiles)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        return tags

    @property
    def _n_features_out(self) -> int:
        return self.dim
