"""What the theory is about - errors, gain, misfit and the rest - as functions of predictions.

Charikar, Pabbaraju, Shiragur (2024), "Quantifying the Gain in Weak-to-Strong Generalization".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from molw2s.errors import InvalidInput
from molw2s.losses import LOSSES, Loss

Array = NDArray[np.float64]
SQUARED = LOSSES["squared"]


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """Truth or predictions of m tasks at the points of one part, one column a task.

    Attributes
    ----------
    truth, weak : ndarray (n, m)
        ``weak`` are the teacher's predictions; on the unlabelled part, the weak labels.
    student, ceiling : ndarray (n, m), optional
        The strong model fitted to the weak labels, and to the truth at the same points.
    """

    truth: Array
    weak: Array
    student: Array | None = None
    ceiling: Array | None = None


def measures(
    evaluation: Values,
    validation: Values | None = None,
    unlabelled: Values | None = None,
    loss: Loss = SQUARED,
) -> dict[str, Array]:
    """Every measure of one trial, (m,) each; ``molw2s.columns`` says what each of them is.

    Raises
    ------
    InvalidInput
        If a value lies outside of the loss's domain.
    """
    truth, weak, student, ceiling = _complete(evaluation)
    weak_losses, w2s_losses = loss(truth, weak), loss(truth, student)
    misfits = loss(student, weak)
    weak_error, w2s_error, misfit = (each.mean(0) for each in (weak_losses, w2s_losses, misfits))
    strong_error = loss(truth, ceiling).mean(0)
    undefined = np.full(len(weak_error), math.nan)
    weak_error_valid = misfit_valid = label_error = undefined
    if validation is not None and len(validation.truth):
        weak_error_valid = loss(validation.truth, validation.weak).mean(0)
        if validation.student is not None:
            misfit_valid = loss(validation.student, validation.weak).mean(0)
    if unlabelled is not None:
        label_error = loss(unlabelled.truth, unlabelled.weak).mean(0)
    gain = weak_error - w2s_error
    aucs = {}
    if loss.name == "logistic":
        predicted = {"weak_auc": weak, "w2s_auc": student, "strong_auc": ceiling}
        aucs = {name: roc_auc(truth, values) for name, values in predicted.items()}
    return {
        "weak_error": weak_error,
        "w2s_error": w2s_error,
        "misfit": misfit,
        "gain": gain,
        "strong_error": strong_error,
        "weak_error_minus_misfit": weak_error - misfit,
        "gain_minus_misfit": gain - misfit,
        "pgr": recovered(gain, weak_error, strong_error),
        "label_error": label_error,
        "leak": 1 - _ratio(label_error, weak_error),
        "weak_error_se": _standard_error(weak_losses),
        "w2s_error_se": _standard_error(w2s_losses),
        "misfit_se": _standard_error(misfits),
        "gain_minus_misfit_se": _standard_error(weak_losses - w2s_losses - misfits),
        "weak_error_valid": weak_error_valid,
        "misfit_valid": misfit_valid,
        "weak_error_minus_misfit_valid": weak_error_valid - misfit_valid,
        **aucs,
    }


def roc_auc(truth: Array, predicted: Array) -> Array:
    """(m,) areas under the ROC curve of (n, m) predictions for classes 0 and 1: the share of pairs
    of one each in which the 1 is predicted higher, ties half (Mann and Whitney 1947); nan where
    there is one class only, or truth is no class."""
    positive = (truth == 1).sum(0)
    negative = (truth == 0).sum(0)
    ranks = rankdata(predicted, axis=0)
    above = (ranks * (truth == 1)).sum(0) - positive * (positive + 1) / 2
    pairs = np.where(positive + negative == len(truth), positive * negative, 0)
    share = np.full(pairs.shape, math.nan)
    return np.divide(above, pairs, out=share, where=pairs > 0)


def recovered(gain: Any, weak_error: Any, strong_error: Any) -> Array:
    """Performance gap recovered, gain / (weak_error - strong_error), one value each (Burns et al.
    2023); nan where there is no such gap but rounding error."""
    gain, weak_error, strong_error = np.broadcast_arrays(gain, weak_error, strong_error)
    gap = weak_error - strong_error
    share = np.full(gap.shape, math.nan)
    return np.divide(gain, gap, out=share, where=gap > 1e-9 * weak_error)


def _complete(values: Values) -> tuple[Array, Array, Array, Array]:
    if values.student is None or values.ceiling is None:
        raise InvalidInput("on the evaluation part, student and ceiling need predictions")
    return values.truth, values.weak, values.student, values.ceiling


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.full(part.shape, math.nan), where=whole > 0)


def _standard_error(values: Array) -> Array:
    """Of the mean over rows, for (n, m) values; nan for a single row."""
    n = len(values)
    return values.std(0, ddof=1) / math.sqrt(n) if n > 1 else np.full(values.shape[1], math.nan)
