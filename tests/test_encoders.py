"""Encoders: row i is molecule i, however molecules are batched, spelled and pooled."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from molw2s import embed, get_encoder, load_dataset
from molw2s.encoders import Encoder
from molw2s.encoders.catalog import WEAK_HIDDEN_SIZES
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput
from molw2s.locations import shipped


def independent_embedding(folder, smiles, pooling):
    """One molecule, no padding, straight through transformers."""
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ids = AutoTokenizer.from_pretrained(folder)(smiles, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**ids).last_hidden_state[0]
    parts = {"mean": hidden.mean(0), "cls": hidden[0]}
    return torch.cat([parts[part] for part in pooling.split("+")]).numpy()


@pytest.mark.parametrize("pooling", ["mean", "cls", "mean+cls"])
def test_batches_give_what_single_molecules_give(molecules, pooling):
    folder = shipped("models") / "weak-h16"
    encoder = get_encoder("weak-h16", pooling=pooling, canonicalise=False)
    output = encoder.encode(molecules)
    assert output.shape == (len(molecules), encoder.dim)
    assert output.dtype == np.float32
    expected = [independent_embedding(folder, text, pooling) for text in molecules]
    assert_allclose(output, expected, atol=2e-5)


def test_rows_follow_the_molecules_in_any_order(molecules):
    encoder = get_encoder("weak-h8")
    order = np.random.default_rng(0).permutation(len(molecules))
    there = encoder.encode([molecules[row] for row in order])
    assert_allclose(there, encoder.encode(molecules)[order], atol=1e-5)


def test_a_molecule_has_one_embedding_however_it_is_spelled():
    first, second = get_encoder("weak-h8").encode(["OCC", "C(O)C"])
    assert_allclose(first, second)
    as_given = get_encoder("weak-h8", canonicalise=False).encode(["OCC", "C(O)C"])
    assert not np.allclose(as_given[0], as_given[1], atol=1e-3)


@pytest.mark.parametrize("name", ["weak-h96", "ecfp4", "rdkit", "random-h8"])
def test_every_kind_fulfils_the_contract(name, molecules):
    encoder = get_encoder(name)
    assert isinstance(encoder, Encoder)
    assert encoder.name == name
    output = embed(encoder, molecules)
    assert output.shape == (len(molecules), encoder.dim)
    assert output.dtype == np.float32
    assert np.isfinite(output).all()
    assert len(np.unique(output, axis=0)) == len(molecules)
    assert embed(encoder, []).shape == (0, encoder.dim)


@pytest.mark.parametrize("name", ["weak-h8", "ecfp4", "rdkit"])
def test_unparsable_smiles_are_named(name):
    with pytest.raises(InvalidInput, match="row 1: 'C1CC'"):
        get_encoder(name).encode(["C", "C1CC"])


def test_descriptors_stand_in_a_scikit_learn_pipeline():
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    dataset = load_dataset("freesolv")
    model = make_pipeline(get_encoder("ecfp4"), Ridge()).fit(
        dataset.smiles[:50], dataset.target[:50]
    )
    assert model.predict(dataset.smiles[:3]).shape == (3,)


def test_ecfp4_counts_environments():
    counts = get_encoder("ecfp4").encode(["C", "CC"])
    # Methane: one atom, one environment. Ethane: two equal atoms, seen at radius 0 and at 1.
    assert counts.sum(axis=1).tolist() == [1, 3]


def test_untrained_encoders_depend_on_their_seed_alone(molecules):
    zero, again, one = (get_encoder("random-h8", seed=s).encode(molecules) for s in (0, 0, 1))
    assert np.array_equal(zero, again)
    assert not np.allclose(zero, one)
    prints = {get_encoder("random-h8", seed=s).fingerprint for s in (0, 1)}
    assert len(prints | {get_encoder("weak-h8").fingerprint}) == 3


def test_fingerprints_follow_everything_that_decides_the_output(tmp_path):
    prints = {
        get_encoder("weak-h8", **options).fingerprint
        for options in (
            {}, {"pooling": "cls"}, {"precision": "bfloat16"}, {"canonicalise": False},
        )
    }  # fmt: skip
    assert len(prints) == 4
    for file in (shipped("models") / "weak-h8").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    same = TransformerEncoder(tmp_path)
    assert same.fingerprint == get_encoder("weak-h8").fingerprint
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert TransformerEncoder(tmp_path).fingerprint != same.fingerprint


def test_too_long_smiles_are_cut_with_a_warning(caplog):
    embeddings = get_encoder("weak-h8").encode(["C", "C" * 500, "C" * 600])
    assert "2 of 3 SMILES have more than 128 tokens and are cut; the first is row 1" in caplog.text
    assert_allclose(embeddings[1], embeddings[2])


def test_the_shipped_family_is_the_papers():
    for size in WEAK_HIDDEN_SIZES:
        config = json.loads((shipped("models") / f"weak-h{size}" / "config.json").read_text())
        assert config["hidden_size"] == size
        assert config["num_hidden_layers"] == config["num_attention_heads"] == 2
    strong = json.loads((shipped("models") / "strong-small" / "config.json").read_text())
    assert strong["num_hidden_layers"] >= 6
    assert strong["hidden_size"] >= 384


def test_all_weak_encoders_saw_the_same():
    records = [
        json.loads((shipped("models") / f"weak-h{size}" / "training.json").read_text())
        for size in WEAK_HIDDEN_SIZES
    ]
    for key in ("corpus", "tokens", "molecules", "steps"):
        assert all(record[key] == records[0][key] for record in records), key


def test_any_bert_checkpoint_with_a_pooler_loads(tmp_path, molecules):
    AutoTokenizer.from_pretrained(shipped("models") / "weak-h8").save_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=400, hidden_size=12, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(tmp_path)
    assert get_encoder(str(tmp_path)).encode(molecules).shape == (len(molecules), 12)


class Broken:
    name, dim = "broken", 2

    def __init__(self, output):
        self.output = output

    def encode(self, smiles):
        return self.output


@pytest.mark.parametrize(
    ("output", "complaint"),
    [
        (np.zeros((3, 2), np.float32), r"shape \(3, 2\) for 2 molecules; \(2, dim=2\) expected"),
        (np.zeros((2, 3), np.float32), r"shape \(2, 3\)"),
        ([[0.0, 1.0]] * 2, "must return a float NumPy array, got list"),
        (np.zeros((2, 2), int), "got int64"),
        (np.array([[0, 1], [np.nan, 0]], np.float32), "not finite for 1 molecules; .* row 1: 'CC'"),
    ],
)
def test_what_an_encoder_must_not_return(output, complaint):
    with pytest.raises(InvalidInput, match=f"encoder 'broken'.*{complaint}"):
        embed(Broken(output), ["C", "CC"])
