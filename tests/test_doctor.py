"""``molw2s doctor``: what is there, what is missing, and what is broken."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from molw2s import diagnosis
from molw2s.cli import main

SCHEMA = json.loads((Path(__file__).parents[1] / "docs/schemas/output.json").read_text())


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["doctor", *arguments])
    return stop.value.code or 0, capsys.readouterr().out


def test_all_is_well_here(capsys, fresh_cache):
    code, out = run(capsys, "--json")
    found = json.loads(out)
    jsonschema.validate(found, SCHEMA | {"$ref": "#/$defs/doctor"})
    assert (code, found["ok"], found["problems"]) == (0, True, [])
    assert found["versions"]["molw2s"]
    assert found["shipped"] == {"datasets": 10, "models": 18, "suites": 19}
    assert found["cache"] | {"bytes_free": 0} == {
        "folder": str(fresh_cache), "writable": True, "files": 0, "bytes": 0, "bytes_free": 0
    }  # fmt: skip
    assert not fresh_cache.exists(), "looking changes nothing"
    assert found["environment"]["MOLW2S_CACHE"] == str(fresh_cache)


def test_people_are_told_the_same(capsys):
    code, out = run(capsys)
    assert code == 0
    assert out.strip().endswith("Everything that molw2s needs is here.")
    for word in ("torch", "cache", "cores", "bfloat16", "GPU", "extra lora"):
        assert word in out


def test_the_size_of_the_cache_is_that_of_its_files(fresh_cache):
    (fresh_cache / "a").mkdir(parents=True)
    (fresh_cache / "a" / "b").write_bytes(bytes(1000))
    (fresh_cache / "c").write_bytes(bytes(234))
    assert diagnosis.diagnose()["cache"]["bytes"] == 1234


def test_a_requirement_that_is_not_met_is_told(capsys, monkeypatch):
    monkeypatch.setattr(
        diagnosis, "requires", lambda name: ["numpy<1", "no-such-thing>=2", "scipy"]
    )
    code, out = run(capsys)
    assert code == 1
    assert "Broken: numpy" in out
    assert "needed: <1" in out
    assert "Broken: no-such-thing is not installed" in out
    assert "scipy is" not in out


def test_a_package_that_does_not_load_is_told(capsys, monkeypatch, tmp_path):
    (tmp_path / "broken_package.py").write_text("raise OSError('libfoo.so: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(diagnosis, "IMPORTED", ("broken_package",))
    code, out = run(capsys, "--json")
    assert code == 1
    [problem] = json.loads(out)["problems"]
    assert problem == "broken_package cannot be imported: OSError: libfoo.so: no such file"


def test_a_missing_extra_is_no_fault_and_its_command_is_told(capsys, monkeypatch):
    stated = ['peft>=99; extra == "lora"', 'numpy; extra == "cluster"']
    monkeypatch.setattr(diagnosis, "requires", lambda name: stated)
    code, out = run(capsys)
    assert code == 0
    assert 'extra lora      not installed: pip install "molw2s[lora]"' in out
    assert "extra cluster   installed" in out


def test_a_cache_that_cannot_be_written_is_told(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("MOLW2S_CACHE", str(tmp_path / "cache"))

    def refuse(path, *arguments, **options):
        raise PermissionError(path)

    monkeypatch.setattr(Path, "touch", refuse)
    code, out = run(capsys)
    assert code == 1
    assert "NOT writable" in out
    assert "set MOLW2S_CACHE" in out


def test_damaged_data_and_models_are_told(capsys, monkeypatch, tmp_path):
    real = diagnosis.shipped
    for folder in ("data", "models", "benchmarks"):
        shutil.copytree(real(folder), tmp_path / folder)
    monkeypatch.setattr(diagnosis, "shipped", lambda folder: tmp_path / folder)
    (tmp_path / "data" / "esol.csv").write_text("smiles,target\nC,1\n")
    (tmp_path / "data" / "bace.csv").unlink()
    (tmp_path / "models" / "weak-h8" / "model.safetensors").write_text("version https://git-lfs\n")
    code, out = run(capsys, "--json")
    assert code == 1
    assert [Path(line.split()[0]).name for line in json.loads(out)["problems"]] == [
        "bace.csv", "esol.csv", "model.safetensors"
    ]  # fmt: skip


def test_asking_for_the_doctor_loads_nothing_heavy():
    program = "import sys, molw2s.diagnosis, molw2s.cli\nsys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
