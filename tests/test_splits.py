"""Splits: ChemBench's hashes, scaffolds, and the user's own column."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

from molw2s.datasets import MoleculeDataset, load_dataset, make_splits
from molw2s.errors import InvalidInput
from molw2s.manifest import rows_sha256

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


def test_a_split_from_the_cache_is_the_split_itself(fresh_cache):
    dataset = load_dataset("freesolv")
    first, again = make_splits(dataset)[0], make_splits(dataset)[0]
    assert len(list((fresh_cache / "splits").iterdir())) == 3
    assert np.array_equal(first.train, again.train)
    (damaged, *_) = (fresh_cache / "splits").iterdir()
    damaged.write_text("[[1, 2")
    assert np.array_equal(make_splits(dataset)[0].train, first.train)


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
    ],
)
def test_splits_that_cannot_be(dataset, splitter, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        make_splits(dataset, splitter)
