"""How good is a frozen representation: RMSE of simple heads on each dataset's splits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from molw2s.datasets import load_dataset, make_splits
from molw2s.encoders import embed, get_encoder
from molw2s.heads import HEADS

PROBES: dict[str, Callable[[], Any]] = {
    "SVR(C=5, gamma=auto), raw features": lambda: SVR(C=5, gamma="auto"),
    "SVR(C=5, gamma=auto)": lambda: make_pipeline(StandardScaler(), SVR(C=5, gamma="auto")),
    "ridge": HEADS["ridge"],
    "kernel ridge": HEADS["kernel-ridge"],
}
"""The first is MolBERT's own test (Fabian et al. 2020); the others standardise the features."""


def probe(encoders: Iterable[str], datasets: Iterable[str]) -> pd.DataFrame:
    """Fit on the train and valid parts, test on the test part of ChemBench's three splits.

    Returns
    -------
    DataFrame
        A row an encoder, dataset and head: ``rmse_mean`` and ``rmse_std`` (sample standard
        deviation) over the splits, in target units - roots, not squared errors.
    """
    rows = []
    for name in encoders:
        encoder = get_encoder(name)
        for dataset in map(load_dataset, datasets):
            features = embed(encoder, dataset.smiles)
            splits = make_splits(dataset)
            for head, make in PROBES.items():
                errors = []
                for split in splits:
                    known = np.concatenate([split.train, split.valid])
                    fitted = make().fit(features[known], dataset.target[known])
                    residual = fitted.predict(features[split.test]) - dataset.target[split.test]
                    errors.append(float(np.sqrt((residual**2).mean())))
                rows.append(
                    {
                        "encoder": encoder.name,
                        "dataset": dataset.name,
                        "head": head,
                        "rmse_mean": np.mean(errors),
                        "rmse_std": np.std(errors, ddof=1),
                    }
                )
    return pd.DataFrame(rows)
