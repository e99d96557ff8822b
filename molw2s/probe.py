"""How good is a frozen representation: RMSE of simple heads on each dataset's splits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from molw2s.datasets import BENCHMARKS, Split, load_dataset, make_splits
from molw2s.encoders import Encoder, embed, get_encoder
from molw2s.encoders.base import check_names
from molw2s.encoders.catalog import WEAK_HIDDEN_SIZES, shipped_names
from molw2s.learners.heads import HEADS, Head
from molw2s.locations import shipped

Part = Literal["test", "valid"]
PROBES: dict[str, Callable[[], Head]] = {
    "SVR(C=5, gamma=auto) raw": lambda: SVR(C=5, gamma="auto"),
    "SVR(C=5, gamma=auto) standardised": lambda: make_pipeline(
        StandardScaler(), SVR(C=5, gamma="auto")
    ),
    "SVR(C=5, gamma=scale) raw": lambda: SVR(C=5, gamma="scale"),
    "ridge": HEADS["ridge"],
    "kernel ridge": HEADS["kernel-ridge"],
}
"""The first is MolBERT's own test (Fabian et al. 2020); both ridges standardise the features."""


def default_encoders() -> list[str]:
    """The encoders in ``models/``, the descriptors, and the untrained family as a control."""
    untrained = [f"random-h{size}" for size in WEAK_HIDDEN_SIZES]
    return [*shipped_names(), "ecfp4", "rdkit", "rdkit-cdf", *untrained]


def probe(
    encoders: Iterable[str | Encoder] | None = None,
    datasets: Iterable[str] = BENCHMARKS,
    part: Part = "test",
    progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    trust_remote_code: bool = False,
) -> pd.DataFrame:
    """The errors of ``PROBES`` over frozen features, on ChemBench's three splits.

    Parameters
    ----------
    encoders
        Names or encoders, each called otherwise; by default ``default_encoders()``.
    part : "test" or "valid"
        "test" fits on the train and valid parts and tests on the test part, as MolBERT's authors
        do. "valid" fits on the train part and tests on the valid part: for choosing pooling,
        layers and the like, so that nothing is chosen on test molecules.
    progress
        Called with a stage's name, steps done and steps in all.
    trust_remote_code
        See ``get_encoder``.

    Returns
    -------
    DataFrame
        A row an encoder, dataset and head: ``rmse_mean`` and ``rmse_std`` (sample standard
        deviation) over the splits, in target units - roots, not squared errors.

    Raises
    ------
    InvalidInput
        If two encoders have the same name.
    """
    chosen = [
        get_encoder(encoder, trust_remote_code=trust_remote_code)
        if isinstance(encoder, str)
        else encoder
        for encoder in (default_encoders() if encoders is None else encoders)
    ]
    check_names(chosen)
    pairs = list(product(chosen, [load_dataset(name) for name in datasets]))
    rows = []
    for step, (encoder, dataset) in enumerate(pairs):
        progress(f"{encoder.name} on {dataset.name}", step, len(pairs))
        features = embed(encoder, dataset.smiles)
        fits = list(product(PROBES, make_splits(dataset)))
        errors = Parallel(n_jobs=min(len(fits), cpu_count()), prefer="threads")(
            delayed(_rmse)(PROBES[head](), features, dataset.target, *_rows(split, part))
            for head, split in fits
        )
        for head, of_splits in zip(PROBES, np.reshape(errors, (len(PROBES), -1))):
            rows.append(
                {
                    "encoder": encoder.name,
                    "dataset": dataset.name,
                    "head": head,
                    "rmse_mean": of_splits.mean(),
                    "rmse_std": of_splits.std(ddof=1),
                }
            )
    progress("done", len(pairs), len(pairs))
    return pd.DataFrame(rows)


def published(datasets: Iterable[str] = BENCHMARKS) -> pd.DataFrame:
    """The figures of Fabian et al. (2020) for the same test, quoted; columns as of ``probe``.

    ``rmse_std`` is not a number: only means over the three splits are at hand. The encoder's name
    says which figures have not been checked against the paper, as ``source`` does.
    """
    table = pd.read_csv(shipped("benchmarks") / "published" / "molbert_table.csv")
    table = table[table["dataset"].isin(list(datasets))].reset_index(drop=True)
    unchecked = table["source"].str.contains("unchecked")
    mark = np.where(unchecked, " (quoted, unchecked)", " (quoted)")
    return table.assign(encoder=table["encoder"] + mark, rmse_std=np.nan)


def _rows(split: Split, part: Part) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to fit on, and rows to test on."""
    if part == "valid":
        return split.train, split.valid
    return np.concatenate([split.train, split.valid]), split.test


def _rmse(
    head: Any,
    features: NDArray[np.float32],
    target: NDArray[np.float64],
    known: NDArray[np.int64],
    held_out: NDArray[np.int64],
) -> float:
    predicted = head.fit(features[known], target[known]).predict(features[held_out])
    return float(np.sqrt(((predicted - target[held_out]) ** 2).mean()))
