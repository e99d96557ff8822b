"""MolBERT's checkpoint: imported whole, read as data, computing what MolBERT computes.

The published weights are 1 GB; these tests make a checkpoint of the same layout, only smaller.
"""

from __future__ import annotations

import json
import os
import re
import sys
from argparse import Namespace
from collections import OrderedDict, defaultdict
from types import ModuleType

import numpy as np
import pytest
import torch
import yaml
from numpy.testing import assert_allclose
from rdkit import Chem
from transformers import AutoModel, AutoTokenizer, BertConfig, BertModel

from molw2s.cli import main
from molw2s.encoders import embed
from molw2s.encoders.molbert import TOKENS, Architecture, import_molbert, make_tokenizer
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput
from molw2s.smiles import kekulized

SMALL = Architecture(layers=3, hidden_size=24, heads=4, intermediate_size=40)
HPARAMS = {"max_seq_length": 128, "max_position_embeddings": 512, "vocab_size": 42, "tiny": False}


def sinusoids(positions, d):
    """Fabian et al.'s positions from the formula, in float64: all sines, then all cosines."""
    angles = np.arange(positions)[:, None] / 10000 ** (np.arange(0, d, 2) / d)
    return np.hstack([np.sin(angles), np.cos(angles)])


def body(architecture=SMALL, vocabulary=42, seed=0):
    """A BERT with random weights whose table of positions is zero."""
    torch.manual_seed(seed)
    model = BertModel(
        BertConfig(
            vocab_size=vocabulary,
            hidden_size=architecture.hidden_size,
            num_hidden_layers=architecture.layers,
            num_attention_heads=architecture.heads,
            intermediate_size=architecture.intermediate_size,
            initializer_range=0.3,
        )
    ).eval()
    for name, weight in model.named_parameters():
        if name.endswith("bias") or "LayerNorm" in name:
            torch.nn.init.normal_(weight, float("LayerNorm.weight" in name), 0.2)
    torch.nn.init.zeros_(model.embeddings.position_embeddings.weight)
    return model


def state_dict(model):
    d = model.config.hidden_size
    state = OrderedDict()
    for key, value in model.state_dict().items():
        if "position" not in key:
            state[f"model.bert.{key}"] = value
    frequencies = 1 / (10000 ** (torch.arange(0.0, d, 2.0) / d))  # float32, as in Transformer-XL
    state["model.bert.embeddings.position_embeddings.inv_freq"] = frequencies
    state["model.tasks.0.masked_lm_head.decoder.weight"] = torch.ones(42, d)
    state["model.tasks.1.physchem_head.linear.weight"] = torch.ones(200, d)
    state["model.tasks.2.is_same_head.seq_relationship.bias"] = torch.ones(2)
    return state


def checkpoint(state, **more):
    """What Lightning 0.8 keeps beside the weights."""
    moments = defaultdict(dict)
    moments[0] = {"step": 7, "exp_avg": torch.ones(3), "exp_avg_sq": torch.ones(3)}
    return {
        "epoch": 19,
        "global_step": 1234,
        "state_dict": state,
        "optimizer_states": [{"state": moments, "param_groups": [{"lr": 3e-5, "params": [0]}]}],
        "lr_schedulers": [OrderedDict(last_epoch=7)],
        "hyper_parameters": Namespace(**HPARAMS),
        **more,
    }


def write(folder, content, hparams=HPARAMS, **options):
    """The published layout: version_0/hparams.yaml and version_0/checkpoints/last.ckpt."""
    path = folder / "version_0" / "checkpoints" / "last.ckpt"
    path.parent.mkdir(parents=True)
    torch.save(content, path, **options)
    if hparams is not None:
        (path.parent.parent / "hparams.yaml").write_text(yaml.safe_dump(hparams))
    return path


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("molbert")
    path = write(folder, checkpoint(state_dict(body())))
    import_molbert(path, folder / "molbert", architecture=SMALL)
    return folder / "molbert"


def independent_output(smiles):
    """The original body fed with word embeddings + sinusoids, its own table being zero."""
    model = body()
    tokens = tokens_by_hand(kekulized([smiles])[0])
    ids = torch.tensor([[TOKENS.index(token) for token in tokens]])
    positions = torch.from_numpy(sinusoids(ids.shape[1], SMALL.hidden_size)).float()
    words = model.embeddings.word_embeddings(ids)
    with torch.no_grad():
        return model(inputs_embeds=words + positions).last_hidden_state[0].numpy(), model


def tokens_by_hand(rest):
    """Two letters first, by a loop."""
    tokens = ["[CLS]"]
    while rest:
        size = 2 if rest[:2] in TOKENS else 1
        tokens.append(rest[:size])
        rest = rest[size:]
    return [*tokens, "[SEP]"]


def test_the_forward_pass_is_molberts(imported, molecules):
    model = AutoModel.from_pretrained(imported, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(imported)
    for smiles in [*molecules[:5], "CCC(F)(Br)Cl", "C[Si](C)(C)C"]:
        ids = tokenizer(kekulized([smiles]), return_tensors="pt")
        with torch.no_grad():
            hidden = model(**ids).last_hidden_state[0].numpy()
        assert_allclose(hidden, independent_output(smiles)[0], atol=2e-5)


def test_features_are_mean_beside_pooled_output(imported):
    smiles = ["CCO", "c1ccccc1C(=O)O", "C"]
    encoder = TransformerEncoder(imported)
    assert encoder.dim == 2 * SMALL.hidden_size
    rows = []
    for text in smiles:
        hidden, model = independent_output(text)
        dense = model.pooler.dense
        weight, bias = dense.weight.detach().numpy(), dense.bias.detach().numpy()
        rows.append(np.hstack([hidden.mean(0), np.tanh(weight @ hidden[0] + bias)]))
    assert_allclose(embed(encoder, smiles), rows, atol=2e-5)


def test_the_table_of_positions_is_sinusoidal(imported):
    table = AutoModel.from_pretrained(imported).embeddings.position_embeddings.weight
    # In float32 the angle of position 511 is known to 3e-5.
    assert_allclose(table.detach(), sinusoids(512, SMALL.hidden_size), atol=4e-5)
    inv_freq = 1 / (10000 ** (torch.arange(0.0, 24, 2.0) / 24))
    angles = torch.outer(torch.arange(512.0), inv_freq)
    assert torch.equal(table.detach(), torch.cat([angles.sin(), angles.cos()], -1))


def test_the_folder_is_complete_and_says_where_it_comes_from(imported):
    assert {path.name for path in imported.iterdir()} >= {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md",
    }  # fmt: skip
    config = json.loads((imported / "config.json").read_text())
    assert config["molw2s"] == {"pooling": "mean+pooler", "spelling": "kekulized", "strict": True}
    assert config["model_type"] == "bert"
    assert "auto_map" not in config
    card = (imported / "README.md").read_text()
    assert re.search(r"license: mit", card)
    assert "BenevolentAI" in card
    assert re.search(r"last.ckpt \| `[0-9a-f]{64}`", card)
    assert [path.name for path in imported.parent.iterdir() if path.name.startswith(".")] == []


def test_42_tokens_in_the_order_of_their_ids(imported):
    tokenizer = AutoTokenizer.from_pretrained(imported)
    assert tokenizer.is_fast
    assert tokenizer.convert_ids_to_tokens(range(42)) == list(TOKENS)
    assert len(tokenizer) == len(TOKENS) == 42
    assert " ".join(TOKENS) == (
        "[PAD] [CLS] [SEP] [MASK] F H I B C N O P S Br Cl Si Se se @@ 0 1 2 3 4 5 6 7 8 9 "
        r"= @ # % / \ ( ) + - . [ ]"
    )
    assert tokenizer.model_max_length == 128


@pytest.mark.parametrize(
    "smiles",
    ["CC(Cl)Br", "C[Si](C)(C)C", "[Se]", "N[C@@H](C)[C@H](F)O", "C%12CC%12", "F/C=C\\F",
     "[13CH4]", "[NH4+].[O-]C#N", "CS(=O)(=O)C", "BrBr"],
)  # fmt: skip
def test_two_letter_tokens_come_first(smiles):
    tokenizer = make_tokenizer(128)
    ids = tokenizer(smiles)["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == tokens_by_hand(smiles)
    assert tokenizer.decode(ids, skip_special_tokens=True) == smiles


def test_every_other_element_is_an_error_that_names_the_row(imported):
    known = {"F", "H", "I", "B", "C", "N", "O", "P", "S", "Br", "Cl", "Si", "Se"}
    table = Chem.GetPeriodicTable()
    encoder = TransformerEncoder(imported)
    for number in range(1, 119):
        symbol = table.GetElementSymbol(number)
        if symbol in known:
            assert encoder.encode([f"[{symbol}]"]).shape == (1, encoder.dim)
            continue
        with pytest.raises(InvalidInput, match=rf"row 1: '\[{symbol}\]'"):
            encoder.encode(["C", f"[{symbol}]"])


def test_too_long_smiles_are_an_error_that_names_the_row(imported, tmp_path):
    fits, exceeds = "C" * 126, "C" * 127
    assert TransformerEncoder(imported).encode([fits]).shape == (1, 48)
    with pytest.raises(InvalidInput, match="1 of 2 SMILES have more than 128 tokens: row 1: 'CCC"):
        TransformerEncoder(imported).encode([fits, exceeds])
    path = write(tmp_path, checkpoint(state_dict(body())))
    import_molbert(path, tmp_path / "long", max_length=512, architecture=SMALL)
    longer = TransformerEncoder(tmp_path / "long")
    assert longer.encode([exceeds, "C" * 510]).shape == (2, 48)
    assert_allclose(longer.encode(["CCO"]), TransformerEncoder(imported).encode(["CCO"]), atol=1e-6)


def test_an_import_longer_than_the_positions_is_refused(tmp_path):
    path = write(tmp_path, checkpoint(state_dict(body())))
    with pytest.raises(InvalidInput, match="513 tokens: from 3 to max_position_embeddings=512"):
        import_molbert(path, tmp_path / "out", max_length=513, architecture=SMALL)


@pytest.mark.parametrize("zipped", [True, False])
def test_both_of_torchs_file_formats_load(tmp_path, zipped):
    state = state_dict(body())
    path = write(tmp_path, checkpoint(state), _use_new_zipfile_serialization=zipped)
    import_molbert(path, tmp_path / "out", architecture=SMALL)
    weights = AutoModel.from_pretrained(tmp_path / "out").state_dict()
    kept = {f"model.bert.{key}" for key in weights if "position" not in key}
    assert kept == {key for key in state if "bert" in key and "position" not in key}
    assert all(torch.equal(weights[key.removeprefix("model.bert.")], state[key]) for key in kept)


class Malicious:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_code_in_a_checkpoint_is_named_and_not_run(tmp_path):
    content = checkpoint(state_dict(body()), callbacks=Malicious(tmp_path / "ran"))
    path = write(tmp_path, content)
    with pytest.raises(InvalidInput, match=r"it holds (posix|os|nt)\.mkdir"):
        import_molbert(path, tmp_path / "out", architecture=SMALL)
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out").exists()


def test_a_class_in_a_checkpoint_is_named(tmp_path):
    path = write(tmp_path, checkpoint(state_dict(body()), module=torch.nn.Linear(1, 1)))
    with pytest.raises(InvalidInput, match=r"it holds torch\.nn\.modules\.linear\.Linear"):
        import_molbert(path, tmp_path / "out", architecture=SMALL)


@pytest.mark.parametrize(
    "content",
    [b"", b"\x80", b"not a checkpoint, but text", b"PK\x03\x04damaged", b"<!DOCTYPE html>",
     b"version https://git-lfs.github.com/spec/v1"],
)  # fmt: skip
def test_what_is_no_checkpoint_is_said_so(tmp_path, content):
    (tmp_path / "last.ckpt").write_bytes(content)
    with pytest.raises(InvalidInput, match=r"last\.ckpt is no PyTorch checkpoint") as refused:
        import_molbert(tmp_path / "last.ckpt", tmp_path / "out")
    assert "weights_only" not in str(refused.value)
    with pytest.raises(InvalidInput, match=r"cannot read the checkpoint .*nowhere\.ckpt"):
        import_molbert(tmp_path / "nowhere.ckpt", tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"layers": 2}, "layers 2, not 3"),
        ({"hidden_size": 32}, "hidden size 32, not 24"),
        ({"intermediate_size": 96}, "intermediate size 96, not 40"),
    ],
)
def test_another_architecture_is_refused(tmp_path, change, complaint):
    shape = {"layers": 3, "hidden_size": 24, "heads": 4, "intermediate_size": 40} | change
    path = write(tmp_path, checkpoint(state_dict(body(Architecture(**shape)))))
    with pytest.raises(InvalidInput, match=f"another shape than MolBERT: {complaint}$"):
        import_molbert(path, tmp_path / "out", architecture=SMALL)


def test_another_vocabulary_is_refused(tmp_path):
    path = write(tmp_path, checkpoint(state_dict(body(vocabulary=43))))
    with pytest.raises(InvalidInput, match="vocabulary size 43, not 42"):
        import_molbert(path, tmp_path / "out", architecture=SMALL)


@pytest.mark.parametrize(
    "key",
    ["pooler.dense.weight", "encoder.layer.1.output.dense.bias",
     "embeddings.word_embeddings.weight", "embeddings.position_embeddings.inv_freq"],
)  # fmt: skip
def test_a_missing_weight_is_named(tmp_path, key):
    state = state_dict(body())
    del state[f"model.bert.{key}"]
    path = write(tmp_path, checkpoint(state))
    with pytest.raises(InvalidInput, match=re.escape(key)):
        import_molbert(path, tmp_path / "out", architecture=SMALL)
    assert not (tmp_path / "out").exists()


def test_other_positions_are_refused(tmp_path):
    state = state_dict(body())
    state["model.bert.embeddings.position_embeddings.inv_freq"] *= 2
    with pytest.raises(InvalidInput, match="not that of sinusoidal positions"):
        import_molbert(write(tmp_path, checkpoint(state)), tmp_path / "out", architecture=SMALL)


def test_a_state_dict_is_needed(tmp_path):
    with pytest.raises(InvalidInput, match="no state_dict"):
        import_molbert(write(tmp_path, {"weights": {}}), tmp_path / "out")


@pytest.mark.parametrize("where", ["beside", "above", "inside"])
def test_hyper_parameters_are_found(tmp_path, where, monkeypatch):
    stated = {**HPARAMS, "max_seq_length": 64}
    content = checkpoint(state_dict(body()))
    content["hyper_parameters"] = Namespace(**stated) if where == "inside" else Namespace()
    path = write(tmp_path, content, stated if where == "above" else None)
    if where == "beside":
        path.with_name("hparams.yaml").write_text(yaml.safe_dump(stated))
    assert import_molbert(path, tmp_path / "out", architecture=SMALL)["max_length"] == 64
    monkeypatch.chdir(path.parent)
    assert import_molbert("last.ckpt", "out", architecture=SMALL)["max_length"] == 64


def test_hyper_parameters_of_lightnings_own_kind_are_found(tmp_path, monkeypatch):
    """Lightning 0.8 keeps them in a class of its own, which need not be installed to read them."""
    kind = type("AttributeDict", (dict,), {"__module__": "pytorch_lightning.utilities.parsing"})
    for name in ("pytorch_lightning", "pytorch_lightning.utilities", kind.__module__):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules[kind.__module__].AttributeDict = kind
    content = checkpoint(state_dict(body()))
    content["hyper_parameters"] = kind(HPARAMS, max_seq_length=64)
    path = write(tmp_path, content, None)
    monkeypatch.undo()
    assert "pytorch_lightning" not in sys.modules
    assert import_molbert(path, tmp_path / "out", architecture=SMALL)["max_length"] == 64


def test_the_working_directory_is_not_replaced(tmp_path, monkeypatch):
    path = write(tmp_path, checkpoint(state_dict(body())))
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(InvalidInput, match="give a folder of its own"):
        import_molbert(path, ".", architecture=SMALL)


def test_hyper_parameters_are_needed(tmp_path):
    content = checkpoint(state_dict(body()))
    del content["hyper_parameters"]
    with pytest.raises(InvalidInput, match=r"no hparams\.yaml beside it or one folder up"):
        import_molbert(write(tmp_path, content, hparams=None), tmp_path / "out")


def test_python_tags_in_hparams_are_data(tmp_path):
    path = write(tmp_path, checkpoint(state_dict(body())))
    ran = tmp_path / "ran"
    (path.parent.parent / "hparams.yaml").write_text(
        "max_seq_length: 100\n"
        "extra: !!python/object:argparse.Namespace {a: 1}\n"
        "pair: !!python/tuple [1, 2]\n"
        f"bad: !!python/object/apply:os.mkdir ['{ran}']\n"
    )
    assert import_molbert(path, tmp_path / "out", architecture=SMALL)["max_length"] == 100
    assert not ran.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("max_seq_length: long", "max_seq_length: .*integer"),
        ("- a\n- b", "is not a YAML mapping"),
        ("a: [", "cannot read .*hparams.yaml"),
        ("a: !other 1", "cannot read .*hparams.yaml"),
    ],
)
def test_unusable_hparams_are_explained(tmp_path, text, complaint):
    path = write(tmp_path, checkpoint(state_dict(body())))
    (path.parent.parent / "hparams.yaml").write_text(text)
    with pytest.raises(InvalidInput, match=complaint):
        import_molbert(path, tmp_path / "out", architecture=SMALL)


def test_a_folder_with_content_is_left_alone(tmp_path, imported):
    path = write(tmp_path, checkpoint(state_dict(body())))
    before = (imported / "model.safetensors").read_bytes()
    with pytest.raises(InvalidInput, match="exists already"):
        import_molbert(path, imported, architecture=SMALL)
    assert (imported / "model.safetensors").read_bytes() == before


def test_an_import_that_fails_halfway_leaves_nothing(tmp_path, monkeypatch):
    path = write(tmp_path, checkpoint(state_dict(body())))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("molw2s.encoders.molbert.make_tokenizer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        import_molbert(path, tmp_path / "models" / "out", architecture=SMALL)
    assert list((tmp_path / "models").iterdir()) == []


def test_the_command_imports_the_published_shape_only(tmp_path, capsys):
    path = write(tmp_path, checkpoint(state_dict(body())))
    with pytest.raises(SystemExit) as stop:
        main(["import", "molbert", str(path), "--out", str(tmp_path / "out")])
    assert stop.value.code == 1
    assert "layers 3, not 12; hidden size 24, not 768" in capsys.readouterr().err


def test_the_command_says_what_it_made(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("molw2s.encoders.molbert.Architecture", lambda: SMALL)
    path = write(tmp_path, checkpoint(state_dict(body())))
    with pytest.raises(SystemExit) as stop:
        main(["import", "molbert", str(path), "--out", str(tmp_path / "out"), "--max-length",
              "200", "--json"])  # fmt: skip
    assert not stop.value.code
    record = json.loads(capsys.readouterr().out)
    assert record["max_length"] == 200
    assert (tmp_path / "out" / "model.safetensors").exists()
