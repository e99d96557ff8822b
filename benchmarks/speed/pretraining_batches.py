"""How fast one core makes pretraining's batches from a packed corpus, and draws its spellings.

python benchmarks/speed/pretraining_batches.py RECIPE.yaml PACK [--batches 20] [--set KEY=VALUE ...]

Prints the seconds of CPU that reading the pack takes, a molecule's random spellings, and the real
tokens a second of CPU of ready batches: masked, padded, with their targets.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
import yaml

from molw2s.encoders.shapes import bucket_lengths
from molw2s.pretraining.batches import BatchedCorpus, schedule
from molw2s.pretraining.pack import _spell, unpack
from molw2s.pretraining.recipe import read_recipe


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe")
    parser.add_argument("pack")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    overrides = dict(item.split("=", 1) for item in options.set)
    overrides = {key: yaml.safe_load(value) for key, value in overrides.items()}
    recipe = read_recipe(options.recipe, overrides)
    count = recipe.objectives.spellings
    torch.set_num_threads(1)

    objectives = recipe.objectives.model_copy(update={"spellings": 1})
    started = time.process_time()
    material = unpack(options.pack, recipe.model_copy(update={"objectives": objectives}))
    corpus, tokenizer = material.spellings, material.tokenizer
    molecules = len(corpus.lengths)
    print(f"{molecules:,} molecules read in {time.process_time() - started:.1f} s")

    some = min(1000, molecules)
    started = time.process_time()
    _spell(corpus.ids[: corpus.starts[some]], corpus.lengths[:some], tokenizer, count, (0, 0))
    each = (time.process_time() - started) / some
    print(f"{1e3 * each:.2f} ms for a molecule's {count} spellings")

    settings = recipe.optimisation
    buckets = bucket_lengths(recipe.tokenization.max_length)
    tokens = options.batches * settings.tokens_per_batch
    plan = schedule(corpus.lengths, tokens, settings.tokens_per_batch, buckets, 0)
    batches = BatchedCorpus(
        corpus, plan, tokenizer, objectives.masking_rate, objectives.masked_share, 0
    )
    started = time.process_time()
    for index in range(len(batches)):
        batches[index]
    seconds = time.process_time() - started
    seen = sum(int(corpus.lengths[rows].sum()) for _, rows in plan)
    padded = sum(length * len(rows) for length, rows in plan)
    print(f"{seen / seconds:,.0f} real tokens/s of one core; {seen / padded:.0%} are real")
    print(f"{np.mean([len(rows) for _, rows in plan]):.0f} molecules a batch")


if __name__ == "__main__":
    main()
