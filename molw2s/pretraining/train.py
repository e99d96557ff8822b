"""Run a recipe: corpus, tokenizer, Trainer, and the finished folder in the Hugging Face layout."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable
from dataclasses import asdict
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from transformers import PreTrainedTokenizerFast, Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from molw2s.datasets import BENCHMARKS, load_dataset
from molw2s.encoders.shapes import bucket_lengths
from molw2s.errors import InvalidInput
from molw2s.locations import write_atomically
from molw2s.pretraining.batches import BatchedCorpus, Spellings, only_item, schedule
from molw2s.pretraining.card import model_card
from molw2s.pretraining.corpus import prepare
from molw2s.pretraining.descriptors import ATOMIC_VALUES, column_weights
from molw2s.pretraining.objectives import PretrainingModel
from molw2s.pretraining.optimizer import make_optimizer
from molw2s.pretraining.recipe import Recipe
from molw2s.pretraining.tokenizer import names_atom, train_tokenizer

_CLIP = 5.0  # standard deviations
_TEXTS_AT_ONCE = 10_000


def pretrain(recipe: Recipe, out: str | Path, command: str = "") -> dict[str, Any]:
    """Pretrain an encoder into the folder ``out`` and return its training record.

    An interrupted run keeps its checkpoints in ``out/checkpoints``; the same call goes on from the
    last one. ``out`` gets config.json, model.safetensors, the tokenizer, README.md (the model
    card) and training.json.

    Raises
    ------
    InvalidInput
        If ``out`` already holds a finished encoder or checkpoints of another recipe, or the corpus
        is unreadable or too small.
    """
    out = Path(out)
    if (out / "model.safetensors").exists():
        raise InvalidInput(f"{out} holds a finished encoder; remove it or choose another folder")
    out.mkdir(parents=True, exist_ok=True)

    molecules, sources = prepare(recipe, processes=os.cpu_count() or 1)
    spelled = molecules["spellings"][:]
    tokenizer = train_tokenizer(
        (spellings[0] for spellings in spelled),
        recipe.tokenization.min_count,
        recipe.tokenization.max_length,
    )
    corpus = _tokenized(molecules, spelled, tokenizer)
    fits = corpus.lengths <= recipe.tokenization.max_length
    usable = np.unique(corpus.molecule[fits])
    usable = np.random.default_rng(recipe.optimisation.seed).permutation(usable)
    if len(usable) <= recipe.held_out:
        raise InvalidInput(
            f"{len(usable)} usable molecules in the corpus; more than "
            f"held_out={recipe.held_out} are needed"
        )
    held_out, train = usable[: recipe.held_out], usable[recipe.held_out :]
    weights = column_weights(corpus.descriptors[train].var(0, dtype=np.float32))

    settings, objectives = recipe.optimisation, recipe.objectives
    buckets = bucket_lengths(recipe.tokenization.max_length)

    def batches(chosen: NDArray[np.int64], tokens: int, share: float, seed: int) -> BatchedCorpus:
        rows = np.flatnonzero(fits & np.isin(corpus.molecule, chosen))
        plan = schedule(corpus.lengths[rows], tokens, settings.tokens_per_batch, buckets, seed)
        plan = [(length, rows[some]) for length, some in plan]
        return BatchedCorpus(corpus, plan, tokenizer, objectives.masking_rate, share, seed)

    training = batches(train, settings.tokens, objectives.masked_share, settings.seed)
    torch.manual_seed(settings.seed)
    model = PretrainingModel(recipe, len(tokenizer), torch.from_numpy(weights))
    stated = recipe.model_dump(mode="json")
    for part, source in zip(stated["corpus"], sources):
        part["source"] = source.name
    checkpoints = out / "checkpoints"
    vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True)
    origin = {
        "recipe": stated,
        "corpus": [asdict(source) for source in sources],
        "molecules": len(usable),
        "vocabulary_sha256": hashlib.sha256(vocabulary.encode()).hexdigest(),
    }
    _claim(checkpoints, origin)
    trainer = Trainer(
        model=model,
        args=training_arguments(recipe, checkpoints, steps=len(training)),
        train_dataset=training,
        data_collator=only_item,
        optimizers=(make_optimizer(model, settings), None),
    )
    started = time.perf_counter()
    last = _last_whole(checkpoints)
    trainer.train(resume_from_checkpoint=last)
    unseen = int(0.9 * corpus.lengths[fits & np.isin(corpus.molecule, held_out)].sum())
    measured = batches(held_out, unseen, 0.5, settings.seed + 1)
    record = {
        "recipe": stated,
        "corpus": [asdict(source) for source in sources],
        "molecules": len(train),
        "benchmark_molecules": benchmark_molecules(spellings[0] for spellings in spelled),
        "tokens": int(sum(corpus.lengths[rows].sum() for _, rows in training.plan)),
        "steps": len(training),
        "parameters": sum(weight.numel() for weight in model.encoder.parameters()),
        "seconds": round(time.perf_counter() - started),
        "resumed": last is not None,
        "device": "cuda" if torch.cuda.is_available() else f"{torch.get_num_threads()} CPU cores",
        "held_out": _evaluate(model, measured),
        "command": command,
        "versions": {name: version(name) for name in ("torch", "transformers", "rdkit")},
    }
    _save(model, tokenizer, record, out)
    return record


def _claim(checkpoints: Path, origin: dict[str, Any]) -> None:
    """Note in ``checkpoints`` what they come from; raise InvalidInput if it is something else."""
    note = checkpoints / "origin.json"
    text = json.dumps(origin, indent=1) + "\n"
    if not note.is_file():
        write_atomically(note, text.encode())
    elif note.read_text() != text:
        raise InvalidInput(
            f"{checkpoints} are of another recipe or corpus (see {note.name} there); remove them, "
            "or choose another folder"
        )


def _last_whole(checkpoints: Path) -> str | None:
    """The newest checkpoint; one that was being written when the run was killed is removed."""
    while last := get_last_checkpoint(str(checkpoints)):
        if _is_json(Path(last) / "trainer_state.json"):  # what Trainer writes last
            return last
        shutil.rmtree(last)
    return None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return True


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
    ids, starts = _token_ids([text for spellings in spelled for text in spellings], tokenizer)
    descriptors = _numbers(molecules.with_format("arrow")["descriptors"].chunks)
    return Spellings(
        ids=ids,
        atoms=_standardised(_atoms_of_tokens(molecules, names_atom(tokenizer)[ids], starts)),
        starts=starts,
        molecule=np.repeat(np.arange(len(spelled)), [len(spellings) for spellings in spelled]),
        descriptors=_standardised(descriptors.reshape(len(spelled), -1)),
    )


def _token_ids(
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


def _evaluate(model: PretrainingModel, corpus: BatchedCorpus) -> dict[str, float]:
    """Mean losses and masked-token accuracy over the batches of ``corpus``."""
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        losses = [
            model(**{key: value.to(device) for key, value in corpus[index].items()})
            for index in range(len(corpus))
        ]
    return {
        key: round(float(np.mean([float(batch[key]) for batch in losses])), 4) for key in losses[0]
    }


def training_arguments(recipe: Recipe, checkpoints: Path, steps: int) -> TrainingArguments:
    settings = recipe.optimisation
    return TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=steps,
        per_device_train_batch_size=1,  # one item is one whole batch
        lr_scheduler_type="linear",
        warmup_steps=round(settings.warmup * steps),
        bf16=True,
        use_cpu=not torch.cuda.is_available(),
        save_steps=max(1, -(-steps // settings.checkpoints)),
        save_total_limit=1,
        logging_steps=max(1, steps // 50),
        report_to="none",
        remove_unused_columns=False,
        dataloader_pin_memory=torch.cuda.is_available(),
        seed=settings.seed,
    )


def _save(model: PretrainingModel, tokenizer: Any, record: dict[str, Any], out: Path) -> None:
    """Whole or not at all: the weights, which say that ``out`` is finished, move there last."""
    finished = out / "checkpoints" / "finished"
    model.encoder.config.molw2s = record["recipe"]["readout"]
    model.encoder.half().save_pretrained(finished)  # half the bytes; loaded as float32
    tokenizer.save_pretrained(finished)
    (finished / "training.json").write_text(json.dumps(record, indent=1) + "\n")
    (finished / "README.md").write_text(model_card(out.name, record))
    for path in sorted(finished.iterdir(), key=lambda path: path.name == "model.safetensors"):
        path.replace(out / path.name)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
