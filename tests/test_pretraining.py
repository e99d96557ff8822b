"""Pretraining: the schedule, the masks, a tiny run, its resumption, and bad recipes."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rdkit import Chem
from rdkit.Chem import Crippen
from safetensors.torch import load_file

from molw2s import get_encoder, load_dataset
from molw2s.errors import InvalidInput
from molw2s.pretraining.batches import BatchedCorpus, Spellings, schedule
from molw2s.pretraining.corpus import CORPORA, fragments, prepare, read_source
from molw2s.pretraining.descriptors import (
    ATOMIC_VALUES,
    SIZES,
    atomic_values,
    column_weights,
    describe,
)
from molw2s.pretraining.objectives import PretrainingModel
from molw2s.pretraining.optimizer import Together
from molw2s.pretraining.pace import Pace, Stretch, matmul_peak
from molw2s.pretraining.pack import pack, unpack
from molw2s.pretraining.recipe import CorpusPart, Objectives, Tokenization, read_recipe
from molw2s.pretraining.tokenizer import train_tokenizer
from molw2s.pretraining.train import _last_whole, pretrain


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
def spellings():
    """64 spellings of 32 molecules, 90 tokens and two special ones each."""
    tokenizer = train_tokenizer(["CCO"])
    ids = [np.array(line, np.int16) for line in tokenizer(["CCO" * 30] * 64)["input_ids"]]
    molecule = np.repeat(np.arange(32), 2)
    return tokenizer, Spellings(
        np.concatenate(ids),
        np.arange(64 * 92, dtype=np.float16)[:, None],
        np.arange(65) * 92,
        molecule,
        np.arange(32, dtype=np.float16)[:, None],
    )


def batch_of(spellings, share):
    tokenizer, corpus = spellings
    return BatchedCorpus(corpus, [(128, np.arange(64))] * 2, tokenizer, 0.15, share, seed=3)


def test_masks_are_drawn_at_the_stated_rate_and_never_on_special_tokens(spellings):
    tokenizer, _ = spellings
    batch = batch_of(spellings, 1.0)[0]
    asked = batch["labels"] != -100
    assert asked.float().sum() / (64 * 90) == pytest.approx(0.15, abs=0.02)
    special = torch.isin(batch["labels"], torch.tensor(tokenizer.all_special_ids))
    assert not (special & asked).any()
    assert not asked[batch["attention_mask"] == 0].any()
    masked = batch["input_ids"][asked] == tokenizer.mask_token_id
    assert masked.float().mean() == pytest.approx(0.8, abs=0.05)


def test_the_stated_share_is_masked_and_the_rest_is_seen_whole(spellings):
    tokenizer, corpus = spellings
    batch = batch_of(spellings, 0.25)[0]
    assert batch["labels"].shape == (16, 128)
    whole, _ = map(torch.from_numpy, corpus.padded(np.arange(64), 128, tokenizer.pad_token_id))
    assert torch.equal(batch["input_ids"][16:], whole[16:])
    assert not torch.equal(batch["input_ids"][:16], whole[:16])


def test_a_batch_of_one_molecule_is_masked_if_any_is(spellings):
    tokenizer, corpus = spellings
    for share, masked in ((0.5, 1), (0.0, 0)):
        batches = BatchedCorpus(corpus, [(128, np.arange(1))], tokenizer, 0.15, share, seed=3)
        assert len(batches[0]["labels"]) == masked


def test_each_spelling_has_the_targets_of_its_molecule(spellings):
    batch = batch_of(spellings, 0.5)[0]
    expected = np.repeat(np.arange(32), 2)
    assert batch["descriptors"][:, 0].tolist() == expected.tolist()


def test_padding_holds_every_token_and_nothing_of_the_neighbours():
    tokens = np.arange(1, 7)
    corpus = Spellings(
        tokens.astype(np.int16), 10.0 * tokens[:, None].astype(np.float16),
        np.array([0, 1, 3, 6]), np.zeros(3, int), np.zeros((1, 1), np.float16),
    )  # fmt: skip
    ids, atoms = corpus.padded(np.array([2, 0, 1]), 4, pad=0)
    assert ids.tolist() == [[4, 5, 6, 0], [1, 0, 0, 0], [2, 3, 0, 0]]
    np.testing.assert_array_equal(np.isnan(atoms[..., 0]), ids == 0)
    np.testing.assert_array_equal(np.nan_to_num(atoms[..., 0]), 10 * ids)


def test_masks_depend_on_the_batchs_number_alone(spellings):
    corpus = batch_of(spellings, 0.5)
    corpus[0]
    assert torch.equal(corpus[1]["input_ids"], corpus[1]["input_ids"])
    assert not torch.equal(corpus[0]["input_ids"], corpus[1]["input_ids"])


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_losses_are_the_stated_means_over_the_molecules_asked(recipe, pooling):
    """Tokens are asked of the masked molecules, values of atoms and descriptors of the others."""
    torch.manual_seed(0)
    weights = torch.tensor([0.5, 0.25, 0.125])
    settings = read_recipe(recipe, {"objectives.descriptor_pooling": pooling})
    model = PretrainingModel(settings, 20, weights).eval()
    ids = torch.randint(5, 20, (6, 8))
    attention = torch.ones(6, 8, dtype=torch.long)
    labels = torch.full((2, 8), -100)
    labels[0, 3], labels[1, 5] = 7, 9
    descriptors = torch.randn(6, 3)
    atoms = torch.full((6, 8, ATOMIC_VALUES), torch.nan, dtype=torch.float16)
    atoms[0, 1], atoms[2, 4], atoms[5, 7] = 100, 1, -2  # the first is of a masked molecule
    with torch.inference_mode():
        losses = model(ids, attention, labels, atoms, descriptors)
        hidden = model.encoder(input_ids=ids, attention_mask=attention).last_hidden_state
        logits = model.token_head(hidden[:2])
        told = [
            -torch.log_softmax(logits[row, at], 0)[labels[row, at]] for row, at in ((0, 3), (1, 5))
        ]
        known = torch.stack([model.atom_head(hidden[2, 4]) - 1, model.atom_head(hidden[5, 7]) + 2])
        pooled = hidden[2:].mean(1) if pooling == "mean" else hidden[2:, 0]
        off = model.descriptor_head(pooled) - descriptors[2:]
        expected = {
            "token_loss": sum(told) / 2,
            "atom_loss": (known**2).mean(),
            "descriptor_loss": (
                0.5 * off[:, 0] ** 2 + off[:, 1] ** 2 / 4 + off[:, 2] ** 2 / 8
            ).mean(),
        }
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value)
    torch.testing.assert_close(losses["loss"], sum(expected.values()))


def test_no_token_asked_costs_nothing(recipe):
    model = PretrainingModel(read_recipe(recipe), 20, torch.ones(3)).eval()
    ids, labels = torch.randint(5, 20, (2, 8)), torch.full((1, 8), -100)
    atoms = torch.zeros(2, 8, ATOMIC_VALUES, dtype=torch.float16)
    losses = model(ids, torch.ones_like(ids), labels, atoms, torch.randn(2, 3))
    assert losses["token_loss"] == 0
    assert torch.isfinite(losses["loss"])


def test_groups_of_descriptors_count_alike_and_knowing_the_means_costs_one():
    variances = np.random.default_rng(0).uniform(0.1, 2, sum(SIZES.values()))
    weights = column_weights(variances)
    parts = np.split(weights * variances, np.cumsum(list(SIZES.values()))[:-1])
    np.testing.assert_allclose([part.sum() for part in parts], 1 / len(SIZES), rtol=1e-5)


def test_descriptors_are_of_the_molecule_and_atomic_values_of_its_atoms():
    """However it is written; Crippen's contributions sum to what RDKit says of the molecule."""
    one, other = Chem.MolFromSmiles("OC(=O)c1ccccc1N"), Chem.MolFromSmiles("c1ccc(N)c(C(O)=O)c1")
    np.testing.assert_allclose(describe(one), describe(other), rtol=1e-4, atol=1e-5)
    assert describe(one).shape == (sum(SIZES.values()),)
    values = atomic_values(Chem.AddHs(one))
    assert values.shape == (one.GetNumAtoms() + 7, ATOMIC_VALUES)
    assert values[:, 2].sum() == pytest.approx(Crippen.MolLogP(one), abs=1e-6)
    assert values[:, 3].sum() == pytest.approx(Crippen.MolMR(one), abs=1e-6)
    assert np.isfinite(describe(Chem.MolFromSmiles("[Na+].[Cl-]"))).all()


def test_fragments_are_what_breaking_brics_bonds_leaves():
    assert sorted(fragments("CCNC(=O)c1ccccc1")) == sorted(["CC", "N", "C=O", "c1ccccc1"])
    assert fragments("C") == ["C"]
    assert fragments("not a molecule") == []


@pytest.mark.slow
def test_each_atoms_token_has_that_atoms_values(monkeypatch, tmp_path, fresh_cache):
    """In a random spelling too, with a bracket that is spelled out; but not where hydrogens are."""
    (tmp_path / "corpus.smi").write_text("CC(=O)[Se]CCl\n[2H]C\n[H][H]\nClCCBr\n")
    (tmp_path / "recipe.yaml").write_text("corpus: [{source: corpus.smi}]\nheld_out: 1\n")
    seen = {}

    class Stop(Exception):
        pass

    def keep(corpus, plan, tokenizer, *rest):
        seen.update(corpus=corpus, tokenizer=tokenizer)
        raise Stop

    monkeypatch.setattr("molw2s.pretraining.train.BatchedCorpus", keep)
    monkeypatch.setattr("molw2s.pretraining.material._standardised", lambda values: values)
    monkeypatch.setattr("molw2s.pretraining.material._TEXTS_AT_ONCE", 3)
    with pytest.raises(Stop):
        pretrain(read_recipe(tmp_path / "recipe.yaml"), tmp_path / "out")
    corpus, tokenizer = seen["corpus"], seen["tokenizer"]
    told = 0
    for start, stop in zip(corpus.starts, corpus.starts[1:]):
        text = tokenizer.decode(corpus.ids[start + 1 : stop - 1])
        atoms = corpus.atoms[start:stop]
        values = atoms[~np.isnan(atoms).any(1)]
        if len(values):
            np.testing.assert_allclose(values, atomic_values(Chem.MolFromSmiles(text)), atol=1e-5)
            told += 1
    assert told == 4  # two spellings of the two molecules without hydrogen atoms


def test_two_optimizers_as_one_step_like_each_alone():
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("torch has no Muon")
    torch.manual_seed(0)
    matrix, vector = torch.randn(4, 4), torch.randn(4)

    def stepped(together, rate):
        weights = [matrix.clone().requires_grad_(), vector.clone().requires_grad_()]
        parts = [torch.optim.Muon(weights[:1], lr=rate), torch.optim.AdamW(weights[1:], lr=rate)]
        steppers = [Together(*parts)] if together else parts
        schedules = [
            torch.optim.lr_scheduler.LambdaLR(s, lambda step: 1 / (1 + step)) for s in steppers
        ]
        for _ in range(3):
            for weight in weights:
                weight.grad = torch.sin(weight.detach())
            for each in (*steppers, *schedules):
                each.step()
        return weights, steppers

    (alone, _), (joined, (optimizer,)) = stepped(False, 0.1), stepped(True, 0.1)
    for ours, theirs in zip(joined, alone):
        torch.testing.assert_close(ours, theirs)
    assert set(optimizer.state_dict()) == {"0", "1"}


RECIPE = """
corpus: [{source: corpus.smi}]
tokenization: {min_count: 5, max_length: 64}
architecture: {layers: 1, heads: 2, hidden_size: 16}
optimisation: {tokens: 160000, tokens_per_batch: 1024, learning_rate: 5.0e-3, checkpoints: 4}
held_out: 50
"""


@pytest.fixture
def recipe(tmp_path):
    smiles = load_dataset("esol").smiles
    (tmp_path / "corpus.smi").write_text("\n".join([*smiles[:600], "C1CC", smiles[0]]) + "\n")
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path / "recipe.yaml"


@pytest.mark.slow
def test_a_tiny_run_learns_and_ships_a_usable_encoder(recipe, tmp_path):
    longer = read_recipe(recipe, {"optimisation.tokens": 400000, "readout.layers": [-1, 0]})
    record = pretrain(longer, tmp_path / "tiny", "molw2s pretrain ...")
    assert record["tokens"] >= 400000
    unasked = pretrain(read_recipe(recipe, {"objectives.descriptor_weight": 0}), tmp_path / "not")
    by_chance = unasked["held_out"]["descriptor_loss"]
    assert record["held_out"]["descriptor_loss"] < 0.75 * by_chance
    assert record["held_out"]["atom_loss"] < 0.5  # 1 is predicting the mean
    assert record["held_out"]["token_loss"] < 3  # uniform guessing costs more than 5
    files = {path.name for path in (tmp_path / "tiny").iterdir()}
    assert files >= {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert "checkpoints" not in files
    assert "the mean over the last layer's tokens" in (tmp_path / "tiny" / "README.md").read_text()
    assert record["benchmark_molecules"]["esol"][0] > 550  # the corpus is ESOL's first 600 rows
    assert record["benchmark_molecules"]["lipop"][0] < 100
    assert record == json.loads((tmp_path / "tiny" / "training.json").read_text())
    assert str(tmp_path) not in json.dumps(record["recipe"])
    assert get_encoder(str(tmp_path / "tiny")).encode(["CCO"]).shape == (1, 32)
    with pytest.raises(InvalidInput, match="finished encoder"):
        pretrain(read_recipe(recipe), tmp_path / "tiny")


def test_without_bfloat16_pretraining_is_in_float32(recipe, tmp_path, monkeypatch):
    for module in ("train", "pace"):
        monkeypatch.setattr(f"molw2s.pretraining.{module}.has_bfloat16", lambda: False)
    seen = set()
    original = torch.nn.functional.linear

    def linear(features, *given):
        seen.add(original(features, *given).dtype)
        return original(features, *given)

    monkeypatch.setattr(torch.nn.functional, "linear", linear)
    shorter = read_recipe(recipe, {"optimisation.tokens": 5000})
    record = pretrain(shorter, tmp_path / "out")
    assert record["precision"] == "float32"
    assert seen == {torch.float32}


@pytest.mark.parametrize(("bfloat16", "dtype"), [(True, torch.bfloat16), (False, torch.float32)])
def test_the_peak_of_a_slow_machine_is_measured_by_one_round(monkeypatch, bfloat16, dtype):
    class Product:
        def __init__(self, *shape, device, dtype):
            self.shape, self.dtype = shape, dtype

        def __matmul__(self, other):
            made.append((*self.shape, other.shape[1], self.dtype))

    made, clock = [], iter(range(0, 10**6, 100))  # 100 s from one reading to the next
    monkeypatch.setattr("molw2s.pretraining.pace.has_bfloat16", lambda: bfloat16)
    monkeypatch.setattr("molw2s.pretraining.pace.time.perf_counter", lambda: next(clock))
    monkeypatch.setattr("molw2s.pretraining.pace.torch.randn", Product)
    monkeypatch.setattr("molw2s.pretraining.pace.torch.cuda.is_available", lambda: False)
    assert matmul_peak(64, 8) == 5 * 2 * 2048**3 / 100
    assert made == 5 * [(64, 8, 32, dtype)] + 5 * [(2048, 2048, 2048, dtype)]


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(
    recipe, tmp_path, monkeypatch, optimizer
):
    if optimizer == "muon" and not hasattr(torch.optim, "Muon"):
        pytest.skip("torch has no Muon")
    from molw2s.pretraining import train

    class Interrupted(Exception):
        pass

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    changes = {"optimisation.optimizer": optimizer, "optimisation.tokens": 80000}
    pretrain(read_recipe(recipe, changes), whole)
    original = train.BatchedCorpus.__getitem__
    calls = iter(range(10**6))

    def dies(self, index):
        if next(calls) == 40:
            raise Interrupted
        return original(self, index)

    monkeypatch.setattr(train.BatchedCorpus, "__getitem__", dies)
    with pytest.raises(Interrupted):
        pretrain(read_recipe(recipe, changes), cut)
    assert (cut / "checkpoints").is_dir()
    assert not (cut / "model.safetensors").exists()
    monkeypatch.setattr(train.BatchedCorpus, "__getitem__", original)
    with pytest.raises(InvalidInput, match="another recipe"):
        pretrain(read_recipe(recipe, changes | {"optimisation.warmup": 0.5}), cut)
    assert pretrain(read_recipe(recipe, changes), cut)["resumed"]
    ours, theirs = load_file(cut / "model.safetensors"), load_file(whole / "model.safetensors")
    for name, weights in ours.items():
        torch.testing.assert_close(weights, theirs[name], rtol=1e-3, atol=1e-3)


@pytest.fixture
def packed(recipe, tmp_path):
    settings = read_recipe(
        recipe, {"objectives.spellings": 3, "optimisation.tokens": 40000, "held_out": 5}
    )
    corpus = tmp_path / "corpus.smi"
    corpus.write_text("\n".join([*corpus.read_text().split()[:60], "C[N+](C)(C)C.[Cl-]", "[2H]C"]))
    pack(settings, tmp_path / "pack")
    return settings, tmp_path / "pack"


def test_a_pack_spells_each_molecule_and_tells_each_token_its_atoms_values(packed):
    settings, path = packed
    material = unpack(path, settings)
    corpus, tokenizer = material.spellings, material.tokenizer
    read, _ = prepare(settings.model_copy(update={"objectives": Objectives(spellings=1)}))
    assert len(corpus.lengths) == 3 * len(read)
    known = {each[0]: np.asarray(row) for each, row in zip(read["spellings"], read["descriptors"])}
    texts = [
        tokenizer.decode(corpus.ids[start + 1 : stop - 1])
        for start, stop in zip(corpus.starts, corpus.starts[1:])
    ]
    assert [Chem.CanonSmiles(text) for text in texts] == [
        text for text in texts[::3] for _ in "abc"
    ]
    assert len(set(texts)) > 2 * len(read)
    # Standardised values are a line in RDKit's: one slope and offset a column, for all spellings.
    told, expected, described = [], [], []
    for text, start, stop, row in zip(texts, corpus.starts, corpus.starts[1:], corpus.molecule):
        values = corpus.atoms[start:stop]
        values = values[~np.isnan(values).any(1)]
        described.append((corpus.descriptors[row], known[Chem.CanonSmiles(text)]))
        if "2H" not in text:
            told.append(values)
            expected.append(atomic_values(Chem.MolFromSmiles(text)))
        else:
            assert not len(values)
    pairs = [
        (np.concatenate(told), np.concatenate(expected)),
        tuple(map(np.array, zip(*described))),
    ]
    for ours, theirs in pairs:
        for column, truth in zip(ours.astype(float).T, theirs.T):
            inside = np.abs(column) < 4.9
            if truth[inside].std() > 1e-6:
                line = np.polyfit(truth[inside], column[inside], 1)
                np.testing.assert_allclose(
                    np.polyval(line, truth[inside]), column[inside], atol=0.1
                )


def test_training_from_a_pack_needs_neither_datasets_nor_a_download():
    program = (
        "import sys\nfrom transformers import Trainer\n"
        "for name in [n for n in sys.modules if n.split('.')[0] == 'datasets']:\n"
        "    del sys.modules[name]\n"
        "import molw2s.pretraining.train, molw2s.cli.pretrain, molw2s.probe\n"
        "sys.exit(' '.join({'datasets', 'pooch', 'deepchem'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_pack_of_another_corpus_is_refused(packed, tmp_path):
    settings, path = packed
    with pytest.raises(InvalidInput, match="whose tokenization was"):
        unpack(path, settings.model_copy(update={"tokenization": Tokenization()}))
    with pytest.raises(InvalidInput, match="cannot read the packed corpus"):
        unpack(tmp_path / "corpus.smi", settings)


def test_a_packed_run_in_pieces_ends_with_an_encoder_in_shards(packed, tmp_path):
    """Stopped by the clock at the first step, gone on with, and ended before all is seen."""
    settings, path = packed
    out = tmp_path / "pieces"
    stopped = pretrain(settings, out, packed=path, stretch=Stretch(minutes=0))
    assert (stopped["finished"], stopped["steps"]) == (False, 1)
    assert [each.name for each in out.iterdir()] == ["checkpoints"]
    record = pretrain(settings, out, packed=path, stretch=Stretch(0, last=True, shard_size="8KB"))
    assert record["finished"]
    assert record["resumed"]
    assert record["steps"] == 2 < record["planned_steps"]
    assert 0 < record["tokens"] < 2 * 1024 + 1
    shards = list(out.glob("*.safetensors"))
    assert len(shards) > 1
    assert max(shard.stat().st_size for shard in shards) < 10_000
    dtypes = {str(value.dtype) for shard in shards for value in load_file(shard).values()}
    assert dtypes == {"torch.float16"}
    assert get_encoder(str(out)).encode(["CCO"]).shape == (1, 16)
    with pytest.raises(InvalidInput, match="finished encoder"):
        pretrain(settings, out, packed=path)


def test_the_last_pieces_learning_rates_fall_to_zero_by_its_end(recipe, monkeypatch):
    now = iter([0.0, 0.0, 30.0, 60.0])
    monkeypatch.setattr("molw2s.pretraining.pace.time.perf_counter", lambda: next(now))
    pace = Pace(Stretch(minutes=1, last=True), read_recipe(recipe), began=0.0)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.5)
    state, rates = SimpleNamespace(global_step=7), []
    for scheduled in (0.5, 0.4, 0.4):
        optimizer.param_groups[0]["lr"] = scheduled
        pace.on_step_begin(None, state, None, optimizer=optimizer)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [0.5, 0.25, 0.0]


def test_a_checkpoint_that_was_being_written_is_not_resumed(tmp_path):
    for step, state in ((4, "{}"), (8, "{"), (12, None)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        if state is not None:
            (folder / "trainer_state.json").write_text(state)
    assert _last_whole(tmp_path) == str(tmp_path / "checkpoint-4")
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-4"]


def test_a_run_killed_while_it_saves_is_not_finished(recipe, tmp_path, monkeypatch):
    class Killed(Exception):
        pass

    def dies(*arguments):
        raise Killed

    short = read_recipe(recipe, {"optimisation.tokens": 20000})
    with monkeypatch.context() as patch:
        patch.setattr("molw2s.pretraining.train.model_card", dies)
        with pytest.raises(Killed):
            pretrain(short, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["checkpoints"]
    assert pretrain(short, tmp_path / "out")["resumed"]
    assert get_encoder(str(tmp_path / "out")).encode(["CCO"]).shape == (1, 16)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"architecture.hiden_size": 8}, "hiden_size"),
        ({"architecture.hidden_size": 7}, "not divisible by heads"),
        ({"optimisation.tokens": "many"}, "valid integer"),
        ({"corpus": []}, "corpus"),
        ({"corpus": 5}, "corpus"),
        ({"readout.layers": [-1, 2]}, "there are 1 layers"),
        ({"corpus.0.sample": 10}, "corpus is no section"),
        ({"optimisation.seed": -1}, "optimisation.seed: .* greater than or equal to 0"),
        ({"architecture.intermediate_size": 0}, "architecture.intermediate_size: .* than 0"),
        ({"readuot": {}}, "readuot: unknown setting; did you mean readout"),
    ],
)
def test_bad_recipes_name_the_key(recipe, change, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        read_recipe(recipe, change)


def test_a_corpus_too_small_for_what_is_held_out(recipe, tmp_path):
    with pytest.raises(InvalidInput, match="held_out=5000 are needed"):
        pretrain(read_recipe(recipe, {"held_out": 5000}), tmp_path / "out")


def test_each_column_of_a_file_is_a_corpus_of_its_own(recipe, tmp_path, fresh_cache):
    (tmp_path / "two.csv").write_text("a,b\nCCO,CCN\nCCCO,CCCN\n")
    for column, atom in (("a", "O"), ("b", "N")):
        part = {"source": str(tmp_path / "two.csv"), "smiles_column": column}
        molecules, _ = prepare(read_recipe(recipe, {"corpus": [part]}))
        canonical = [spellings[0] for spellings in molecules["spellings"]]
        assert canonical == [f"CC{atom}", f"CCC{atom}"]


def test_a_molecule_is_there_once_however_it_is_written(recipe, tmp_path, fresh_cache):
    (tmp_path / "twice.smi").write_text("CCO\nOCC\nC(O)C\nCCN\nnonsense\nNCC\n")
    corpus = [{"source": str(tmp_path / "twice.smi")}]
    for _ in range(2):  # prepared, and found again
        molecules, _ = prepare(read_recipe(recipe, {"corpus": corpus}))
        assert [spellings[0] for spellings in molecules["spellings"]] == ["CCO", "CCN"]
        counts = [len(Chem.MolFromSmiles(each[1]).GetAtoms()) for each in molecules["spellings"]]
        assert counts == [3, 3]
        assert len(molecules.with_format("arrow")["descriptors"]) == 2


def test_a_corpus_without_molecules_says_so(recipe, tmp_path, fresh_cache):
    (tmp_path / "none.smi").write_text("nonsense\nC1\n")
    with pytest.raises(InvalidInput, match=r"no SMILES .* can be read: none\.smi"):
        prepare(read_recipe(recipe, {"corpus": [{"source": str(tmp_path / "none.smi")}]}))


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.smi", b""), ("empty.csv", b""), ("binary.csv", b"\xff\xfe\x00"),
     ("ragged.csv", b"smiles\nC,1\nC,1,2,3\n"),
     ("cut.smi.gz", gzip.compress(b"CCO\n" * 99, mtime=0)[:-9])],
)  # fmt: skip
def test_files_that_cannot_be_read_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=re.escape(f"cannot read {tmp_path / name}: ")):
        read_source(CorpusPart(source=str(tmp_path / name)))


def test_quotes_in_a_smi_file_are_part_of_a_name(tmp_path):
    (tmp_path / "a.smi").write_text('CCO "5-foo\nCCC x\nCC 5\'-y"\nNA sodium\n')
    assert read_source(CorpusPart(source=str(tmp_path / "a.smi")))[0] == ["CCO", "CCC", "CC", "NA"]
    (tmp_path / "b.smi").write_text("1 CCO\n2 CC\n")
    assert read_source(CorpusPart(source=str(tmp_path / "b.smi")))[0] == ["1", "2"]


def test_sources(tmp_path):
    (tmp_path / "a.csv").write_text("id,SMILES\n1,CCO\n2,CC\n3,C\n")
    part = CorpusPart(source=str(tmp_path / "a.csv"), sample=2)
    smiles, source = read_source(part)
    assert len(smiles) == source.molecules == 2
    assert source.name == "a.csv"
    assert read_source(part)[0] == smiles
    (tmp_path / "b.smi").write_text("CCO ethanol\nC methane\n")
    assert read_source(CorpusPart(source=str(tmp_path / "b.smi")))[0] == ["CCO", "C"]
    with pytest.raises(InvalidInput, match=r"neither a file, .* nor one of guacamol, moses"):
        read_source(CorpusPart(source="nowhere"))
    with pytest.raises(InvalidInput, match="no smiles column 'text'"):
        read_source(CorpusPart(source=str(tmp_path / "a.csv"), smiles_column="text"))


def test_named_corpora_without_a_network_say_so(fresh_cache, monkeypatch):
    import pooch

    def offline(*arguments, **options):
        raise OSError("no route to host")

    monkeypatch.setattr(pooch, "retrieve", offline)
    for name in CORPORA.names():
        with pytest.raises(InvalidInput, match="cannot fetch the corpus"):
            read_source(CorpusPart(source=name))
