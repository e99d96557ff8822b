"""Parsing names the rows it cannot read; spellings keep the molecule."""

from __future__ import annotations

import re

import pytest

from molw2s import load_dataset
from molw2s.errors import InvalidInput
from molw2s.smiles import canonical, kekulized, parse, parse_all


def test_canonical_smiles_do_not_depend_on_the_spelling():
    assert canonical(["OCC", "C(O)C"]) == ["CCO", "CCO"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("c1ccccc1", "C1=CC=CC=C1"),
        ("OCc1cc[nH]c1", "OCC1=CNC=C1"),
        ("C(O)C", "C(O)C"),  # the atoms stay in order
        ("N[C@@H](C)C(=O)O", "N[C@@H](C)C(=O)O"),
        ("CCN(=O)=O", "CCN(=O)=O"),  # what Fabian et al.'s code makes of it, not [N+] and [O-]
        ("C[N+](=O)[O-]", "C[N+](=O)[O-]"),
        ("[H]Oc1ccccc1", "[H]OC1=CC=CC=C1"),
    ],
)
def test_kekulized_smiles_have_double_bonds_for_aromatic_letters(given, expected):
    assert kekulized([given]) == [expected]


@pytest.mark.parametrize("name", ["esol", "freesolv", "lipop"])
def test_kekulized_smiles_are_the_same_molecules(name):
    dataset = load_dataset(name)
    texts = kekulized(dataset.smiles)
    assert canonical(texts) == dataset.canonical_smiles
    without_two_letters = re.sub("Br|Cl|Si|Se|Na|Sn", "", " ".join(texts))
    assert without_two_letters.upper() == without_two_letters


def test_kekulized_smiles_name_bad_rows_too():
    with pytest.raises(InvalidInput, match="row 1: 'c1cc1C1'"):
        kekulized(["C", "c1cc1C1"])


def test_bad_rows_are_named():
    with pytest.raises(InvalidInput, match=r"2 SMILES cannot be parsed: row 1: 'C1'; row 3: ''"):
        parse_all(["C", "C1", "CC", ""])


def test_what_is_no_text_is_no_molecule():
    assert parse(float("nan")) is None  # type: ignore[arg-type]


def test_rdkit_does_not_print_its_complaints(capfd):
    parse("C1CC")
    assert capfd.readouterr() == ("", "")
