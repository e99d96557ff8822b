"""A problem: truth and inputs at rows that play different parts. What poses it, nobody after knows.

Rows are those of molecules in a dataset, or of points drawn for a synthetic world.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from molw2s.learners import Learner
from molw2s.problems.settings import Control, Ensemble
from molw2s.store import Store, Work, digest

Rows = NDArray[np.int64]
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Parts:
    """Row numbers of each part.

    Attributes
    ----------
    labelled
        Where the weak model is fitted to true labels.
    unlabelled
        Where the weak model makes labels and the strong model is fitted to them.
    evaluation
        Where everything is measured.
    validation
        Where a teacher may be chosen before its student is judged; may be empty.
    folds
        Empty where the weak model fitted to ``labelled`` makes the labels. Else pairs of rows to
        fit on and rows to label, which together are ``unlabelled``: out-of-fold labels.
    """

    labelled: Rows
    unlabelled: Rows
    evaluation: Rows
    validation: Rows
    folds: tuple[tuple[Rows, Rows], ...] = ()


class Inputs(Protocol):
    """What a learner is given: a row a molecule or point.

    ``needs`` is the work that must be in the store before ``array`` is asked for.
    """

    @property
    def key(self) -> str: ...
    @property
    def kept(self) -> bool: ...
    @property
    def needs(self) -> Sequence[Work]: ...

    def array(self, store: Store) -> NDArray[Any]: ...


@dataclass(frozen=True, eq=False)
class Given:
    """Inputs at hand: SMILES (n,), or an array of any other kind."""

    values: NDArray[Any]
    kept: bool = True
    needs: tuple[Work, ...] = ()

    @cached_property
    def key(self) -> str:
        if self.values.dtype == object:
            return digest("texts", "\n".join(map(str, self.values)))
        return digest("array", self.values)

    def array(self, store: Store) -> NDArray[Any]:
        return self.values


@dataclass(frozen=True, eq=False)
class Side:
    """A representation and how it is fitted.

    Attributes
    ----------
    name : str
    hidden_size : int
    learner : Learner
    inputs : Inputs
        What the learner is given.
    features : Inputs, optional
        (n, d) what the frozen representation says, for measures of it; None where nobody asks.
    """

    name: str
    hidden_size: int
    learner: Learner
    inputs: Inputs
    features: Inputs | None = None


@dataclass(frozen=True, eq=False)
class Case:
    """One repetition of the experiment: truth, parts, and who may teach whom.

    Attributes
    ----------
    split : str
        Name of the split, or of the synthetic world.
    seed : int
    truth : ndarray (n,) or (n, m)
        For m tasks; NaN nowhere.
    parts : Parts
    teachers : tuple of Side
        Weak sides, each of which teaches.
    student : Side
        The strong side.
    chain : tuple of Side
        Students between teacher and student: each is fitted to the labels of the one before.
    selection : ndarray, optional
        Rows whose true values choose the penalties of students and ceiling; None where the labels
        that each is fitted to do.
    student_weight : float or ndarray, optional
        Share of a student in what counts as its prediction, its teacher having the rest; or rows
        whose true values choose it. None where students stand alone, as those of controls do.
    ensembles, controls
        Other teachers: see the suites' settings of these names.
    works : tuple of Work
        What ``Problem.columns`` reads from the store, beside predictions.
    """

    split: str
    seed: int
    truth: Array
    parts: Parts
    teachers: tuple[Side, ...]
    student: Side
    chain: tuple[Side, ...] = ()
    selection: Rows | None = None
    student_weight: float | Rows | None = None
    ensembles: tuple[Ensemble, ...] = ()
    controls: tuple[Control, ...] = ()
    works: tuple[Work, ...] = ()

    @cached_property
    def truth_key(self) -> str:
        return digest("truth", self.truth)

    @property
    def tasks(self) -> int:
        return 1 if self.truth.ndim == 1 else self.truth.shape[1]

    def truth_at(self, rows: Rows) -> Array:
        """(len(rows), m), a column a task."""
        return self.truth[rows].reshape(len(rows), self.tasks)


class Problem(Protocol):
    """What a suite asks.

    Attributes
    ----------
    name, unit : str
        Of the dataset and its target.
    loss : str
        By which everything is measured (``molw2s.losses``).
    texts : ndarray (n,), optional
        What a row is, for people: its SMILES. None where rows are random points.
    trials : int
        How many rows the records will have.
    preparation : sequence of Work
        What must be done before there are cases: representations that are learned for them.
    """

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def loss(self) -> str: ...
    @property
    def texts(self) -> NDArray[Any] | None: ...
    @property
    def trials(self) -> int: ...
    @property
    def preparation(self) -> Sequence[Work]: ...

    def batches(self, store: Store) -> Iterator[Sequence[Case]]:
        """The cases, in batches that are planned, fitted and measured one after the other.

        ``preparation`` is in the store by then.
        """
        ...

    def columns(self, case: Case, teacher: str, store: Store) -> dict[str, Any]:
        """What the records say of one teacher in one case, by name of column."""
        ...

    def manifest(self) -> dict[str, Any]:
        """The data, as far as it is known before anything is computed."""
        ...

    def remarks(self, store: Store) -> list[str]:
        """What whoever reads the results should know of the data, ``preparation`` being done."""
        ...

    def found(self, store: Store) -> dict[str, Any]:
        """What the manifest says of encoders or representations, ``preparation`` being done."""
        ...
