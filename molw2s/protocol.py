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
        """Performance gap recovered (Burns et al. 2023); nan where weak and ceiling are level."""
        gap = self.weak_error - self.strong_error
        level = abs(gap) <= 1e-9 * max(self.weak_error, self.strong_error)
        return math.nan if level else self.gain / gap


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
    truth = _as_columns(target.evaluation)
    weak_labels, weak_predictions, weak_validations, weak_penalties = zip(
        *Parallel(n_jobs=min(len(weak), cpu_count()))(
            delayed(_teach)(weak_head(), features, _as_columns(target.labelled))
            for features in weak
        )
    )

    labels = np.hstack([*weak_labels, _as_columns(target.unlabelled)])
    head = strong_head().fit(strong.unlabelled, labels)
    penalties = np.split(chosen_penalty(head, labels.shape[1]), len(weak) + 1)
    *students, ceiling = np.split(
        _as_columns(head.predict(strong.evaluation)), len(weak) + 1, axis=1
    )
    *validated, _ = np.split(
        _predict_if_any(head, strong.validation, labels.shape[1]), len(weak) + 1, axis=1
    )
    truth_valid = math.nan if target.validation is None else _as_columns(target.validation)

    strong_error = squared_distance(ceiling, truth)
    results = []
    for teacher, student, weak_penalty, w2s_penalty, teacher_valid, student_valid in zip(
        weak_predictions, students, weak_penalties, penalties, weak_validations, validated
    ):
        weak_error, w2s_error, misfit = (
            (f - g) ** 2 for f, g in ((teacher, truth), (student, truth), (student, teacher))
        )
        columns = (
            weak_error.mean(0),
            w2s_error.mean(0),
            misfit.mean(0),
            strong_error,
            weak_penalty,
            w2s_penalty,
            penalties[-1],
            _standard_error(weak_error),
            _standard_error(w2s_error),
            _standard_error(misfit),
            _standard_error(weak_error - w2s_error - misfit),
            squared_distance(teacher_valid, truth_valid),
            squared_distance(student_valid, teacher_valid),
        )
        results.append([Errors(*map(float, row)) for row in zip(*columns)])
    return results


def _teach(head: Head, features: ThreeSets, target: Array) -> tuple[Array, Array, Array, Array]:
    """Fit a weak head; its labels, its predictions to evaluate and validate, its penalties."""
    head.fit(features.labelled, target)
    labels, predictions = map(head.predict, (features.unlabelled, features.evaluation))
    tasks = target.shape[1]
    return (
        _as_columns(labels),
        _as_columns(predictions),
        _predict_if_any(head, features.validation, tasks),
        chosen_penalty(head, tasks),
    )


def _predict_if_any(head: Head, rows: Array | None, tasks: int) -> NDArray[np.float64]:
    """(n, tasks) predictions; one row of nan where there are no points."""
    return np.full((1, tasks), math.nan) if rows is None else _as_columns(head.predict(rows))


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
