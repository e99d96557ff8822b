"""Formats that are no lines of cells: spreadsheets, Parquet, SDF, and SMILES with names."""

from __future__ import annotations

import io
import re
from collections import Counter

import pandas as pd

from molw2s.errors import InvalidInput
from molw2s.files.unpacked import lines_of
from molw2s.smiles import cleaned


def read_excel(content: bytes) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The first sheet; its first row with text are the names, the index are rows of the sheet."""
    try:
        with pd.ExcelFile(io.BytesIO(content), engine="calamine") as book:
            names = [str(name) for name in book.sheet_names]
            sheet = book.parse(0, header=None, dtype=str, keep_default_na=False)
    except Exception as error:  # each damaged part of a workbook raises its own type
        raise InvalidInput(f"this spreadsheet cannot be read: {error}; save it as CSV") from error
    rows = sheet.fillna("").astype(str)
    rows.index = pd.RangeIndex(1, len(rows) + 1)
    rows = rows[rows.apply(lambda row: any(cell.strip() for cell in row), axis=1).astype(bool)]
    if rows.empty:
        raise InvalidInput(f"the first sheet, {names[0]!r}, is empty")
    header = [cleaned(name) for name in rows.iloc[0]]
    body = rows.iloc[1:].set_axis(header, axis=1)
    told = f"the first of {len(names)} sheets was read, {names[0]!r}"
    return body, (told,) * (len(names) > 1)


def read_parquet(content: bytes) -> pd.DataFrame:
    """Every cell as text; the index are numbers of records, the first being 1."""
    try:
        frame = pd.read_parquet(io.BytesIO(content))
    except Exception as error:  # pyarrow's, and those of what a damaged file claims
        raise InvalidInput(f"this Parquet file cannot be read: {error}") from error
    text = frame.reset_index(drop=True).astype(object)
    text = text.where(text.notna(), "").map(_as_cell)
    text.columns = pd.Index([str(name) for name in frame.columns])
    text.index = pd.RangeIndex(1, len(text) + 1)
    return text


_TAG = re.compile(r"^>.*<([^>\r\n]+)>", re.MULTILINE)


def _as_cell(value: object) -> str:
    return repr(value) if isinstance(value, float) else str(value)


def read_sdf(text: str) -> pd.DataFrame:
    """Columns "smiles", "name" and every property; a molecule that RDKit cannot read has no SMILES.

    "smiles" is of the structure, and "name" the title, whatever properties are called. The index
    are numbers of molecules, the first being 1.

    Raises
    ------
    InvalidInput
        If a molecule has two properties of one name.
    """
    from rdkit import Chem, rdBase

    text = text.rstrip() + "\n"
    for number, record in enumerate(re.split(r"^\$\$\$\$", text, flags=re.MULTILINE), start=1):
        for tag, times in Counter(_TAG.findall(record)).items():
            if times > 1:
                raise InvalidInput(f"molecule {number} has {times} properties {tag!r}; rename one")
    rows = []
    with rdBase.BlockLogs():
        for mol in Chem.ForwardSDMolSupplier(io.BytesIO(text.encode())):
            properties = {} if mol is None else mol.GetPropsAsDict(autoConvertStrings=False)
            smiles = "" if mol is None else Chem.MolToSmiles(mol)
            name = "" if mol is None else mol.GetProp("_Name")
            rows.append({**properties, "smiles": smiles, "name": name})
    frame = pd.DataFrame(rows, dtype=object).fillna("").astype(str)
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def read_smi(text: str) -> pd.DataFrame:
    """Columns "smiles" and "name", what follows the first blank; "target" where most of these are
    numbers.

    A CXSMILES block after the SMILES belongs to it. The index are physical lines.
    """
    rows = {}
    for line, content in enumerate(lines_of(text), start=1):
        content = cleaned(content)
        smiles, _, rest = content.replace("\t", " ").partition(" ")
        if rest.lstrip().startswith("|") and "|" in rest.lstrip()[1:]:
            block, _, rest = rest.lstrip()[1:].partition("|")
            smiles = f"{smiles} |{block}|"
        if smiles and not (line == 1 and smiles.lower() == "smiles"):
            rows[line] = (smiles, rest.strip())
    frame = pd.DataFrame(list(rows.values()), columns=["smiles", "name"], dtype=str)
    frame.index = pd.Index(list(rows), dtype="int64")
    numeric = pd.to_numeric(frame["name"].str.replace(",", "."), errors="coerce").notna()
    if len(frame) and numeric.mean() > 0.5:
        frame = frame.rename(columns={"name": "target"})
    return frame
