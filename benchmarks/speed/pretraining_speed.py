"""Pretraining throughput as a share of the machine's measured matmul peak.

python benchmarks/speed/pretraining_speed.py [--recipe benchmarks/recipes/strong.yaml] [--steps 60]
                                        [--set architecture.hidden_size=384 ...]

Trains the recipe's architecture with the Trainer, its own optimizer and its own batches on random
molecules-like token sequences (lengths as in drug-like SMILES), and prints tokens a second, the
share of peak, and how much memory grew between the first and the last third of the steps. No
checkpoints are written.
FLOPs are those that a transformer needs, 6 a weight and token, plus attention's 12 n d a layer;
padding and recomputation count as waste. "Real" tokens are those that are not padding.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from transformers import Trainer, TrainerCallback

from molw2s.encoders.shapes import bucket_lengths
from molw2s.pretraining.batches import BatchedCorpus, Spellings, only_item, schedule
from molw2s.pretraining.descriptors import ATOMIC_VALUES, SIZES
from molw2s.pretraining.objectives import PretrainingModel
from molw2s.pretraining.optimizer import make_optimizer
from molw2s.pretraining.pace import flops, matmul_peak
from molw2s.pretraining.recipe import read_recipe
from molw2s.pretraining.tokenizer import train_tokenizer
from molw2s.pretraining.train import training_arguments

DESCRIPTORS = sum(SIZES.values())


def main() -> None:
    here = Path(__file__).parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default=here.parent / "recipes" / "strong.yaml")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    recipe = read_recipe(options.recipe, dict(item.split("=", 1) for item in options.set))

    tokenizer = train_tokenizer(["CCO"])
    rng = np.random.default_rng(0)
    buckets = bucket_lengths(recipe.tokenization.max_length)
    lengths = np.clip(rng.normal(44, 14, 50_000), 8, recipe.tokenization.max_length).astype(int)
    corpus = Spellings(
        ids=rng.integers(5, len(tokenizer), lengths.sum()).astype(np.int16),
        atoms=rng.normal(size=(lengths.sum(), ATOMIC_VALUES)).astype(np.float16),
        starts=np.concatenate([[0], np.cumsum(lengths)]),
        molecule=np.arange(len(lengths)),
        descriptors=rng.normal(size=(len(lengths), DESCRIPTORS)).astype(np.float16),
    )
    plan = schedule(lengths, 10**9 // 50, recipe.optimisation.tokens_per_batch, buckets, 0)
    plan = plan[: options.steps]
    batches = BatchedCorpus(
        corpus, plan, tokenizer, recipe.objectives.masking_rate, recipe.objectives.masked_share, 0
    )
    torch.manual_seed(0)
    model = PretrainingModel(recipe, len(tokenizer), torch.full((DESCRIPTORS,), 1 / DESCRIPTORS))
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        Trainer(
            model=model,
            args=replace(training_arguments(recipe, Path(folder), len(plan)), save_strategy="no"),
            train_dataset=batches,
            data_collator=only_item,
            optimizers=(make_optimizer(model, recipe.optimisation), None),
            callbacks=[clock],
        ).train()

    warm = len(plan) // 3
    seconds = clock.times[-1] - clock.times[warm]
    timed = plan[warm + 1 :]
    tokens = sum(int(lengths[rows].sum()) for _, rows in timed)
    shape = recipe.architecture
    squares = sum(int((lengths[rows] ** 2).sum()) for _, rows in timed)
    peak = matmul_peak(recipe.optimisation.tokens_per_batch, shape.hidden_size)
    rate = flops(model, recipe, tokens, squares) / seconds
    padded = sum(length * len(rows) for length, rows in timed)
    growth = clock.memory[-1] - clock.memory[warm]
    print(
        f"{shape.layers} layers x {shape.hidden_size}, {recipe.optimisation.optimizer}, "
        f"{recipe.optimisation.tokens_per_batch} tokens a batch, {torch.get_num_threads()} threads"
    )
    print(f"{tokens / seconds:,.0f} real tokens/s; {tokens / padded:.0%} of the tokens are real")
    print(f"{rate / 1e12:.3f} TFLOP/s of {peak / 1e12:.3f} measured: {rate / peak:.0%}")
    print(f"peak memory {clock.memory[-1]:.0f} MB, {growth:.0f} MB of it after the first third")


class Clock(TrainerCallback):
    """Notes when each step ended, and the most memory used until then."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.memory: list[float] = []

    def on_step_end(self, args, state, control, **kwargs):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())
        self.memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    main()
