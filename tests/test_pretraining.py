"""Pretraining: the schedule, the masks, a tiny run, its resumption, and bad recipes."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from molw2s import get_encoder, load_dataset
from molw2s.errors import InvalidInput
from molw2s.pretraining.batches import BatchedCorpus, schedule
from molw2s.pretraining.corpus import CORPORA, read_source
from molw2s.pretraining.recipe import CorpusPart, read_recipe
from molw2s.pretraining.tokenizer import train_tokenizer
from molw2s.pretraining.train import pretrain


@given(st.lists(st.integers(3, 64), min_size=1, max_size=200), st.integers(1, 5000))
@settings(max_examples=50, deadline=None)
def test_the_schedule_sees_the_tokens_asked_for_in_fixed_shapes(lengths, tokens):
    lengths = np.array(lengths)
    plan = schedule(lengths, tokens, 256, [16, 32, 64], seed=0)
    seen = [lengths[rows].sum() for _, rows in plan]
    assert sum(seen) >= tokens > sum(seen[:-1])
    assert all((lengths[rows] <= length).all() for length, rows in plan)
    shapes = {(length, len(rows)) for length, rows in plan}
    assert len(shapes) <= 3


def test_a_pass_shows_every_molecule_once():
    lengths = np.full(64, 10)
    plan = schedule(lengths, 640, 128, [16], seed=1)
    rows = np.concatenate([rows for _, rows in plan])
    assert sorted(rows) == list(range(64))


@pytest.fixture
def batches():
    tokenizer = train_tokenizer(["CCO"])
    ids = [np.array(line, np.int16) for line in tokenizer(["CCO" * 30] * 64)["input_ids"]]
    plan = [(128, np.arange(64))] * 2
    targets = np.zeros((64, 1), np.float32)
    return tokenizer, BatchedCorpus(ids, targets, plan, tokenizer, 0.15, seed=3)


def test_masks_are_drawn_at_the_stated_rate_and_never_on_special_tokens(batches):
    tokenizer, corpus = batches
    batch = corpus[0]
    asked = batch["labels"] != -100
    assert asked.float().sum() / (64 * 90) == pytest.approx(0.15, abs=0.02)
    special = torch.isin(batch["labels"], torch.tensor(tokenizer.all_special_ids))
    assert not (special & asked).any()
    assert not asked[batch["attention_mask"] == 0].any()
    masked = batch["input_ids"][asked] == tokenizer.mask_token_id
    assert masked.float().mean() == pytest.approx(0.8, abs=0.05)


def test_masks_depend_on_the_batchs_number_alone(batches):
    _, corpus = batches
    corpus[0]
    assert torch.equal(corpus[1]["input_ids"], corpus[1]["input_ids"])
    assert not torch.equal(corpus[0]["input_ids"], corpus[1]["input_ids"])


RECIPE = """
corpus: [{source: corpus.smi}]
tokenization: {min_count: 5, max_length: 64}
architecture: {layers: 1, heads: 2, hidden_size: 16}
optimisation: {tokens: 60000, tokens_per_batch: 1024, learning_rate: 5.0e-3, checkpoints: 4}
held_out: 50
"""


@pytest.fixture
def recipe(tmp_path):
    smiles = load_dataset("esol").smiles
    (tmp_path / "corpus.smi").write_text("\n".join([*smiles[:600], "C1CC", smiles[0]]) + "\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


def test_a_tiny_run_learns_and_ships_a_usable_encoder(recipe, tmp_path):
    record = pretrain(read_recipe(recipe), tmp_path / "tiny", "molw2s pretrain ...")
    assert record["tokens"] >= 60000
    assert record["held_out"]["descriptor_loss"] < 0.9  # 1 is predicting the mean
    assert record["held_out"]["token_loss"] < 3  # uniform guessing costs more than 5
    files = {path.name for path in (tmp_path / "tiny").iterdir()}
    assert files >= {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert "checkpoints" not in files
    assert record == json.loads((tmp_path / "tiny" / "training.json").read_text())
    assert str(tmp_path) not in json.dumps(record["recipe"])
    assert get_encoder(str(tmp_path / "tiny")).encode(["CCO"]).shape == (1, 16)
    with pytest.raises(InvalidInput, match="finished encoder"):
        pretrain(read_recipe(recipe), tmp_path / "tiny")


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(recipe, tmp_path, monkeypatch):
    from molw2s.pretraining import train

    class Interrupted(Exception):
        pass

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    pretrain(read_recipe(recipe), whole)
    original = train.BatchedCorpus.__getitem__
    calls = iter(range(10**6))

    def dies(self, index):
        if next(calls) == 40:
            raise Interrupted
        return original(self, index)

    monkeypatch.setattr(train.BatchedCorpus, "__getitem__", dies)
    with pytest.raises(Interrupted):
        pretrain(read_recipe(recipe), cut)
    assert (cut / "checkpoints").is_dir()
    assert not (cut / "model.safetensors").exists()
    monkeypatch.setattr(train.BatchedCorpus, "__getitem__", original)
    assert pretrain(read_recipe(recipe), cut)["resumed"]
    ours, theirs = load_file(cut / "model.safetensors"), load_file(whole / "model.safetensors")
    for name, weights in ours.items():
        torch.testing.assert_close(weights, theirs[name], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"architecture.hiden_size": 8}, "hiden_size"),
        ({"architecture.hidden_size": 7}, "not divisible by heads"),
        ({"optimisation.tokens": "many"}, "valid integer"),
        ({"corpus": []}, "corpus"),
    ],
)
def test_bad_recipes_name_the_key(recipe, change, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        read_recipe(recipe, change)


def test_a_corpus_too_small_for_what_is_held_out(recipe, tmp_path):
    with pytest.raises(InvalidInput, match="held_out=5000 are needed"):
        pretrain(read_recipe(recipe, {"held_out": 5000}), tmp_path / "out")


def test_sources(tmp_path):
    (tmp_path / "a.csv").write_text("id,SMILES\n1,CCO\n2,CC\n3,C\n")
    part = CorpusPart(source=str(tmp_path / "a.csv"), sample=2)
    smiles, source = read_source(part)
    assert len(smiles) == source.molecules == 2
    assert source.name == "a.csv"
    assert read_source(part)[0] == smiles
    (tmp_path / "b.smi").write_text("CCO ethanol\nC methane\n")
    assert read_source(CorpusPart(source=str(tmp_path / "b.smi")))[0] == ["CCO", "C"]
    with pytest.raises(InvalidInput, match="neither a file nor one of guacamol, moses"):
        read_source(CorpusPart(source="nowhere"))
    with pytest.raises(InvalidInput, match="no column 'text'"):
        read_source(CorpusPart(source=str(tmp_path / "a.csv"), smiles_column="text"))


def test_named_corpora_without_a_network_say_so(fresh_cache, monkeypatch):
    import pooch

    def offline(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", offline)
    for name in CORPORA.names():
        with pytest.raises(InvalidInput, match="cannot fetch the corpus"):
            read_source(CorpusPart(source=name))
