"""The problem that a molecular suite poses: its cases, and what is told of data and encoders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from molw2s.datasets import MoleculeDataset, load_dataset
from molw2s.datasets.splits import Split
from molw2s.encoders import FAULTS, Embeddings, fingerprint, get_encoder, licence_of
from molw2s.encoders.base import check_names, tell_apart
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput
from molw2s.learners import FinetuningLearner, HeadLearner
from molw2s.learners.heads import HEADS, PROBABILITIES, can_be_judged, is_built_in
from molw2s.problems.labels import generator
from molw2s.problems.molecules.parts import described, splits_of
from molw2s.problems.molecules.representations import Measuring, predicted
from molw2s.problems.molecules.settings import Mode, Suite
from molw2s.problems.problem import Case, Given, Parts, Rows, Side
from molw2s.store import Store, Work

_SPLITS_NAMED = 5


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
            **_selection(case, suite, teacher),
            **({} if suite.kept_labels == 1 else {"kept_labels": suite.kept_labels}),
            **({} if suite.evaluation == "test" else {"evaluation": suite.evaluation}),
            "dataset_sha256": self.dataset.sha256,
            "weak_sha256": "" if place is None else self._sha256(names[teacher], store),
            "strong_sha256": self._sha256(suite.strong, store),
            **predicted(case, place, store),
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
        judged = suite.student_selection == "valid"
        if judged and suite.strong_mode == "head" and not can_be_judged(HEADS[suite.strong_head]()):
            raise InvalidInput(
                f"student_selection 'valid' chooses a head's penalty, and {suite.strong_head} has "
                "none to choose"
            )
        if not judged and suite.student_weight != "valid":
            return
        setting = "student_selection" if judged else "student_weight"
        wanted = suite.selection_labels or 1
        for split, parts in self._splits:
            if len(parts.validation) < wanted:
                raise InvalidInput(
                    f"split {split.name} has {len(parts.validation)} molecules to validate on, and "
                    f"{setting} 'valid' needs {wanted}"
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
            selection=self._judges(split, parts) if suite.student_selection == "valid" else None,
            student_weight=self._student_weight(split, parts),
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

    def _student_weight(self, split: Split, parts: Parts) -> float | Rows | None:
        weight = self.suite.student_weight
        if weight == "valid":
            return self._judges(split, parts)
        return None if weight == 1 else float(weight)

    def _judges(self, split: Split, parts: Parts) -> Rows:
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


def _selection(case: Case, suite: Suite, teacher: str) -> dict[str, Any]:
    """How many true labels chose, and how many were asked for."""
    numbers: dict[str, Any] = {}
    if case.selection is not None:
        numbers["student_selection"] = len(case.selection)
    if isinstance(case.student_weight, np.ndarray) and teacher not in case.controls:
        numbers["weight_selection"] = len(case.student_weight)
    return numbers | {"selection_labels": suite.selection_labels} if numbers else {}
