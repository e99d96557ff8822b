"""A fit: a learner, the rows and labels it is fitted to, and the rows it is asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, ClassVar
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from molw2s.experiment.sources import Source
from molw2s.learners import Learner
from molw2s.learners.heads import Head, chosen_penalty, fit_judged
from molw2s.problems.problem import Inputs, Rows
from molw2s.store import Arrays, Shapes, Spread, Store, Work, digest

VERSION = 1
"""Raised by hand whenever the way from a fit's settings to its predictions changes."""

_ONE_AT_A_TIME = Lock()


@dataclass(frozen=True, eq=False)
class Fit:
    """One model fitted to the labels of one or more sources, side by side.

    Many sources are one many-target problem: a head factorises its inputs once for all of them.
    The predictions of a target then depend on the others by rounding alone, and the key names
    them all.

    Attributes
    ----------
    learner : Learner
    inputs : Inputs
    rows : ndarray (n,)
        Rows of the inputs that are fitted to.
    labels : tuple of Source
    asked : ndarray (k,)
        Rows to predict, each once; ``store[key]["predictions"]`` is (k, targets).
    title : str
        For people.
    judge : (rows, Source), optional
        True values at other rows, by which penalties, widths and the end of a finetuning are
        chosen; else the labels fitted to do it.
    """

    learner: Learner
    inputs: Inputs
    rows: Rows
    labels: tuple[Source, ...]
    asked: Rows
    title: str
    judge: tuple[Rows, Source] | None = None
    kind: ClassVar[str] = "predictions"

    @cached_property
    def key(self) -> str:
        if not self.kept:
            return f"unknown-{uuid4().hex}"
        judge = () if self.judge is None else (self.judge[0], self.judge[1].key)
        return digest(
            f"fit {VERSION}", self.learner.fingerprint or "", self.inputs.key,
            *(source.key for source in self.labels), self.rows, self.asked, *judge,
        )  # fmt: skip

    @cached_property
    def kept(self) -> bool:
        known = self.learner.fingerprint is not None and self.inputs.kept
        return known and all(source.kept for source in self.labels)

    @property
    def spread(self) -> Spread:
        return "always" if self.learner.grouped else "if asked"

    @property
    def shapes(self) -> Shapes:
        targets = sum(source.tasks for source in self.labels)
        return {
            "predictions": ((len(self.asked), targets), "float64"),
            "penalty": ((targets,), "float64"),
        }

    @property
    def needs(self) -> tuple[Work, ...]:
        return (*self.inputs.needs, *(fit for source in self.labels for fit in source.fits))

    def call(self, store: Store) -> tuple[Callable[..., Arrays], tuple[Any, ...]]:
        labels = np.hstack([source.at(self.rows, store) for source in self.labels])
        inputs = self.inputs.array(store)
        judge = None
        if self.judge is not None:
            rows, truth = self.judge
            judge = rows, np.hstack([truth.at(rows, store)] * len(self.labels))
        return fit_and_ask, (self.learner.model(), inputs, self.rows, labels, self.asked, judge)

    def places(self, rows: Rows) -> Rows:
        """Where among ``asked`` these rows are."""
        order = np.argsort(self.asked)
        return order[np.searchsorted(self.asked[order], rows)]


def fit_and_ask(
    model: Head,
    inputs: NDArray[Any],
    rows: Rows,
    labels: NDArray[np.float64],
    asked: Rows,
    judge: tuple[Rows, NDArray[np.float64]] | None = None,
) -> Arrays:
    """Fit and predict on one core: sums are then rounded alike whatever the machine and process.

    Fits run side by side in processes, which is also faster than BLAS threads within one. In one
    process they run one after the other, as the number of threads and torch's random state are
    the process's.
    """
    kind = object if inputs.dtype == np.dtype(object) else np.float64  # SMILES, or numbers
    known, new = np.asarray(inputs[rows], kind), np.asarray(inputs[asked], kind)
    targets = labels.shape[1]
    with _ONE_AT_A_TIME, threadpool_limits(1):
        if judge is None:
            model.fit(known, labels)
        else:
            fit_judged(model, known, labels, np.asarray(inputs[judge[0]], kind), judge[1])
        predictions = np.asarray(model.predict(new), np.float64)
    return {
        "predictions": predictions.reshape(len(asked), targets),
        "penalty": np.array(chosen_penalty(model, targets), np.float64),
    }
