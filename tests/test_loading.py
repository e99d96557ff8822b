"""Any Hugging Face checkpoint by folder or name: the same embeddings as calling it directly."""

from __future__ import annotations

import json
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from numpy.testing import assert_allclose
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    DistilBertConfig,
    GPT2Config,
    ModernBertConfig,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5EncoderModel,
    T5Model,
)
from transformers.utils import logging as transformers_logging

from molw2s import get_encoder
from molw2s.cli import main
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput

VOCABULARY = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *"()[]+-=#@.%/\\0123456789HBCNOPSFIlr",
              *"bcnops", "Na"]  # fmt: skip
SIZES = {"vocab_size": 60, "num_hidden_layers": 3, "num_attention_heads": 2, "hidden_size": 16}
SPECIAL = {"bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
CONFIGS = {
    "bert": BertConfig(**SIZES, pad_token_id=1, intermediate_size=32, max_position_embeddings=64),
    "distilbert": DistilBertConfig(
        vocab_size=60, dim=16, n_layers=2, n_heads=2, hidden_dim=32, pad_token_id=1,
        max_position_embeddings=64,
    ),
    # ChemBERTa's type: positions begin behind the padding index, so 66 of them are 64 tokens.
    "roberta": RobertaConfig(**SIZES, **SPECIAL, intermediate_size=32, max_position_embeddings=66),
    # A window of 8 tokens, so that most molecules reach beyond it.
    "modernbert": ModernBertConfig(
        **SIZES, **SPECIAL, cls_token_id=0, sep_token_id=2, intermediate_size=32,
        local_attention=8, max_position_embeddings=64,
    ),
}  # fmt: skip


def save_tokenizer(folder, model_max_length=None):
    tokenizer = Tokenizer(
        models.WordLevel({token: row for row, token in enumerate(VOCABULARY)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("Na|."), behavior="isolated")
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", cls_token="<s>", eos_token="</s>",
        sep_token="</s>", pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
        **({"model_max_length": model_max_length} if model_max_length else {}),
    ).save_pretrained(folder)  # fmt: skip


@pytest.fixture(scope="module", params=sorted(CONFIGS))
def checkpoint(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    save_tokenizer(folder)
    torch.manual_seed(0)
    model = AutoModel.from_config(CONFIGS[request.param])
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.2 * torch.randn_like(weight)
    model.save_pretrained(folder)
    return folder


def one_by_one(folder, smiles, read=lambda hidden: hidden.mean(0), **options):
    """Straight through AutoModel, a molecule at a time, without padding."""
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = []
    for text in smiles:
        ids = tokenizer(text, return_tensors="pt", return_token_type_ids=False, **options)
        with torch.no_grad():
            rows.append(read(model(**ids).last_hidden_state[0]).numpy())
    return np.array(rows)


@pytest.mark.parametrize(
    ("pooling", "read"),
    [("mean", lambda hidden: hidden.mean(0)), ("cls", lambda hidden: hidden[0])],
)
def test_embeddings_are_those_of_the_model_itself(checkpoint, molecules, pooling, read):
    encoder = get_encoder(str(checkpoint), spelling="as-given", pooling=pooling)
    assert encoder.dim == encoder.hidden_size == 16
    assert_allclose(encoder.encode(molecules), one_by_one(checkpoint, molecules, read), atol=2e-5)


def test_all_the_positions_are_used_and_no_more(checkpoint):
    encoder = TransformerEncoder(checkpoint, spelling="as-given")
    assert encoder.max_length == 64
    smiles = ["C" * 61, "C" * 62, "C" * 63, "C" * 90]  # and two special tokens each
    expected = one_by_one(checkpoint, smiles, truncation=True, max_length=64)
    assert_allclose(encoder.encode(smiles), expected, atol=2e-5)


def test_sizes_are_known_by_other_names_too(tmp_path, molecules):
    """GPT-2's window and DistilBERT's depth, which BERT calls otherwise."""
    save_tokenizer(tmp_path / "gpt2")
    AutoModel.from_config(
        GPT2Config(vocab_size=60, n_embd=16, n_layer=2, n_head=2, n_positions=32)
    ).save_pretrained(tmp_path / "gpt2")
    encoder = TransformerEncoder(tmp_path / "gpt2", spelling="as-given")
    assert (encoder.dim, encoder.max_length) == (16, 32)
    expected = one_by_one(tmp_path / "gpt2", molecules, truncation=True, max_length=32)
    assert_allclose(encoder.encode(molecules), expected, atol=2e-5)
    AutoModel.from_config(CONFIGS["distilbert"]).save_pretrained(tmp_path / "distilbert")
    with pytest.raises(InvalidInput, match=r"layers \[9\], but .* 0 \(the embedding layer\) to 2"):
        TransformerEncoder(tmp_path / "distilbert", layers=[9])


@pytest.mark.parametrize("kind", [T5Model, T5EncoderModel])
def test_of_an_encoder_and_a_decoder_the_encoder_is_read(tmp_path, molecules, kind):
    save_tokenizer(tmp_path)
    config = T5Config(vocab_size=60, d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2)
    kind(config).save_pretrained(tmp_path)
    alone = T5EncoderModel.from_pretrained(tmp_path).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    expected = []
    for text in molecules:
        ids = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
        with torch.no_grad():
            expected.append(alone(**ids).last_hidden_state[0].mean(0).numpy())
    encoder = TransformerEncoder(tmp_path, spelling="as-given")
    assert_allclose(encoder.encode(molecules), expected, atol=2e-5)
    assert TransformerEncoder(tmp_path, layers=[0, -1]).encode(molecules).shape[1] == 32


@pytest.mark.parametrize(
    "model",
    [
        models.WordLevel({"<pad>": 0, "<unk>": 1} | {c: n for n, c in enumerate("CNOcno1()=#", 2)},
                         unk_token="<unk>"),
        models.BPE({c: n for n, c in enumerate(["<pad>", *"CNOcno1()=#"])}, []),
    ],
)  # fmt: skip
def test_what_a_tokenizer_does_not_spell_is_counted_whatever_it_states(tmp_path, model):
    """The unknown token is known to the model below alone, or there is none, and letters vanish."""
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(tmp_path)
    AutoModel.from_config(CONFIGS["bert"]).save_pretrained(tmp_path)
    assert TransformerEncoder(tmp_path).faults(["CC", "CCF", "c1ccccc1", "CI"]).tolist() == [
        0, 2, 0, 2,
    ]  # fmt: skip


def test_whatever_holds_smiles_by_position_is_encoded(checkpoint):
    encoder, smiles = TransformerEncoder(checkpoint), ["CCO", "CC", "CCC"]
    expected = encoder.encode(smiles)
    for held in ((each for each in smiles), pd.Series(smiles, index=[9, 7, 5]),
                 pd.DataFrame({"a": smiles}, index=[2, 1, 0]), np.array(smiles)):  # fmt: skip
        assert_allclose(encoder.encode(held), expected, atol=1e-6)
    assert encoder.encode([]).shape == (0, 16)
    with pytest.raises(InvalidInput, match=r"row 0: \['CCO'\] is no text"):
        encoder.encode([["CCO"], ["CC"]])
    strict = TransformerEncoder(checkpoint)
    strict.usage = strict.usage.model_copy(update={"strict": True})
    with pytest.raises(InvalidInput, match="row 1: 'C"):
        strict.encode(pd.Series(["CC", "C" * 90], index=[1, 0]))


def test_a_folder_may_have_an_equals_sign_and_be_a_path(tmp_path):
    folder = tmp_path / "lr=0.1" / "a"
    folder.mkdir(parents=True)
    save_tokenizer(folder)
    AutoModel.from_config(CONFIGS["bert"]).save_pretrained(folder)
    assert get_encoder(str(folder)).name == get_encoder(folder).name == "a"
    assert get_encoder(f"mine={folder}").name == "mine"
    with pytest.raises(InvalidInput, match="a name is missing before '='"):
        get_encoder(f"={folder}")


@pytest.mark.parametrize(
    ("key", "value"), [("num_hidden_layers", [1]), ("vocab_size", "x"), ("hidden_size", 1.5)]
)
def test_a_size_that_is_none_is_named(tmp_path, molecules, key, value):
    save_tokenizer(tmp_path)
    AutoModel.from_config(CONFIGS["bert"]).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {key: value}))
    with pytest.raises(InvalidInput, match=rf"(?s){key}.*(not a whole number|expected int)"):
        TransformerEncoder(tmp_path).encode(molecules)


def test_a_precision_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match="precision is 'float16'; known: auto, float32, bfloat"):
        get_encoder("weak-h8-v2", precision="float16")


def test_a_tokenizer_may_allow_less_than_the_positions(tmp_path):
    save_tokenizer(tmp_path, model_max_length=10)
    AutoModel.from_config(CONFIGS["roberta"]).save_pretrained(tmp_path)
    assert TransformerEncoder(tmp_path).max_length == 10


def test_a_masked_language_model_is_an_encoder_too(tmp_path, molecules, capfd):
    """ChemBERTa's layout: names begin with "roberta.", there is a head and no pooler."""
    save_tokenizer(tmp_path)
    model = RobertaForMaskedLM(CONFIGS["roberta"])
    model.save_pretrained(tmp_path)
    shown = transformers_logging.is_progress_bar_enabled()
    encoder = TransformerEncoder(tmp_path, spelling="as-given")
    assert encoder.model.pooler is None
    assert transformers_logging.is_progress_bar_enabled() == shown
    assert_allclose(encoder.encode(molecules), one_by_one(tmp_path, molecules), atol=2e-5)
    with pytest.raises(InvalidInput, match="has no pooler"):
        TransformerEncoder(tmp_path, pooling="mean+pooler").encode(["C"])


def test_a_type_without_poolers_says_so(tmp_path):
    save_tokenizer(tmp_path)
    AutoModel.from_config(CONFIGS["modernbert"]).save_pretrained(tmp_path)
    with pytest.raises(InvalidInput, match="has no pooler"):
        TransformerEncoder(tmp_path, pooling="mean+pooler").encode(["C"])


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("model.safetensors", "cannot load the model"),
        ("tokenizer.json", "cannot load the tokenizer"),
    ],
)
def test_a_checkpoint_without_a_file_is_explained(tmp_path, damage, complaint):
    save_tokenizer(tmp_path)
    AutoModel.from_config(CONFIGS["bert"]).save_pretrained(tmp_path)
    (tmp_path / damage).unlink()
    with pytest.raises(InvalidInput, match=complaint):
        TransformerEncoder(tmp_path).encode(["C"])


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_checkpoint_without_a_vocabulary_is_an_error(tmp_path, kind):
    """transformers makes up a tokenizer of special tokens, and all molecules would be alike."""
    AutoModel.from_config(CONFIGS[kind]).save_pretrained(tmp_path)
    with pytest.raises(InvalidInput, match="has no vocabulary"):
        TransformerEncoder(tmp_path).encode(["CCO", "CCN"])


def test_atoms_among_the_special_tokens_are_a_vocabulary(tmp_path):
    """As extra special tokens, which are none of those that have a role."""
    AutoModel.from_config(CONFIGS["bert"]).save_pretrained(tmp_path)
    tokenizer = Tokenizer(models.WordLevel({"<unk>": 0, "<pad>": 1}, unk_token="<unk>"))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", pad_token="<pad>",
        extra_special_tokens=[*"CNOc()=#1"],
    )  # fmt: skip
    fast.save_pretrained(tmp_path)
    rows = TransformerEncoder(tmp_path).encode(["CCO", "CCN"])
    assert not np.array_equal(rows[0], rows[1])


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("model.safetensors", POINTER, "cannot load the model of"),
        ("pytorch_model.bin", POINTER, "cannot load the model of .* no PyTorch file"),
        ("config.json", b"{", "cannot read .*config.json"),
        ("config.json", b"[]", "config.json is not a JSON object"),
    ],
)
def test_a_damaged_checkpoint_is_explained(tmp_path, file, content, complaint):
    save_tokenizer(tmp_path)
    AutoModel.from_config(CONFIGS["bert"]).save_pretrained(tmp_path)
    if file == "pytorch_model.bin":
        (tmp_path / "model.safetensors").unlink()
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InvalidInput, match=complaint) as refused:
        TransformerEncoder(tmp_path).encode(["C"])
    assert "weights_only" not in str(refused.value)


def test_weights_of_another_shape_than_stated_are_explained(tmp_path):
    save_tokenizer(tmp_path)
    AutoModel.from_config(CONFIGS["bert"]).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "intermediate_size": 48}))
    with pytest.raises(InvalidInput, match="cannot load the model of"):
        TransformerEncoder(tmp_path).encode(["C"])


MODEL_WITH_CODE = """
import pathlib
import torch
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

pathlib.Path(__file__).with_name("ran").touch()


class OwnConfig(PreTrainedConfig):
    model_type = "own-type"

    def __init__(self, deterministic_eval=False, **options):
        self.deterministic_eval = deterministic_eval
        super().__init__(**options)


class OwnModel(PreTrainedModel):
    config_class = OwnConfig

    def __init__(self, config):
        super().__init__(config)
        self.words = torch.nn.Embedding(60, config.hidden_size)
        self.post_init()

    def forward(self, input_ids, attention_mask):
        hidden = self.words(input_ids)
        if not self.config.deterministic_eval:
            hidden = hidden + torch.randn_like(hidden)
        return BaseModelOutput(last_hidden_state=hidden)
"""


@pytest.fixture
def with_code(tmp_path, monkeypatch):
    """A checkpoint of a type that transformers has not got, like MoLFormer's."""
    monkeypatch.setattr(
        "transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules")
    )
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "own.py").write_text(textwrap.dedent(MODEL_WITH_CODE))
    config = {
        "model_type": "own-type", "hidden_size": 4, "max_position_embeddings": 64,
        "auto_map": {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"},
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    save_tokenizer(folder)
    torch.save({"words.weight": torch.arange(240.0).reshape(60, 4)}, folder / "pytorch_model.bin")
    return folder


def test_code_of_a_checkpoints_own_runs_only_when_trusted(with_code, tmp_path):
    with pytest.raises(InvalidInput, match=r"Python code of its own.* --trust-remote-code"):
        get_encoder(str(with_code))
    assert not list(tmp_path.rglob("ran"))
    encoder = get_encoder(str(with_code), trust_remote_code=True)
    output = encoder.encode(["CO", "C"])
    assert list(tmp_path.rglob("ran"))
    ids = [[0, VOCABULARY.index("C"), VOCABULARY.index("O"), 2], [0, VOCABULARY.index("C"), 2]]
    rows = np.arange(240.0).reshape(60, 4)
    assert_allclose(output, [rows[line].mean(0) for line in ids], rtol=1e-6)


def test_trusted_code_of_a_known_type_has_embeddings_of_its_own(with_code):
    """Untrusted, transformers' own class is run: what one computes is not the other's."""
    AutoModel.from_config(CONFIGS["bert"]).save_pretrained(with_code)
    config = json.loads((with_code / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "own.OwnModel"}
    (with_code / "config.json").write_text(json.dumps(config))
    untrusted = get_encoder(str(with_code))
    trusted = get_encoder(str(with_code), trust_remote_code=True)
    assert untrusted.fingerprint != trusted.fingerprint


@pytest.mark.parametrize("command", ["encode", "run"])
def test_the_command_line_trusts_only_when_told(
    with_code, tmp_path, molecules, capsys, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"smiles": molecules, "target": range(12)})
    frame["part"] = ["train"] * 9 + ["test"] * 3
    frame.to_csv("my.csv", index=False)
    arguments = {
        "encode": ["encode", str(with_code), "my.csv", "-o", "out"],
        "run": ["run", "--csv", "my.csv", "--split-column", "part", "--weak", "ecfp4",
                "--strong", str(with_code), "--out", "out"],
    }[command]  # fmt: skip
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 1
    assert "--trust-remote-code" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit) as trusted:
        main([*arguments, "--trust-remote-code"])
    assert not trusted.value.code
    assert (tmp_path / "out").exists()


@pytest.mark.parametrize("trusted", [False, True])
def test_python_files_are_fetched_only_when_trusted(monkeypatch, with_code, trusted):
    patterns = []

    def fetch(name, allow_patterns):
        patterns.extend(allow_patterns)
        return str(with_code)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    if trusted:
        encoder = get_encoder("someone/own", trust_remote_code=True)
        assert encoder.name == "someone/own"
    else:
        with pytest.raises(InvalidInput, match="someone/own is a checkpoint with Python code"):
            get_encoder("someone/own")
    assert ("*.py" in patterns) == trusted


def test_a_missing_network_is_explained(monkeypatch):
    with pytest.raises(InvalidInput, match=r"'someone/own' .* cannot be fetched .*HF_HUB_OFFLINE"):
        get_encoder("someone/own")


class ProxyError(Exception):
    """Like those of HTTP clients, of no type that a library promises."""


@pytest.mark.parametrize("kind", [LocalEntryNotFoundError, ProxyError])
def test_a_network_that_fails_is_explained(monkeypatch, kind):
    def unreachable(name, allow_patterns):
        raise kind("Name or service not known")

    monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
    with pytest.raises(InvalidInput, match=r"cannot be fetched .* Name or service not known"):
        get_encoder("someone/own")
