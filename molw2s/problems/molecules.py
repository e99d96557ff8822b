"""A molecular suite: a dataset, weak encoders, a strong one, splits - and the problem it poses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, NonNegativeInt, field_validator

from molw2s.datasets import MoleculeDataset, load_dataset, make_splits
from molw2s.datasets.splits import CHEMBENCH_SEEDS, Split, Splitter
from molw2s.encoders import FAULTS, Embeddings, fingerprint, get_encoder, licence_of
from molw2s.encoders.base import check_names, tell_apart
from molw2s.encoders.catalog import WEAK_HIDDEN_SIZES
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput
from molw2s.learners import FinetuningLearner, HeadLearner
from molw2s.learners.finetuning import Finetuning
from molw2s.learners.heads import (
    EXACT_ROWS,
    HEADS,
    LANDMARKS,
    PROBABILITIES,
    can_be_judged,
    is_built_in,
)
from molw2s.predictors import VERSION as PREDICTORS_VERSION
from molw2s.predictors import Predictors, representation_predictors
from molw2s.problems.labels import Labels, generator, halved_validation, parts_of
from molw2s.problems.problem import Case, Given, Parts, Rows, Side
from molw2s.problems.settings import Ensemble, Settings, no_repeats, so_many
from molw2s.store import Arrays, Shapes, Spread, Store, Work, digest

Mode = Literal["head", "full", "lora"]
SplitSeed = Annotated[int, Field(ge=0, lt=2**32)]
WEAK_FAMILY = tuple(f"weak-h{size}-v2" for size in WEAK_HIDDEN_SIZES)
_SPLITS_NAMED = 5
_PREDICTORS = tuple(each.name for each in fields(Predictors))


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
        to follow its teacher.
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


class MoleculeProblem:
    """A dataset's molecules, embedded, labelled by weak encoders and split.

    Parameters
    ----------
    suite : Suite
    dataset : MoleculeDataset, optional
        Given instead of the registered dataset that the suite names.
    trust_remote_code : bool
        Run the Python files that a checkpoint brings along; see ``get_encoder``.

    Raises
    ------
    UnknownName
        If nobody registered a dataset, encoder or head that the suite names.
    InvalidInput
        If two encoders have the same name, an encoder cannot be finetuned, or the data cannot be
        split so.
    """

    def __init__(
        self,
        suite: Suite,
        dataset: MoleculeDataset | None = None,
        trust_remote_code: bool = False,
    ) -> None:
        self.suite = suite
        self.dataset = load_dataset(suite.dataset) if dataset is None else dataset
        self.name, self.unit, self.loss = suite.dataset, self.dataset.unit, suite.loss
        self.texts = np.array(self.dataset.smiles, dtype=object)
        names = dict.fromkeys((*suite.weak, *suite.chain, suite.strong))
        self._encoders = {
            name: get_encoder(name, trust_remote_code=trust_remote_code) for name in names
        }
        self._check_names()
        if len(np.unique(self.dataset.target)) < 2:
            raise InvalidInput(
                f"every target of {self.dataset.name} is {self.dataset.target[0]:g}: there is "
                "nothing to learn"
            )
        self._check_loss()
        self._embeddings = {
            name: Embeddings(encoder, self.dataset.smiles)
            for name, encoder in self._encoders.items()
        }
        self._splits = splits_of(suite, self.dataset)
        self._check_selection()
        empty = [split.name for split, parts in self._splits if not len(parts.validation)]
        if "validation" in suite.ensembles and empty:
            raise InvalidInput(
                f"ensemble 'validation' takes its weights from the validation part, which is empty "
                f"in split {empty[0]}; leave it out, or give that split a validation part"
            )
        self._cases = [
            self._case(split, parts, seed)
            for split, parts in self._splits
            for seed in (suite.repeats if suite.finetunes else (0,))
        ]

    @property
    def preparation(self) -> tuple[Work, ...]:
        return ()

    @property
    def trials(self) -> int:
        suite = self.suite
        teachers = len(suite.weak) + len(suite.ensembles) + len(suite.controls)
        return len(self._cases) * teachers

    def batches(self, store: Store) -> Iterator[Sequence[Case]]:
        yield self._cases

    def columns(self, case: Case, teacher: str, store: Store) -> dict[str, Any]:
        suite = self.suite
        names = {side.name: name for side, name in zip(case.teachers, suite.weak)}
        place = list(names).index(teacher) if teacher in names else None
        return {
            "weak_mode": suite.weak_mode,
            "strong_mode": suite.strong_mode,
            **({"finetuning": suite.finetuning.model_dump_json()} if suite.finetunes else {}),
            "labels": suite.labels,
            **({"labelled": suite.labelled} if suite.labels == "disjoint" else {}),
            **_selection(case, suite),
            **({} if suite.kept_labels == 1 else {"kept_labels": suite.kept_labels}),
            **({} if suite.evaluation == "test" else {"evaluation": suite.evaluation}),
            "dataset_sha256": self.dataset.sha256,
            "weak_sha256": "" if place is None else self._sha256(names[teacher], store),
            "strong_sha256": self._sha256(suite.strong, store),
            **_predicted(case, place, store),
        }

    def manifest(self) -> dict[str, Any]:
        dataset = self.dataset
        return {
            "dataset": {
                "name": dataset.name,
                "title": dataset.title,
                "unit": dataset.unit,
                "source": dataset.source,
                "sha256": dataset.sha256,
                "content_sha256": dataset.content_sha256,
                "molecules": len(dataset),
                "dropped": {f"line {line}": why for line, why in dataset.dropped.items()},
                "duplicates": dataset.duplicates,
            },
            "splits": {
                split.name: described(split, parts)
                | {"test_also_in_train": len(self._twice(split))}
                for split, parts in self._splits
            },
        }

    def remarks(self, store: Store) -> list[str]:
        told = list(self._told_twice())
        for bit, words in FAULTS.values():
            names_of: dict[tuple[int, ...], list[str]] = {}
            for name, encoder in self._encoders.items():
                if rows := self._embeddings[name].faulty(bit, store):
                    names_of.setdefault(rows, []).append(encoder.name)
            told += [
                f"{', '.join(names)}: {len(rows)} of {len(self.dataset)} SMILES of {self.name} "
                f"{words} ({self.dataset.name_rows(rows)})"
                for rows, names in names_of.items()
            ]
        return told

    def _told_twice(self) -> Iterator[str]:
        """Of each split, or of many at once."""
        twice = {split.name: rows for split, _ in self._splits if (rows := self._twice(split))}
        if len(twice) > _SPLITS_NAMED:
            fewest, most = (end(map(len, twice.values())) for end in (min, max))
            yield (
                f"{self.name}: in {len(twice)} of {len(self._splits)} splits {fewest} to {most} "
                "test molecules are also in train; the manifest counts them"
            )
            return
        for name, rows in twice.items():
            yield (
                f"{self.name}, split {name}: {len(rows)} test molecules are also in train "
                f"({self.dataset.name_rows(rows)})"
            )

    def _twice(self, split: Split) -> list[int]:
        """Rows of the test part whose molecule is in the training part as well."""
        spelled = self.dataset.canonical_smiles
        known = {spelled[row] for row in split.train}
        return [int(row) for row in split.test if spelled[row] in known]

    def found(self, store: Store) -> dict[str, Any]:
        return {
            "encoders": {
                encoder.name: {
                    "dim": encoder.dim,
                    "sha256": self._sha256(name, store),
                    "licence": licence_of(encoder),
                    **{
                        f"smiles_{fault}": len(self._embeddings[name].faulty(bit, store))
                        for fault, (bit, _) in FAULTS.items()
                    },
                    **(
                        encoder.usage.model_dump(mode="json") | {"precision": encoder.precision}
                        if isinstance(encoder, TransformerEncoder)
                        else {}
                    ),
                }
                for name, encoder in self._encoders.items()
            }
        }

    def _check_names(self) -> None:
        tell_apart(list(self._encoders.values()))
        check_names(list(self._encoders.values()))
        others = {"self", "truth", "ensemble-mean", "ensemble-validation"}
        if taken := others & {encoder.name for encoder in self._encoders.values()}:
            raise InvalidInput(
                f"an encoder is called {taken.pop()}, as a control or ensemble is; rename it"
            )

    def _check_loss(self) -> None:
        suite = self.suite
        sides = ((suite.weak_mode, suite.weak_head), (suite.strong_mode, suite.strong_head))
        likely = [mode == "head" and head in PROBABILITIES for mode, head in sides]
        classes = set(np.unique(self.dataset.target)) <= {0.0, 1.0}
        if any(likely) and not classes:
            raise InvalidInput(f"logistic heads are for classes 0 and 1; {self.name} has others")
        if suite.loss != "logistic":
            if likely == [False, True]:
                raise InvalidInput(
                    f"head {suite.strong_head} is fitted to probabilities, which its teachers do "
                    f"not predict; weak heads that do: {', '.join(PROBABILITIES)}"
                )
            return
        if not classes:
            raise InvalidInput(f"loss 'logistic' is for classes 0 and 1; {self.name} has others")
        if "truth" in suite.controls:
            raise InvalidInput(
                "loss 'logistic' has no control 'truth': a student is infinitely far from classes"
            )
        for mode, head in sides:
            if mode != "head" or (is_built_in(head) and head not in PROBABILITIES):
                what = head if mode == "head" else f"{mode} finetuning"
                raise InvalidInput(
                    f"loss 'logistic' is of probabilities, which {what} does not predict; heads "
                    f"that do: {', '.join(PROBABILITIES)}"
                )

    def _check_selection(self) -> None:
        suite = self.suite
        if suite.kept_labels < 1 and suite.strong_mode != "head":
            raise InvalidInput("kept_labels is of heads; the student is finetuned")
        if suite.student_selection == "labels":
            return
        if suite.strong_mode == "head" and not can_be_judged(HEADS[suite.strong_head]()):
            raise InvalidInput(
                f"student_selection 'valid' chooses a head's penalty, and {suite.strong_head} has "
                "none to choose"
            )
        wanted = suite.selection_labels or 1
        for split, parts in self._splits:
            if len(parts.validation) < wanted:
                raise InvalidInput(
                    f"split {split.name} has {len(parts.validation)} molecules to validate on, and "
                    f"student_selection 'valid' needs {wanted}"
                )

    def _case(self, split: Split, parts: Parts, seed: int) -> Case:
        suite = self.suite
        weak = tuple(
            self._side(name, suite.weak_mode, suite.weak_head, seed) for name in suite.weak
        )
        strong = self._side(suite.strong, suite.strong_mode, suite.strong_head, seed, student=True)
        return Case(
            split=split.name,
            seed=seed,
            truth=self.dataset.target,
            parts=parts,
            teachers=weak,
            student=strong,
            chain=tuple(
                self._side(name, suite.strong_mode, suite.strong_head, seed, student=True)
                for name in suite.chain
            ),
            selection=self._selection(split, parts),
            ensembles=suite.ensembles,
            controls=suite.controls,
            works=(Measuring(weak, strong, self._drawn(parts.unlabelled), self.dataset.target),),
        )

    def _side(self, name: str, mode: Mode, head: str, seed: int, student: bool = False) -> Side:
        encoder, embeddings = self._encoders[name], self._embeddings[name]
        size = getattr(encoder, "hidden_size", encoder.dim)
        if mode == "head":
            keep = self.suite.kept_labels if student else 1
            learner = HeadLearner(head, self.suite.exact_rows, self.suite.landmarks, keep)
            return Side(encoder.name, size, learner, embeddings, embeddings)
        finetuning = FinetuningLearner(encoder, mode, self.suite.finetuning, seed)
        return Side(encoder.name, size, finetuning, Given(self.texts), embeddings)

    def _selection(self, split: Split, parts: Parts) -> Rows | None:
        if self.suite.student_selection == "labels":
            return None
        number = self.suite.selection_labels or len(parts.validation)
        return np.sort(generator(split, "selection").permutation(parts.validation)[:number])

    def _drawn(self, rows: Rows) -> Rows:
        """So many rows as are measured, sorted."""
        if len(rows) <= self.suite.exact_rows:
            return rows
        rng = np.random.default_rng(0)
        return np.sort(rng.choice(rows, self.suite.exact_rows, replace=False))

    def _sha256(self, name: str, store: Store) -> str:
        encoder = self._encoders[name]
        known: str | None = getattr(encoder, "fingerprint", None)
        return known or fingerprint(encoder, self._embeddings[name].array(store))


@dataclass(frozen=True, eq=False)
class Measuring:
    """The work of measuring what representations alone say about weak teachers."""

    weak: tuple[Side, ...]
    strong: Side
    rows: Rows
    target: NDArray[np.float64]
    kind: ClassVar[str] = "predictors"
    spread: ClassVar[Spread] = "always"
    title: ClassVar[str] = "measure representations"

    @property
    def _features(self) -> list[Embeddings]:
        return [side.features for side in (self.strong, *self.weak)]  # type: ignore[misc]

    @cached_property
    def key(self) -> str:
        keys = "\n".join(each.key for each in self._features)
        return digest(f"predictors {PREDICTORS_VERSION}", keys, self.rows, self.target)

    @property
    def kept(self) -> bool:
        return all(each.kept for each in self._features)

    @property
    def needs(self) -> tuple[Work, ...]:
        return tuple(work for each in self._features for work in each.needs)

    @property
    def shapes(self) -> Shapes:
        return {"values": ((len(self.weak), len(_PREDICTORS)), "float64")}

    def call(self, store: Store) -> tuple[Callable[..., Arrays], tuple[Any, ...]]:
        features = [each.array(store) for each in self._features]
        return _measure, (self.rows, self.target, *features)


def _measure(rows: Rows, target: NDArray[np.float64], *features: NDArray[Any]) -> Arrays:
    strong, *weak = (each[rows] for each in features)
    found = representation_predictors(weak, strong, target[rows])
    return {"values": np.array([list(asdict(each).values()) for each in found])}


def _selection(case: Case, suite: Suite) -> dict[str, Any]:
    if case.selection is None:
        return {}
    return {"student_selection": len(case.selection), "selection_labels": suite.selection_labels}


def _predicted(case: Case, place: int | None, store: Store) -> dict[str, float]:
    """Of one weak encoder; nan for an ensemble or control, which has no representation."""
    if place is None:
        return dict.fromkeys(_PREDICTORS, np.nan)
    values = store[case.works[0].key]["values"][place]
    return dict(zip(_PREDICTORS, values.tolist()))


def splits_of(suite: Suite, dataset: MoleculeDataset) -> list[tuple[Split, Parts]]:
    """Each split of a suite, and its parts."""
    splits = make_splits(dataset, suite.splitter, suite.seeds)
    if suite.evaluation == "valid":
        splits = [halved_validation(split) for split in splits]
    return [(split, parts_of(split, suite.labels, suite.folds, suite.labelled)) for split in splits]


def described(split: Split, parts: Parts) -> dict[str, Any]:
    """Size and hash of each part, as in a manifest."""
    rows_of = {
        "train": split.train,
        "valid": split.valid,
        "test": split.test,
        "labelled": parts.labelled,
        "unlabelled": parts.unlabelled,
    }
    return {
        part: {"rows": len(rows), "sha256": rows_sha256(rows)} for part, rows in rows_of.items()
    }


def rows_sha256(rows: Rows) -> str:
    """SHA-256 of the comma-joined sorted row numbers ("0,3,4,...")."""
    return hashlib.sha256(",".join(map(str, sorted(rows.tolist()))).encode()).hexdigest()
