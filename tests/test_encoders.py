"""Encoders: row i is molecule i, however molecules are batched, spelled and pooled."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.testing import assert_allclose
from safetensors.torch import load_file, save_file
from sklearn.preprocessing import QuantileTransformer
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from molw2s import embed, get_encoder, load_dataset
from molw2s.encoders import Encoder
from molw2s.encoders.base import check_names
from molw2s.encoders.catalog import WEAK_HIDDEN_SIZES
from molw2s.encoders.descriptors import cumulative
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput
from molw2s.locations import shipped
from molw2s.smiles import canonical


def independent_embeddings(folder, smiles, pooling, layers=(-1,)):
    """One molecule at a time, no padding, straight through transformers."""
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in smiles:
        ids = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            output = model(**ids, output_hidden_states=True)
        row = []
        for layer in layers:
            hidden = output.hidden_states[layer][0]
            row.append(hidden[0] if pooling == "cls" else hidden.mean(0))
        if pooling == "mean+cls":
            row.append(output.last_hidden_state[0, 0])
        if pooling == "mean+pooler":
            dense = model.pooler.dense
            row.append(torch.tanh(dense.weight @ output.last_hidden_state[0, 0] + dense.bias))
        rows.append(torch.cat(row).detach().numpy())
    return np.array(rows)


@pytest.fixture(scope="module")
def with_pooler(tmp_path_factory):
    """A folder with a tiny BERT that has a pooler, and the tokenizer of the shipped family."""
    folder = tmp_path_factory.mktemp("with-pooler")
    AutoTokenizer.from_pretrained(shipped("models") / "weak-h8").save_pretrained(folder)
    config = BertConfig(
        vocab_size=400, hidden_size=12, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    BertModel(config).save_pretrained(folder)
    return folder


def stating(folder, out, **usage):
    """A copy of a checkpoint whose config.json states its usage; written by transformers."""
    AutoTokenizer.from_pretrained(folder).save_pretrained(out)
    model = BertModel.from_pretrained(folder)
    model.config.molw2s = usage
    model.save_pretrained(out)
    return out


@pytest.mark.parametrize("pooling", ["mean", "cls", "mean+cls"])
@pytest.mark.parametrize("layers", [(-1,), (-1, 0), (1, 2)])
def test_batches_give_what_single_molecules_give(molecules, pooling, layers):
    folder = shipped("models") / "weak-h16"
    encoder = get_encoder("weak-h16", pooling=pooling, layers=layers, spelling="as-given")
    output = encoder.encode(molecules)
    assert output.shape == (len(molecules), encoder.dim)
    assert output.dtype == np.float32
    expected = independent_embeddings(folder, molecules, pooling, layers)
    assert_allclose(output, expected, atol=2e-5)


@pytest.mark.parametrize("layers", [(-1,), (0, 2)])
def test_the_pooler_stands_once_beside_the_means(with_pooler, molecules, layers):
    encoder = TransformerEncoder(with_pooler, pooling="mean+pooler", layers=layers)
    assert encoder.dim == 12 * (len(layers) + 1)
    expected = independent_embeddings(with_pooler, canonical(molecules), "mean+pooler", layers)
    assert_allclose(encoder.encode(molecules), expected, atol=2e-5)


def test_a_checkpoint_without_a_pooler_says_so(tmp_path):
    with pytest.raises(InvalidInput, match=r"weak-h8 has no pooler.* choose mean, cls"):
        get_encoder("weak-h8", pooling="mean+pooler").encode(["C"])


def test_a_checkpoint_that_lacks_weights_is_refused(with_pooler, tmp_path):
    stating(with_pooler, tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    del weights["encoder.layer.1.output.dense.bias"]
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(InvalidInput, match=r"lacks 1 .* encoder.layer.1.output.dense.bias"):
        TransformerEncoder(tmp_path).encode(["C"])


def test_a_checkpoint_states_its_usage_and_arguments_come_first(with_pooler, tmp_path, molecules):
    stating(with_pooler, tmp_path, pooling="cls", layers=[1, -1], spelling="kekulized")
    stated = TransformerEncoder(tmp_path)
    explicit = TransformerEncoder(with_pooler, pooling="cls", layers=(1, -1), spelling="kekulized")
    assert stated.usage == explicit.usage
    assert np.array_equal(stated.encode(molecules), explicit.encode(molecules))
    other = TransformerEncoder(tmp_path, pooling="mean", layers=(-1,), spelling="canonical")
    assert other.usage == TransformerEncoder(with_pooler).usage


@pytest.mark.parametrize(
    ("usage", "complaint"),
    [
        ({"poling": "mean"}, "poling: unknown setting"),
        ({"pooling": "max"}, "pooling: .*'mean', 'cls'"),
        ({"layers": []}, "layers: .*at least 1"),
        ({"layers": [4]}, r"layers \[4\].* 0 \(the embedding layer\) to 3, or -4 to -1"),
        (["mean"], "config.json says .* not an object"),
        ({"spelling": "random"}, "spelling: .*'canonical', 'kekulized'"),
    ],
)
def test_a_usage_that_does_not_fit_is_an_error(with_pooler, tmp_path, usage, complaint):
    stating(with_pooler, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "molw2s": usage}))
    with pytest.raises(InvalidInput, match=complaint):
        TransformerEncoder(tmp_path)


@pytest.mark.parametrize(("layers", "asked"), [((-1,), False), ((-1, -2), True)])
def test_the_last_layer_alone_does_not_pay_for_all(monkeypatch, layers, asked):
    encoder = get_encoder("weak-h8", layers=layers)
    forward, seen = encoder.model.forward, []

    def spy(**inputs):
        seen.append(inputs)
        return forward(**inputs)

    monkeypatch.setattr(encoder.model, "forward", spy)
    encoder.encode(["C"])
    assert ["output_hidden_states" in inputs for inputs in seen] == [asked]


@pytest.mark.parametrize(("rows", "more"), [(1, ""), (7, r".*; row 5: '\?' and 2 more")])
def test_a_strict_checkpoint_names_rows_of_unknown_tokens(with_pooler, tmp_path, rows, more):
    strict = stating(with_pooler, tmp_path, spelling="as-given", strict=True)
    with pytest.raises(InvalidInput, match=rf"{rows} of {rows + 1} SMILES have tokens that the "
                       rf"tokenizer does not know: row 1: '\?'{more}"):  # fmt: skip
        TransformerEncoder(strict).encode(["C", *"?" * rows])


def test_a_strict_checkpoint_names_rows_that_are_too_long(with_pooler, tmp_path):
    strict = stating(with_pooler, tmp_path, strict=True)
    with pytest.raises(InvalidInput, match="1 of 3 SMILES have more than 64 tokens: row 2: 'CCC"):
        TransformerEncoder(strict).encode(["C", "C" * 62, "C" * 63])


def test_unknown_tokens_are_told_of_each_time_kept_embeddings_or_not(caplog, fresh_cache):
    encoder = get_encoder("weak-h8", spelling="as-given")
    for ask in (encoder.encode, partial(embed, encoder), partial(embed, encoder)):
        caplog.clear()
        assert ask(["C", "C?C", "?"]).shape == (3, 8)
        told = "2 of 3 SMILES have tokens that the tokenizer does not know"
        assert caplog.text.count(told) == 1
        assert "the first is row 1" in caplog.text


def test_rows_follow_the_molecules_in_any_order(molecules):
    encoder = get_encoder("weak-h8")
    order = np.random.default_rng(0).permutation(len(molecules))
    there = encoder.encode([molecules[row] for row in order])
    assert_allclose(there, encoder.encode(molecules)[order], atol=1e-5)


def test_a_molecule_has_one_embedding_however_it_is_spelled():
    first, second = get_encoder("weak-h8").encode(["OCC", "C(O)C"])
    assert_allclose(first, second)
    as_given = get_encoder("weak-h8", spelling="as-given").encode(["OCC", "C(O)C"])
    assert not np.allclose(as_given[0], as_given[1], atol=1e-3)


@pytest.mark.parametrize("name", ["weak-h96", "ecfp4", "rdkit", "rdkit-cdf", "random-h8"])
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


def test_descriptors_of_large_molecules(monkeypatch):
    """Beside RDKit's own, for a molecule that is small enough to wait for."""
    smiles = ["C" * 60 + "c1ccccc1O", "CCO"]
    expected = get_encoder("rdkit").encode(smiles)
    monkeypatch.setattr("molw2s.encoders.descriptors.WITHOUT_POLYNOMIAL", 50)
    found = get_encoder("rdkit").encode(smiles)
    names = list(get_encoder("rdkit").get_feature_names_out())
    differ = {names[column] for column in np.flatnonzero((found != expected).any(axis=0))}
    assert differ == {"AvgIpc"}  # Ipc is 1e6, clipped, either way
    assert np.array_equal(found[1], expected[1])
    with pytest.raises(InvalidInput, match=r"1 molecules have more than 1000 atoms.*row 1: 'CCC"):
        get_encoder("rdkit").encode(["C", "C" * 1001])


def test_ecfp4_counts_environments():
    counts = get_encoder("ecfp4").encode(["C", "CC"])
    # Methane: one atom, one environment. Ethane: two equal atoms, seen at radius 0 and at 1.
    assert counts.sum(axis=1).tolist() == [1, 3]


def test_shares_of_a_distribution_are_scikit_learns():
    rng = np.random.default_rng(0)
    reference = np.column_stack(
        [rng.normal(size=500), rng.poisson(0.3, 500), np.zeros(500), rng.integers(-3, 3, 500)]
    )
    values = np.column_stack(
        [reference[:50, :2], np.tile([-1.0, 0, 1], 17)[:50], np.arange(50) / 5]
    )
    transformer = QuantileTransformer(n_quantiles=101, subsample=None).fit(reference)
    quantiles = np.quantile(reference, np.linspace(0, 1, 101), axis=0)
    assert_allclose(cumulative(values, quantiles), transformer.transform(values), atol=1e-6)


def test_descriptor_shares_depend_on_their_molecule_alone(molecules):
    encoder = get_encoder("rdkit-cdf")
    together = encoder.encode(molecules)
    assert encoder.dim == 200
    assert ((together >= 0) & (together <= 1)).all()
    assert np.array_equal(together, np.vstack([encoder.encode([text]) for text in molecules]))


def test_untrained_encoders_depend_on_their_seed_alone(molecules):
    zero, again, one = (get_encoder("random-h8", seed=s).encode(molecules) for s in (0, 0, 1))
    assert get_encoder("random-h8").model.dtype == torch.float32  # the checkpoint has float16
    assert np.array_equal(zero, again)
    assert not np.allclose(zero, one)
    prints = {get_encoder("random-h8", seed=s).fingerprint for s in (0, 1)}
    assert len(prints | {get_encoder("weak-h8").fingerprint}) == 3


def test_fingerprints_follow_everything_that_decides_the_output(tmp_path):
    prints = {
        get_encoder("weak-h8", **options).fingerprint
        for options in (
            {}, {"pooling": "cls"}, {"layers": (0, -1)}, {"precision": "bfloat16"},
            {"spelling": "kekulized"}, {"spelling": "as-given"},
        )
    }  # fmt: skip
    assert len(prints) == 6
    for file in (shipped("models") / "weak-h8").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    same = TransformerEncoder(tmp_path)
    assert same.fingerprint == get_encoder("weak-h8").fingerprint
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert TransformerEncoder(tmp_path).fingerprint != same.fingerprint


def test_a_fingerprint_is_called_by_its_diameter():
    narrow, wide = get_encoder("ecfp4"), get_encoder("ecfp4", radius=3)
    assert (narrow.name, wide.name) == ("ecfp4", "ecfp6")
    narrow.name = "mine"
    check_names([narrow, wide])


def test_too_long_smiles_are_cut_with_a_warning(caplog):
    embeddings = get_encoder("weak-h8").encode(["C", "C" * 500, "C" * 600])
    assert "2 of 3 SMILES have more than 128 tokens and are cut; the first is row 1" in caplog.text
    assert_allclose(embeddings[1], embeddings[2])


@pytest.mark.parametrize("version", ["", "-v2"])
def test_the_shipped_family_is_the_papers(version):
    for size in WEAK_HIDDEN_SIZES:
        folder = shipped("models") / f"weak-h{size}{version}"
        config = json.loads((folder / "config.json").read_text())
        assert config["hidden_size"] == size
        assert config["num_hidden_layers"] == config["num_attention_heads"] == 2
    strong = json.loads((shipped("models") / f"strong-small{version}" / "config.json").read_text())
    assert strong["num_hidden_layers"] >= 6
    assert strong["hidden_size"] > 2 * max(WEAK_HIDDEN_SIZES)


@pytest.mark.parametrize("version", ["", "-v2"])
def test_all_weak_encoders_saw_the_same(version):
    records = [
        json.loads((shipped("models") / f"weak-h{size}{version}" / "training.json").read_text())
        for size in WEAK_HIDDEN_SIZES
    ]
    for key in ("corpus", "tokens", "molecules", "steps"):
        assert all(record[key] == records[0][key] for record in records), key


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


@pytest.mark.parametrize("name", ["weak-h8", "ecfp4", "rdkit", "random-h8"])
def test_smiles_come_in_any_sequence_but_not_as_one_text(name, fresh_cache):
    encoder = get_encoder(name)
    expected = encoder.encode(["CCO", "C"])
    column = pd.Series(["CCO", "C"], index=[7, 3])
    for smiles in (("CCO", "C"), column, column.to_numpy(), column.to_frame("x")["x"]):
        assert_allclose(encoder.encode(smiles), expected)
        assert_allclose(embed(encoder, smiles), expected)
    for ask in (encoder.encode, partial(embed, encoder)):
        with pytest.raises(InvalidInput, match=r"one SMILES goes into a list: \['CCO'\]"):
            ask("CCO")
    with pytest.raises(InvalidInput, match="row 1: 'C1'"):  # a position, not a label
        encoder.encode(pd.Series(["C", "C1"], index=[5, 9]))
