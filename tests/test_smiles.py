"""Parsing names the rows it cannot read."""

from __future__ import annotations

import pytest

from molw2s.errors import InvalidInput
from molw2s.smiles import canonical, parse, parse_all


def test_canonical_smiles_do_not_depend_on_the_spelling():
    assert canonical(["OCC", "C(O)C"]) == ["CCO", "CCO"]


def test_bad_rows_are_named():
    with pytest.raises(InvalidInput, match=r"2 SMILES cannot be parsed: row 1: 'C1'; row 3: ''"):
        parse_all(["C", "C1", "CC", ""])


def test_what_is_no_text_is_no_molecule():
    assert parse(float("nan")) is None  # type: ignore[arg-type]


def test_rdkit_does_not_print_its_complaints(capfd):
    parse("C1CC")
    assert capfd.readouterr() == ("", "")
