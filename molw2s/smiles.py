"""SMILES in, RDKit molecules out; what cannot be read is named, and why."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
from rdkit import Chem, rdBase

from molw2s.errors import InvalidInput
from molw2s.processes import side_by_side

LONGEST = 5000
"""Characters; RDKit's time and stack grow with the square of a molecule's size and worse."""

_CANONICAL: dict[str, str | None] = {}
_REMEMBERED = 1 << 20  # molecules, some 200 MB
_WORTH_PROCESSES = 10_000  # molecules, some three seconds; workers take one to start

_WITHOUT_CLEANUP = Chem.SanitizeFlags.SANITIZE_ALL ^ Chem.SanitizeFlags.SANITIZE_CLEANUP
_CXSMILES = re.compile(r"[ \t]\|[^|]*\|$")


def cleaned(text: str) -> str:
    """``text`` without what nobody sees at its ends: blanks of any kind, marks of byte order."""
    unseen = {each for each in text if unicodedata.category(each) in ("Zs", "Cf", "Cc", "Zl", "Zp")}
    return text.strip("".join(unseen))


def parse(smiles: str) -> Chem.Mol | None:
    """The sanitised molecule, or None where ``fault_of`` finds one.

    RDKit by itself takes what follows a blank for the molecule's name, and drops it.
    """
    return None if _fault_of_text(smiles) else _read(smiles)


def fault_of(smiles: object) -> str | None:
    """Why a SMILES cannot be read, in words that go on from it; None where it can."""
    if fault := _fault_of_text(smiles):
        return fault
    return None if canonical_or_none(str(smiles)) is not None else "cannot be parsed"


def _fault_of_text(smiles: object) -> str | None:
    if not isinstance(smiles, str):
        return "is no text"
    if len(smiles) > LONGEST:
        return f"has {len(smiles):,} characters, more than {LONGEST:,}"
    foreign = next((each for each in smiles if not each.isascii()), None)
    if foreign is not None:
        name = unicodedata.name(foreign, f"U+{ord(foreign):04X}")
        return f"contains {foreign!r} ({name}), which is no letter of SMILES"
    if re.search(r"\s", _CXSMILES.sub("", smiles)):
        return "contains white space: all of it must be one molecule"
    return None


def _read(smiles: str) -> Chem.Mol | None:
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles)
    return mol if mol is not None and mol.GetNumAtoms() else None


def canonical_or_none(smiles: str) -> str | None:
    """RDKit's canonical isomeric SMILES, or None where ``parse`` has none.

    Remembered: a dataset is checked, searched for duplicates, and given to every encoder.
    """
    if smiles not in _CANONICAL:
        _remember([smiles], _spelled([smiles]))
    return _CANONICAL[smiles]


def read_ahead(smiles: Iterable[object]) -> None:
    """Find and remember the canonical SMILES of many molecules, on every core."""
    unknown = [text for text in dict.fromkeys(smiles) if isinstance(text, str)]
    unknown = [text for text in unknown if text not in _CANONICAL]
    if len(unknown) < _WORTH_PROCESSES:
        return
    pieces = [unknown[start : start + 2000] for start in range(0, len(unknown), 2000)]
    calls = ((_spelled, (piece,)) for piece in pieces)
    for number, spelled in side_by_side(calls, jobs=-1):
        _remember(pieces[number], spelled)


def _spelled(smiles: Sequence[str]) -> list[str | None]:
    mols = map(parse, smiles)
    return [None if mol is None else Chem.MolToSmiles(mol) for mol in mols]


def _remember(smiles: Sequence[str], spelled: Sequence[str | None]) -> None:
    if len(_CANONICAL) > _REMEMBERED:
        _CANONICAL.clear()
    _CANONICAL.update(zip(smiles, spelled))


def as_list(smiles: Sequence[str]) -> list[str]:
    """SMILES of a list, a tuple, an array or a pandas column, by position.

    An array or frame of one column is that column.

    Raises
    ------
    InvalidInput
        If it is one text, whose letters would be taken for molecules, or has several columns.
    """
    if isinstance(smiles, str):
        raise InvalidInput(f"one SMILES goes into a list: [{shortened(smiles)}]")
    shape: tuple[int, ...] = getattr(smiles, "shape", (0,))
    if len(shape) == 2 and shape[1] == 1:
        return np.asarray(smiles)[:, 0].tolist()
    if len(shape) != 1:
        raise InvalidInput(f"SMILES of shape {shape}, where one column (n,) is needed")
    listed = list(smiles)
    for row, each in enumerate(listed):
        if isinstance(each, (list, tuple, set, dict, np.ndarray)):
            raise InvalidInput(f"row {row}: {shortened(each)} is no text")
    return listed


def parse_all(smiles: Sequence[str]) -> list[Chem.Mol]:
    """Molecules, in order.

    Raises
    ------
    InvalidInput
        Naming the (zero-based) rows that RDKit cannot read, and why the first cannot be.
    """
    smiles = as_list(smiles)
    mols = [parse(text) for text in smiles]
    _name_unreadable(smiles, mols)
    return [mol for mol in mols if mol is not None]


def canonical(smiles: Sequence[str]) -> list[str]:
    """RDKit's canonical isomeric SMILES, in order; raises InvalidInput like ``parse_all``."""
    smiles = as_list(smiles)
    read_ahead(smiles)
    texts = [canonical_or_none(text) for text in smiles]
    _name_unreadable(smiles, texts)
    return [text for text in texts if text is not None]


def _name_unreadable(smiles: Sequence[str], read: Sequence[object]) -> None:
    bad = [row for row, each in enumerate(read) if each is None]
    if bad:
        first = fault_of(smiles[bad[0]])
        raise InvalidInput(
            f"{len(bad)} SMILES cannot be parsed: {name_rows(smiles, bad)} (the first {first})"
        )


def kekulized(smiles: Sequence[str]) -> list[str]:
    """SMILES without aromatic letters, double bonds in their place (MolBERT's input).

    The atoms stay in the order given, explicit hydrogens stay, and groups such as N(=O)=O are not
    given charges: Fabian et al. (2020) neither canonicalise nor clean up. Raises InvalidInput like
    ``parse_all``.
    """
    smiles = as_list(smiles)
    parse_all(smiles)
    texts = []
    with rdBase.BlockLogs():
        for text in smiles:
            mol = Chem.MolFromSmiles(text, sanitize=False)
            Chem.SanitizeMol(mol, _WITHOUT_CLEANUP, catchErrors=True)
            Chem.Kekulize(mol, clearAromaticFlags=True)
            texts.append(Chem.MolToSmiles(mol, kekuleSmiles=True, canonical=False))
    return texts


def name_rows(smiles: Sequence[str], rows: Iterable[int]) -> str:
    """For messages: the first five of ``rows`` with their SMILES, and how many more there are."""
    rows = list(rows)
    shown = "; ".join(f"row {row}: {shortened(smiles[row])}" for row in rows[:5])
    return shown + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")


def shortened(text: object) -> str:
    """``text`` quoted, its middle left out where it is long."""
    shown = repr(text)
    return shown if len(shown) <= 80 else f"{shown[:50]}...{shown[-20:]}"
