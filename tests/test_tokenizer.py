"""The tokenizer spells every SMILES and loses nothing."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from molw2s import load_dataset
from molw2s.encoders.catalog import WEAK_HIDDEN_SIZES
from molw2s.locations import shipped
from molw2s.pretraining.tokenizer import train_tokenizer
from molw2s.problems.molecules.settings import WEAK_FAMILY
from molw2s.smiles import canonical


@pytest.fixture(scope="module")
def trained():
    return train_tokenizer(["C[C@@H](N)C(=O)O"] * 5 + ["c1cc[nH]c1"] * 3 + ["[Na+].[Cl-]"], 3)


def pieces(tokenizer, smiles):
    return tokenizer.convert_ids_to_tokens(tokenizer(smiles, add_special_tokens=False)["input_ids"])


@pytest.mark.parametrize(
    ("smiles", "expected"),
    [
        ("CCl", ["C", "Cl"]),
        ("CSc1ccccc1", ["C", "S", *"c1ccccc1"]),  # no scandium outside brackets
        ("[Sc+3]", ["[", "Sc", "+", "3", "]"]),
        ("[64Cu]", ["[", "6", "4", "Cu", "]"]),
        ("C1Sc2ccccc2C1", ["C", "1", "S", *"c2ccccc2C1"]),
        ("N[C@@H](C)C", ["N", "[C@@H]", *"(C)C"]),  # frequent in the corpus
        ("N[C@H](C)C", ["N", "[", "C", "@", "H", "]", *"(C)C"]),  # never seen
        ("[Na+]", ["[", "Na", "+", "]"]),  # seen too seldom
        ("[se]1cccc1", ["[", "se", "]", *"1cccc1"]),
        ("C%12CC%12", ["C", "%", "1", "2", "C", "C", "%", "1", "2"]),
    ],
)
def test_atoms_are_tokens(trained, smiles, expected):
    assert pieces(trained, smiles) == expected


def test_special_tokens_surround_a_molecule(trained):
    ids = trained("CO")["input_ids"]
    assert trained.convert_ids_to_tokens(ids) == ["[CLS]", "C", "O", "[SEP]"]
    assert trained.pad_token_id == 0


@pytest.mark.parametrize("name", ["esol", "freesolv", "lipop"])
@pytest.mark.parametrize("folder", ["weak-h8", "weak-h8-v2"])
def test_round_trip_on_every_molecule(name, folder):
    tokenizer = AutoTokenizer.from_pretrained(shipped("models") / folder)
    smiles = load_dataset(name).smiles
    texts = [*smiles, *canonical(smiles)]
    ids = tokenizer(texts, verbose=False)["input_ids"]
    assert not any(tokenizer.unk_token_id in line for line in ids)
    assert tokenizer.batch_decode(ids, skip_special_tokens=True) == texts


def test_a_saved_tokenizer_is_the_same(trained, tmp_path):
    trained.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    assert again.is_fast
    assert again("C[C@@H](N)C(=O)O") == trained("C[C@@H](N)C(=O)O")
    assert again.model_max_length == trained.model_max_length == 128


@pytest.mark.parametrize(
    "names",
    [
        WEAK_FAMILY,
        [*(f"weak-h{size}" for size in WEAK_HIDDEN_SIZES), "strong-small", "strong-small-v2"],
    ],
)
def test_a_family_shares_one_tokenizer(names):
    vocabularies = [
        AutoTokenizer.from_pretrained(shipped("models") / name).get_vocab() for name in names
    ]
    assert all(vocabulary == vocabularies[0] for vocabulary in vocabularies)


def test_what_is_no_smiles_is_unknown_not_lost(trained):
    assert trained.unk_token_id in trained("C?C")["input_ids"]
