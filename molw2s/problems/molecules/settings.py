"""A molecular suite: everything that decides its run."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeInt, field_validator

from molw2s.datasets.splits import CHEMBENCH_SEEDS, Splitter
from molw2s.encoders.catalog import WEAK_HIDDEN_SIZES
from molw2s.learners.finetuning import Finetuning
from molw2s.learners.heads import EXACT_ROWS, LANDMARKS
from molw2s.problems.labels import Labels
from molw2s.problems.settings import Ensemble, Settings, no_repeats, so_many

Mode = Literal["head", "full", "lora"]
SplitSeed = Annotated[int, Field(ge=0, lt=2**32)]
WEAK_FAMILY = tuple(f"weak-h{size}-v2" for size in WEAK_HIDDEN_SIZES)


def _weight(value: Any) -> Any:
    if value == "valid":
        return value
    number = math.nan
    if not isinstance(value, bool):
        with suppress(TypeError, ValueError):
            number = float(value)
    if not 0 < number <= 1:
        raise ValueError(f"{value} is neither 'valid' nor a share above 0, at most 1")
    return number


class Suite(Settings):
    """Everything that decides a molecular run; unknown keys are errors.

    Attributes
    ----------
    weak_mode, strong_mode : "head", "full" or "lora"
        A head on the frozen encoder, or encoder and linear layer finetuned by gradient descent.
    weak_head, strong_head
        Used in mode "head" only.
    finetuning
        Used in the other modes only; ``repeats`` are their seeds.
    loss : "squared" or "logistic"
        By which everything is measured. "logistic" is for classes 0 and 1, with heads that predict
        probabilities; errors are then in nats.
    labels : "shared", "disjoint" or "cross-fitted"
        Weak labels on the weak model's own training molecules; on the others, ``labelled`` being
        the share of the training part that has true labels; or out of ``folds`` folds.
    student_selection : "labels" or "valid"
        What chooses the penalty and kernel width of a student's head, or the epoch at which its
        finetuning ends, and the ceiling's: the labels that it is fitted to, or true labels of the
        validation part, ``selection_labels`` of them (None: all), which tell a student how closely
        to follow its teacher's labels.
    student_weight : float or "valid"
        Share of the student in what is measured as its prediction, its teacher having the rest: 0.5
        is their mean, a student that goes half the way. "valid" takes the share that fits true
        labels of the validation part best by least squares, whatever the loss: all of them or
        ``selection_labels``. At the end of a chain it is averaged with the chain's first teacher.
        The ceiling and the students of controls stand alone.
    kept_labels
        Share of the labels that a student's head, and the ceiling's, is fitted to: those that
        differ least from their neighbours' (``molw2s.learners.heads.Trimmed``).
    evaluation : "test" or "valid"
        The part on which everything is measured. "valid" leaves the test part alone, so that
        settings can be searched for: one random half of the validation part is measured, the other
        validates.
    ensembles : tuple of "mean" and "validation"
        Teachers that are averages of all weak models: plain, or with the nonnegative weights that
        fit the validation part's true labels best.
    chain : tuple of str
        Encoders of students between teacher and student, first to last.
    splitter, seeds
        ``molw2s.datasets.make_splits`` says which splits these give; ``seeds: 25`` is 0 to 24.
    exact_rows, landmarks
        Kernel ridge fitted to more than ``exact_rows`` molecules takes so many landmarks; what
        representations alone say (``molw2s.predictors``) is measured on ``exact_rows`` molecules
        drawn at random, where there are more.
    """

    kind: Literal["molecules"] = "molecules"
    dataset: str
    weak: tuple[str, ...] = Field(WEAK_FAMILY, min_length=1)
    strong: str = "strong-small-v2"
    weak_mode: Mode = "head"
    strong_mode: Mode = "head"
    weak_head: str = "kernel-ridge"
    strong_head: str = "kernel-ridge"
    finetuning: Finetuning = Finetuning()
    repeats: tuple[NonNegativeInt, ...] = Field((0,), min_length=1)
    loss: Literal["squared", "logistic"] = "squared"
    labels: Labels = "shared"
    folds: int = Field(10, ge=2)
    labelled: float = Field(0.5, gt=0, lt=1)
    student_selection: Literal["labels", "valid"] = "labels"
    selection_labels: int | None = Field(None, ge=1)
    student_weight: Annotated[float | Literal["valid"], BeforeValidator(_weight)] = 1.0
    kept_labels: float = Field(1, gt=0, le=1)
    evaluation: Literal["test", "valid"] = "test"
    ensembles: tuple[Ensemble, ...] = ()
    chain: tuple[str, ...] = ()
    splitter: Splitter = "random"
    seeds: Annotated[tuple[SplitSeed, ...], BeforeValidator(so_many)] = Field(
        CHEMBENCH_SEEDS, min_length=1
    )
    exact_rows: int = Field(EXACT_ROWS, ge=1)
    landmarks: int = Field(LANDMARKS, ge=1)

    @field_validator("weak", "seeds", "repeats", "ensembles", "chain")
    @classmethod
    def _no_repeats(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return no_repeats(values)

    @property
    def finetunes(self) -> bool:
        return (self.weak_mode, self.strong_mode) != ("head", "head")
