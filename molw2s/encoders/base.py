"""What an encoder is, and what is checked of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin

from molw2s.errors import InvalidInput
from molw2s.smiles import as_list


@runtime_checkable
class Encoder(Protocol):
    """Anything with a ``name``, a ``dim`` and ``encode``.

    An encoder may also have ``fingerprint`` (str): a hash of everything that decides its output.
    Only then are its embeddings kept on disk.
    """

    name: str

    @property
    def dim(self) -> int: ...

    def encode(self, smiles: Sequence[str]) -> NDArray[np.float32]:
        """(n, dim) embeddings; row i belongs to molecule i."""
        ...


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


def check_names(encoders: Sequence[Encoder]) -> None:
    """Raise InvalidInput if two encoders have the same name: a table could not tell them apart."""
    names = [encoder.name for encoder in encoders]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise InvalidInput(
            f"more than one encoder is called {', '.join(sorted(repeated))}; give each a .name"
        )


def tell_apart(encoders: Sequence[Encoder]) -> None:
    """Give checkpoints in folders of one name as much of their paths as tells them apart."""
    for name in {encoder.name for encoder in encoders}:
        alike = [each for each in encoders if each.name == name]
        paths = [path for each in alike if (path := getattr(each, "folder", None)) is not None]
        if len(alike) < 2 or len(paths) < len(alike):
            continue
        parts = [Path(path).resolve().parts for path in paths]
        for length in range(2, max(map(len, parts)) + 1):
            names = ["/".join(each[-length:]) for each in parts]
            if len(set(names)) == len(names):
                for encoder, longer in zip(alike, names):
                    encoder.name = longer
                break


def checked_output(encoder: Encoder, smiles: Sequence[str]) -> NDArray[np.float32]:
    """(n, dim) float32; raises InvalidInput for another shape or type, or what is not finite."""
    name = f"encoder {encoder.name!r}"
    output = encoder.encode(list(smiles))
    if not isinstance(output, np.ndarray) or not np.issubdtype(output.dtype, np.floating):
        kind = getattr(output, "dtype", type(output).__name__)
        raise InvalidInput(f"{name} must return a float NumPy array, got {kind}")
    if output.shape != (len(smiles), encoder.dim):
        raise InvalidInput(
            f"{name} returned shape {output.shape} for {len(smiles)} molecules; "
            f"({len(smiles)}, dim={encoder.dim}) expected"
        )
    output = output.astype(np.float32, copy=False)
    bad = np.flatnonzero(~np.isfinite(output).all(axis=1))
    if len(bad):
        raise InvalidInput(
            f"{name} returned values that are not finite for {len(bad)} molecules; "
            f"the first is row {bad[0]}: {smiles[bad[0]]!r}"
        )
    return output
