"""What every suite says, whatever its problem."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Control = Literal["self", "truth"]
Ensemble = Literal["mean", "validation"]
NAME = r"^[\w.-]*\w[\w.-]*$"
"""Of a suite, which is a folder's as well: "." and ".." are none."""
MOST_SEEDS = 10_000


class Settings(BaseModel):
    """Settings that all suites share; unknown keys are errors.

    Attributes
    ----------
    name : str
    controls : tuple of "self" and "truth"
        Trials beside those of the weak encoders. "self": the strong model, fitted to the labelled
        part, teaches itself. "truth": the strong model is fitted to the labelled part's true
        labels and no others, which is what they are worth without a teacher.
    keep_predictions : bool
        Write predictions.parquet.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=NAME)
    controls: tuple[Control, ...] = ()
    keep_predictions: bool = True

    @field_validator("controls")
    @classmethod
    def _each_once(cls, values: tuple[Control, ...]) -> tuple[Control, ...]:
        return no_repeats(values)


def so_many(seeds: Any) -> Any:
    """A number of seeds is the first so many: 25 is 0 to 24."""
    if isinstance(seeds, int) and not isinstance(seeds, bool) and seeds > 0:
        if seeds > MOST_SEEDS:
            raise ValueError(f"{seeds:,} seeds are too many; at most {MOST_SEEDS:,}")
        return tuple(range(seeds))
    return seeds


def no_repeats(values: tuple) -> tuple:  # type: ignore[type-arg]
    """``values``, or ValueError if one appears twice."""
    if len(set(values)) < len(values):
        raise ValueError("the same value appears twice")
    return values
