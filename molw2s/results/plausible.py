"""What measured errors cannot be, whoever measured them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

_ROUNDING = 1e-6
LARGEST = 100.0
"""An error may be so many times the target's variance, which is what predicting the mean has."""
WORST_CEILING = 5.0
"""So many times the variance, a mean ceiling is worse than anybody's honest strong model."""
SMALLEST = 1e-6
"""Nobody predicts measured targets better than this share of their variance."""


def implausible(records: pd.DataFrame, variance: float | None) -> Iterator[str]:
    """Faults in words.

    Parameters
    ----------
    records
        As ``read_records`` gives them: gain and the like agree with the errors beside them.
    variance
        Of the target, in the unit of the errors; None where it is not known or the loss is not
        the squared one.
    """
    loss = records["loss"] if "loss" in records else pd.Series("squared", records.index)
    yield from _triangle(records[loss == "squared"])
    yield from _ceilings(records)
    if variance is not None:
        yield from _sizes(records[records["teacher_kind"] != "control"], variance)


def _triangle(trials: pd.DataFrame) -> Iterator[str]:
    """Root mean squares of differences over the same points are distances."""
    weak, student, between = (
        np.sqrt(trials[name].to_numpy(np.float64)) for name in ("weak_error", "w2s_error", "misfit")
    )
    allowed = _ROUNDING * (weak + student + between)
    wrong = (between > weak + student + allowed) | (between < abs(weak - student) - allowed)
    if wrong.any():
        yield (
            f"{_where(trials, wrong)}: the roots of weak_error, w2s_error and misfit are no sides "
            "of a triangle, which distances are"
        )


def _ceilings(records: pd.DataFrame) -> Iterator[str]:
    """The ceiling does not depend on the teacher."""
    taught = records[records["teacher_kind"] == "encoder"].copy()
    keys = [name for name in ("split", "seed") if name in taught]
    found = taught.groupby(keys)["strong_error"].agg(["min", "max"])
    wrong = found["max"] - found["min"] > _ROUNDING * found["max"]
    if wrong.any():
        yield f"split {wrong.idxmax()}: strong_error differs between teachers of the same student"


def _sizes(records: pd.DataFrame, variance: float) -> Iterator[str]:
    for name in ("weak_error", "w2s_error", "strong_error"):
        errors = records[name].to_numpy(np.float64)
        for told, wrong in (
            (f"above {LARGEST:g} times the target's variance", errors > LARGEST * variance),
            ("too small to be of measured targets", errors < SMALLEST * variance),
        ):
            if wrong.any():
                yield f"{_where(records, wrong)}: {name} is {errors[wrong][0]:g}, {told}"
    ceiling = records["strong_error"].mean()
    if ceiling > WORST_CEILING * variance:
        yield (
            f"the mean ceiling is {ceiling:g}, more than {WORST_CEILING:g} times the error of "
            "predicting the mean"
        )


def _where(trials: pd.DataFrame, wrong: np.ndarray) -> str:  # type: ignore[type-arg]
    first = trials.iloc[int(np.flatnonzero(wrong)[0])]
    return f"{first['weak']}, split {first['split']}"
