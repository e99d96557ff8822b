"""Batches of fixed shapes, masked, in an order that the seed alone decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerBase


def schedule(
    lengths: NDArray[np.int64],
    tokens: int,
    tokens_per_batch: int,
    buckets: Sequence[int],
    seed: int,
) -> list[tuple[int, NDArray[np.int64]]]:
    """The whole run as (padded length, spelling indices), until ``tokens`` real tokens are seen.

    Whole passes, and a random part of the last one. Every spelling of a pass comes once, but for
    the few that do not fill a batch of their bucket; a new pass shuffles anew. (``Trainer`` takes
    the batches of all passes in a random order of its own.) A batch of length L has
    max(1, tokens_per_batch // L) spellings, fewer only if its bucket holds fewer.
    """
    rng = np.random.default_rng(seed)
    bucket_of = np.searchsorted(buckets, lengths)
    plan: list[tuple[int, NDArray[np.int64]]] = []
    seen = 0
    while True:
        batches = []
        for bucket, length in enumerate(buckets):
            members = rng.permutation(np.flatnonzero(bucket_of == bucket))
            size = min(max(1, tokens_per_batch // length), max(1, len(members)))
            whole = len(members) - len(members) % size
            batches += [(length, rows) for rows in members[:whole].reshape(-1, size)]
        if not batches:
            raise ValueError("the corpus has no molecule that fits the tokenizer's max_length")
        for index in rng.permutation(len(batches)):
            length, rows = batches[index]
            plan.append((length, rows))
            seen += int(lengths[rows].sum())
            if seen >= tokens:
                return plan


@dataclass(frozen=True, eq=False)
class Spellings:
    """A tokenized corpus: spelling i is ``ids[starts[i]:starts[i + 1]]``, of ``molecule[i]``.

    Attributes
    ----------
    ids : ndarray of int16 (tokens,), all tokens one after another
    atoms : ndarray of float16 (tokens, a)
        What is asked of the tokens that stand for atoms; NaN where nothing is.
    starts : ndarray (spellings + 1,)
    molecule : ndarray (spellings,)
        Row of ``descriptors``.
    descriptors : ndarray of float16 (molecules, k)
    """

    ids: NDArray[np.int16]
    atoms: NDArray[np.float16]
    starts: NDArray[np.int64]
    molecule: NDArray[np.int64]
    descriptors: NDArray[np.float16]

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.diff(self.starts)

    def padded(
        self, rows: NDArray[np.int64], length: int, pad: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float16]]:
        """(len(rows), length) token ids and (len(rows), length, a) of ``atoms``, padded."""
        places = self.starts[rows, None] + np.arange(length)
        inside = places < self.starts[rows + 1, None]
        places = np.where(inside, places, 0)
        ids = np.where(inside, self.ids[places], pad).astype(np.int64)
        return ids, np.where(inside[..., None], self.atoms[places], np.float16(np.nan))


class BatchedCorpus(Dataset[dict[str, Tensor]]):
    """Item i is batch i of ``plan``, masked: what a pretraining model's forward takes.

    ``input_ids`` and ``attention_mask`` (b, L); ``descriptors`` (b, k); ``atoms`` (b, L, a), NaN
    where nothing is asked. ``labels`` (m, L) belong to the first m molecules, which are masked,
    -100 where nothing is asked. Masking is 80% [MASK], 10% random, 10% kept (Devlin et al. 2019),
    drawn from ``seed`` and i alone, so that a resumed run sees what an uninterrupted one sees.
    """

    def __init__(
        self,
        corpus: Spellings,
        plan: Sequence[tuple[int, NDArray[np.int64]]],
        tokenizer: PreTrainedTokenizerBase,
        masking_rate: float,
        masked_share: float,
        seed: int,
    ) -> None:
        self.plan = plan
        self._corpus, self._share, self._seed = corpus, masked_share, seed
        self._pad = tokenizer.pad_token_id
        self._special = torch.tensor(tokenizer.all_special_ids)
        self._masking = DataCollatorForLanguageModeling(tokenizer, mlm_probability=masking_rate)

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        length, rows = self.plan[index]
        ids, atoms = map(torch.from_numpy, self._corpus.padded(rows, length, self._pad))
        masked = max(round(self._share * len(rows)), int(self._share > 0))
        self._masking.generator = torch.Generator().manual_seed(self._seed * 1_000_003 + index)
        special = torch.isin(ids[:masked], self._special)
        inputs, labels = self._masking.torch_mask_tokens(ids[:masked].clone(), special)
        described = self._corpus.descriptors[self._corpus.molecule[rows]]
        return {
            "input_ids": torch.cat([inputs, ids[masked:]]),
            "attention_mask": (ids != self._pad).long(),
            "labels": labels,
            "atoms": atoms,
            "descriptors": torch.from_numpy(described),
        }


def only_item(items: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The collator: one item is one ready-made batch already."""
    (batch,) = items
    return batch
