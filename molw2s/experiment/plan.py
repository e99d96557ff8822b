"""Who teaches whom: a case's trials, and the fits they need."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from molw2s.experiment.fits import Fit
from molw2s.experiment.sources import Averaged, Ensemble, OutOfFold, Predicted, Source, Truth
from molw2s.problems.problem import Case, Rows, Side
from molw2s.store import Work, digest

Kind = Literal["encoder", "ensemble", "control"]


@dataclass(frozen=True, eq=False)
class Teacher:
    """Who makes labels.

    Attributes
    ----------
    fitted_with : str
        A head's name or kind of finetuning; empty for the truth.
    answers : Source
        Predictions on the evaluation and validation parts.
    labels : Source
        Weak labels at ``rows``.
    rows : ndarray
        What its student is fitted to: the unlabelled part, save for the control "truth".
    """

    name: str
    kind: Kind
    hidden_size: int | None
    fitted_with: str
    answers: Source
    labels: Source
    rows: Rows


@dataclass(frozen=True, eq=False)
class Trial:
    """A teacher in one case, its student, and the ceiling of that case."""

    case: Case
    teacher: Teacher
    student: Source
    ceiling: Source

    @property
    def works(self) -> tuple[Work, ...]:
        """What is measured."""
        sources = (self.teacher.answers, self.teacher.labels, self.student, self.ceiling)
        return (*(fit for source in sources for fit in source.fits), *self.case.works)


def plan(cases: Iterable[Case]) -> list[Trial]:
    """The trials of each case: weak encoders first, then ensembles, then controls."""
    return [trial for case in cases for trial in _of_case(case)]


def _of_case(case: Case) -> list[Trial]:
    truth = Truth(case)
    encoders = [_weak_encoder(side, case, truth) for side in case.teachers]
    ensembles = [_ensemble(how, encoders, case) for how in case.ensembles]
    controls = [_CONTROLS[name](case, truth) for name in case.controls]
    teachers = [*encoders, *ensembles, *controls]
    ceiling, *students = _students(case, truth, teachers)
    return [
        Trial(case, teacher, _weighted(student, teacher, case), ceiling)
        for teacher, student in zip(teachers, students)
    ]


def _weak_encoder(side: Side, case: Case, truth: Source) -> Teacher:
    parts = case.parts
    asked = [parts.evaluation, parts.validation]
    if not parts.folds:
        asked.append(parts.unlabelled)
    answers = _fitted(side, parts.labelled, truth, asked, case, f"teacher {side.name}")
    labels: Source = answers
    if parts.folds:
        labels = OutOfFold(
            tuple(
                _fitted(side, known, truth, [rows], case, f"teacher {side.name}, a fold")
                for known, rows in parts.folds
            )
        )
    return Teacher(
        side.name, "encoder", side.hidden_size, side.learner.title, answers, labels,
        parts.unlabelled,
    )  # fmt: skip


def _ensemble(how: str, encoders: Sequence[Teacher], case: Case) -> Teacher:
    answers = [teacher.answers for teacher in encoders]
    judged = answers if how == "validation" else []
    labels = [teacher.labels for teacher in encoders]
    return Teacher(
        f"ensemble-{how}", "ensemble", None, encoders[0].fitted_with,
        Ensemble(answers, judged, case), Ensemble(labels, judged, case), case.parts.unlabelled,
    )  # fmt: skip


def _self(case: Case, truth: Source) -> Teacher:
    """The strong model, fitted to the labelled part as a weak one is, teaches itself."""
    return replace(_weak_encoder(case.student, case, truth), name="self", kind="control")


def _truth(case: Case, truth: Source) -> Teacher:
    """The labelled part's true labels, and nothing on the unlabelled part."""
    return Teacher("truth", "control", None, "", truth, truth, case.parts.labelled)


_CONTROLS = {"self": _self, "truth": _truth}


def _students(case: Case, truth: Source, teachers: Sequence[Teacher]) -> list[Source]:
    """The ceiling, then a student for each teacher."""
    parts = case.parts
    wanted = [
        (teacher.rows, labels, f"student of {teacher.name}")
        for teacher, labels in zip(teachers, _through_chain(case, teachers))
    ]
    wanted.append((parts.unlabelled, truth, "ceiling"))
    asked = [parts.evaluation, parts.validation]
    *students, ceiling = _fit_all(case.student, wanted, asked, case)
    return [ceiling, *students]


def _weighted(student: Source, teacher: Teacher, case: Case) -> Source:
    """The student, averaged with its teacher where the case says so; a control stands alone."""
    if teacher.kind == "control" or case.student_weight is None:
        return student
    return Averaged(student, teacher.answers, case.student_weight, case)


def _through_chain(case: Case, teachers: Sequence[Teacher]) -> list[Source]:
    """What each student is fitted to: its teacher's labels, or those of the last student before it.

    A control has no students between: it is what a chain is compared with.
    """
    labels = [teacher.labels for teacher in teachers]
    rows = case.parts.unlabelled
    chained = [place for place, teacher in enumerate(teachers) if teacher.kind != "control"]
    for side in case.chain:
        wanted = [
            (rows, labels[place], f"{side.name} after {teachers[place].name}") for place in chained
        ]
        for place, source in zip(chained, _fit_all(side, wanted, [rows], case)):
            labels[place] = source
    return labels


def _fit_all(
    side: Side, wanted: Sequence[tuple[Rows, Source, str]], asked: Sequence[Rows], case: Case
) -> list[Predicted]:
    """A prediction for each of the labels wanted: rows, labels, and whose fit it is.

    One fit for all labels at the same rows where the learner takes many, else a fit each.
    """
    groups: dict[str, list[int]] = {}
    for place, (rows, _, _) in enumerate(wanted):
        same = digest(rows) if side.learner.grouped else str(place)
        groups.setdefault(same, []).append(place)
    predicted: dict[int, Predicted] = {}
    for places in groups.values():
        rows, _, who = wanted[places[0]]
        labels = tuple(wanted[place][1] for place in places)
        title = who if len(places) == 1 else f"{len(places)} students"
        judge = None if case.selection is None else (case.selection, Truth(case))
        fit = _fit(side, rows, labels, asked, case, title, judge)
        predicted |= {place: Predicted(fit, number) for number, place in enumerate(places)}
    return [predicted[place] for place in range(len(wanted))]


def _fitted(
    side: Side, rows: Rows, labels: Source, asked: Sequence[Rows], case: Case, who: str
) -> Predicted:
    return Predicted(_fit(side, rows, (labels,), asked, case, who))


def _fit(
    side: Side, rows: Rows, labels: tuple[Source, ...], asked: Sequence[Rows], case: Case, who: str,
    judge: tuple[Rows, Source] | None = None,
) -> Fit:  # fmt: skip
    # One question: predictions of a fit are then all of one model.
    question = np.concatenate(asked)
    return Fit(side.learner, side.inputs, rows, labels, question, f"{case.split}, {who}", judge)
