"""Encoders as scikit-learn transformers, and data as pandas and NumPy users have it."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from molw2s import MoleculeDataset, SmilesTransformer, embed, get_encoder, load_dataset
from molw2s.errors import InvalidInput
from molw2s.learners.heads import HEADS, PROBABILITIES

NAMES = ["weak-h8-v2", "random-h8", "ecfp4", "rdkit", "rdkit-cdf"]


def some(n=40):
    """SMILES and targets with an index that is neither sorted nor unique."""
    frame = load_dataset("freesolv").to_pandas()[:n]
    return frame.set_index(pd.Index([7, 7, *range(n - 2)][::-1], name="my index"))


def checks():
    for name in NAMES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that most checks need numbers as input
            for estimator, check in estimator_checks_generator(get_encoder(name), legacy=False):
                yield pytest.param(estimator, check, id=f"{name}-{check.func.__name__}")


@pytest.mark.parametrize(("estimator", "check"), checks())
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("name", NAMES)
def test_clones_and_pickles_encode_alike(name, molecules):
    encoder = get_encoder(f"mine={name}")
    expected = encoder.encode(molecules)
    for copy in (clone(encoder), pickle.loads(pickle.dumps(encoder))):
        assert copy is not encoder
        assert copy.name == "mine"
        assert copy.fingerprint == encoder.fingerprint
        assert np.array_equal(copy.transform(molecules), expected)


@pytest.mark.parametrize("name", NAMES)
def test_every_form_of_a_column_is_taken_by_position(name):
    frame = some(12)
    encoder = get_encoder(name)
    expected = encoder.encode(frame["smiles"].tolist())
    for smiles in (
        frame["smiles"], frame["smiles"].to_numpy(), tuple(frame["smiles"]), frame[["smiles"]],
        frame[["smiles"]].to_numpy(), frame["smiles"].astype("category"),
    ):  # fmt: skip
        assert np.array_equal(encoder.fit_transform(smiles), expected)
        assert np.array_equal(embed(encoder, smiles), expected)
    with pytest.raises(InvalidInput, match=r"goes into a list: \['CCO'\]"):
        encoder.fit("CCO")
    with pytest.raises(InvalidInput, match="row 1: 'C1CC'"):
        encoder.encode(pd.Series(["C", "C1CC"], index=["x", "y"]))
    with pytest.raises(InvalidInput, match=r"shape \(12, 2\)"):
        encoder.fit(frame)


def test_a_search_over_a_checkpoints_settings():
    frame = some()
    model = make_pipeline(get_encoder("weak-h8-v2"), StandardScaler(), Ridge())
    search = GridSearchCV(
        model, {"transformerencoder__pooling": ["mean", "cls"], "ridge__alpha": [1, 10]}, cv=2
    )
    search.fit(frame["smiles"], frame["target"])
    results = pd.DataFrame(search.cv_results_)
    scores = results.pivot_table("mean_test_score", "param_transformerencoder__pooling")
    assert scores.nunique().item() == 2
    encoder = get_encoder("weak-h8-v2", pooling="cls")
    by_hand = make_pipeline(encoder, StandardScaler(), Ridge(10)).fit(
        frame["smiles"], frame["target"]
    )
    chosen = search.best_estimator_.set_params(transformerencoder__pooling="cls", ridge__alpha=10)
    chosen.fit(frame["smiles"], frame["target"])
    assert np.array_equal(chosen.predict(frame["smiles"]), by_hand.predict(frame["smiles"]))
    with pytest.raises(ValueError, match="no parameter 'poling'"):
        encoder.set_params(poling="cls")


def test_columns_of_a_frame_have_names():
    frame = some(5)
    both = make_column_transformer(
        (get_encoder("rdkit"), "smiles"), ("passthrough", ["target"])
    ).set_output(transform="pandas")
    found = both.fit_transform(frame)
    assert found.shape == (5, get_encoder("rdkit").dim + 1)
    assert "rdkitdescriptors__MolWt" in found
    assert list(found.index) == list(frame.index)
    wide = get_encoder("weak-h8-v2").set_output(transform="pandas").transform(frame["smiles"])
    assert list(wide.columns) == [f"transformerencoder{column}" for column in range(8)]


@pytest.mark.parametrize("name", sorted(set(HEADS.names()) - set(PROBABILITIES)))
def test_heads_take_a_column_of_targets(name):
    frame = some()
    X = get_encoder("weak-h8-v2").encode(frame["smiles"])
    flat = HEADS[name]().fit(X, frame["target"]).predict(X)
    column = HEADS[name]().fit(X, frame[["target"]]).predict(X)
    assert (flat.shape, column.shape) == ((40,), (40, 1))
    np.testing.assert_allclose(flat, column[:, 0])


def test_a_dataset_of_pandas_columns():
    frame = some()
    dataset = MoleculeDataset("mine", frame["smiles"], frame[["target"]], "")
    assert dataset.smiles == tuple(frame["smiles"])
    assert dataset.target.tolist() == frame["target"].tolist()
    with pytest.raises(InvalidInput, match=r"shape \(40, 2\): one a molecule"):
        MoleculeDataset("mine", frame["smiles"], np.zeros((40, 2)), "")


def test_an_encoder_of_ones_own_may_be_a_transformer():
    class Length(SmilesTransformer):
        dim = 1

        def __init__(self, scale=1.0):
            self.scale = scale

        def encode(self, smiles):
            return np.array([[len(text) * self.scale] for text in smiles], np.float32)

    frame = some()
    search = GridSearchCV(make_pipeline(Length(), Ridge()), {"length__scale": [1.0, 2.0]}, cv=2)
    assert search.fit(frame["smiles"], frame["target"]).predict(frame["smiles"][:3]).shape == (3,)
