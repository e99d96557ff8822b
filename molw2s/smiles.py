"""SMILES in, RDKit molecules out; whatever cannot be read is named by its row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from rdkit import Chem, rdBase

from molw2s.errors import InvalidInput

_WITHOUT_CLEANUP = Chem.SanitizeFlags.SANITIZE_ALL ^ Chem.SanitizeFlags.SANITIZE_CLEANUP


def parse(smiles: str) -> Chem.Mol | None:
    """The sanitised molecule, or None where RDKit cannot read it or it has no atoms."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if isinstance(smiles, str) else None
    return mol if mol is not None and mol.GetNumAtoms() else None


@lru_cache(maxsize=1 << 16)
def canonical_or_none(smiles: str) -> str | None:
    """RDKit's canonical isomeric SMILES, or None where ``parse`` has none.

    Remembered: a dataset is checked, searched for duplicates, and given to every encoder.
    """
    mol = parse(smiles)
    return None if mol is None else Chem.MolToSmiles(mol)


def parse_all(smiles: Sequence[str]) -> list[Chem.Mol]:
    """Molecules, in order.

    Raises
    ------
    InvalidInput
        Naming the (zero-based) rows that RDKit cannot read.
    """
    mols = [parse(text) for text in smiles]
    _name_unparsable(smiles, mols)
    return [mol for mol in mols if mol is not None]


def canonical(smiles: Sequence[str]) -> list[str]:
    """RDKit's canonical isomeric SMILES, in order; raises InvalidInput like ``parse_all``."""
    texts = [canonical_or_none(text) for text in smiles]
    _name_unparsable(smiles, texts)
    return [text for text in texts if text is not None]


def _name_unparsable(smiles: Sequence[str], parsed: Sequence[object]) -> None:
    bad = [row for row, each in enumerate(parsed) if each is None]
    if bad:
        raise InvalidInput(f"{len(bad)} SMILES cannot be parsed: {name_rows(smiles, bad)}")


def kekulized(smiles: Sequence[str]) -> list[str]:
    """SMILES without aromatic letters, double bonds in their place (MolBERT's input).

    The atoms stay in the order given, explicit hydrogens stay, and groups such as N(=O)=O are not
    given charges: Fabian et al. (2020) neither canonicalise nor clean up. Raises InvalidInput like
    ``parse_all``.
    """
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
    shown = "; ".join(f"row {row}: {smiles[row]!r}" for row in rows[:5])
    return shown + (f" and {len(rows) - 5} more" if len(rows) > 5 else "")
