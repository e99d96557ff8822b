"""The dataset object: SMILES, one target each, and where they came from."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from molw2s.errors import InvalidInput
from molw2s.files import Cells, read_cells
from molw2s.smiles import as_list, canonical, cleaned, fault_of, name_rows, read_ahead, shortened

if TYPE_CHECKING:
    import datasets as hf
    import deepchem as dc

PARTS = ("train", "valid", "test")
_ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xls", ".ods", ".parquet", ".sdf", ".smi")
_LARGEST = 1e75  # whose fourth power, in a standard error of squares, is a number
_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class MoleculeDataset:
    """Molecules in file order, each with a SMILES and one target.

    Attributes
    ----------
    name : str
    smiles : tuple of str, length n
        As written in the file, white space stripped. Any sequence or pandas column is taken.
    target : ndarray of float64, shape (n,)
        (n, 1) is taken as well.
    sha256 : str
        Hash of the file the molecules were read from.
    title, unit, source, licence : str
        For people; empty where unknown.
    split : tuple of str, optional
        The user's own assignment of each molecule to "train", "valid" or "test".
    dropped : dict
        Line number in the file -> why that molecule was left out.
    lines : tuple of int, optional
        Where in the file each molecule is: its physical line, or its row or number.

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
    lines: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "smiles", tuple(as_list(self.smiles)))
        if len(self.smiles) != len(self.target):
            raise InvalidInput(f"{len(self.smiles)} SMILES but {len(self.target)} targets")
        if self.split is not None and len(self.split) != len(self.smiles):
            raise InvalidInput(f"{len(self.smiles)} SMILES but parts for {len(self.split)}")
        target = np.array(self.target, np.float64)  # a copy, that freezing leaves the caller's be
        if target.shape not in ((len(self.smiles),), (len(self.smiles), 1)):
            raise InvalidInput(f"targets of shape {target.shape}: one a molecule is needed")
        target = target.reshape(-1)
        strange = np.flatnonzero(~(np.abs(target) <= _LARGEST)).tolist()
        if strange:
            limit = "" if np.isfinite(target).all() else "finite, or "
            raise InvalidInput(
                f"{len(strange)} targets are not {limit}within ±{_LARGEST:g}, where errors can be "
                f"squared: {name_rows(self.smiles, strange)}"
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
        spelled = pd.Series(self.canonical_smiles)
        spelled = spelled[spelled.duplicated(keep=False)]
        return [rows.tolist() for rows in spelled.groupby(spelled, sort=False).groups.values()]

    def name_rows(self, rows: Iterable[int]) -> str:
        """For messages: where the first five of ``rows`` are, and how many more there are."""
        rows = list(rows)
        noun, places = (
            ("row", rows) if self.lines is None else ("line", [self.lines[r] for r in rows])
        )
        more = f" and {len(rows) - 5} more" if len(rows) > 5 else ""
        return f"{noun}{'s' * (len(rows) > 1)} {', '.join(map(str, places[:5]))}{more}"

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
        """A DeepChem ``NumpyDataset`` whose X and ids are the SMILES, y of shape (n, 1).

        Raises
        ------
        InvalidInput
            If DeepChem is not installed.
        """
        from molw2s.datasets.with_deepchem import to_deepchem

        return to_deepchem(self)


def read_csv(
    path: str | Path,
    smiles_column: str = "smiles",
    target_column: str = "target",
    split_column: str | None = None,
    drop_invalid: bool = False,
    **about: str,
) -> MoleculeDataset:
    """Read and check a table with a header: CSV with any separator, Excel, Parquet, SDF, SMILES.

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
        If the file or a column is missing or there twice, a molecule is invalid or its part is none
        of train, valid and test (the physical line is given), or nothing is left.
    """
    cells = _read(path)
    smiles = cells.column(smiles_column, "smiles").map(cleaned)
    written = cells.column(target_column, "target").map(cleaned)
    try:
        target = to_numbers(written, cells.decimal_comma)
    except InvalidInput as error:
        raise InvalidInput(f"{cells.name}, column {target_column!r}: {error}") from error
    dropped = _faults(smiles)
    for line, value in zip(cells.frame.index, target):
        if line not in dropped and not np.isfinite(value):
            dropped[line] = f"target {written[line]!r} is not a finite number"
    dropped = dict(sorted(dropped.items()))
    keep = _kept(cells, dropped, drop_invalid)
    parts = None
    if split_column is not None:
        parts = _parts(cells, split_column, keep)
    about.setdefault("name", _name(Path(path)))
    return MoleculeDataset(
        smiles=tuple(smiles[keep]),
        target=target[keep],
        sha256=cells.sha256,
        split=parts,
        dropped=dropped,
        lines=tuple(cells.frame.index[keep]),
        **about,
    )


def read_smiles(
    path: str | Path, smiles_column: str = "smiles", drop_invalid: bool = False
) -> tuple[list[str], dict[int, str]]:
    """The SMILES of a file, in its order, and what was left out of it: line -> why.

    Parameters and errors are those of ``read_csv``.
    """
    cells = _read(path)
    smiles = cells.column(smiles_column, "smiles").map(cleaned)
    dropped = _faults(smiles)
    return smiles[_kept(cells, dropped, drop_invalid)].tolist(), dropped


def _read(path: str | Path) -> Cells:
    cells = read_cells(path)
    for remark in cells.remarks:
        _log.warning("%s: %s", path, remark)
    return cells


def _faults(smiles: pd.Series) -> dict[int, str]:
    """Line -> what is wrong with its SMILES."""
    read_ahead(smiles)
    return {
        int(line): f"SMILES {shortened(text)} {fault}"  # type: ignore[call-overload]
        for line, text in smiles.items()
        if (fault := fault_of(text))
    }


def _kept(cells: Cells, dropped: dict[int, str], drop_invalid: bool) -> NDArray[np.bool_]:
    """(n,) which rows are left, if any; raises InvalidInput where none may be dropped."""
    if dropped and not drop_invalid:
        raise InvalidInput(
            f"{cells.name}: {len(dropped)} invalid molecules\n{name_lines(dropped, cells.noun)}\n"
            "mend them, or leave them out with --drop-invalid"
        )
    keep: NDArray[np.bool_] = ~cells.frame.index.isin(list(dropped))
    if not keep.any():
        raise InvalidInput(f"{cells.name} holds no valid molecule")
    return keep


def to_numbers(texts: pd.Series, decimal_comma: bool) -> NDArray[np.float64]:
    """(n,) numbers, nan for what is none; "1,5" is one where commas do not separate cells."""
    if decimal_comma and not texts.str.contains(".", regex=False).any():
        commas = texts[texts.str.contains(",", regex=False)]
        if (
            0 < len(commas) < len(texts)
            and commas.str.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+").all()
        ):
            raise InvalidInput(
                f"{commas.iloc[0]!r} may be a decimal or have thousands parted off; write numbers "
                "with a decimal point, and nothing between thousands"
            )
        texts = texts.str.replace(",", ".", regex=False)
    return pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)


def _parts(cells: Cells, column: str, keep: NDArray[np.bool_]) -> tuple[str, ...]:
    parts = cells.column(column, "split")[keep].map(cleaned)
    for line, part in parts.items():
        if part not in PARTS:
            raise InvalidInput(
                f"{cells.where(line)}: {column!r} is {part!r}, expected one of {', '.join(PARTS)}"
            )
    return tuple(parts)


def _name(path: Path) -> str:
    """The file's name without the endings that say how it is written."""
    name = path.name
    for ending in (".gz", ".bz2", ".xz", ".zip", *_ENDINGS):
        if len(name) > len(ending) and name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name


def name_lines(problems: dict[int, str], noun: str = "line") -> str:
    """For messages: the first five lines and what is wrong there, and how many more there are."""
    shown = [f"  {noun} {line}: {why}" for line, why in list(problems.items())[:5]]
    more = [f"  ... and {len(problems) - 5} more"] if len(problems) > 5 else []
    return "\n".join([*shown, *more])
