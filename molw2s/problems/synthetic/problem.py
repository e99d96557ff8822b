"""A synthetic suite's problem: draw h*, get both representations, draw tasks over h*; seed by seed.

Seeds are not batched with each other, so that a seed's trials do not depend on which others are
run. Restarts within the search for a representation are batched, and so are the tasks' heads.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from molw2s.learners import HeadLearner
from molw2s.problems.problem import Case, Given, Parts, Rows, Side
from molw2s.problems.synthetic.representations import VERSION, Learned, Search, learn
from molw2s.problems.synthetic.settings import SyntheticSuite
from molw2s.problems.synthetic.targets import (
    Array,
    Mlp,
    TaskData,
    draw_mlp,
    draw_task_data,
    draw_tasks,
    perturb,
)
from molw2s.store import Arrays, Shapes, Spread, Store, Work, digest

# A stream of random numbers for each stage, so that changing one leaves the others as they are.
_TARGET, _PRETRAINING, _LEARNING, _NOISE, _FINETUNING = range(5)
_SIDES = ("weak", "strong")
_PRETRAINING_SETTINGS = (
    "input_dim", "input_scale", "width", "target_depth", "pretraining_tasks",
    "pretraining_points", "restarts", "steps", "batch", "learning_rate", "polish",
)  # fmt: skip


class SyntheticProblem:
    """Random points, labelled by linear tasks over a random MLP h*; a seed is a world."""

    name = "random MLP"
    unit = ""
    loss = "squared"
    texts = None

    def __init__(self, suite: SyntheticSuite) -> None:
        self.suite = suite
        self._learning = {
            (side, seed): Learning(suite, seed, getattr(suite, f"{side}_depth"))
            for side in _SIDES
            if getattr(suite, side) == "pretrained"
            for seed in suite.seeds
        }

    @property
    def preparation(self) -> Sequence[Work]:
        """The deepest first: they take longest."""
        return sorted(self._learning.values(), key=lambda work: -work.depth)

    @property
    def trials(self) -> int:
        return len(self.suite.seeds) * self.suite.tasks * (1 + len(self.suite.controls))

    def batches(self, store: Store) -> Iterator[Sequence[Case]]:
        for seed in self.suite.seeds:
            yield [self._case(seed, store)]

    def columns(self, case: Case, teacher: str, store: Store) -> dict[str, Any]:
        return {
            "labels": self.suite.labels,
            "expected_slope": self.suite.expected_slope,
            **self._describe(case.seed, store),
        }

    def manifest(self) -> dict[str, Any]:
        return {}

    def remarks(self, store: Store) -> list[str]:
        return []

    def found(self, store: Store) -> dict[str, Any]:
        described = {f"seed-{seed}": self._describe(seed, store) for seed in self.suite.seeds}
        return {"representations": described}

    def representation(self, side: str, seed: int, store: Store) -> Learned:
        """The representation of one side; what is learned for it must be in the store."""
        if (side, seed) in self._learning:
            return self._learning[side, seed].learned(store)
        truth = target(self.suite, seed)
        if getattr(self.suite, side) == "perturbed":
            rng = np.random.default_rng([seed, _NOISE, _SIDES.index(side)])
            return Learned(perturb(rng, truth, getattr(self.suite, f"{side}_noise")), np.nan)
        return Learned(truth, np.nan)

    def _describe(self, seed: int, store: Store) -> dict[str, Any]:
        described: dict[str, Any] = {}
        for side in _SIDES:
            found = self.representation(side, seed, store)
            described |= {
                f"{side}_loss": found.loss,
                f"{side}_sha256": sha256(found.representation),
            }
        return described

    def _case(self, seed: int, store: Store) -> Case:
        suite = self.suite
        world = draw_world(suite, seed)
        weak, strong = (
            Side(
                describe(suite, side),
                suite.width,
                HeadLearner(getattr(suite, f"{side}_head")),
                Given(world.features(self.representation(side, seed, store).representation), False),
            )
            for side in _SIDES
        )
        return Case(
            split=f"seed-{seed}",
            seed=seed,
            truth=world.truth,
            parts=world.parts,
            teachers=(weak,),
            student=strong,
            controls=suite.controls,
        )


@dataclass(frozen=True, eq=False)
class World:
    """Points of one seed, set by set, and the truth there.

    Attributes
    ----------
    points : tuple of ndarray (n_i, d)
        Row 0 is the first point of the first set.
    truth : ndarray (n, tasks)
    parts : Parts
    """

    points: tuple[Array, ...]
    truth: Array
    parts: Parts

    def features(self, representation: Mlp) -> Array:
        """(n, width) what a representation makes of the points."""
        return np.concatenate([representation(points) for points in self.points])


def draw_world(suite: SyntheticSuite, seed: int) -> World:
    """Points and tasks of one seed."""
    rng = np.random.default_rng([seed, _FINETUNING])
    tasks = draw_tasks(rng, suite.width, suite.tasks)
    sizes = (suite.points, suite.points, suite.evaluation_points)
    labelled, unlabelled, evaluation = (
        rng.normal(0, suite.input_scale, (n, suite.input_dim)) for n in sizes
    )
    points = [labelled, evaluation]
    if suite.labels == "fresh":
        points.append(unlabelled)
    truth = target(suite, seed)
    ends = np.cumsum([len(each) for each in points])
    rows: list[Rows] = np.split(np.arange(ends[-1]), ends[:-1])
    return World(
        tuple(points),
        np.concatenate([tasks(truth(each)) for each in points]),
        Parts(rows[0], rows[2] if suite.labels == "fresh" else rows[0], rows[1], rows[0][:0]),
    )


def target(suite: SyntheticSuite, seed: int) -> Mlp:
    """h* of one seed."""
    widths = (suite.input_dim, *[suite.width] * suite.target_depth)
    return draw_mlp(np.random.default_rng([seed, _TARGET]), widths)


def pretraining_data(suite: SyntheticSuite, seed: int) -> TaskData:
    """What the representations of one seed are learned from."""
    return draw_task_data(
        np.random.default_rng([seed, _PRETRAINING]),
        target(suite, seed),
        suite.pretraining_tasks,
        suite.pretraining_points,
        suite.input_scale,
    )


@dataclass(frozen=True, eq=False)
class Learning:
    """The work of learning a representation of ``depth`` layers for one seed.

    It depends on no other setting of the suite than those of the pretraining, so suites that
    share these share it.
    """

    suite: SyntheticSuite
    seed: int
    depth: int
    kind: ClassVar[str] = "representations"
    kept: ClassVar[bool] = True
    needs: ClassVar[tuple[Work, ...]] = ()
    spread: ClassVar[Spread] = "always"

    @cached_property
    def key(self) -> str:
        import torch

        settings = {name: getattr(self.suite, name) for name in _PRETRAINING_SETTINGS}
        libraries = [f"{name} {version(name)}" for name in ("numpy", "torch")]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        return digest(
            f"representation {VERSION}", str(settings), str(self.seed), str(self.depth), device,
            *libraries,
        )  # fmt: skip

    @property
    def title(self) -> str:
        return f"learn {self.depth} layers, seed {self.seed}"

    @property
    def shapes(self) -> Shapes:
        widths = (self.suite.input_dim, *[self.suite.width] * self.depth)
        layers: dict[str, tuple[tuple[int, ...], str]] = {"loss": ((), "float64")}
        for layer, (d_in, d_out) in enumerate(pairwise(widths)):
            layers[f"weight_{layer}"] = ((d_in, d_out), "float64")
            layers[f"bias_{layer}"] = ((d_out,), "float64")
        return layers

    def call(self, store: Store) -> tuple[Callable[..., Arrays], tuple[Any, ...]]:
        suite = self.suite
        search = Search(suite.restarts, suite.steps, suite.batch, suite.learning_rate, suite.polish)
        random = np.random.SeedSequence([self.seed, _LEARNING, self.depth])
        return _learn, (pretraining_data(suite, self.seed), self.depth, random, search)

    def learned(self, store: Store) -> Learned:
        """The result, being in the store."""
        arrays = store[self.key]
        layers = range(self.depth)
        representation = Mlp(
            tuple(arrays[f"weight_{layer}"] for layer in layers),
            tuple(arrays[f"bias_{layer}"] for layer in layers),
        )
        return Learned(representation, float(arrays["loss"]))


def _learn(data: TaskData, depth: int, seed: np.random.SeedSequence, search: Search) -> Arrays:
    found = learn(data, depth, seed, search)
    arrays = {"loss": np.array(found.loss)}
    layers = zip(found.representation.weights, found.representation.biases)
    for layer, (weight, bias) in enumerate(layers):
        arrays |= {f"weight_{layer}": weight, f"bias_{layer}": bias}
    return arrays


def describe(suite: SyntheticSuite, side: str) -> str:
    """Where a side's representation comes from, for people."""
    depth, noise = getattr(suite, f"{side}_depth"), getattr(suite, f"{side}_noise")
    return {
        "target": "h*",
        "pretrained": f"{depth}-layer",
        "perturbed": f"h* + N(0, {noise:g}²)",
    }[getattr(suite, side)]


def sha256(representation: Mlp) -> str:
    """Of the weights and biases, layer by layer."""
    digest_ = hashlib.sha256()
    for array in (*representation.weights, *representation.biases):
        digest_.update(np.ascontiguousarray(array).tobytes())
    return digest_.hexdigest()
