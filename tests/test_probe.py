"""The probe against scikit-learn used directly, and MolBERT's published baselines."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from molw2s import embed, get_encoder, load_dataset, make_splits
from molw2s.cli import main
from molw2s.errors import InvalidInput
from molw2s.probe import PROBES, default_encoders, probe, published
from molw2s.report.text import probe_table


@pytest.mark.parametrize("part", ["test", "valid"])
def test_probe_is_rmse_of_svrs_fitted_on_the_parts_before(part):
    table = probe(["weak-h8"], ["freesolv"], part).set_index("head")
    assert list(table.index) == list(PROBES)
    data = load_dataset("freesolv")
    X = get_encoder("weak-h8").encode(data.smiles)
    heads = {
        "SVR(C=5, gamma=auto) raw": SVR(C=5, gamma="auto"),
        "SVR(C=5, gamma=auto) standardised": make_pipeline(
            StandardScaler(), SVR(C=5, gamma="auto")
        ),
        "SVR(C=5, gamma=scale) raw": SVR(C=5, gamma="scale"),
    }
    for name, head in heads.items():
        expected = []
        for split in make_splits(data):
            known, held_out = split.train, split.valid
            if part == "test":
                known, held_out = np.r_[split.train, split.valid], split.test
            fitted = head.fit(X[known], data.target[known])
            expected.append(
                root_mean_squared_error(data.target[held_out], fitted.predict(X[held_out]))
            )
        assert table.loc[name, "rmse_mean"] == pytest.approx(np.mean(expected), rel=1e-4)
        assert table.loc[name, "rmse_std"] == pytest.approx(np.std(expected, ddof=1), rel=1e-3)
    assert (table["rmse_mean"] < data.target.std()).all()


def test_choosing_on_valid_never_looks_at_test(monkeypatch):
    """Test molecules without targets would spoil every figure they entered."""
    data = load_dataset("freesolv")
    (split, *_) = make_splits(data)
    target = data.target.copy()
    target[split.test] = np.nan
    features = embed(get_encoder("ecfp4"), data.smiles)

    class Blind:
        name, dim = "blind", 2048

        def encode(self, smiles):
            return features

    blind = replace(data, name="blind")
    object.__setattr__(blind, "target", target)  # a dataset made with such targets is refused
    monkeypatch.setattr("molw2s.probe.load_dataset", lambda name: blind)
    monkeypatch.setattr("molw2s.probe.make_splits", lambda dataset: [split] * 2)
    assert np.isfinite(probe([Blind()], ["blind"], "valid")["rmse_mean"]).all()


@pytest.mark.parametrize(
    ("encoder", "quoted", "tolerance"),
    [("ecfp4", "ECFC4 counts (quoted)", 0.002), ("rdkit-cdf", "RDKit descriptors", 0.03)],
)
@pytest.mark.parametrize("dataset", ["esol", "freesolv"])
def test_molberts_baselines_come_out_as_published(monkeypatch, encoder, quoted, tolerance, dataset):
    head = "SVR(C=5, gamma=auto) raw"
    monkeypatch.setattr("molw2s.probe.PROBES", {head: PROBES[head]})
    theirs = published([dataset]).set_index("encoder")["rmse_mean"].filter(like=quoted)
    ours = probe([encoder], [dataset])["rmse_mean"]
    assert ours.item() == pytest.approx(theirs.item(), rel=tolerance)


def test_encoders_of_one_name_cannot_be_told_apart(monkeypatch):
    monkeypatch.setattr("molw2s.probe.PROBES", {"ridge": PROBES["ridge"]})
    choices = [get_encoder("weak-h8", pooling=pooling) for pooling in ("mean", "cls")]
    with pytest.raises(InvalidInput, match="more than one encoder is called weak-h8"):
        probe(choices, ["freesolv"], "valid")
    choices[1].name = "weak-h8 cls"
    table = probe(choices, ["freesolv"], "valid").set_index("encoder")
    assert table.loc["weak-h8", "rmse_mean"] != table.loc["weak-h8 cls", "rmse_mean"]


def test_the_default_is_every_encoder_of_models_and_the_controls():
    names = default_encoders()
    assert len(set(names)) == len(names)
    assert {"strong-small", "weak-h8", "ecfp4", "rdkit", "rdkit-cdf", "random-h96"} <= set(names)
    assert all(get_encoder(name).name == name for name in names)


def test_progress_goes_from_nothing_to_all():
    steps = []
    probe(["weak-h8", "ecfp4"], ["freesolv"], progress=lambda *step: steps.append(step))
    assert steps == [
        ("weak-h8 on freesolv", 0, 2), ("ecfp4 on freesolv", 1, 2), ("done", 2, 2)
    ]  # fmt: skip


def test_quoted_figures_stand_beside_the_measured_ones(capsys):
    with pytest.raises(SystemExit):
        main(["probe", "weak-h8", "--dataset", "freesolv", "--json"])
    out = json.loads(capsys.readouterr().out)
    assert [row["head"] for row in out["probe"]] == list(PROBES)
    molbert = {row["encoder"]: row["rmse_mean"] for row in out["quoted"]}
    assert molbert["MolBERT frozen (quoted, unchecked)"] == 1.523
    assert all("Fabian" in row["source"] for row in out["quoted"])
    with pytest.raises(SystemExit):
        main(["probe", "weak-h8", "--dataset", "freesolv"])
    text = capsys.readouterr().out
    assert "| MolBERT frozen (quoted, unchecked) | SVR(C=5, gamma=auto) raw | 1.523 |" in text
    assert "quoted: Fabian" in text


def test_nothing_is_quoted_beside_validation_errors(capsys):
    with pytest.raises(SystemExit):
        main(["probe", "weak-h8", "--dataset", "freesolv", "--part", "valid"])
    text = capsys.readouterr().out
    assert "on the valid parts, fitted on train, mean" in text
    assert "quoted" not in text


def test_the_table_has_a_column_a_dataset():
    text = probe_table(published())
    assert list(text.columns) == ["encoder", "head", "esol", "freesolv", "lipop"]
    row = text.set_index("encoder").loc["MolBERT finetuned (quoted, unchecked)"]
    assert row.tolist() == ["finetuned", "0.531", "0.948", "0.561"]
