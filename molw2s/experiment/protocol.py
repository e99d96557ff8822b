"""The protocol for features and targets at hand (Charikar, Pabbaraju, Shiragur 2024, sections 3
and 5): weak head on true labels -> weak labels -> strong head on weak labels -> errors.

The same assembly line that a suite runs, with nothing read, kept or written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from molw2s.experiment.execute import execute
from molw2s.experiment.measure import measures_of
from molw2s.experiment.plan import plan
from molw2s.experiment.workers import Workers
from molw2s.learners.heads import Head
from molw2s.problems.problem import Case, Given, Parts, Side
from molw2s.store import Store

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ThreeSets:
    """One quantity (features (n, d) or targets (n,) or (n, m)) at three sets of points, or four.

    Attributes
    ----------
    labelled
        Where the weak head is fitted to true labels.
    unlabelled
        Where the weak model makes labels and the strong head is fitted to them.
    evaluation
        Where all errors are measured.
    validation
        Where a teacher may be chosen before its student is judged: no head is fitted to it. None
        where there is no such set.
    """

    labelled: Array
    unlabelled: Array
    evaluation: Array
    validation: Array | None = None

    def _sets(self) -> list[Array]:
        validation = self.evaluation[:0] if self.validation is None else self.validation
        return [self.labelled, self.unlabelled, self.evaluation, validation]


@dataclass(frozen=True, slots=True)
class Errors:
    """What one trial measured; ``molw2s.columns`` says what each of them is, under its name."""

    weak_error: float
    w2s_error: float
    misfit: float
    gain: float
    strong_error: float
    weak_error_minus_misfit: float
    gain_minus_misfit: float
    pgr: float
    label_error: float = math.nan
    leak: float = math.nan
    weak_error_se: float = math.nan
    w2s_error_se: float = math.nan
    misfit_se: float = math.nan
    gain_minus_misfit_se: float = math.nan
    weak_error_valid: float = math.nan
    misfit_valid: float = math.nan
    weak_error_minus_misfit_valid: float = math.nan
    weak_penalty: float = math.nan
    w2s_penalty: float = math.nan
    strong_penalty: float = math.nan


@dataclass(frozen=True)
class _GivenHead:
    """A learner of somebody's own making: what decides it is not known."""

    model: Callable[[], Head]
    title = "head"
    fingerprint = None
    grouped = True


def weak_to_strong(
    weak: Sequence[ThreeSets],
    strong: ThreeSets,
    target: ThreeSets,
    weak_head: Callable[[], Head],
    strong_head: Callable[[], Head],
) -> list[list[Errors]]:
    """Run the protocol for several weak representations and one strong one.

    Parameters
    ----------
    weak, strong
        Features; each weak representation has its own dimension.
    target
        True values, (n,) or (n, m) for m tasks.
    weak_head, strong_head
        Make an unfitted head. The strong one is fitted once, to the weak labels of every weak
        model and to the truth, as one many-target problem.

    Returns
    -------
    list of list of Errors
        One list a weak representation, with one entry a task.
    """
    ends = np.cumsum([len(values) for values in target._sets()])
    rows = np.split(np.arange(ends[-1]), ends[:-1])

    def side(name: str, sets: ThreeSets, head: Callable[[], Head]) -> Side:
        inputs = Given(np.concatenate([np.asarray(each) for each in sets._sets()]), False)
        return Side(name, inputs.values.shape[1], _GivenHead(head), inputs)

    case = Case(
        split="",
        seed=0,
        truth=np.concatenate([np.asarray(each, np.float64) for each in target._sets()]),
        parts=Parts(rows[0], rows[1], rows[2], rows[3]),
        teachers=tuple(side(f"weak {n}", sets, weak_head) for n, sets in enumerate(weak)),
        student=side("strong", strong, strong_head),
    )
    store, trials = Store(), plan([case])
    with Workers().at_hand() as crew:
        execute((work for trial in trials for work in trial.works), store, crew)
    found = [measures_of(trial, store) for trial in trials]
    return [
        [Errors(**dict(zip(each, values))) for values in zip(*(v.tolist() for v in each.values()))]
        for each in found
    ]
