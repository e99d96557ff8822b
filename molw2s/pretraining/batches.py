"""Batches of fixed shapes, masked, in an order that the seed alone decides."""

from __future__ import annotations

from collections.abc import Sequence

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
    """The whole run as (padded length, molecule indices), until ``tokens`` real tokens are seen.

    Every molecule of a pass comes once, but for the few that do not fill a batch of their bucket;
    a new pass shuffles anew. A batch of length L has max(1, tokens_per_batch // L) molecules,
    fewer only if its bucket holds fewer.
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


class BatchedCorpus(Dataset[dict[str, Tensor]]):
    """Item i is batch i of ``plan``, masked: what a pretraining model's forward takes.

    ``input_ids`` and ``attention_mask`` (b, L); ``labels`` (b, L), -100 where nothing is asked;
    ``descriptors`` (b, k). Masking is 80% [MASK], 10% random, 10% kept (Devlin et al. 2019), drawn
    from ``seed`` and i alone, so that a resumed run sees what an uninterrupted one sees.
    """

    def __init__(
        self,
        token_ids: Sequence[NDArray[np.int16]],
        descriptors: NDArray[np.float32],
        plan: Sequence[tuple[int, NDArray[np.int64]]],
        tokenizer: PreTrainedTokenizerBase,
        masking_rate: float,
        seed: int,
    ) -> None:
        self.plan = plan
        self._ids, self._descriptors, self._seed = token_ids, descriptors, seed
        self._pad = tokenizer.pad_token_id
        self._special = torch.tensor(tokenizer.all_special_ids)
        self._masking = DataCollatorForLanguageModeling(tokenizer, mlm_probability=masking_rate)

    def __len__(self) -> int:
        return len(self.plan)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        length, rows = self.plan[index]
        padded = np.full((len(rows), length), self._pad, dtype=np.int64)
        for line, row in zip(padded, rows):
            line[: len(self._ids[row])] = self._ids[row]
        ids = torch.from_numpy(padded)
        special = torch.isin(ids, self._special)
        self._masking.generator = torch.Generator().manual_seed(self._seed * 1_000_003 + index)
        masked, labels = self._masking.torch_mask_tokens(ids.clone(), special)
        return {
            "input_ids": masked,
            "attention_mask": (ids != self._pad).long(),
            "labels": labels,
            "descriptors": torch.from_numpy(self._descriptors[rows]),
        }


def only_item(items: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The collator: one item is one ready-made batch already."""
    (batch,) = items
    return batch
