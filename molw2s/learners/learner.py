"""What fits a side: a head on frozen features, or encoder and linear layer finetuned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from molw2s.encoders.base import Encoder
from molw2s.learners.finetuning import FinetunedEncoder, Finetuning, Mode
from molw2s.learners.heads import (
    EXACT_ROWS,
    HEADS,
    LANDMARKS,
    Head,
    head_fingerprint,
    make_head,
)


class Learner(Protocol):
    """Makes unfitted regressors: ``fit(inputs, labels)``, then ``predict(inputs)``."""

    @property
    def title(self) -> str:
        """What is fitted, for people: a head's name, or "full finetuning"."""

    @property
    def fingerprint(self) -> str | None:
        """All that decides a fit but inputs and labels; None where nobody knows it."""

    @property
    def grouped(self) -> bool:
        """Whether labels of many teachers are one fit, as they are where one factorisation serves
        all of them, or a fit each."""

    def model(self) -> Head: ...


@dataclass(frozen=True)
class HeadLearner:
    """A head on frozen features.

    Attributes
    ----------
    title : str
        The head's name.
    exact_rows, landmarks : int
        What kernel ridge is told.
    keep : float
        Share of the labels that it is fitted to (``Trimmed``).

    Raises
    ------
    UnknownName
        If there is no such head.
    """

    title: str
    exact_rows: int = EXACT_ROWS
    landmarks: int = LANDMARKS
    keep: float = 1
    grouped = True

    def __post_init__(self) -> None:
        HEADS[self.title]

    @property
    def fingerprint(self) -> str | None:
        return head_fingerprint(self.title, self.exact_rows, self.landmarks, self.keep)

    def model(self) -> Head:
        return make_head(self.title, self.exact_rows, self.landmarks, self.keep)


@dataclass(frozen=True, eq=False)
class FinetuningLearner:
    """An encoder and a linear layer, finetuned from the pretrained weights.

    Raises
    ------
    InvalidInput
        If the encoder cannot be finetuned in this mode.
    """

    encoder: Encoder
    mode: Mode
    settings: Finetuning
    seed: int
    grouped = False

    def __post_init__(self) -> None:
        self.model().check()

    @property
    def title(self) -> str:
        return f"{self.mode} finetuning"

    @cached_property
    def fingerprint(self) -> str:
        return self.model().fingerprint

    def model(self) -> FinetunedEncoder:
        return FinetunedEncoder(self.encoder, self.mode, self.settings, self.seed)
