"""Tokenizers made of a vocabulary of SMILES tokens, and what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    AlbertConfig,
    AutoModel,
    BertConfig,
    BertForMaskedLM,
    PreTrainedTokenizerFast,
)

from molw2s import get_encoder, load_dataset
from molw2s.encoders.vocabulary import regex_tokenizer, smiles_vocabulary
from molw2s.errors import InvalidInput

# How published models split a SMILES: Schwaller et al. 2019, Molecular Transformer, section 3.
PUBLISHED = (
    r"(\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\|\/|:|~|@|\?|>|\*|\$|"
    r"\%[0-9]{2}|[0-9])"
)
TOKENS = [
    "[PAD]", *(f"[unused{number}]" for number in range(1, 11)), "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *"cC()1O2N=n3FSo[4]#ls5+-/\\.6", "Cl", "Br", "[C@@H]", "[C@H]", "[nH]", "[N+]", "[O-]", "[n+]",
    "I", "P", "p", "B", "%10", ":", "7", "8", "9", "[Na+]",
]  # fmt: skip
TOKENS = [token for token in TOKENS if token not in ("[", "]", "l")]
MOLECULES = [
    "CC(=O)Oc1ccccc1C(=O)O", "C[C@@H](N)C(=O)[O-].[Na+]", "c1cc[nH]c1", "ClCCBr", "F/C=C\\F",
    "C%10CCCC%10", "C[n+]1ccccc1", "CS(=O)(=O)c1ccc2c(c1)OCO2",
]  # fmt: skip


def save(folder, tokens=TOKENS, config=None, **settings):
    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    torch.manual_seed(0)
    config = config or BertConfig(
        vocab_size=len(tokens), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32, max_position_embeddings=80,
    )  # fmt: skip
    model = AutoModel.from_config(config)
    model.config.save_pretrained(folder)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    return folder


def by_hand(text, tokens=TOKENS):
    ids = {token: number for number, token in enumerate(tokens)}
    split = re.findall(PUBLISHED, text)
    assert "".join(split) == text
    return [ids["[CLS]"], *(ids.get(token, ids["[UNK]"]) for token in split), ids["[SEP]"]]


@pytest.mark.parametrize("text", [*MOLECULES, "C[Si](C)C", "C[C@@](F)(Cl)Br"])
def test_a_smiles_is_split_as_published(tmp_path, text):
    tokenizer = regex_tokenizer(save(tmp_path), TOKENS)
    assert tokenizer(text)["input_ids"] == by_hand(text)


def test_every_molecule_of_a_dataset_is_split_as_published(tmp_path):
    tokenizer = regex_tokenizer(save(tmp_path), TOKENS)
    smiles = list(load_dataset("lipop").smiles)
    assert tokenizer(smiles)["input_ids"] == [by_hand(text) for text in smiles]


def test_deepchem_splits_them_alike(tmp_path):
    smiles_tokenizer = pytest.importorskip("deepchem.feat.smiles_tokenizer")
    save(tmp_path)
    try:
        theirs = smiles_tokenizer.SmilesTokenizer(str(tmp_path / "vocab.txt"))
    except (AttributeError, TypeError, ValueError) as error:
        pytest.skip(f"DeepChem's does not work with this transformers: {error}")
    ours = regex_tokenizer(tmp_path, TOKENS)
    for text in MOLECULES:
        assert ours(text)["input_ids"] == theirs(text)["input_ids"]


@pytest.mark.parametrize("kind", ["bert", "albert", "old"])
def test_such_a_checkpoint_tells_molecules_apart(tmp_path, kind):
    config = None
    if kind == "albert":
        config = AlbertConfig(
            vocab_size=len(TOKENS), embedding_size=8, hidden_size=16, num_hidden_layers=2,
            num_attention_heads=2, intermediate_size=32, max_position_embeddings=80,
        )  # fmt: skip
    save(tmp_path, config=config, do_lower_case=True, model_max_length=40)
    if kind == "old":  # of before config.json said its model's type
        stated = json.loads((tmp_path / "config.json").read_text())
        del stated["model_type"]
        stated["architectures"] = [BertForMaskedLM.__name__]
        (tmp_path / "config.json").write_text(json.dumps(stated))
    encoder = get_encoder(str(tmp_path), spelling="as-given")
    assert encoder.max_length == 40
    found = encoder.encode(MOLECULES)
    model = AutoModel.from_pretrained(
        tmp_path, config=config or BertConfig.from_pretrained(tmp_path)
    ).eval()
    with torch.no_grad():
        expected = [
            model(torch.tensor([by_hand(text)])).last_hidden_state[0].mean(0).numpy()
            for text in MOLECULES
        ]
    np.testing.assert_allclose(found, expected, atol=2e-5)
    assert len(np.unique(found.round(4), axis=0)) == len(MOLECULES)
    assert not encoder.faults(MOLECULES).any()


def test_unknown_tokens_are_told(tmp_path):
    encoder = get_encoder(str(save(tmp_path)), spelling="as-given")
    assert encoder.faults(["CCO", "C[Si](C)C", "C" * 90]).tolist() == [0, 2, 1]


def test_a_vocabulary_of_letters_spells_bracket_atoms(tmp_path):
    letters = ["<pad>", "<unk>", "<s>", "</s>", *"()[]+-=#@.%/\\0123456789HBCNOPSFI", *"bcnops",
               "Cl", "Br", "Na", "Sn"]  # fmt: skip
    tokenizer = regex_tokenizer(save(tmp_path, letters), letters)
    split = tokenizer.convert_ids_to_tokens(tokenizer("[Na+].CSn1cccc1")["input_ids"])
    assert split == ["<s>", "[", "Na", "+", "]", ".", *"CSn1cccc1", "</s>"]


def test_a_vocabulary_of_word_pieces_is_none_of_smiles(tmp_path):
    save(tmp_path, [*TOKENS, "##C"])
    assert smiles_vocabulary(tmp_path) is None


@pytest.mark.parametrize("lacking", ["[UNK]", "[PAD]"])
def test_a_vocabulary_without_what_is_needed_is_refused(tmp_path, lacking):
    tokens = [token for token in TOKENS if token != lacking]
    with pytest.raises(InvalidInput, match=re.escape(lacking)):
        get_encoder(str(save(tmp_path, tokens))).encode(["C"])


def wordlevel(folder, normalised=False):
    """A tokenizer of whole words, or one that does not tell small letters from capitals."""
    from tokenizers import Regex, normalizers

    small = [token.lower() for token in TOKENS] if normalised else ["word", "[UNK]", "[PAD]"]
    small = list(dict.fromkeys(small))
    unknown = "[unk]" if normalised else "[UNK]"
    tokenizer = Tokenizer(models.WordLevel({t: n for n, t in enumerate(small)}, unk_token=unknown))
    if normalised:
        tokenizer.normalizer = normalizers.Lowercase()
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("cl|br|."), behavior="isolated")
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=unknown, pad_token=unknown
    ).save_pretrained(folder)


@pytest.mark.parametrize(
    ("normalised", "told"),
    [(False, "cannot spell ordinary SMILES"), (True, "aliphatic and aromatic")],
)
def test_a_tokenizer_that_is_none_of_smiles_is_refused(tmp_path, normalised, told):
    save(tmp_path)
    wordlevel(tmp_path, normalised)
    with pytest.raises(InvalidInput, match=told):
        get_encoder(str(tmp_path)).encode(["CCO"])


def test_tokens_that_the_model_does_not_have_are_refused(tmp_path):
    save(tmp_path)
    (tmp_path / "vocab.txt").write_text("\n".join([*TOKENS, "[Se]"]))
    encoder = get_encoder(str(tmp_path))
    assert encoder.encode(["CCO"]).shape == (1, 16)
    with pytest.raises(InvalidInput, match=f"the model knows {len(TOKENS)} tokens"):
        encoder.encode(["C[Se]C"])
