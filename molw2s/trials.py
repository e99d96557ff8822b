"""The trials of a suite: who teaches whom, on which molecules - fitted side by side."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray

from molw2s.datasets import Split
from molw2s.encoders import Encoder, embed, fingerprint
from molw2s.errors import InvalidInput
from molw2s.finetuning import FinetunedEncoder, Finetuning, KeptPredictions
from molw2s.heads import HEADS, Head
from molw2s.protocol import Answers, Errors, ThreeSets, learn, measure, teach

Labels = Literal["shared", "disjoint"]
Mode = Literal["head", "full", "lora"]


@dataclass(frozen=True, eq=False)
class Case:
    """One split, as the protocol uses it, and one seed for whatever is finetuned on it."""

    split: Split
    rows: ThreeSets
    seed: int


def make_cases(splits: Iterable[Split], labels: Labels, seeds: Sequence[int]) -> list[Case]:
    """Every split with every seed.

    Raises
    ------
    InvalidInput
        If a training part is too small to halve.
    """
    return [Case(split, _three_sets(split, labels), seed) for split in splits for seed in seeds]


def _three_sets(split: Split, labels: Labels) -> ThreeSets:
    """Row numbers of the sets; "disjoint" halves the training part at random."""
    valid = split.valid if len(split.valid) else None
    if labels == "shared":
        return ThreeSets(split.train, split.train, split.test, valid)
    if len(split.train) < 2:
        raise InvalidInput(f"split {split.name} has too few training molecules to halve")
    seed = int.from_bytes(hashlib.sha256(split.name.encode()).digest()[:4], "big")
    shuffled = np.random.default_rng(seed).permutation(split.train)
    half = len(shuffled) // 2
    return ThreeSets(np.sort(shuffled[:half]), np.sort(shuffled[half:]), split.test, valid)


@dataclass(frozen=True, eq=False)
class Side:
    """An encoder and how it is fitted: under a head, frozen, or finetuned.

    Raises
    ------
    UnknownName
        If there is no such head.
    InvalidInput
        If the encoder cannot be finetuned in this mode.
    """

    encoder: Encoder
    mode: Mode
    head: str
    finetuning: Finetuning
    smiles: Sequence[str]

    def __post_init__(self) -> None:
        if self.mode == "head":
            HEADS[self.head]
        else:
            FinetunedEncoder(self.encoder, self.mode).check()

    @property
    def finetuned(self) -> bool:
        return self.mode != "head"

    @property
    def fitted(self) -> str:
        """What is fitted, for people: the head's name, or how it is finetuned."""
        return f"{self.mode} finetuning" if self.finetuned else self.head

    @cached_property
    def inputs(self) -> NDArray[Any]:
        """A row a molecule: its embedding (n, d), or its SMILES (n,)."""
        return np.array(self.smiles, dtype=object) if self.finetuned else self.features

    @cached_property
    def features(self) -> NDArray[np.float32]:
        """(n, d) embeddings of the frozen encoder."""
        return embed(self.encoder, self.smiles)

    @cached_property
    def sha256(self) -> str:
        return fingerprint(self.encoder, self.inputs)

    def at(self, rows: ThreeSets) -> ThreeSets:
        return rows.of(self.inputs)

    def model(self, seed: int) -> Head:
        """Unfitted; a head, having a closed form, makes nothing of the seed."""
        if self.mode == "head":
            return HEADS[self.head]()
        return KeptPredictions(FinetunedEncoder(self.encoder, self.mode, self.finetuning, seed))


@dataclass(frozen=True, eq=False)
class Trial:
    """One weak encoder in one case, and what was measured."""

    case: Case
    weak: Side
    errors: Errors


def run_trials(
    weak: Sequence[Side],
    strong: Side,
    cases: Sequence[Case],
    target: NDArray[np.float64],
    jobs: int | None,
    progress: Callable[[str], None],
) -> Iterator[list[Trial]]:
    """Fit everything; trials come as soon as they are finished, case by case.

    Weak heads are fitted in processes that go on while strong heads, many-target problems, are
    fitted here. Finetuned strong encoders have a fit for every weak one and for the truth.

    Parameters
    ----------
    target
        (n,) true values of all molecules.
    jobs
        How many fits run side by side; by default one finetuning, or a head on every core.
    progress
        Called with what comes next, for each fit.
    """
    teachers = _side_by_side(
        (
            delayed(teach)(side.model(case.seed), side.at(case.rows), target[case.rows.labelled])
            for case in cases
            for side in weak
        ),
        min(len(cases) * len(weak), jobs or (1 if weak[0].finetuned else cpu_count())),
    )

    _ = strong.inputs  # loaded while the first weak heads are fitted

    def taught() -> Iterator[tuple[Case, list[Answers]]]:
        for case in cases:
            answers = []
            for side in weak:
                answers.append(next(teachers))
                progress(f"{case.split.name}, taught {side.encoder.name}")
            yield case, answers

    if strong.finetuned:
        yield from _finetuned_students(weak, strong, list(taught()), target, jobs or 1, progress)
        return
    for case, answers in taught():
        truth = target[case.rows.unlabelled, None]
        labels = np.hstack([*(each.unlabelled for each in answers), truth])
        fit = learn(strong.model(case.seed), strong.at(case.rows), labels)
        *students, ceiling = fit.split(len(weak) + 1)
        progress(f"{case.split.name}, students")
        yield [
            _trial(case, side, teacher, student, ceiling, target)
            for side, teacher, student in zip(weak, answers, students)
        ]


def _finetuned_students(
    weak: Sequence[Side],
    strong: Side,
    taught: list[tuple[Case, list[Answers]]],
    target: NDArray[np.float64],
    jobs: int,
    progress: Callable[[str], None],
) -> Iterator[list[Trial]]:
    fits = _side_by_side(
        (
            delayed(learn)(strong.model(case.seed), strong.at(case.rows), labels)
            for case, answers in taught
            for labels in (target[case.rows.unlabelled], *(each.unlabelled for each in answers))
        ),
        jobs,
    )
    for case, answers in taught:
        ceiling = next(fits)
        progress(f"{case.split.name}, ceiling")
        for side, teacher in zip(weak, answers):
            trial = _trial(case, side, teacher, next(fits), ceiling, target)
            progress(f"{case.split.name}, student of {side.encoder.name}")
            yield [trial]


def fit_count(weak: Sequence[Side], strong: Side, cases: Sequence[Case]) -> int:
    """How often ``run_trials`` calls ``progress``."""
    return len(cases) * (len(weak) + (len(weak) + 1 if strong.finetuned else 1))


def _side_by_side(calls: Iterable[Any], jobs: int) -> Iterator[Answers]:
    """Results in order, as they come; started at once where there is more than one process."""
    # Workers that have grown are replaced between fits, as they should be.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    results: Iterator[Answers] = Parallel(n_jobs=jobs, return_as="generator")(calls)
    return results


def _trial(
    case: Case,
    side: Side,
    teacher: Answers,
    student: Answers,
    ceiling: Answers,
    target: NDArray[np.float64],
) -> Trial:
    (errors,) = measure(teacher, student, ceiling, case.rows.of(target))
    return Trial(case, side, errors)
