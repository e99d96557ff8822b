"""Finetuning: it learns, stops by the labels it was given, and repeats itself exactly."""

from __future__ import annotations

import dataclasses
import pickle
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from transformers import AutoTokenizer, BertConfig, BertModel

from molw2s import FinetunedEncoder, Finetuning, get_encoder, load_dataset
from molw2s.datasets import make_splits
from molw2s.encoders import embed
from molw2s.errors import InvalidInput
from molw2s.experiment.run import run_suite
from molw2s.experiment.settings import make_suite
from molw2s.experiment.workers import Workers
from molw2s.learners.finetuning import training
from molw2s.learners.finetuning.training import _batches
from molw2s.locations import shipped
from molw2s.problems.labels import parts_of

QUICK = Finetuning(epochs=3, batch=8)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A folder with a one-layer BERT of hidden size 8 that never saw a molecule, read from both
    its layer and its embeddings."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    AutoTokenizer.from_pretrained(shipped("models") / "weak-h8").save_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = BertConfig(
            vocab_size=400, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
            intermediate_size=16, max_position_embeddings=128, molw2s={"layers": [-1, 0]},
        )  # fmt: skip
        BertModel(config).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def data():
    """Molecules of FreeSolv and a planted function: oxygen atoms, in steps of 10, from 100 on."""
    smiles = load_dataset("freesolv").smiles[:300]
    return list(smiles), np.array([100 + 10 * text.upper().count("O") for text in smiles], float)


def test_it_learns_a_planted_function(tiny, data):
    smiles, y = data
    settings = Finetuning(epochs=30, batch=16)
    model = FinetunedEncoder(tiny, settings=settings).fit(smiles[:200], y[:200])
    errors = (model.predict(smiles[200:]) - y[200:]) ** 2
    assert errors.mean() < 0.1 * y[200:].var()


def test_the_encoder_itself_learns_and_the_original_is_left_alone(tiny, data):
    smiles, y = data
    encoder = get_encoder(tiny)
    before = encoder.encode(smiles[:5])
    (fit,) = FinetunedEncoder(encoder, settings=QUICK).fit(smiles[:50], y[:50]).fits_
    assert np.array_equal(encoder.encode(smiles[:5]), before)
    assert np.abs(fit.encoder.encode(smiles[:5]) - before).max() > 1e-3


def test_an_encoder_that_has_been_used_goes_to_another_process(tiny, data):
    smiles = data[0][:5]
    encoder = get_encoder(tiny)
    before = encoder.encode(smiles)
    assert np.array_equal(pickle.loads(pickle.dumps(encoder)).encode(smiles), before)


def test_a_finetuned_encoder_is_another_encoder(tiny, data, fresh_cache):
    smiles, y = data
    encoder = get_encoder(tiny)
    frozen = embed(encoder, smiles[:5])
    fits = [FinetunedEncoder(encoder, settings=QUICK, seed=s).fit(smiles[:50], y[:50]).fits_[0]
            for s in (0, 1)]  # fmt: skip
    for fit in fits:
        assert np.array_equal(embed(fit.encoder, smiles[:5]), fit.encoder.encode(smiles[:5]))
    assert np.array_equal(embed(encoder, smiles[:5]), frozen)
    assert len({encoder.fingerprint, *(fit.encoder.fingerprint for fit in fits)}) == 3


def test_however_much_is_held_out_something_is_learnt_from(tiny, data):
    smiles, y = data
    settings = Finetuning(epochs=1, held_out=0.99)
    (fit,) = FinetunedEncoder(tiny, settings=settings).fit(smiles[:10], y[:10]).fits_
    assert len(fit.held_out) == 9


def test_lora_leaves_the_pretrained_weights_and_learns_low_rank_updates(tiny, data):
    smiles, y = data
    settings = Finetuning(epochs=10, batch=8, lora_rank=2, encoder_rate=0.3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)  # users see no library's quarrel with another
        (fit,) = FinetunedEncoder(tiny, "lora", settings).fit(smiles, y).fits_
    assert min(fit.held_out_errors) < 0.9 * fit.held_out_errors[0]
    weights = dict(fit.encoder.model.named_parameters())
    original = dict(get_encoder(tiny).model.named_parameters())
    kept = {
        key.removeprefix("base_model.model.").replace(".base_layer", ""): value
        for key, value in weights.items()
        if "lora" not in key
    }
    assert kept.keys() == original.keys()
    assert all(torch.equal(kept[key], value) for key, value in original.items())
    learned = [value for value in weights.values() if value.requires_grad]
    assert all(min(value.shape) == 2 for value in learned)


def test_the_weights_are_those_of_the_best_epoch_on_the_labels_held_out(tiny, data):
    smiles, y = data[0][:80], data[1][:80]
    settings = Finetuning(epochs=40, batch=8, encoder_rate=1.0, head_rate=3.0, patience=3)
    model = FinetunedEncoder(tiny, settings=settings).fit(smiles, y)
    (fit,) = model.fits_
    best = int(np.argmin(fit.held_out_errors))
    assert len(fit.held_out_errors) == best + 1 + settings.patience < settings.epochs
    assert len(fit.held_out) == 8
    error = ((model.predict(smiles) - y)[fit.held_out] ** 2).mean() / y.var()
    assert error == pytest.approx(fit.held_out_errors[best], rel=1e-4)


def test_a_fit_depends_on_its_seed_and_not_on_what_was_fitted_before_or_beside(tiny, data):
    smiles, y = data[0][:60], data[1][:60]

    def answers(labels, seed=0):
        fitted = FinetunedEncoder(tiny, settings=QUICK, seed=seed).fit(smiles, labels)
        return fitted.predict(smiles)

    torch.manual_seed(1)
    alone = answers(y)
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.rand(1) == drawn  # and the caller's random numbers are untouched
    beside = answers(np.column_stack([np.sin(y), y]))
    assert np.array_equal(beside[:, 1], alone)
    assert np.array_equal(beside[:, 0], answers(np.sin(y)))
    assert not np.allclose(answers(y, seed=1), alone)


def test_labels_are_standardised(tiny, data):
    smiles, y = data[0][:60], data[1][:60]
    small, large = (
        FinetunedEncoder(tiny, settings=QUICK).fit(smiles, labels).predict(smiles)
        for labels in (y, 1000 * y - 7)
    )
    assert_allclose(large, 1000 * small - 7, rtol=1e-3)


def test_constant_labels_are_predicted(tiny, data):
    model = FinetunedEncoder(tiny, settings=QUICK).fit(data[0][:20], np.full(20, 3.5))
    assert_allclose(model.predict(data[0][:5]), 3.5)


def test_a_pass_has_every_molecule_at_most_once_in_whole_batches():
    rows, lengths = np.arange(100, 203), np.random.default_rng(0).integers(5, 60, 203)
    batches = _batches(rows, lengths, 4, np.random.default_rng(1))
    assert all(len(batch) == 4 for batch in batches)
    seen = np.concatenate(batches)
    assert len(np.unique(seen)) == len(seen) == 100
    assert set(seen) <= set(rows)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_fit_that_diverges_is_an_error(tiny, data):
    settings = QUICK.model_copy(update={"encoder_rate": 1e30, "head_rate": 1e30})
    with pytest.raises(InvalidInput, match=r"diverged in epoch 1 .* lower them"):
        FinetunedEncoder(tiny, settings=settings).fit(data[0][:50], data[1][:50])


def test_what_cannot_be_finetuned_is_explained(tiny, data, monkeypatch):
    with pytest.raises(InvalidInput, match="encoder 'ecfp4' has no weights to finetune"):
        FinetunedEncoder("ecfp4").fit(*data)
    with pytest.raises(InvalidInput, match="3 SMILES need as many finite labels"):
        FinetunedEncoder(tiny).fit(["C"] * 3, [1.0, 2.0])
    with pytest.raises(InvalidInput, match="at least 2 molecules"):
        FinetunedEncoder(tiny).fit(["C"], [1.0])
    monkeypatch.setattr("molw2s.learners.finetuning.regressor.find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match=r"pip install molw2s\[lora\]"):
        FinetunedEncoder(tiny, "lora").fit(*data)


def test_fingerprints_follow_everything_that_decides_a_fit(tiny):
    prints = {
        FinetunedEncoder(*arguments).fingerprint
        for arguments in (
            (tiny,), ("weak-h8",), (tiny, "lora"), (tiny, "full", QUICK), (tiny, "full", None, 1),
        )
    }  # fmt: skip
    assert len(prints) == 5
    assert FinetunedEncoder(tiny, "full", Finetuning()).fingerprint in prints


def test_a_fit_is_done_once_whichever_run_asks(suite, fresh_cache, monkeypatch):
    fits = []
    finetune = training.finetune
    monkeypatch.setattr(training, "finetune", lambda *a: fits.append(1) or finetune(*a))
    settings = suite(finetuning={"epochs": 1})
    run_suite(settings, small())
    assert len(fits) == 2  # a student and the ceiling
    run_suite(settings, small())
    assert len(fits) == 2
    run_suite(suite(finetuning={"epochs": 1}, weak_head="kernel-ridge"), small())
    assert len(fits) == 3  # other labels; the ceiling is known
    run_suite(suite(finetuning={"epochs": 1}, repeats=[3]), small())
    assert len(fits) == 5
    for path in (fresh_cache / "predictions").iterdir():
        path.write_bytes(path.read_bytes()[:-30])
    run_suite(settings, small())
    assert len(fits) == 7


@pytest.fixture
def suite(tiny):
    def make(**settings):
        return make_suite(
            {
                "name": "small", "dataset": "freesolv", "weak": [tiny], "strong": tiny,
                "strong_mode": "full", "weak_head": "ridge", "labels": "disjoint",
                "seeds": [122], "finetuning": {"epochs": 4, "batch": 16},
            }
            | settings
        )  # fmt: skip

    return make


def small(target=lambda y: y):
    dataset = load_dataset("freesolv")
    return dataclasses.replace(
        dataset, smiles=dataset.smiles[:120], target=target(dataset.target[:120].copy())
    )


def test_no_true_label_of_weakly_labelled_molecules_reaches_the_student(
    suite, tmp_path, monkeypatch
):
    """Their true labels and those of the evaluation move every error but the misfit."""
    (split,) = make_splits(small(), seeds=[122])
    parts = parts_of(split, "disjoint", 10)

    def other_truth(y):
        hidden = np.concatenate([parts.unlabelled, parts.evaluation])
        y[hidden] = np.random.default_rng(0).permutation(y[hidden]) * 3 + 50
        return y

    rows = []
    for target in (lambda y: y, other_truth):
        monkeypatch.setenv("MOLW2S_CACHE", str(tmp_path / f"cache-{len(rows)}"))
        rows.append(run_suite(suite(weak_mode="full"), small(target)).records.iloc[0])
    before, after = rows
    assert after["misfit"] == before["misfit"] > 0
    for name in ("weak_error", "w2s_error", "strong_error"):
        assert after[name] > 2 * before[name]


@pytest.mark.slow
def test_jobs_change_nothing(suite, tmp_path, monkeypatch):
    """Neither to heads, on the weak side, nor to what is finetuned."""
    records = []
    for jobs in (1, 2):
        monkeypatch.setenv("MOLW2S_CACHE", str(tmp_path / f"cache-{jobs}"))
        settings = suite(finetuning={"epochs": 2}, seeds=[122, 123, 124])
        records.append(run_suite(settings, small(), workers=Workers(jobs)).records)
    assert records[0].equals(records[1])


def test_repeats_are_the_seeds_of_what_is_finetuned(suite, fresh_cache):
    settings = suite(repeats=[0, 5], finetuning={"epochs": 2})
    records = run_suite(settings, small()).records
    assert records["seed"].tolist() == [0, 5]
    assert records["weak_error"].nunique() == 1  # a closed form makes nothing of a seed
    assert records["w2s_error"].nunique() == 2
    assert set(records["strong_head"]) == {"full finetuning"}
    assert set(records["weak_mode"] + records["strong_mode"]) == {"headfull"}
    records = run_suite(settings.model_copy(update={"strong_mode": "head"}), small()).records
    assert records["seed"].tolist() == [0]


def test_other_molecules_true_labels_may_stop_it():
    data = load_dataset("freesolv")
    smiles, y = data.smiles[:48], data.target[:48]
    others, truth = data.smiles[48:64], data.target[48:64]
    settings = Finetuning(epochs=4, batch=16, patience=4)
    head = FinetunedEncoder("weak-h8", settings=settings).fit(smiles, y, others, truth)
    (fit,) = head.fits_
    assert len(fit.held_out) == 0
    # The weights are those of the best epoch there, and its error is what the fit predicts.
    error = ((head.predict(others) - truth) ** 2).mean() / y.var()
    assert min(fit.held_out_errors) == pytest.approx(error, rel=1e-4)
    plain = FinetunedEncoder("weak-h8", settings=settings).fit(smiles, y)
    assert len(plain.fits_[0].held_out) > 0
