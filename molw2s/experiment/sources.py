"""Where values at rows come from: the truth, a fit, several fits. Labels and predictions alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from molw2s.problems.problem import Case, Rows
from molw2s.store import Store, digest

if TYPE_CHECKING:
    from molw2s.experiment.fits import Fit

Array = NDArray[np.float64]


class Source(Protocol):
    """Values of m tasks at rows.

    Attributes
    ----------
    key : str
        SHA-256 of all that decides the values.
    kept : bool
        Whether the key really knows all that.
    fits : tuple of Fit
        What must be in the store before ``at`` is asked.
    tasks : int
        m.
    """

    @property
    def key(self) -> str: ...
    @property
    def kept(self) -> bool: ...
    @property
    def fits(self) -> tuple[Fit, ...]: ...
    @property
    def tasks(self) -> int: ...

    def at(self, rows: Rows, store: Store) -> Array:
        """(len(rows), m) values."""
        ...

    def penalty(self, store: Store) -> Array:
        """(m,) penalty that was chosen; nan where none was, or more than one."""
        ...


@dataclass(frozen=True, eq=False)
class Truth:
    """The true values."""

    case: Case
    kept = True
    fits: tuple[Fit, ...] = ()

    @property
    def key(self) -> str:
        return self.case.truth_key

    @property
    def tasks(self) -> int:
        return self.case.tasks

    def at(self, rows: Rows, store: Store) -> Array:
        return self.case.truth_at(rows)

    def penalty(self, store: Store) -> Array:
        return np.full(self.tasks, np.nan)


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a fit predicts, having been given labels of several sources: those of one of them."""

    fit: Fit
    place: int = 0

    @cached_property
    def key(self) -> str:
        return digest("predicted", self.fit.key, str(self.place))

    @property
    def kept(self) -> bool:
        return self.fit.kept

    @property
    def fits(self) -> tuple[Fit, ...]:
        return (self.fit,)

    @property
    def tasks(self) -> int:
        return self.fit.labels[self.place].tasks

    @property
    def _columns(self) -> slice:
        start = sum(source.tasks for source in self.fit.labels[: self.place])
        return slice(start, start + self.tasks)

    def at(self, rows: Rows, store: Store) -> Array:
        predictions = store[self.fit.key]["predictions"]
        return predictions[self.fit.places(rows), self._columns]

    def penalty(self, store: Store) -> Array:
        return store[self.fit.key]["penalty"][self._columns]


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Each row's value from the fit that has not seen it."""

    folds: tuple[Predicted, ...]

    @cached_property
    def key(self) -> str:
        return digest("out of fold", *(fold.key for fold in self.folds))

    @property
    def kept(self) -> bool:
        return all(fold.kept for fold in self.folds)

    @property
    def fits(self) -> tuple[Fit, ...]:
        return tuple(fold.fit for fold in self.folds)

    @property
    def tasks(self) -> int:
        return self.folds[0].tasks

    def at(self, rows: Rows, store: Store) -> Array:
        values = np.full((len(rows), self.tasks), np.nan)
        for fold in self.folds:
            asked = np.isin(rows, fold.fit.asked)
            values[asked] = fold.at(rows[asked], store)
        return values

    def penalty(self, store: Store) -> Array:
        return np.full(self.tasks, np.nan)


@dataclass(frozen=True, eq=False)
class Averaged:
    """A student's predictions averaged with its teacher's: a step of part of the way.

    Attributes
    ----------
    weight : float or ndarray
        The student's share; or rows, whose true values in ``case`` choose the one from 0 to 1 that
        fits them best, by least squares.
    """

    student: Source
    teacher: Source
    weight: float | Rows
    case: Case

    @cached_property
    def key(self) -> str:
        if isinstance(self.weight, np.ndarray):
            how = digest(self.case.truth_key, self.weight)
        else:
            how = str(self.weight)
        return digest("averaged", how, self.student.key, self.teacher.key)

    @property
    def kept(self) -> bool:
        return self.student.kept and self.teacher.kept

    @property
    def fits(self) -> tuple[Fit, ...]:
        return (*self.student.fits, *self.teacher.fits)

    @property
    def tasks(self) -> int:
        return self.student.tasks

    def at(self, rows: Rows, store: Store) -> Array:
        teacher = self.teacher.at(rows, store)
        step: Array = self.weights(store) * (self.student.at(rows, store) - teacher)
        return teacher + step

    def weights(self, store: Store) -> Array:
        """(m,) the student's share; 1 where it does not differ from its teacher."""
        rows = self.weight
        if not isinstance(rows, np.ndarray):
            return np.full(self.tasks, rows, np.float64)
        teacher = self.teacher.at(rows, store)
        step = self.student.at(rows, store) - teacher
        wanted = (step * (self.case.truth_at(rows) - teacher)).sum(0)
        length = (step**2).sum(0)
        share = np.divide(wanted, length, out=np.ones(self.tasks), where=length > 0)
        return share.clip(0, 1)

    def penalty(self, store: Store) -> Array:
        return self.student.penalty(store)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A weighted mean of sources.

    Attributes
    ----------
    members : sequence of Source
        What is averaged.
    judged : sequence of Source
        Empty for equal weights. Else the same members' predictions on the validation part of
        ``case``, from which the weights come.
    """

    members: Sequence[Source]
    judged: Sequence[Source]
    case: Case

    @cached_property
    def key(self) -> str:
        judged = [source.key for source in self.judged]
        how = digest(self.case.truth_key, self.case.parts.validation) if judged else "equal"
        return digest("ensemble", how, *(source.key for source in self.members), *judged)

    @property
    def kept(self) -> bool:
        return all(source.kept for source in (*self.members, *self.judged))

    @property
    def fits(self) -> tuple[Fit, ...]:
        return tuple(fit for source in (*self.members, *self.judged) for fit in source.fits)

    @property
    def tasks(self) -> int:
        return self.members[0].tasks

    def at(self, rows: Rows, store: Store) -> Array:
        values = np.stack([source.at(rows, store) for source in self.members])
        mean: Array = np.einsum("snm,sm->nm", values, self.weights(store))
        return mean

    def weights(self, store: Store) -> Array:
        """(members, m) nonnegative weights, each task's with sum 1.

        Least squares under a sign constraint, then scaled to sum 1 (van der Laan, Polley and
        Hubbard 2007, "Super Learner"); equal where no weight is positive.
        """
        equal = np.full((len(self.members), self.tasks), 1 / len(self.members))
        if not self.judged:
            return equal
        from scipy.optimize import nnls

        rows = self.case.parts.validation
        predicted = np.stack([source.at(rows, store) for source in self.judged], axis=1)
        truth = self.case.truth_at(rows)
        for task in range(self.tasks):
            found, _ = nnls(predicted[:, :, task], truth[:, task])
            if found.sum() > 0:
                equal[:, task] = found / found.sum()
        return equal

    def penalty(self, store: Store) -> Array:
        return np.full(self.tasks, np.nan)
