"""What decides a synthetic run: the paper's constants by name, its values as defaults."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, NonNegativeFloat, PositiveInt, field_validator

from molw2s.learners.heads import HEADS
from molw2s.problems.settings import Settings, no_repeats, so_many

Representation = Literal["target", "pretrained", "perturbed"]


class SyntheticSuite(Settings):
    """One setting of "Synthetic experiments" (Charikar et al. 2024); unknown keys are errors.

    Attributes
    ----------
    weak, strong
        Where each representation comes from: the target h* itself ("target"), an MLP of
        ``weak_depth`` or ``strong_depth`` layers learned from ``pretraining_tasks`` tasks (T)
        with ``pretraining_points`` points each (N_r), or h* with N(0, sigma^2) noise on every
        parameter ("perturbed", ``weak_noise`` and ``strong_noise``).
    tasks, points
        M new tasks, and N_f, the points that each head is fitted to. All tasks share the points,
        so that all heads are one least-squares problem.
    labels
        "fresh": weak labels at new points; "reused": at the weak head's own.
    input_scale
        sigma of x ~ N(0, sigma^2 I).
    expected_slope
        1 where gain = misfit is expected, -1 where weak and strong change places.
    seeds
        Everything from h* on is drawn anew for each.
    restarts, steps, batch, learning_rate, polish
        How hard to look for a representation: ``representations.Search``.
    keep_predictions
        False by default: 2.2 million predictions a seed are 60 MB, and a seed draws them again.
    """

    kind: Literal["synthetic"] = "synthetic"
    keep_predictions: bool = False
    weak: Representation = "pretrained"
    strong: Representation = "pretrained"
    weak_depth: PositiveInt = 2
    strong_depth: PositiveInt = 8
    weak_noise: NonNegativeFloat = 0.05
    strong_noise: NonNegativeFloat = 0.01
    expected_slope: Literal[1, -1] = 1

    input_dim: PositiveInt = 8
    input_scale: float = Field(500.0, gt=0)
    width: PositiveInt = 16
    target_depth: PositiveInt = 5
    pretraining_tasks: PositiveInt = 10
    pretraining_points: PositiveInt = 2000
    tasks: PositiveInt = 100
    points: int = Field(2000, ge=2)
    evaluation_points: int = Field(20000, ge=2)
    labels: Literal["fresh", "reused"] = "fresh"
    weak_head: str = "least-squares"
    strong_head: str = "least-squares"
    seeds: Annotated[tuple[int, ...], BeforeValidator(so_many)] = Field((0,), min_length=1)

    restarts: PositiveInt = 4
    steps: PositiveInt = 12_000
    batch: PositiveInt = 256
    learning_rate: float = Field(0.005, gt=0)
    polish: int = Field(500, ge=0)

    @field_validator("weak_head", "strong_head")
    @classmethod
    def _known_head(cls, name: str) -> str:
        HEADS[name]  # before anything is learned for it
        return name

    @field_validator("seeds")
    @classmethod
    def _usable_seeds(cls, seeds: tuple[Any, ...]) -> tuple[Any, ...]:
        if min(seeds) < 0:
            raise ValueError("a seed is at least 0")
        return no_repeats(seeds)
