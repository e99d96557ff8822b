"""What the representations alone say about a weak teacher, before any head is fitted.

Features are those of the molecules that get weak labels, row i of every matrix being molecule i.
With the centred features X (n, d), K = X X' / n is what an encoder's principal directions explain
of that sample, and P = K (K + reg I)^-1 what a ridge fit on them keeps. All of it is computed from
the eigenvectors of the smaller of X X' and X' X; no (n, n) matrix of a wide sample is formed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from molw2s.learners.heads.spectrum import decomposed

Array = NDArray[np.float64]

VERSION = 1
"""Raised by hand whenever a predictor's values change by more than rounding."""

# reg = RIDGE tr(K) / n, so that one setting fits representations of every width and scale.
RIDGE = 0.1
# Share of a representation's variance that its top directions must explain.
EXPLAINED = 0.99


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """K of one representation: K = directions diag(eigenvalues) directions'.

    Attributes
    ----------
    directions : ndarray (n, r)
        Left singular vectors of the centred features: each an orthonormal function on the sample.
    eigenvalues : ndarray (r,)
        Variance along each, largest first; r is the features' numerical rank, 0 if all rows agree.
    """

    directions: Array
    eigenvalues: Array

    @property
    def kept(self) -> Array:
        """(r,) eigenvalues of P = K (K + reg I)^-1; its directions are those of K."""
        reg = RIDGE * self.eigenvalues.sum() / len(self.directions)
        return self.eigenvalues / (self.eigenvalues + reg)

    def top(self, explained: float) -> Array:
        """(n, k) the fewest directions that explain this share of the variance, 0 to 1."""
        shares = self.eigenvalues.cumsum() / self.eigenvalues.sum()
        return self.directions[:, : np.searchsorted(shares, explained) + 1]


@dataclass(frozen=True, slots=True)
class Predictors:
    """Of one weak and one strong representation; the names are those of the records' columns."""

    xue_labelled: float
    xue_label_free: float
    dong_overlap: float


def representation_predictors(
    weak: Sequence[NDArray[Any]], strong: NDArray[Any], target: NDArray[Any]
) -> list[Predictors]:
    """Every predictor for each weak representation, the strong one decomposed once.

    Parameters
    ----------
    weak, strong
        Features (n, d) at the same n molecules, each with its own d.
    target
        (n,) true values there, for ``xue_labelled`` alone.
    """
    with threadpool_limits(1):  # BLAS threads are slower on matrices this small
        student = centred_spectrum(strong)
        return [
            Predictors(
                unlearned_energy(teacher, student, target),
                unlearned_norm(teacher, student),
                subspace_overlap(teacher, student),
            )
            for teacher in map(centred_spectrum, weak)
        ]


def centred_spectrum(features: NDArray[Any]) -> Spectrum:
    """The spectrum of K = X X' / n for features (n, d), centred here and taken to float64."""
    X = np.asarray(features, np.float64)
    X = X - X.mean(0)
    directions, eigenvalues, _ = decomposed(X)
    return Spectrum(directions[:, ::-1], eigenvalues[::-1] / len(X))


def unlearned_energy(weak: Spectrum, strong: Spectrum, target: NDArray[Any]) -> float:
    """||P_s (I - P_w) y||^2 / n for the centred target y (n,), in squared target units.

    What the weak model cannot learn of y but the strong one could: how far the student stays
    behind its ceiling, so a SMALL value is good (Xue, Li, Mirzasoleiman 2025, arXiv 2502.00620).
    It looks at true labels of the molecules that get weak labels: with shared labels the weak
    model's training labels, with disjoint ones labels that nobody has in practice.
    """
    y = np.asarray(target, np.float64)
    y = y - y.mean()
    missed = y - weak.directions @ (weak.kept * (weak.directions.T @ y))
    learnable = strong.kept * (strong.directions.T @ missed)
    return float(learnable @ learnable / len(y))


def unlearned_norm(weak: Spectrum, strong: Spectrum) -> float:
    """||P_s (I - P_w)||, between 0 and 1: ``unlearned_energy`` at the worst target of unit norm.

    A SMALL value is good; it looks at no labels (Xue et al. 2025).
    """
    # The squared norm is the top eigenvalue of P_s (I - P_w)^2 P_s, in the strong directions.
    shared = strong.directions.T @ weak.directions
    removed = (shared * (1 - (1 - weak.kept) ** 2)) @ shared.T
    left = np.eye(len(strong.kept)) - removed
    squared = np.linalg.eigvalsh(strong.kept[:, None] * left * strong.kept)
    return float(np.sqrt(max(0.0, squared[-1]))) if len(squared) else 0.0


def subspace_overlap(weak: Spectrum, strong: Spectrum, explained: float = EXPLAINED) -> float:
    """Correlation dimension d_sw = ||U_w' U_s||_F^2, from 0 to the smaller number of directions.

    Dong et al. (2025, arXiv 2502.05075) write ||V_w' V_s||_F^2 with the top eigenvectors of the
    two feature covariances, in one common feature space. Two encoders have no such space: what
    they share is the sample. Hence U, the top left singular vectors of the centred features, the
    same subspaces seen as functions on the sample; the value is the sum of squared cosines of the
    principal angles between them, and does not change with a rotation of either feature space.

    The teacher's variance stays in the shared subspace and shrinks outside it, so a SMALL value is
    good - among teachers that are expressive enough, which the theory assumes and this does not
    see. It looks at no labels.
    """
    shared = weak.top(explained).T @ strong.top(explained)
    return float((shared**2).sum())
