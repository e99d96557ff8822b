"""The shipped data, a user's own CSV, and what is wrong with bad ones."""

from __future__ import annotations

import gzip
import hashlib

import numpy as np
import pytest

from molw2s.datasets import MoleculeDataset, catalog, from_deepchem, load_dataset, read_csv
from molw2s.errors import InvalidInput, UnknownName
from molw2s.locations import shipped

NAMES = ("esol", "freesolv", "lipop")
SIZES = {
    "esol": 1128, "freesolv": 642, "lipop": 4200, "hlm": 3087, "rlm": 3054, "mdr1": 2642,
    "solubility": 2173, "aqsoldb": 9980, "bace": 1513, "bbbp": 2039,
}  # fmt: skip


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_shipped_datasets_are_what_their_cards_say(name, size):
    dataset, card = load_dataset(name), catalog.read_card(name)
    assert len(dataset) == card["molecules"] == size
    content = (shipped("data") / f"{name}.csv").read_bytes()
    assert dataset.sha256 == card["sha256"] == hashlib.sha256(content).hexdigest()
    assert set(card) >= {"title", "unit", "target", "source", "licence"}
    assert not dataset.dropped


@pytest.mark.parametrize(("name", "mse"), zip(NAMES, (4.40, 14.81, 1.45)))
def test_predicting_the_mean_scores_what_the_reference_states(name, mse):
    # The published figures are rounded, and were taken on slightly different parts.
    assert load_dataset(name).target.var() == pytest.approx(mse, rel=3e-3)


def test_a_changed_file_is_noticed(tmp_path, monkeypatch):
    for suffix in ("csv", "md"):
        (tmp_path / f"esol.{suffix}").write_bytes((shipped("data") / f"esol.{suffix}").read_bytes())
    with (tmp_path / "esol.csv").open("a") as file:
        file.write("CCO,1.0\n")
    monkeypatch.setattr(catalog, "shipped", lambda folder: tmp_path)
    with pytest.raises(InvalidInput, match="changed or damaged"):
        catalog._load_shipped("esol")


def test_esol_has_eleven_molecules_twice():
    groups = load_dataset("esol").duplicates
    assert len(groups) == 11
    assert all(len(rows) == 2 for rows in groups)


def test_conversion_to_hugging_face():
    dataset = load_dataset("freesolv")
    hf = dataset.to_huggingface()
    assert hf.column_names == ["smiles", "target"]
    assert hf[3] == {"smiles": dataset.smiles[3], "target": dataset.target[3]}


def test_to_deepchem_and_back():
    pytest.importorskip("deepchem")
    dataset = load_dataset("freesolv")
    there = dataset.to_deepchem()
    assert there.y.shape == (642, 1)
    assert list(there.ids[:5]) == list(dataset.smiles[:5])
    back = from_deepchem(there, unit=dataset.unit)
    assert back.smiles == dataset.smiles
    assert np.array_equal(back.target, dataset.target)


class Theirs:
    """What ``from_deepchem`` needs of a DeepChem dataset: two tasks, one of them not measured."""

    ids = np.array(["CCO", "C(C", "c1ccccc1", "CN"], dtype=object)
    y = np.array([[1.0, 5], [2, 6], [3, 7], [4, 8]])
    w = np.array([[1.0, 1], [1, 1], [1, 0], [1, 1]])

    def __len__(self):
        return 4


def test_a_task_of_a_deepchem_dataset():
    with pytest.raises(InvalidInput, match=r"1 ids are no SMILES .*\n  row 1: id 'C\(C'"):
        from_deepchem(Theirs())
    with pytest.raises(InvalidInput, match="no task 2: the dataset has 2"):
        from_deepchem(Theirs(), task=2)
    found = from_deepchem(Theirs(), task=1, drop_invalid=True)
    assert found.smiles == ("CCO", "CN")
    assert found.target.tolist() == [5, 8]
    assert list(found.dropped) == [1]


def test_unknown_dataset():
    with pytest.raises(UnknownName, match="did you mean 'esol'"):
        load_dataset("esoll")


def write(tmp_path, text, name="my.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_csv_of_ones_own(tmp_path):
    path = write(tmp_path, "id,S,T,part\na, CCO ,1.5,train\nb,CC,-2,test\n")
    dataset = read_csv(path, "S", "T", split_column="part", unit="nM")
    assert dataset.name == "my"
    assert dataset.smiles == ("CCO", "CC")
    assert dataset.target.tolist() == [1.5, -2.0]
    assert dataset.split == ("train", "test")
    assert dataset.unit == "nM"


def test_a_gzipped_csv(tmp_path):
    path = tmp_path / "my.csv.gz"
    path.write_bytes(gzip.compress(b"smiles,target\nCCO,1\n"))
    assert read_csv(path).name == "my"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InvalidInput, match="cannot read"):
        read_csv(path)


BAD = "smiles,target\nCCO,1\nC1CC,2\nCC,\nCCC,inf\nCCCC,abc\n,3\nC,4\n"


def test_invalid_molecules_are_an_error_with_line_numbers(tmp_path):
    with pytest.raises(InvalidInput) as error:
        read_csv(write(tmp_path, BAD))
    message = str(error.value)
    for part in ("5 invalid", "line 3: SMILES 'C1CC'", "line 4: target ''", "line 5: target 'inf'"):
        assert part in message
    assert "--drop-invalid" in message


def test_invalid_molecules_can_be_left_out(tmp_path):
    dataset = read_csv(write(tmp_path, BAD), drop_invalid=True)
    assert dataset.smiles == ("CCO", "C")
    assert list(dataset.dropped) == [3, 4, 5, 6, 7]


def test_empty_lines_are_no_molecules_but_count_as_lines(tmp_path):
    assert read_csv(write(tmp_path, "smiles,target\n\nCCO,1\n  ,\n\n")).smiles == ("CCO",)
    with pytest.raises(InvalidInput, match="line 5: SMILES 'C1'"):
        read_csv(write(tmp_path, "smiles,target\n\nCCO,1\n\nC1,2\n\n"))
    with pytest.raises(InvalidInput, match="line 3: 'part' is 'tset'"):
        read_csv(write(tmp_path, "smiles,target,part\n\nC,1,tset\n"), split_column="part")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "cannot read"),
        ("smiles,target\n", "no valid molecule"),
        ("smiles,y\nC,1\n", r"no target column 'target'; its columns: 'smiles', 'y'"),
        ("target\n1\n", "no smiles column"),
        ("smiles,target,y\nC,1,2,\nCC,3,4,5\n", "line 3 has more cells than the header: 4, not 3"),
        ("smiles,target,smiles\nC,1,CC\n", "has 2 columns 'smiles'; rename one"),
        ("smiles,target\nC,1\nCC,3,4\n", "cannot read .* line 3"),
    ],
)
def test_unusable_files(tmp_path, text, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        read_csv(write(tmp_path, text))


def test_a_missing_file_and_a_missing_split_column(tmp_path):
    with pytest.raises(InvalidInput, match="cannot read"):
        read_csv(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="no split column 'part'"):
        read_csv(write(tmp_path, "smiles,target\nC,1\n"), split_column="part")


def test_targets_cannot_be_changed_by_accident():
    dataset = MoleculeDataset("x", ("C",), np.array([1.0]), "")
    with pytest.raises(ValueError, match="read-only"):
        dataset.target[0] = 2


@pytest.mark.parametrize(
    ("target", "split", "complaint"),
    [
        ([1.0], None, "2 SMILES but 1 targets"),
        ([1.0, 2.0], ("train",), "2 SMILES but parts for 1"),
        ([1.0, np.nan], None, "1 targets are not finite, or within .*: row 1: 'CC'"),
        ([1e300, 2.0], None, "1 targets are not within .1e.75, where errors can be squared"),
        ([-np.inf, 2.0], None, "1 targets are not finite, or within .*: row 0: 'C'"),
    ],
)
def test_a_dataset_made_in_python_is_checked(target, split, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        MoleculeDataset("x", ("C", "CC"), np.array(target), "", split=split)
