"""The weak-to-strong protocol (Charikar, Pabbaraju, Shiragur 2024, sections 3 and 5).

Weak head on true labels -> weak labels -> strong head on weak labels -> errors. It knows features,
targets and heads only, not where they come from.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from molw2s.heads import Head, chosen_penalty

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

    def of(self, values: Array) -> ThreeSets:
        """``values`` at these row numbers."""
        return ThreeSets(
            values[self.labelled],
            values[self.unlabelled],
            values[self.evaluation],
            None if self.validation is None else values[self.validation],
        )


@dataclass(frozen=True, slots=True)
class Errors:
    """What one trial measured: mean squared errors d_P on the evaluation points.

    Attributes
    ----------
    weak_error : float
        d_P(weak model, truth), in squared target units, as are the others.
    w2s_error : float
        d_P(strong model fitted to weak labels, truth).
    misfit : float
        d_P(strong model fitted to weak labels, weak model).
    strong_error : float
        d_P(strong model fitted to true labels at the same points, truth): the ceiling.
    weak_penalty, w2s_penalty, strong_penalty : float
        What each head chose for itself; nan for a head that chooses nothing.
    weak_error_se, w2s_error_se, misfit_se, gain_minus_misfit_se : float
        Standard errors that come from measuring on finitely many evaluation points.
    weak_error_valid, misfit_valid : float
        As ``weak_error`` and ``misfit``, on the validation points; nan where there are none.
    """

    weak_error: float
    w2s_error: float
    misfit: float
    strong_error: float
    weak_penalty: float = math.nan
    w2s_penalty: float = math.nan
    strong_penalty: float = math.nan
    weak_error_se: float = math.nan
    w2s_error_se: float = math.nan
    misfit_se: float = math.nan
    gain_minus_misfit_se: float = math.nan
    weak_error_valid: float = math.nan
    misfit_valid: float = math.nan

    @property
    def gain(self) -> float:
        """weak_error - w2s_error; at least ``misfit`` under Theorem 1."""
        return self.weak_error - self.w2s_error

    @property
    def gain_minus_misfit(self) -> float:
        """At least 0 under Theorem 1, exactly 0 for a linear subspace."""
        return self.gain - self.misfit

    @property
    def weak_error_minus_misfit(self) -> float:
        """Theorem 1's bound on w2s_error, by which a weak teacher is chosen."""
        return self.weak_error - self.misfit

    @property
    def weak_error_minus_misfit_valid(self) -> float:
        """The same bound on the validation points."""
        return self.weak_error_valid - self.misfit_valid

    @property
    def pgr(self) -> float:
        """Performance gap recovered (Burns et al. 2023); nan where the ceiling is no better than
        the weak model, so that there is no gap."""
        return float(recovered(self.gain, self.weak_error, self.strong_error))


def recovered(gain: Any, weak_error: Any, strong_error: Any) -> NDArray[np.float64]:
    """gain / (weak_error - strong_error), one value each; nan where there is no such gap but
    rounding error."""
    gain, weak_error, strong_error = np.broadcast_arrays(gain, weak_error, strong_error)
    gap = weak_error - strong_error
    share = np.full(gap.shape, math.nan)
    return np.divide(gain, gap, out=share, where=gap > 1e-9 * weak_error)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a fitted model says of m tasks.

    Attributes
    ----------
    evaluation : ndarray (n, m)
    validation : ndarray (n, m)
        One row of nan where there are no such points.
    unlabelled : ndarray (n, m)
        A teacher's: the weak labels. A student is not asked, and has none.
    penalty : ndarray (m,)
        What it chose for itself; nan where it chooses nothing.
    """

    evaluation: NDArray[np.float64]
    validation: NDArray[np.float64]
    unlabelled: NDArray[np.float64]
    penalty: NDArray[np.float64]

    def split(self, parts: int) -> list[Answers]:
        """The tasks in ``parts`` groups of equal size."""
        fields = (self.evaluation, self.validation, self.unlabelled, self.penalty)
        return [Answers(*group) for group in zip(*(np.split(f, parts, axis=-1) for f in fields))]


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
    teachers: list[Answers] = Parallel(n_jobs=min(len(weak), cpu_count()))(
        delayed(teach)(weak_head(), features, target.labelled) for features in weak
    )
    labels = np.hstack([*(each.unlabelled for each in teachers), _as_columns(target.unlabelled)])
    *students, ceiling = learn(strong_head(), strong, labels).split(len(weak) + 1)
    return [
        measure(teacher, student, ceiling, target) for teacher, student in zip(teachers, students)
    ]


def teach(head: Head, weak: ThreeSets, truth: Array) -> Answers:
    """Fit a weak head to the truth (n,) or (n, m) at the labelled points."""
    return _answers(head, weak.labelled, truth, weak, weak.unlabelled)


def learn(head: Head, strong: ThreeSets, labels: Array) -> Answers:
    """Fit a strong head to labels (n,) or (n, m) at the unlabelled points."""
    return _answers(head, strong.unlabelled, labels, strong)


def _answers(
    head: Head, X: Array, y: Array, points: ThreeSets, unlabelled: Array | None = None
) -> Answers:
    """Fit and ask on one core: sums are then rounded alike whatever the machine and the process.

    Fits run side by side in processes, which is also faster than BLAS threads within one.
    """
    labels = _as_columns(y)
    tasks = labels.shape[1]
    asked = [points.evaluation, points.validation, unlabelled]
    ends = np.cumsum([0 if rows is None else len(rows) for rows in asked])

    if getattr(X, "dtype", None) != np.dtype(object):  # a finetuned encoder is given SMILES
        X = np.asarray(X, np.float64)
        asked = [None if rows is None else np.asarray(rows, np.float64) for rows in asked]
    with threadpool_limits(1):
        head.fit(X, labels)
        # One question: predictions that are kept on disk are then all of one fit.
        answers = _as_columns(head.predict(np.concatenate([r for r in asked if r is not None])))
    evaluation, validation, of_unlabelled = np.split(answers, ends[:-1])
    return Answers(
        evaluation=evaluation,
        validation=np.full((1, tasks), math.nan) if points.validation is None else validation,
        unlabelled=of_unlabelled,
        penalty=chosen_penalty(head, tasks),
    )


def measure(teacher: Answers, student: Answers, ceiling: Answers, truth: ThreeSets) -> list[Errors]:
    """The errors of one weak model and its student, task by task.

    ``ceiling`` are the answers of the strong head fitted to the true values at the same points.
    """
    true = _as_columns(truth.evaluation)
    weak, w2s = teacher.evaluation, student.evaluation
    weak_error, w2s_error, misfit = (
        (f - g) ** 2 for f, g in ((weak, true), (w2s, true), (w2s, weak))
    )
    true_valid = math.nan if truth.validation is None else _as_columns(truth.validation)
    columns = (
        weak_error.mean(0),
        w2s_error.mean(0),
        misfit.mean(0),
        squared_distance(ceiling.evaluation, true),
        teacher.penalty,
        student.penalty,
        ceiling.penalty,
        _standard_error(weak_error),
        _standard_error(w2s_error),
        _standard_error(misfit),
        _standard_error(weak_error - w2s_error - misfit),
        squared_distance(teacher.validation, true_valid),
        squared_distance(student.validation, teacher.validation),
    )
    return [Errors(*map(float, row)) for row in zip(*columns)]


def squared_distance(f: Array, g: Array | float) -> NDArray[np.float64]:
    """d_P(f, g) for each task: the mean over rows of (f - g)^2, for (n, m) values."""
    return ((np.asarray(f, np.float64) - g) ** 2).mean(0)


def _standard_error(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the mean over rows, for (n, m) values; nan for a single row."""
    n = len(values)
    return values.std(0, ddof=1) / math.sqrt(n) if n > 1 else np.full(values.shape[1], math.nan)


def _as_columns(values: Array) -> NDArray[np.float64]:
    values = np.asarray(values, np.float64)
    return values[:, None] if values.ndim == 1 else values
