"""From kept predictions to the rows of the records, and to the table of predictions itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molw2s.columns import SCHEMA_VERSION
from molw2s.experiment.plan import Trial
from molw2s.experiment.predictions import PARTS, PREDICTIONS
from molw2s.experiment.sources import Averaged
from molw2s.losses import Loss, get_loss
from molw2s.problems.problem import Problem, Rows
from molw2s.records import as_numbers, in_order
from molw2s.store import Store
from molw2s.theory import SQUARED, Values, measures


def measured(
    trials: Iterable[Trial], problem: Problem, suite: str, store: Store, first: int
) -> list[dict[str, Any]]:
    """The records' rows of finished trials, the first of which has the number ``first``."""
    rows: list[dict[str, Any]] = []
    for trial in trials:
        found = measures_of(trial, store, get_loss(problem.loss))
        about = _about(trial, problem, suite, store)
        many = trial.case.truth.ndim > 1
        for task, values in enumerate(zip(*(each.tolist() for each in found.values()))):
            numbered = {"trial": first + len(rows)} | ({"task": task} if many else {})
            rows.append(about | numbered | dict(zip(found, values)))
    return rows


def measures_of(trial: Trial, store: Store, loss: Loss = SQUARED) -> dict[str, NDArray[np.float64]]:
    """Every measure, penalty and weight of a trial, (m,) for m tasks."""
    evaluation, validation, unlabelled = (values_of(trial, part, store) for part in PARTS)
    found = measures(evaluation, validation, unlabelled, loss) | {
        "weak_penalty": trial.teacher.answers.penalty(store),
        "w2s_penalty": trial.student.penalty(store),
        "strong_penalty": trial.ceiling.penalty(store),
    }
    if isinstance(trial.student, Averaged):
        found["student_weight"] = trial.student.weights(store)
    return found


def values_of(trial: Trial, part: str, store: Store) -> Values:
    """Truth and predictions on one part; student and ceiling are not asked on the unlabelled."""
    rows = rows_of(trial, part)
    truth = trial.case.truth_at(rows)
    if part == "unlabelled":
        return Values(truth, trial.teacher.labels.at(rows, store))
    sources = (trial.teacher.answers, trial.student, trial.ceiling)
    return Values(truth, *(source.at(rows, store) for source in sources))


def rows_of(trial: Trial, part: str) -> Rows:
    """Row numbers of a part; the unlabelled one is what the student is fitted to."""
    if part == "unlabelled":
        return trial.teacher.rows
    rows: Rows = getattr(trial.case.parts, part)
    return rows


def as_records(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """A tidy frame, a row a trial; columns in the order of ``COLUMNS``, others behind."""
    return in_order(as_numbers(pd.DataFrame(rows)))


def predictions_of(
    trials: Iterable[Trial], problem: Problem, store: Store, first: int
) -> pd.DataFrame:
    """What was predicted, row by row; the columns are ``PREDICTIONS``, in target units."""
    frames = []
    number = first
    for trial in trials:
        of_parts = [(part, rows_of(trial, part), values_of(trial, part, store)) for part in PARTS]
        for task in range(trial.case.tasks):
            for part, rows, values in of_parts:
                frames.append(_frame(number, part, rows, values, task))
            number += 1
    frame = pd.concat(frames, ignore_index=True)
    texts = "" if problem.texts is None else problem.texts[frame["row"]]
    return frame.assign(smiles=texts)[list(PREDICTIONS)]


def _frame(number: int, part: str, rows: Rows, values: Values, task: int) -> pd.DataFrame:
    asked = {"truth": values.truth, "weak": values.weak}
    asked |= {
        name: np.full(values.truth.shape, np.nan) if each is None else each
        for name, each in (("student", values.student), ("ceiling", values.ceiling))
    }
    predicted = {name: each[:, task] for name, each in asked.items()}
    return pd.DataFrame({"trial": number, "row": rows, "part": part} | predicted)


def _about(trial: Trial, problem: Problem, suite: str, store: Store) -> dict[str, Any]:
    case, teacher = trial.case, trial.teacher
    return {
        "schema_version": SCHEMA_VERSION,
        "suite": suite,
        "dataset": problem.name,
        "unit": problem.unit,
        "loss": problem.loss,
        "weak": teacher.name,
        "teacher_kind": teacher.kind,
        "weak_hidden_size": teacher.hidden_size,
        "strong": case.student.name,
        "strong_hidden_size": case.student.hidden_size,
        "chain": " > ".join(side.name for side in case.chain),
        "weak_head": teacher.fitted_with,
        "strong_head": case.student.learner.title,
        "split": case.split,
        "seed": case.seed,
        "n_labelled": len(case.parts.labelled),
        "n_unlabelled": len(teacher.rows),
        "n_evaluation": len(case.parts.evaluation),
    } | problem.columns(case, teacher.name, store)
