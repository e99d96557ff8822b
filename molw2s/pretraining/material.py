"""What training reads: a corpus as arrays of token ids and targets, and where it came from."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from molw2s.datasets import BENCHMARKS, load_dataset
from molw2s.pretraining.batches import Spellings
from molw2s.pretraining.descriptors import ATOMIC_VALUES
from molw2s.pretraining.recipe import Recipe
from molw2s.pretraining.tokenizer import names_atom, train_tokenizer

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerFast

_CLIP = 5.0  # standard deviations
_TEXTS_AT_ONCE = 10_000


@dataclass(frozen=True, eq=False)
class Material:
    """A corpus, tokenized.

    Attributes
    ----------
    spellings : Spellings
    tokenizer : PreTrainedTokenizerFast
    corpus : list of dict
        The recipe's parts, each source by its name alone.
    sources : list of dict
        Name, SHA-256 and number of molecules of each part's file.
    benchmark_molecules : dict
        See the function.
    """

    spellings: Spellings
    tokenizer: PreTrainedTokenizerFast
    corpus: list[dict[str, Any]]
    sources: list[dict[str, Any]]
    benchmark_molecules: dict[str, list[int]]


def read_material(recipe: Recipe) -> Material:
    """The recipe's corpus, read, spelled and described; raises like ``corpus.prepare``."""
    from molw2s.pretraining.corpus import prepare

    molecules, sources = prepare(recipe, processes=os.cpu_count() or 1)
    spelled = molecules["spellings"][:]
    tokenizer = train_tokenizer(
        (spellings[0] for spellings in spelled),
        recipe.tokenization.min_count,
        recipe.tokenization.max_length,
    )
    parts = recipe.model_dump(mode="json")["corpus"]
    return Material(
        spellings=_tokenized(molecules, spelled, tokenizer),
        tokenizer=tokenizer,
        corpus=[part | {"source": source.name} for part, source in zip(parts, sources)],
        sources=[asdict(source) for source in sources],
        benchmark_molecules=benchmark_molecules(spellings[0] for spellings in spelled),
    )


def benchmark_molecules(corpus: Iterable[str]) -> dict[str, list[int]]:
    """Of each benchmark's molecules, how many are in a corpus of canonical SMILES, and of how many.

    Their targets are never used; but an encoder has seen what these molecules look like.
    """
    seen = set(corpus)
    found = {}
    for name in BENCHMARKS:
        molecules = set(load_dataset(name).canonical_smiles)
        found[name] = [len(molecules & seen), len(molecules)]
    return found


def _tokenized(
    molecules: Dataset, spelled: list[list[str]], tokenizer: PreTrainedTokenizerFast
) -> Spellings:
    """The corpus as arrays, targets standardised."""
    ids, starts = token_ids([text for spellings in spelled for text in spellings], tokenizer)
    descriptors = _numbers(molecules.with_format("arrow")["descriptors"].chunks)
    return Spellings(
        ids=ids,
        atoms=_standardised(_atoms_of_tokens(molecules, names_atom(tokenizer)[ids], starts)),
        starts=starts,
        molecule=np.repeat(np.arange(len(spelled)), [len(spellings) for spellings in spelled]),
        descriptors=_standardised(descriptors.reshape(len(spelled), -1)),
    )


def token_ids(
    texts: list[str], tokenizer: PreTrainedTokenizerFast
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """All token ids one after another, and where each text's begin (and the last one's end).

    A part at a time: what a tokenizer returns is a hundred times as large as the ids.
    """
    ids, lengths = [], []
    for first in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[first : first + _TEXTS_AT_ONCE]
        tokens = tokenizer(some, verbose=False, return_attention_mask=False)["input_ids"]
        ids.append(np.fromiter(chain.from_iterable(tokens), np.int16))
        lengths += [len(each) for each in tokens]
    return np.concatenate(ids), np.concatenate([[0], np.cumsum(lengths)])


def _numbers(lists: Iterable[Any]) -> NDArray[np.float32]:
    """The numbers of Arrow lists, one after another, without a Python object for each."""
    return np.concatenate([each.flatten().to_numpy() for each in lists])


def _atoms_of_tokens(
    molecules: Dataset, names_atom: NDArray[np.bool_], starts: NDArray[np.int64]
) -> NDArray[np.float32]:
    """(tokens, a) the values of the atom that each token stands for; NaN where it stands for none.

    Spellings with more or fewer such tokens than atoms (explicit hydrogens) have none at all.
    """
    spellings = [chunk.flatten() for chunk in molecules.with_format("arrow")["atoms"].chunks]
    values = _numbers(spellings).reshape(-1, ATOMIC_VALUES)
    counts = np.concatenate([each.value_lengths().to_numpy() for each in spellings])
    counts = counts // ATOMIC_VALUES
    agree = np.add.reduceat(names_atom, starts[:-1], dtype=np.int64) == counts
    atoms = np.full((len(names_atom), ATOMIC_VALUES), np.nan, np.float32)
    atoms[names_atom & np.repeat(agree, np.diff(starts))] = values[np.repeat(agree, counts)]
    return atoms


def _standardised(values: NDArray[np.float32]) -> NDArray[np.float16]:
    """Columns of mean 0 and deviation 1, in float16 (``values`` is overwritten), and no further
    than ``_CLIP`` from the mean: a count that is hardly ever other than zero would be worth
    hundreds."""
    values = StandardScaler(copy=False).fit_transform(values)
    return np.clip(values, -_CLIP, _CLIP, out=values).astype(np.float16)
