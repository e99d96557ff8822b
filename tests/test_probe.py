"""The probe against scikit-learn used directly."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error
from sklearn.svm import SVR

from molw2s import get_encoder, load_dataset, make_splits
from molw2s.probe import probe


def test_probe_is_rmse_of_an_svr_fitted_on_train_and_valid():
    table = probe(["weak-h8"], ["freesolv"]).set_index("head")
    data = load_dataset("freesolv")
    X = get_encoder("weak-h8").encode(data.smiles)
    expected = []
    for split in make_splits(data):
        known = np.r_[split.train, split.valid]
        fitted = SVR(C=5, gamma="auto").fit(X[known], data.target[known])
        expected.append(
            root_mean_squared_error(data.target[split.test], fitted.predict(X[split.test]))
        )
    row = table.loc["SVR(C=5, gamma=auto), raw features"]
    assert row["rmse_mean"] == pytest.approx(np.mean(expected), rel=1e-4)
    assert row["rmse_std"] == pytest.approx(np.std(expected, ddof=1), rel=1e-3)
    assert (table["rmse_mean"] < data.target.std()).all()
