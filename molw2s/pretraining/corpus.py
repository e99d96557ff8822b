"""Unlabelled molecules: named corpora with verified downloads, or any .smi/.csv(.gz) file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pooch
from datasets import Dataset, Features, List, Value
from datasets.utils import (
    are_progress_bars_disabled,
    disable_progress_bars,
    enable_progress_bars,
)
from rdkit import Chem
from rdkit.Chem import BRICS

from molw2s.errors import InvalidInput
from molw2s.files import read_cells
from molw2s.locations import cache_dir
from molw2s.pretraining.descriptors import EXAMPLE, atomic_values, describe
from molw2s.pretraining.recipe import CorpusPart, Recipe
from molw2s.registry import Registry
from molw2s.smiles import cleaned, parse

VERSION = 1
"""Raised by hand whenever ``prepare`` makes something else of the same molecules."""

CORPORA: Registry[Callable[[], Path]] = Registry("corpus")


@CORPORA.register("guacamol")
def guacamol() -> Path:
    """GuacaMol's training SMILES, about 1.3M from ChEMBL (Brown et al. 2019)."""
    return _download(
        "https://ndownloader.figshare.com/files/13612760",
        "md5:05ad85d871958a05c02ab51a4fde8530",
        "guacamol_train.smi",
    )


@CORPORA.register("moses")
def moses() -> Path:
    """MOSES' training SMILES, 1.58M (Polykovskiy et al. 2020), from the wheel ``molsets`` 0.3.1."""
    member = "moses/dataset/data/train.csv.gz"
    wheel = "molsets-0.3.1-py3-none-any.whl"
    unpack = pooch.Unzip(members=[member])
    return _download(_MOSES_URL + wheel, _MOSES_SHA256, wheel, unpack)


_MOSES_URL = "https://files.pythonhosted.org/packages/ca/04/335f23e9ae95ca381ac7c3f335303dbbeb0f8a604d167891cf60c9360178/"
_MOSES_SHA256 = "7f4450e3ebecebe79c3a2a55950c93daddee071120daf64a163d03481e811d34"


def _download(url: str, known_hash: str, name: str, processor: Any = None) -> Path:
    try:
        found = pooch.retrieve(
            url, known_hash, name, cache_dir() / "corpora", processor, progressbar=True
        )
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"cannot fetch the corpus {name} from {url}: {error}. Without a network, give a "
            ".smi or .csv file as the source instead"
        ) from error
    return Path(found[0] if isinstance(found, list) else found)


@dataclass(frozen=True)
class Source:
    """Where molecules came from, for the model card: file name, SHA-256, and how many were used."""

    name: str
    sha256: str
    molecules: int


def read_source(part: CorpusPart, seed: int = 0) -> tuple[list[str], Source]:
    """The SMILES of one part of a corpus, in file order, sampled without replacement if asked.

    Raises
    ------
    InvalidInput
        If the source is neither a registered corpus nor a readable file, or lacks the column.
    """
    path = CORPORA[part.source]() if part.source in CORPORA else Path(part.source)
    if not path.is_file():
        raise InvalidInput(
            f"corpus {part.source!r} is neither a file, here or beside the recipe, nor one of "
            f"{', '.join(CORPORA.names())}"
        )
    cells = read_cells(path, bare=True)
    columns = {str(column).lower(): str(column) for column in cells.frame.columns}
    column = columns.get(part.smiles_column.lower(), part.smiles_column)
    smiles = cells.column(column, "smiles").map(cleaned)
    smiles = smiles[smiles != ""]
    if part.sample is not None and part.sample < len(smiles):
        smiles = smiles.sample(part.sample, random_state=seed).sort_index()
    name = part.source if part.source in CORPORA else path.name
    return smiles.tolist(), Source(name, cells.sha256, len(smiles))


def prepare(recipe: Recipe, processes: int = 1) -> tuple[Dataset, list[Source]]:
    """Molecules spelled and described.

    Columns ``spellings`` (the canonical SMILES, then random ones: ``objectives.spellings`` in
    all), ``atoms`` (a list for each spelling: the atomic values of its atoms, in its order), and
    ``descriptors``. A molecule is there once, however often and in whatever ways the parts write
    it; unreadable SMILES are left out. The result is kept on disk and found again by whatever
    decides it: the files' hashes, the parts, their columns and samples, the number of spellings,
    the seed, the descriptors and atomic values of an example, RDKit's version and the code here.

    Raises
    ------
    InvalidInput
        Like ``read_source``; or if no SMILES can be read.
    """
    seed, spellings = recipe.optimisation.seed, recipe.objectives.spellings
    read = [read_source(part, seed) for part in recipe.corpus]
    sources = [source for _, source in read]
    deciding = [
        [asdict(source) for source in sources],
        [[part.smiles_column, part.fragments] for part in recipe.corpus],
        [seed, spellings],
        [describe(EXAMPLE).tolist(), atomic_values(EXAMPLE).tolist()],
        [version("rdkit"), VERSION],
    ]
    key = hashlib.sha256(json.dumps(deciding).encode()).hexdigest()[:16]
    folder = cache_dir() / "corpora" / f"prepared-{key}"
    if (folder / "dataset_info.json").is_file():
        return Dataset.load_from_disk(str(folder)), sources

    texts: dict[str, None] = {}
    for part, (smiles, _) in zip(recipe.corpus, read):
        if part.fragments:
            whole = Dataset.from_dict({"smiles": smiles})
            smiles = whole.map(
                lambda batch: {"smiles": [p for text in batch["smiles"] for p in fragments(text)]},
                batched=True,
                num_proc=processes,
                desc="Breaking molecules",
            )["smiles"]
        texts |= dict.fromkeys(smiles)

    def spell_and_describe(batch: dict[str, list[str]], rows: list[int]) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {"spellings": [], "atoms": [], "descriptors": []}
        for row, text in zip(rows, batch["smiles"]):
            mol = parse(text)
            if mol is None:
                continue
            values = describe(mol)
            if not np.isfinite(values).all():
                continue
            draw = int(np.random.default_rng((seed, row)).integers(1, 2**31))
            others = Chem.MolToRandomSmilesVect(mol, spellings - 1, draw)
            spelled = [Chem.MolToSmiles(mol), *others]
            columns["spellings"].append(spelled)
            reread = [Chem.MolFromSmiles(text) for text in spelled]
            columns["atoms"].append([atomic_values(each).ravel() for each in reread])
            columns["descriptors"].append(values)
        return columns

    molecules = Dataset.from_dict({"smiles": list(texts)})
    molecules = molecules.map(
        spell_and_describe,
        batched=True,
        with_indices=True,
        num_proc=processes,
        remove_columns="smiles",
        features=Features(
            spellings=List(Value("string")),
            atoms=List(List(Value("float32"))),
            descriptors=List(Value("float32")),
        ),
        desc="Describing molecules",
    )
    if not len(molecules):
        raise InvalidInput(
            f"no SMILES of the corpus can be read: {', '.join(source.name for source in sources)}"
        )
    canonical = pd.Series([spelled[0] for spelled in molecules["spellings"]])
    molecules = molecules.select(canonical.drop_duplicates().index)
    _keep(molecules, folder)
    return Dataset.load_from_disk(str(folder)), sources


def _keep(molecules: Dataset, folder: Path) -> None:
    """Save under a name of its own, then give it ``folder``, unless another process has done so."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as scratch:
        saved = Path(scratch) / folder.name
        hidden = are_progress_bars_disabled()
        disable_progress_bars()
        try:
            molecules.save_to_disk(str(saved))
        finally:
            if not hidden:
                enable_progress_bars()
        with suppress(OSError):
            saved.replace(folder)


def fragments(smiles: str) -> list[str]:
    """Canonical SMILES of what is left of a molecule when its BRICS bonds are broken.

    The open ends are filled with hydrogen (bonds: Degen et al. 2008). No fragments for a SMILES
    that cannot be read.
    """
    mol = parse(smiles)
    if mol is None:
        return []
    broken = BRICS.BreakBRICSBonds(mol)
    for atom in broken.GetAtoms():
        if atom.GetAtomicNum() == 0:
            atom.SetAtomicNum(1)
            atom.SetIsotope(0)
    return Chem.MolToSmiles(Chem.RemoveHs(broken)).split(".")
