"""The molecules view: what each teacher's students repaired, and what they spoiled."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from molw2s.analysis.molecules import repairs
from molw2s.losses import LOSSES, Loss
from molw2s.report.page.drawing import draw
from molw2s.report.page.parts import Json
from molw2s.report.text import loss_unit

SHOWN = 50
"""Molecules at either end, of each teacher."""
_DRAWN, _DOTS, _DOTS_EACH = 1_500, 20_000, 1_000


@dataclass
class Album:
    """The page's molecules, each drawn once however many teachers show it."""

    smiles: list[str] = field(default_factory=list)
    drawings: dict[str, Json | None] = field(default_factory=dict)
    _place: dict[str, int] = field(default_factory=dict)

    def place(self, smiles: str) -> int:
        """The molecule's number on the page."""
        if smiles not in self._place:
            self._place[smiles] = len(self.smiles)
            self.smiles.append(smiles)
        return self._place[smiles]

    def draw(self, smiles: str) -> int:
        """The same, and the page has a drawing of it."""
        place = self.place(smiles)
        if str(place) not in self.drawings and len(self.drawings) < _DRAWN:
            self.drawings[str(place)] = draw(smiles)
        return place

    def data(self) -> Json:
        """As the page's script reads it."""
        return {"smiles": self.smiles, "drawings": self.drawings}


def molecules_of(
    records: pd.DataFrame, predictions: pd.DataFrame, teachers: list[str], album: Album
) -> Json:
    """Of each of ``teachers``, who are numbered by their place: the molecules at either end, and
    all of them, or so many, as dots."""
    loss = LOSSES[str(records["loss"].iloc[0])] if "loss" in records else LOSSES["squared"]
    found = repairs(predictions, records, loss)
    each = min(_DOTS_EACH, _DOTS // max(1, len(teachers)))
    whose = dict(list(found.groupby("teacher", sort=False)))
    views = [_of_teacher(whose[name], loss, each, album) for name in teachers if name in whose]
    return {
        "teachers": [teachers.index(name) for name in teachers if name in whose],
        "views": views,
        "unit": str(records["unit"].iloc[0]) if loss.power else "nats",
        "repairUnit": loss_unit(records),
        "loss": loss.name,
        "axis": _axis(loss),
        "all": int(found["row"].nunique()),
        "dots": min(each, int(found["row"].nunique())),
        "shown": SHOWN,
    }


def _axis(loss: Loss) -> str:
    return "root of the mean squared error" if loss.name == "squared" else f"mean {loss.name} loss"


def _of_teacher(found: pd.DataFrame, loss: Loss, each: int, album: Album) -> Json:
    """``found`` is sorted, the most repaired first."""
    repaired = found[found["repair"] > 0].head(SHOWN)
    spoiled = found[found["repair"] < 0].iloc[::-1].head(SHOWN)
    sample = found if len(found) <= each else found.sample(each, random_state=0)
    errors = sample[["weak_error", "student_error"]].to_numpy()
    errors = np.sqrt(errors) if loss.name == "squared" else errors
    return {
        "repaired": _cards(repaired, album),
        "spoiled": _cards(spoiled, album),
        "counts": [int((found["repair"] > 0).sum()), int((found["repair"] < 0).sum())],
        "dots": [
            [album.place(smiles), short(weak), short(student)]
            for smiles, (weak, student) in zip(sample["smiles"], errors.tolist())
        ],
    }


def _cards(found: pd.DataFrame, album: Album) -> list[list[float | None]]:
    names = ["truth", "weak", "student", "ceiling", "repair"]
    return [
        [album.draw(smiles), tests, *(short(value) for value in values)]
        for smiles, tests, *values in found[["smiles", "tests", *names]].itertuples(index=False)
    ]


def short(value: float, digits: int = 4) -> float | None:
    """With so many significant digits; None for what is not finite, as JSON has no word for it."""
    if not np.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")
