"""A finetuned encoder as a scikit-learn regressor: SMILES in, numbers out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from molw2s.encoders import Encoder, get_encoder
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput
from molw2s.learners.finetuning.settings import Finetuning, Mode
from molw2s.smiles import as_list

VERSION = 1
"""Raised by hand whenever a finetuned encoder's predictions change."""


class FinetunedEncoder(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """Gradient descent from the pretrained weights, encoder and linear layer together.

    The error of some of the labels given, held out, stops it and chooses the epoch: see
    ``Finetuning``. On a CPU each fit keeps to one core, so that its result, bit for bit, depends
    on what it is given and on ``seed``, and not on what else runs.

    Parameters
    ----------
    encoder : TransformerEncoder or str
        A checkpoint, or its name for ``get_encoder``.
    mode : "full" or "lora"
        All weights, or low-rank updates of all linear layers (needs peft).
    settings : Finetuning, optional
    seed : int

    Attributes
    ----------
    fits_ : list of Finetuned
        One a target: m targets are m independent fits, each with the same ``seed``.
    """

    def __init__(
        self,
        encoder: Encoder | str,
        mode: Mode = "full",
        settings: Finetuning | None = None,
        seed: int = 0,
    ) -> None:
        self.encoder = encoder
        self.mode = mode
        self.settings = settings
        self.seed = seed

    def fit(
        self,
        smiles: Sequence[str],
        y: ArrayLike,
        X_val: Sequence[str] | None = None,
        y_val: ArrayLike | None = None,
    ) -> Self:
        """Fit to n SMILES and their labels, (n,) or (n, m).

        Given ``X_val``, v other SMILES, and ``y_val``, (v,) or (v, m), the error there stops each
        fit and chooses its epoch, and no label is held out.

        Raises
        ------
        InvalidInput
            If the encoder is no checkpoint, mode "lora" lacks peft, the labels do not fit the
            SMILES or are not finite, or there are fewer than two molecules.
        """
        from molw2s.learners.finetuning.training import finetune

        self.check()
        labels = np.asarray(y, np.float64)
        if labels.ndim not in (1, 2) or len(labels) != len(smiles) or not np.isfinite(labels).all():
            raise InvalidInput(
                f"{len(smiles)} SMILES need as many finite labels, (n,) or (n, m); got "
                f"shape {labels.shape}"
            )
        encoder, settings = self._checkpoint, self.settings or Finetuning()
        texts = list(map(str, as_list(smiles)))
        self._single = labels.ndim == 1
        columns = labels.reshape(len(texts), -1).T
        judges: list[Any] = [None] * len(columns)
        if X_val is not None and y_val is not None:
            others = list(map(str, as_list(X_val)))
            values = np.asarray(y_val, np.float64).reshape(len(others), -1).T
            judges = [(others, each) for each in values]
        self.fits_ = [
            finetune(encoder, texts, column, self.mode, settings, self.seed, judge)
            for column, judge in zip(columns, judges, strict=True)
        ]
        return self

    def predict(self, smiles: Sequence[str]) -> NDArray[np.float64]:
        """(n,) or (n, m), as the labels were."""
        check_is_fitted(self)
        texts = list(map(str, as_list(smiles)))
        columns = np.column_stack([fit.predict(texts) for fit in self.fits_])
        return columns[:, 0] if self._single else columns

    def check(self) -> None:
        """Raise InvalidInput if the encoder is no checkpoint, or mode "lora" lacks peft."""
        self._checkpoint  # noqa: B018
        if self.mode == "lora" and find_spec("peft") is None:
            raise InvalidInput("mode 'lora' needs peft: pip install molw2s[lora]")

    @property
    def fingerprint(self) -> str:
        """SHA-256 of everything that decides a fit but the SMILES and labels."""
        import torch

        packages = ["torch", "transformers", *(["peft"] * (self.mode == "lora"))]
        parts = (
            str(VERSION),
            self._checkpoint.fingerprint,
            self.mode,
            (self.settings or Finetuning()).model_dump_json(),
            str(self.seed),
            "cuda" if torch.cuda.is_available() else "cpu",
            *map(version, packages),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @property
    def _checkpoint(self) -> TransformerEncoder:
        encoder = get_encoder(self.encoder) if isinstance(self.encoder, str) else self.encoder
        if not isinstance(encoder, TransformerEncoder):
            raise InvalidInput(
                f"encoder {encoder.name!r} has no weights to finetune; use mode 'head', or a "
                "checkpoint in the Hugging Face layout"
            )
        return encoder
