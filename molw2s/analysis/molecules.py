"""Gains molecule by molecule: how much hangs on which were tested, and which were repaired."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molw2s.analysis.bootstrap import SEED, interval
from molw2s.losses import Loss

DRAWS = 2000
_AT_ONCE = 100


def gain_over_molecules(
    predictions: pd.DataFrame, trials: pd.DataFrame, loss: Loss
) -> dict[str, tuple[float, float]]:
    """Of each teacher, the middle 95 % of its mean gain when molecules are drawn with replacement.

    A molecule that is drawn comes with all the splits that test it. The models stay as they were
    fitted: this is the noise of the test part alone, and splits say nothing of it where they test
    every molecule. The same molecules are drawn for every teacher.

    Parameters
    ----------
    predictions : DataFrame
        As in predictions.parquet: ``trial``, ``row``, ``part``, ``truth``, ``weak``, ``student``.
    trials : DataFrame
        ``trial`` and ``weak``, the teacher's name.
    """
    tested = predictions[predictions["part"] == "evaluation"]
    truth, weak, student = (tested[name].to_numpy() for name in ("truth", "weak", "student"))
    gains = pd.DataFrame(
        {
            "teacher": tested["trial"].map(trials.set_index("trial")["weak"]),
            "row": tested["row"],
            "gain": loss(truth, weak) - loss(truth, student),
        }
    )
    table = gains.groupby(["row", "teacher"], sort=False)["gain"].agg(["sum", "count"])
    sums, counts = (table[name].unstack("teacher").fillna(0) for name in ("sum", "count"))
    drawn = np.vstack(
        [weights @ sums.to_numpy() / (weights @ counts.to_numpy()) for weights in _draws(len(sums))]
    )
    return {name: interval(column) for name, column in zip(sums.columns, drawn.T)}


def _draws(n: int) -> Iterator[NDArray[np.int64]]:
    """Blocks (k, n) of how often each molecule is drawn."""
    rng = np.random.default_rng(SEED)
    for _ in range(DRAWS // _AT_ONCE):
        yield rng.multinomial(n, np.full(n, 1 / n), size=_AT_ONCE)


def repairs(predictions: pd.DataFrame, trials: pd.DataFrame, loss: Loss) -> pd.DataFrame:
    """What each teacher's students did to each molecule, over the trials that test it.

    A row a teacher and molecule, most repaired first: ``teacher``, ``row``, ``smiles``, ``truth``;
    ``weak``, ``student`` and ``ceiling``, the mean predictions; ``weak_error`` and
    ``student_error``, the mean losses; ``repair``, their difference, of which the mean gain is the
    mean; and ``tests``, in how many trials the molecule was tested.

    Parameters are those of ``gain_over_molecules``; ``predictions`` have ``smiles`` and ``ceiling``
    as well.
    """
    tested = predictions[predictions["part"] == "evaluation"]
    truth, weak, student = (tested[name].to_numpy() for name in ("truth", "weak", "student"))
    values = tested[["row", "truth", "weak", "student", "ceiling"]].assign(
        teacher=tested["trial"].map(trials.set_index("trial")["weak"]),
        weak_error=loss(truth, weak),
        student_error=loss(truth, student),
        tests=1.0,
    )
    groups = values.groupby(["teacher", "row"], sort=False)
    found = groups.mean().assign(tests=groups["tests"].sum().astype(int)).reset_index()
    found["repair"] = found["weak_error"] - found["student_error"]
    smiles = tested.drop_duplicates("row").set_index("row")["smiles"]
    found["smiles"] = found["row"].map(smiles)
    return found.sort_values("repair", ascending=False, kind="stable", ignore_index=True)
