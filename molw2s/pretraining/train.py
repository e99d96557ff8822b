"""Run a recipe: corpus, tokenizer, Trainer, and the finished folder in the Hugging Face layout."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Trainer, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

from molw2s.encoders.shapes import bucket_lengths
from molw2s.encoders.transformer import has_bfloat16
from molw2s.errors import InvalidInput
from molw2s.locations import write_atomically
from molw2s.pretraining.batches import BatchedCorpus, only_item, schedule
from molw2s.pretraining.card import model_card
from molw2s.pretraining.descriptors import column_weights
from molw2s.pretraining.material import read_material
from molw2s.pretraining.objectives import PretrainingModel
from molw2s.pretraining.optimizer import make_optimizer
from molw2s.pretraining.pace import Pace, Stretch, note
from molw2s.pretraining.pack import unpack
from molw2s.pretraining.recipe import Recipe

_WHOLE = ("model.safetensors", "model.safetensors.index.json")
"""What a finished encoder has one of: it comes last."""


def pretrain(
    recipe: Recipe,
    out: str | Path,
    command: str = "",
    packed: str | Path | None = None,
    stretch: Stretch | None = None,
) -> dict[str, Any]:
    """Pretrain an encoder into the folder ``out`` and return its training record.

    An interrupted run keeps its checkpoints in ``out/checkpoints``; the same call goes on from the
    last one. ``out`` gets config.json, the weights, the tokenizer, README.md (the model card) and
    training.json. If ``stretch`` stops the run before its end, ``out`` gets none of these, and the
    record says ``finished: False``, and what was seen and how fast until now.

    Parameters
    ----------
    packed
        The file that ``pack`` made of the recipe's corpus, read in the corpus' place.

    Raises
    ------
    InvalidInput
        If ``out`` already holds a finished encoder or checkpoints of another recipe, or the corpus
        is unreadable or too small.
    """
    began = time.perf_counter()
    out, stretch = Path(out), stretch or Stretch()
    if any((out / name).exists() for name in _WHOLE):
        raise InvalidInput(f"{out} holds a finished encoder; remove it or choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    checkpoints = out / "checkpoints"

    material = unpack(packed, recipe, checkpoints) if packed else read_material(recipe)
    corpus, tokenizer = material.spellings, material.tokenizer
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
    if stretch.compiled:
        for layer in model.encoder.encoder.layer:
            layer.compile(dynamic=True)
    model.to("cuda" if torch.cuda.is_available() else "cpu")
    stated = recipe.model_dump(mode="json") | {"corpus": material.corpus}
    vocabulary = json.dumps(tokenizer.get_vocab(), sort_keys=True)
    origin = {
        "recipe": stated,
        "corpus": material.sources,
        "molecules": len(usable),
        "vocabulary_sha256": hashlib.sha256(vocabulary.encode()).hexdigest(),
        "packed": packed is not None,
    }
    _claim(checkpoints, origin)
    pace = Pace(stretch, recipe, began)
    trainer = Trainer(
        model=model,
        args=training_arguments(recipe, checkpoints, steps=len(training)),
        train_dataset=training,
        data_collator=only_item,
        optimizers=(make_optimizer(model, settings), None),
        callbacks=[pace],
    )
    started = time.perf_counter()
    last = _last_whole(checkpoints)
    trainer.train(resume_from_checkpoint=last)
    record = {
        "recipe": stated,
        "corpus": material.sources,
        "molecules": len(train),
        "benchmark_molecules": material.benchmark_molecules,
        "tokens": int(model.seen[0]),
        "steps": trainer.state.global_step,
        "planned_steps": len(training),
        "parameters": sum(weight.numel() for weight in model.encoder.parameters()),
        "seconds": round(time.perf_counter() - started),
        "resumed": last is not None,
        "device": _device(),
        "precision": "bfloat16" if trainer.args.bf16 else "float32",
        "speed": note(checkpoints / "speed.jsonl", pace.measured),
        "command": command,
        "versions": {name: version(name) for name in ("torch", "transformers", "rdkit")},
    }
    if pace.out_of_time and not stretch.last:
        return record | {"finished": False}
    unseen = int(0.9 * corpus.lengths[fits & np.isin(corpus.molecule, held_out)].sum())
    measured = batches(held_out, unseen, 0.5, settings.seed + 1)
    record |= {"held_out": _evaluate(model, measured), "finished": True}
    _save(model, tokenizer, record, out, stretch.shard_size)
    return record


def _device() -> str:
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{torch.get_num_threads()} CPU cores"


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


def _evaluate(model: PretrainingModel, corpus: BatchedCorpus) -> dict[str, float]:
    """Mean losses and masked-token accuracy over the batches of ``corpus``."""
    device = next(model.parameters()).device
    model.eval()
    # What is compiled was compiled for training; to compile it anew takes longer than this does.
    with torch.inference_mode(), torch.compiler.set_stance("force_eager"):
        losses = [
            model(**{key: value.to(device) for key, value in corpus[index].items()})
            for index in range(len(corpus))
        ]
    return {
        key: round(float(np.mean([float(batch[key]) for batch in losses])), 4) for key in losses[0]
    }


def training_arguments(recipe: Recipe, checkpoints: Path, steps: int) -> TrainingArguments:
    settings, on_gpu = recipe.optimisation, torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(checkpoints),
        max_steps=steps,
        per_device_train_batch_size=1,  # one item is one whole batch
        lr_scheduler_type="linear",
        warmup_steps=round(settings.warmup * steps),
        bf16=has_bfloat16(),
        use_cpu=not on_gpu,
        save_steps=max(1, -(-steps // settings.checkpoints)),
        save_total_limit=1,
        logging_steps=max(1, steps // 50),
        report_to="none",
        remove_unused_columns=False,
        logging_nan_inf_filter=False,  # it would wait for the GPU at every step
        dataloader_pin_memory=on_gpu,
        dataloader_num_workers=4 if on_gpu else 0,
        dataloader_prefetch_factor=4 if on_gpu else None,
        seed=settings.seed,
    )


def _save(
    model: PretrainingModel, tokenizer: Any, record: dict[str, Any], out: Path, shard_size: str
) -> None:
    """Whole or not at all: the file that says that ``out`` is finished moves there last."""
    finished = out / "checkpoints" / "finished"
    shutil.rmtree(finished, ignore_errors=True)  # of a command that was killed here
    model.encoder.config.molw2s = record["recipe"]["readout"]
    # Half the bytes; loaded as float32.
    model.encoder.half().save_pretrained(finished, max_shard_size=shard_size)
    tokenizer.save_pretrained(finished)
    (finished / "training.json").write_text(json.dumps(record, indent=1) + "\n")
    (finished / "README.md").write_text(model_card(out.name, record))
    for path in sorted(finished.iterdir(), key=lambda path: path.name in _WHOLE):
        path.replace(out / path.name)
    shutil.rmtree(out / "checkpoints", ignore_errors=True)
