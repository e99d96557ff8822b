"""Splits: ChemBench's hashes, scaffolds, and the user's own column."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles
from sklearn.model_selection import KFold

from molw2s.datasets import MoleculeDataset, load_dataset, make_splits
from molw2s.datasets.with_deepchem import deepchem
from molw2s.errors import InvalidInput
from molw2s.problems.molecules.parts import rows_sha256

CHEMBENCH = json.loads((Path(__file__).parent / "chembench_splits.sha256.json").read_text())


@pytest.mark.parametrize("name", CHEMBENCH)
def test_random_splits_are_chembenchs(name):
    splits = make_splits(load_dataset(name.lower()))
    assert [split.name for split in splits] == ["random-122", "random-123", "random-124"]
    for split, (seed, expected) in zip(splits, CHEMBENCH[name].items()):
        assert split.name.endswith(seed)
        parts = (split.train, split.valid, split.test)
        assert [len(part) for part in parts] == expected["sizes"]
        hashes = [rows_sha256(part) for part in parts]
        assert hashes == [expected[part] for part in ("train", "valid", "test")]


@pytest.mark.parametrize("name", ["esol", "freesolv", "lipop"])
@pytest.mark.parametrize(("splitter", "theirs"), [("random", "Random"), ("scaffold", "Scaffold")])
def test_splits_are_deepchems(name, splitter, theirs):
    """DeepChem as an oracle: row for row, in its order."""
    pytest.importorskip("deepchem")
    dataset = load_dataset(name)
    numbered = deepchem().data.NumpyDataset(
        X=np.arange(len(dataset)), ids=np.array(dataset.smiles, dtype=object)
    )
    reference = getattr(deepchem().splits, f"{theirs}Splitter")()
    for seed in (0, 122):
        (split,) = make_splits(dataset, splitter, [seed])
        for ours, expected in zip((split.train, split.valid, split.test),
                                  reference.split(numbered, seed=seed)):  # fmt: skip
            assert np.array_equal(ours, expected)


def test_scaffold_split_shares_no_scaffold_between_parts():
    dataset = load_dataset("freesolv")
    (split,) = make_splits(dataset, "scaffold")
    scaffolds = [
        {MurckoScaffoldSmiles(smiles=dataset.smiles[row]) for row in part}
        for part in (split.train, split.valid, split.test)
    ]
    assert not scaffolds[0] & scaffolds[2]
    assert not scaffolds[1] & scaffolds[2]
    together = np.concatenate([split.train, split.valid, split.test])
    assert sorted(together) == list(range(642))


@pytest.mark.parametrize(
    ("splitter", "splits"), [("Butina", 1), ("MolecularWeight", 1), ("MaxMin", 2)]
)
def test_deepchems_splitters_by_name(splitter, splits):
    pytest.importorskip("deepchem")
    dataset = MoleculeDataset("some", load_dataset("freesolv").smiles[:60], np.arange(60.0), "")
    found = make_splits(dataset, f"deepchem:{splitter}Splitter", [1, 2])
    assert len(found) == splits
    for split in found:
        assert split.name.startswith(f"{splitter}Splitter")
        together = np.concatenate([split.train, split.valid, split.test])
        assert sorted(together) == list(range(60))
    smiles = np.array(dataset.smiles, dtype=object)
    numbered = deepchem().data.NumpyDataset(X=smiles, ids=smiles)
    theirs = getattr(deepchem().splits, f"{splitter}Splitter")().split(numbered, seed=1)
    for ours, expected in zip((found[0].train, found[0].valid, found[0].test), theirs):
        assert ours.tolist() == list(expected)


def test_a_splitter_that_deepchem_does_not_have():
    pytest.importorskip("deepchem")
    with pytest.raises(InvalidInput, match=r"no splitter 'Butin'; known: .*ButinaSplitter"):
        make_splits(load_dataset("freesolv"), "deepchem:Butin")


def test_without_deepchem_one_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepchem", None)
    for use in (
        lambda: load_dataset("freesolv").to_deepchem(),
        lambda: make_splits(load_dataset("freesolv"), "deepchem:ButinaSplitter"),
    ):
        with pytest.raises(InvalidInput, match=r"install molw2s for Python 3\.11"):
            use()


def own_split(*parts):
    return MoleculeDataset("own", ("C",) * len(parts), np.zeros(len(parts)), "", split=parts)


def test_a_column_is_a_split():
    (split,) = make_splits(own_split("test", "train", "train", "valid"), "column")
    assert (split.train.tolist(), split.valid.tolist(), split.test.tolist()) == ([1, 2], [3], [0])


@pytest.mark.parametrize(
    ("dataset", "splitter", "complaint"),
    [
        (own_split("test", "dev"), "column", "row 1: split is 'dev'"),
        (own_split("train", "train"), "column", "0 for testing"),
        (MoleculeDataset("own", ("C", "CC"), np.zeros(2), ""), "column", "has no split column"),
        (MoleculeDataset("own", ("C",), np.zeros(1), ""), "random", "leaves 0 for training"),
        (
            own_split("train", "test"),
            "butina",
            "unknown splitter 'butina'; known: random, scaffold",
        ),
    ],
)
def test_splits_that_cannot_be(dataset, splitter, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        make_splits(dataset, splitter)


def test_folds_are_scikit_learns_and_each_molecule_is_tested_once_per_seed():
    dataset = load_dataset("freesolv")
    splits = make_splits(dataset, "5-fold", (0, 7))
    assert [split.name for split in splits[4:6]] == ["5-fold-0.4", "5-fold-7.0"]
    for seed, own in ((0, splits[:5]), (7, splits[5:])):
        folds = KFold(5, shuffle=True, random_state=seed).split(dataset.smiles)
        assert all(np.array_equal(split.test, test) for split, (_, test) in zip(own, folds))
        assert np.array_equal(np.sort(np.concatenate([s.test for s in own])), np.arange(642))
        for split in own:
            rows = np.concatenate([split.train, split.valid, split.test])
            assert np.array_equal(np.sort(rows), np.arange(642))
            assert len(split.valid) == 64


@pytest.mark.parametrize("splitter", ["1-fold", "0-fold", "-fold", "x-fold", "5fold"])
def test_other_folds_are_no_splitter(splitter):
    with pytest.raises(InvalidInput, match="unknown splitter"):
        make_splits(load_dataset("freesolv"), splitter)


def test_more_folds_than_molecules_are_an_error():
    few = MoleculeDataset("few", ("C", "CC", "CCC"), np.arange(3.0), "")
    with pytest.raises(InvalidInput, match="3 molecules, too few for 5 folds"):
        make_splits(few, "5-fold")
