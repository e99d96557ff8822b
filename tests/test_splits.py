"""Splits: ChemBench's hashes, scaffolds, and the user's own column."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

from molw2s.datasets import MoleculeDataset, load_dataset, make_splits
from molw2s.datasets.quiet_deepchem import deepchem
from molw2s.errors import InvalidInput
from molw2s.problems.molecules import rows_sha256

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
