"""The work of measuring what representations alone say about weak teachers, without students."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from molw2s.encoders import Embeddings
from molw2s.predictors import VERSION, Predictors, representation_predictors
from molw2s.problems.problem import Case, Rows, Side
from molw2s.store import Arrays, Shapes, Spread, Store, Work, digest

_PREDICTORS = tuple(each.name for each in fields(Predictors))


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
        return digest(f"predictors {VERSION}", keys, self.rows, self.target)

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


def predicted(case: Case, place: int | None, store: Store) -> dict[str, float]:
    """Of one weak encoder; nan for an ensemble or control, which has no representation."""
    if place is None:
        return dict.fromkeys(_PREDICTORS, np.nan)
    values = store[case.works[0].key]["values"][place]
    return dict(zip(_PREDICTORS, values.tolist()))
