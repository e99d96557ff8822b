"""One file with a whole corpus, tokenized and described, for a machine that has nothing else.

A pack holds each molecule once: the token ids of its canonical SMILES, and the values of its atoms
and its descriptors, a byte each in steps of 1/16 of a standard deviation. All is packed by LZMA,
column after column, molecules that are alike side by side.
Random spellings are drawn by RDKit where the pack is read, in as many processes as there are cores.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from molw2s.errors import InvalidInput
from molw2s.locations import write_atomically
from molw2s.pretraining.batches import Spellings
from molw2s.pretraining.descriptors import ATOMIC_VALUES, SIZES
from molw2s.pretraining.material import Material, read_material, token_ids
from molw2s.pretraining.recipe import Recipe
from molw2s.pretraining.tokenizer import as_pretrained, names_atom
from molw2s.processes import side_by_side

VERSION = 1
"""Raised by hand whenever a pack is written, or spelled, otherwise."""

_STEPS = 16  # a standard deviation; values are within five of them
_NONE = -128  # in place of an atom's values where none are asked
_MOLECULES_AT_ONCE = 2_000
_FEW = 32


def pack(recipe: Recipe, path: str | Path) -> dict[str, Any]:
    """Write the recipe's corpus to ``path``; returns what is in it. Raises like ``prepare``.

    Molecules whose canonical SMILES has more than ``max_length`` tokens are left out.
    """
    canonical = recipe.model_copy(
        update={"objectives": recipe.objectives.model_copy(update={"spellings": 1})}
    )
    material = read_material(canonical)
    spellings = material.spellings
    fits = np.flatnonzero(spellings.lengths <= recipe.tokenization.max_length)
    spellings = _chosen(spellings, fits[_alike(spellings.descriptors[fits])])
    about = {
        "version": VERSION,
        "corpus": material.corpus,
        "sources": material.sources,
        "benchmark_molecules": material.benchmark_molecules,
        "tokenization": recipe.tokenization.model_dump(mode="json"),
        "seed": recipe.optimisation.seed,
        "groups": SIZES,
        "molecules": len(spellings.lengths),
        "tokens": len(spellings.ids),
        "versions": {"rdkit": version("rdkit")},
    }
    small = np.uint8 if len(material.tokenizer) <= 256 else np.int16
    atoms = _bytes(spellings.atoms[names_atom(material.tokenizer)[spellings.ids]])
    ranks, tables = _ranks(_bytes(spellings.descriptors).T)
    described = np.split(ranks, np.cumsum(list(SIZES.values()))[:-1])
    arrays = {
        "ids": spellings.ids.astype(small),
        "lengths": spellings.lengths.astype(np.int16),
        **{f"atoms/{column}": atoms[:, column] for column in range(ATOMIC_VALUES)},
        "tables": tables,
        **{f"descriptors/{name}": group for name, group in zip(SIZES, described)},
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("about.json", json.dumps(about, indent=1))
        archive.writestr("tokenizer.json", material.tokenizer.backend_tokenizer.to_str())
        for name, array in arrays.items():
            file = io.BytesIO()
            np.save(file, np.ascontiguousarray(array))
            archive.writestr(f"{name}.npy", file.getvalue())
    write_atomically(Path(path), content.getvalue())
    return about | {"bytes": len(content.getvalue())}


def unpack(path: str | Path, recipe: Recipe, kept: Path | None = None) -> Material:
    """What ``pack`` wrote, each molecule in ``objectives.spellings`` spellings.

    Spellings once drawn are kept in the folder ``kept``, and found again there.

    Raises
    ------
    InvalidInput
        If the file is no pack, or one of another corpus, tokenization or seed than the recipe's.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("about.json"))
            tokenizer_file = archive.read("tokenizer.json").decode()
        if about["version"] != VERSION or about["groups"] != SIZES:
            raise InvalidInput(f"{path} is of another version of molw2s; pack the corpus anew")
        _check_same(about, recipe, path)
        canonical = _read_arrays(path, as_pretrained(
            Tokenizer.from_str(tokenizer_file), recipe.tokenization.max_length
        ))  # fmt: skip
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        if isinstance(error, InvalidInput):
            raise
        raise InvalidInput(f"cannot read the packed corpus {path}: {error}") from error
    spellings, tokenizer = canonical
    count, seed = recipe.objectives.spellings, recipe.optimisation.seed
    if count > 1:
        key = hashlib.sha256(
            json.dumps([_sha256(path), count, seed, version("rdkit"), VERSION]).encode()
        ).hexdigest()[:16]
        spellings = _spelled(
            spellings, tokenizer, count, seed, kept and kept / f"spellings-{key}.npz"
        )
    return Material(
        spellings, tokenizer, about["corpus"], about["sources"], about["benchmark_molecules"]
    )


def _check_same(about: dict[str, Any], recipe: Recipe, path: str | Path) -> None:
    wanted = recipe.model_dump(mode="json")
    theirs = [part | {"source": Path(part["source"]).name} for part in wanted["corpus"]]
    asked = {
        "corpus": theirs,
        "tokenization": wanted["tokenization"],
        "seed": recipe.optimisation.seed,
    }
    for name, value in asked.items():
        if about[name] != value:
            raise InvalidInput(
                f"{path} was packed by a recipe whose {name} was {about[name]}, this one's is "
                f"{value}; pack the corpus anew"
            )


def _chosen(spellings: Spellings, rows: NDArray[np.int64]) -> Spellings:
    """Some of as many spellings as there are molecules, in the order of ``rows``."""
    lengths = spellings.lengths[rows]
    starts = _starts(lengths)
    places = np.arange(starts[-1]) + np.repeat(spellings.starts[rows] - starts[:-1], lengths)
    return Spellings(
        ids=spellings.ids[places],
        atoms=spellings.atoms[places],
        starts=starts,
        molecule=np.arange(len(rows)),
        descriptors=spellings.descriptors[rows],
    )


def _alike(descriptors: NDArray[np.float16]) -> NDArray[np.int64]:
    """An order of the rows with like beside like: halved along the main direction, again and again.

    Packed so, they take a sixth less.
    """
    rng = np.random.default_rng(0)
    parts, done = [np.arange(len(descriptors))], []
    while parts:
        rows = parts.pop()
        if len(rows) < 5:
            done.append(rows)
            continue
        values: NDArray[np.float32] = descriptors[rows].astype(np.float32)
        values -= values.mean(0)
        direction = np.asarray(rng.normal(size=values.shape[1]), np.float32)
        for _ in range(4):
            direction = values.T @ (values @ direction)
            direction /= np.linalg.norm(direction) + 1e-9
        first, second = np.array_split(rows[np.argsort(values @ direction)], 2)
        parts += [second, first]
    return np.concatenate(done)


_REVERSED = np.array([int(f"{byte:08b}"[::-1], 2) for byte in range(256)], np.uint8)


def _ranks(columns: NDArray[np.int8]) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
    """Rows of few values by how frequent each is, and (k, 256) the values of those ranks.

    The ranks' bits are reversed: LZMA foresees a byte by the upper bits of the one before. Rows of
    many values stay as they are.
    """
    ranks = np.empty(columns.shape, np.uint8)
    tables = np.zeros((len(columns), 256), np.int8)
    for column, (row, table) in zip(columns, zip(ranks, tables)):
        values, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        if len(values) > _FEW:
            row[:], table[:] = column.view(np.uint8), _REVERSED.view(np.int8)
            continue
        order = np.argsort(-counts, kind="stable")
        row[:] = _REVERSED[np.argsort(order)][inverse]
        table[: len(values)] = values[order]
    return ranks, tables


def _starts(lengths: NDArray[Any]) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def _bytes(values: NDArray[np.float16]) -> NDArray[np.int8]:
    """Standardised values in steps of 1/16; what is not a number is -128."""
    steps = np.rint(values.astype(np.float32) * _STEPS)
    return np.where(np.isnan(steps), _NONE, steps).astype(np.int8)


def _values(steps: NDArray[np.int8]) -> NDArray[np.float16]:
    values = steps.astype(np.float16) / np.float16(_STEPS)
    values[steps == _NONE] = np.nan
    return values


def _read_arrays(
    path: str | Path, tokenizer: PreTrainedTokenizerFast
) -> tuple[Spellings, PreTrainedTokenizerFast]:
    def read(name: str) -> NDArray[Any]:
        with zipfile.ZipFile(path) as archive:  # one each: they are read side by side
            array: NDArray[Any] = np.load(
                io.BytesIO(archive.read(f"{name}.npy")), allow_pickle=False
            )
            return array

    columns = [f"atoms/{column}" for column in range(ATOMIC_VALUES)]
    groups = [f"descriptors/{name}" for name in SIZES]
    with ThreadPoolExecutor() as threads:
        names = ["ids", "lengths", "tables", *columns, *groups]
        ids, lengths, tables, *others = threads.map(read, names)
    ids = ids.astype(np.int16)
    atoms = np.full((len(ids), ATOMIC_VALUES), np.nan, np.float16)
    atoms[names_atom(tokenizer)[ids]] = _values(np.column_stack(others[:ATOMIC_VALUES]))
    descriptors = np.empty((len(lengths), len(tables)), np.float16)
    for column, (ranks, table) in enumerate(zip(np.concatenate(others[ATOMIC_VALUES:]), tables)):
        descriptors[:, column] = _values(table)[_REVERSED[ranks]]
    molecule = np.arange(len(lengths))
    return Spellings(ids, atoms, _starts(lengths), molecule, descriptors), tokenizer


def _spelled(
    canonical: Spellings,
    tokenizer: PreTrainedTokenizerFast,
    count: int,
    seed: int,
    kept: Path | None,
) -> Spellings:
    """Beside the canonical spelling of each molecule ``count`` - 1 random ones."""
    if kept is not None and kept.is_file():
        with np.load(kept) as file:
            drawn = [(file["ids"], file["lengths"], file["atom"])]
    else:
        molecules = len(canonical.lengths)
        parts = range(0, molecules, _MOLECULES_AT_ONCE)
        found: dict[int, Any] = {}
        calls = [
            (_spell, (canonical.ids[canonical.starts[first] : canonical.starts[last]],
                      canonical.lengths[first:last], tokenizer, count, (seed, first)))
            for first in parts for last in [min(first + _MOLECULES_AT_ONCE, molecules)]
        ]  # fmt: skip
        found.update(side_by_side(calls, os.cpu_count() or 1))
        drawn = [found[number] for number in range(len(calls))]
    ids, lengths, atom = (np.concatenate(arrays) for arrays in zip(*drawn))
    if kept is not None and not kept.is_file():
        content = io.BytesIO()
        np.savez(content, ids=ids, lengths=lengths, atom=atom)
        write_atomically(kept, content.getvalue())
    molecule = np.repeat(canonical.molecule, count)
    starts = _starts(lengths)
    places = np.repeat(canonical.starts[molecule], lengths) + np.maximum(atom, 0)
    atoms = canonical.atoms[places]
    atoms[atom < 0] = np.nan
    return replace(canonical, ids=ids, atoms=atoms, starts=starts, molecule=molecule)


def _spell(
    ids: NDArray[np.int16],
    lengths: NDArray[np.int64],
    tokenizer: PreTrainedTokenizerFast,
    count: int,
    seed: tuple[int, int],
) -> tuple[NDArray[np.int16], NDArray[np.int64], NDArray[np.int16]]:
    """Of each molecule ``count`` spellings, the canonical one first.

    Returns their token ids, how many each has, and for each token which of the canonical tokens
    stands for the same atom: -1 where none does.
    """
    tokens = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    names = names_atom(tokenizer)
    draws = np.random.default_rng(seed).integers(1, 2**31, len(lengths))
    texts, places = [], []
    with rdBase.BlockLogs():
        for one, draw in zip(np.split(ids, np.cumsum(lengths)[:-1]), draws):
            text = "".join(tokens[token] for token in one[1:-1])
            mol = Chem.MolFromSmiles(text)
            named = np.flatnonzero(names[one])
            texts.append(text)
            places.append(named)
            Chem.MolToRandomSmilesVect(mol, 1, int(draw))  # seeds what draws the next ones
            for _ in range(count - 1):
                texts.append(Chem.MolToSmiles(mol, doRandom=True))
                order = json.loads(mol.GetProp("_smilesAtomOutputOrder"))
                # Where hydrogen is an atom, tokens and atoms cannot be matched: nothing is asked.
                places.append(named[order] if len(order) == len(named) else named[:0])
    drawn, starts = token_ids(texts, tokenizer)
    atom = np.full(len(drawn), -1, np.int16)
    agree = np.add.reduceat(names[drawn], starts[:-1], dtype=np.int64) == [
        len(each) for each in places
    ]
    atom[names[drawn] & np.repeat(agree, np.diff(starts))] = np.concatenate(
        [each for each, agrees in zip(places, agree) if agrees] or [np.zeros(0, np.int64)]
    )
    return drawn, np.diff(starts), atom


def _sha256(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
