"""What commands print with --json is what docs/schemas/output.json says."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from molw2s.cli import main

SCHEMA = json.loads((Path(__file__).parents[1] / "docs/schemas/output.json").read_text())
SMALL = [
    "--weak", "ecfp4", "--weak", "weak-h8", "--strong", "weak-h12", "--seeds", "1", "--splitter",
    "random",
]  # fmt: skip


@pytest.fixture
def printed(capsys):
    """What a command prints, checked against its schema."""

    def command(name, *arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([*name.split(), *map(str, arguments), "--json"])
        assert not stop.value.code
        content = json.loads(capsys.readouterr().out)
        check(name, content)
        return content

    return command


def check(name, content):
    jsonschema.validate(content, SCHEMA | {"$ref": f"#/$defs/{name}"})


def refused(name, content):
    with pytest.raises(jsonschema.ValidationError):
        check(name, content)


def test_a_run_and_what_is_made_of_it(printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    [run] = printed("run", "lipop", *SMALL)["runs"]
    assert printed("report", run["out"])["table"] == run["table"]
    assert printed("measure", run["out"], "--loss", "absolute")["out"].endswith("loss-absolute")
    compared = printed("compare", run["out"])
    assert compared["paper"] is not None
    assert len(printed("study", run["out"])["combinations"]) == 1
    packed = printed("pack", run["out"], "--out", "results")["packed"]
    assert printed("check-results", *packed)["results"][0]["faults"] == []
    assert printed("leaderboard", *packed)["boards"]
    refused("run", {"runs": [run | {"more": 1}]})
    refused("report", {"out": run["out"], "table": []})
    refused("compare", {key: value for key, value in compared.items() if key != "friedman"})


def test_a_synthetic_run(printed, tmp_path):
    suite = tmp_path / "tiny.yaml"
    suite.write_text(
        "kind: synthetic\nweak: perturbed\nstrong: perturbed\ntasks: 3\npoints: 40\n"
        "evaluation_points: 50\nseeds: 2\n"
    )
    [run] = printed("run", suite, "--out", tmp_path / "run")["runs"]
    assert run["diagonal"][0]["seeds"] == 2


@pytest.mark.parametrize("what", ["datasets", "encoders", "heads", "suites"])
def test_a_list(printed, what):
    assert list(printed("list", what)) == [what]


def test_embeddings(printed, tmp_path):
    (tmp_path / "two.csv").write_text("smiles\nCCO\nC\n")
    out = ["--out", tmp_path / "two.npy"]
    assert printed("encode", "rdkit", tmp_path / "two.csv", *out)["shape"][0] == 2


def test_a_probe(printed):
    found = printed("probe", "ecfp4", "--dataset", "freesolv")
    assert found["probe"]
    assert found["quoted"]


def test_what_others_print_is_checked_where_they_are_tested():
    """``pretrain`` and ``import molbert`` need a corpus and a checkpoint: a record of each kind."""
    record = json.loads(
        (Path(__file__).parents[1] / "models" / "weak-h8-v2" / "training.json").read_text()
    )
    check("pretrain", record)
    check("import molbert", {"out": "x", "sha256": "0", "parameters": 1, "max_length": 128})
