"""The dataset object: SMILES, one target each, and where they came from."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molw2s.cells import read_cells
from molw2s.errors import InvalidInput
from molw2s.smiles import canonical, canonical_or_none, name_rows

if TYPE_CHECKING:
    import datasets as hf
    import deepchem as dc

PARTS = ("train", "valid", "test")


@dataclass(frozen=True, eq=False)
class MoleculeDataset:
    """Molecules in file order, each with a SMILES and one target.

    Attributes
    ----------
    name : str
    smiles : tuple of str, length n
        As written in the file, white space stripped.
    target : ndarray of float64, shape (n,)
    sha256 : str
        Hash of the file the molecules were read from.
    title, unit, source, licence : str
        For people; empty where unknown.
    split : tuple of str, optional
        The user's own assignment of each molecule to "train", "valid" or "test".
    dropped : dict
        Line number in the file -> why that molecule was left out.

    Raises
    ------
    InvalidInput
        If there are more SMILES than targets or parts, or fewer, or a target is not finite.
    """

    name: str
    smiles: tuple[str, ...]
    target: NDArray[np.float64]
    sha256: str
    title: str = ""
    unit: str = ""
    source: str = ""
    licence: str = ""
    split: tuple[str, ...] | None = None
    dropped: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.smiles) != len(self.target):
            raise InvalidInput(f"{len(self.smiles)} SMILES but {len(self.target)} targets")
        if self.split is not None and len(self.split) != len(self.smiles):
            raise InvalidInput(f"{len(self.smiles)} SMILES but parts for {len(self.split)}")
        target = np.array(self.target, np.float64)  # a copy, that freezing leaves the caller's be
        strange = np.flatnonzero(~np.isfinite(target)).tolist()
        if strange:
            raise InvalidInput(
                f"{len(strange)} targets are not finite: {name_rows(self.smiles, strange)}"
            )
        target.setflags(write=False)
        object.__setattr__(self, "target", target)

    def __len__(self) -> int:
        return len(self.smiles)

    @cached_property
    def canonical_smiles(self) -> list[str]:
        return canonical(self.smiles)

    @cached_property
    def content_sha256(self) -> str:
        """Hash of what is used of the file: SMILES, targets, unit and parts."""
        content = [self.smiles, self.target.tolist(), self.unit, self.split]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @cached_property
    def duplicates(self) -> list[list[int]]:
        """Groups of rows (zero-based) that are the same molecule by canonical SMILES."""
        groups = pd.Series(range(len(self))).groupby(self.canonical_smiles, sort=False)
        return [rows.tolist() for _, rows in groups if len(rows) > 1]

    def to_pandas(self) -> pd.DataFrame:
        """Columns ``smiles`` and ``target``, and ``split`` where there is one."""
        columns: dict[str, Any] = {"smiles": self.smiles, "target": self.target}
        if self.split is not None:
            columns["split"] = self.split
        return pd.DataFrame(columns)

    def to_huggingface(self) -> hf.Dataset:
        """A Hugging Face ``datasets.Dataset`` with the columns of ``to_pandas``."""
        import datasets as hf

        return hf.Dataset.from_pandas(self.to_pandas(), preserve_index=False)

    def to_deepchem(self) -> dc.data.NumpyDataset:
        """A DeepChem ``NumpyDataset`` whose X and ids are the SMILES, y of shape (n, 1)."""
        from molw2s.datasets.quiet_deepchem import deepchem

        smiles = np.array(self.smiles, dtype=object)
        return deepchem().data.NumpyDataset(X=smiles, y=self.target[:, None], ids=smiles)


def read_csv(
    path: str | Path,
    smiles_column: str = "smiles",
    target_column: str = "target",
    split_column: str | None = None,
    drop_invalid: bool = False,
    **about: str,
) -> MoleculeDataset:
    """Read and check a CSV (gzip allowed) with a header line.

    Parameters
    ----------
    drop_invalid : bool
        Leave molecules out whose SMILES cannot be parsed or whose target is missing or not
        finite, instead of raising; ``dropped`` says which and why.
    about
        ``name`` (the file's stem by default), ``title``, ``unit``, ``source``, ``licence``.

    Raises
    ------
    InvalidInput
        If the file or a column is missing, a molecule is invalid or its part is none of train,
        valid and test (the line number is given; the header is line 1), or nothing is left.
    """
    path = Path(path)
    frame, sha256 = read_cells(path)
    for option, column in (
        ("smiles", smiles_column),
        ("target", target_column),
        ("split", split_column),
    ):
        if column is not None and column not in frame.columns:
            raise InvalidInput(
                f"{path} has no {option} column {column!r}; its columns: "
                f"{', '.join(map(repr, frame.columns))} (choose with --{option}-column)"
            )

    smiles = frame[smiles_column].str.strip()
    target = pd.to_numeric(frame[target_column].str.strip(), errors="coerce").to_numpy(np.float64)
    dropped: dict[int, str] = {}
    for line, text, value in zip(frame.index, smiles, target):
        if canonical_or_none(text) is None:
            dropped[line] = f"SMILES {text!r} cannot be parsed"
        elif not np.isfinite(value):
            dropped[line] = f"target {frame.at[line, target_column]!r} is not a finite number"
    if dropped and not drop_invalid:
        raise InvalidInput(
            f"{path}: {len(dropped)} invalid molecules\n{name_lines(dropped)}\n"
            "mend them, or leave them out with --drop-invalid"
        )
    keep = ~frame.index.isin(list(dropped))
    parts = None
    if split_column is not None:
        of_kept = frame.loc[keep, split_column].str.strip()
        parts = tuple(of_kept)
        for line, part in of_kept.items():
            if part not in PARTS:
                raise InvalidInput(
                    f"{path}, line {line}: {split_column!r} is {part!r}, expected one of "
                    f"{', '.join(PARTS)}"
                )
    if not keep.any():
        raise InvalidInput(f"{path} holds no valid molecule")

    about.setdefault("name", path.name.removesuffix(".gz").removesuffix(".csv"))
    return MoleculeDataset(
        smiles=tuple(smiles[keep]),
        target=target[keep],
        sha256=sha256,
        split=parts,
        dropped=dropped,
        **about,
    )


def name_lines(problems: dict[int, str]) -> str:
    """For messages: the first five lines and what is wrong there, and how many more there are."""
    shown = [f"  line {line}: {why}" for line, why in list(problems.items())[:5]]
    more = [f"  ... and {len(problems) - 5} more"] if len(problems) > 5 else []
    return "\n".join([*shown, *more])
