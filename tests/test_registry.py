"""Registering by decorator, by entry point (a package really installed by pip), and by path."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from molw2s import get_encoder, load_dataset, register_dataset, register_encoder
from molw2s.encoders import ENCODERS
from molw2s.errors import AlreadyRegistered, InvalidInput, UnknownName
from molw2s.locations import shipped


@pytest.fixture
def scratch_encoders(monkeypatch):
    """Registrations made in a test are gone after it."""
    monkeypatch.setattr(ENCODERS, "_items", dict(ENCODERS._items))


def test_a_decorated_class_is_an_encoder_by_name(scratch_encoders):
    @register_encoder("length")
    class Length:
        dim = 1

        def encode(self, smiles):
            return np.array([[len(text)] for text in smiles], np.float32)

    encoder = get_encoder("length")
    assert encoder.name == "length"
    assert encoder.encode(["C", "CCO"]).tolist() == [[1], [3]]


def test_unknown_names_bring_the_nearest_ones():
    with pytest.raises(UnknownName, match=r"unknown encoder 'weak-h33'; did you mean .*'weak-h32'"):
        get_encoder("weak-h33")


def test_a_name_cannot_be_taken_twice(scratch_encoders):
    with pytest.raises(AlreadyRegistered, match="encoder 'ecfp4' is registered already"):
        register_encoder("ecfp4")(object)


def test_what_is_no_encoder_is_refused(scratch_encoders):
    @register_encoder("nothing")
    class Nothing:
        pass

    with pytest.raises(InvalidInput, match="lacks dim or encode"):
        get_encoder("nothing")


def test_a_folder_is_an_encoder():
    by_path = get_encoder(str(shipped("models") / "weak-h8"))
    assert by_path.fingerprint == get_encoder("weak-h8").fingerprint
    assert by_path.fingerprint == get_encoder("models/weak-h8").fingerprint


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"no config\.json"):
        get_encoder(str(tmp_path))


def test_a_hub_name_without_a_network_says_so():
    with pytest.raises(InvalidInput, match="cannot be fetched from the Hugging Face hub"):
        get_encoder("seyonec/ChemBERTa-zinc-base-v1")


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The folder that pip installed a tiny plug-in package into."""
    source, target = tmp_path_factory.mktemp("plugin"), tmp_path_factory.mktemp("site")
    (source / "atom_counts.py").write_text(
        "import numpy as np\n"
        "class AtomCounts:\n"
        "    dim = 2\n"
        "    def encode(self, smiles):\n"
        "        return np.array([[s.count('C'), s.count('O')] for s in smiles], np.float32)\n"
    )
    (source / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
        "[project]\nname = 'atom-counts'\nversion = '1.0'\n"
        "[project.entry-points.'molw2s.encoders']\natom-counts = 'atom_counts:AtomCounts'\n"
        "[tool.setuptools]\npy-modules = ['atom_counts']\n"
    )
    install = "pip install --quiet --no-deps --no-build-isolation --no-index --target"
    subprocess.run([sys.executable, "-m", *install.split(), target, source], check=True)
    return target


def molw2s(*arguments, path):
    return subprocess.run(
        [sys.executable, "-m", "molw2s", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(path)},
    )


def test_an_installed_plug_in_package_adds_an_encoder(plugin, tmp_path):
    csv = tmp_path / "my.csv"
    csv.write_text("smiles\nCCO\nOO\n")
    assert "atom-counts" in molw2s("list", "encoders", path=plugin).stdout.split()
    done = molw2s("encode", "atom-counts", str(csv), "-o", str(tmp_path / "x.npy"), path=plugin)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "x.npy").tolist() == [[2, 1], [0, 2]]


def test_a_name_that_a_plug_in_has_taken_is_refused(plugin, monkeypatch, scratch_encoders):
    monkeypatch.syspath_prepend(str(plugin))
    register_encoder("atom-counts")(object)
    with pytest.raises(AlreadyRegistered, match="claimed more than once, by plug-in atom_counts:"):
        get_encoder("atom-counts")


def test_a_plug_in_that_cannot_be_imported_is_named(monkeypatch):
    gone = EntryPoint("gone", "no_such_package:Encoder", "molw2s.encoders")
    monkeypatch.setattr("molw2s.registry._declared", lambda group, path: {"gone": [gone]})
    with pytest.raises(
        InvalidInput, match=r"'gone': plug-in no_such_package:Encoder cannot be imp"
    ):
        get_encoder("gone")


def test_an_object_that_is_no_factory_is_refused():
    with pytest.raises(InvalidInput, match=r"dataset 'mine': register a function .* not Molecule"):
        register_dataset("mine")(load_dataset("freesolv"))
