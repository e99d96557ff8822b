"""SMILES in, RDKit molecules out; whatever cannot be read is named by its row."""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem, rdBase

from molw2s.errors import InvalidInput


def parse(smiles: str) -> Chem.Mol | None:
    """The sanitised molecule, or None where RDKit cannot read it or it has no atoms."""
    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles) if isinstance(smiles, str) else None
    return mol if mol is not None and mol.GetNumAtoms() else None


def parse_all(smiles: Sequence[str]) -> list[Chem.Mol]:
    """Molecules, in order.

    Raises
    ------
    InvalidInput
        Naming the (zero-based) rows that RDKit cannot read.
    """
    mols = [parse(text) for text in smiles]
    bad = [(row, text) for row, (mol, text) in enumerate(zip(mols, smiles)) if mol is None]
    if bad:
        shown = "; ".join(f"row {row}: {text!r}" for row, text in bad[:5])
        more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
        raise InvalidInput(f"{len(bad)} SMILES cannot be parsed: {shown}{more}")
    return [mol for mol in mols if mol is not None]


def canonical(smiles: Sequence[str]) -> list[str]:
    """RDKit's canonical isomeric SMILES, in order; raises InvalidInput like ``parse_all``."""
    return [Chem.MolToSmiles(mol) for mol in parse_all(smiles)]
