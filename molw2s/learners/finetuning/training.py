"""One fit by gradient descent: encoder and linear layer, stopped early on labels it was given."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import get_cosine_schedule_with_warmup

from molw2s.encoders.shapes import bucket_lengths
from molw2s.encoders.transformer import TransformerEncoder
from molw2s.errors import InvalidInput
from molw2s.learners.finetuning.settings import Finetuning, Mode
from molw2s.threads import one_thread

Tokens = Sequence[NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Finetuned:
    """An encoder with weights of its own, and the linear layer on top, in target units.

    Attributes
    ----------
    encoder : TransformerEncoder
    weight : ndarray (dim,)
    bias : float
    held_out : ndarray of int
        Rows, among those it was given, whose labels stopped it; none where other molecules did.
    held_out_errors : tuple of float
        Mean squared error on the molecules that stopped it, after each epoch, in units of the
        labels' variance; the weights are those of the smallest.
    """

    encoder: TransformerEncoder
    weight: NDArray[np.float64]
    bias: float
    held_out: NDArray[np.int64]
    held_out_errors: tuple[float, ...]

    def predict(self, smiles: Sequence[str]) -> NDArray[np.float64]:
        """(n,) in target units."""
        with one_thread():
            features = self.encoder.encode(smiles)
        predicted: NDArray[np.float64] = (features * self.weight).sum(1) + self.bias
        return predicted


@dataclass(frozen=True, eq=False)
class _Unseen:
    """Molecules that are not trained on, and their standardised labels: what stops a fit."""

    tokens: Tokens
    labels: NDArray[np.float64]


def finetune(
    encoder: TransformerEncoder,
    smiles: Sequence[str],
    y: NDArray[np.float64],
    mode: Mode,
    settings: Finetuning,
    seed: int,
    judge: tuple[Sequence[str], NDArray[np.float64]] | None = None,
) -> Finetuned:
    """Fit a copy of the encoder, and a linear layer that starts at zero, to labels (n,).

    Squared loss on standardised labels. It is stopped by some of the labels, held out, or by the
    molecules and values of ``judge``; all labels are then fitted to. All randomness - which
    molecules are held out, the batches, dropout, new LoRA weights - comes from ``seed``; the
    caller's random state is left as it was.

    Raises
    ------
    InvalidInput
        If there are fewer than two molecules, or an error held out is not finite.
    """
    if len(smiles) < 2:
        raise InvalidInput("finetuning needs at least 2 molecules: one of them is held out")
    rng = np.random.default_rng(seed)
    mean, scale = y.mean(), y.std() or 1.0
    labels = (y - mean) / scale
    tokens = encoder.tokenise(smiles)
    order = rng.permutation(len(y))
    cut = min(max(1, round(settings.held_out * len(y))), len(y) - 1) if judge is None else 0
    held_out, train = order[:cut], order[cut:]
    if judge is None:
        unseen = _Unseen([tokens[row] for row in held_out], labels[held_out])
    else:
        unseen = _Unseen(encoder.tokenise(judge[0]), (judge[1] - mean) / scale)

    with torch.random.fork_rng(), one_thread():
        torch.manual_seed(seed)
        tuned = _trainable_copy(encoder, mode, settings)
        head = nn.Linear(tuned.dim, 1, device=tuned.model.device)
        nn.init.zeros_(head.weight)
        nn.init.zeros_(head.bias)
        errors = _descend(tuned, head, tokens, labels, train, unseen, settings, rng)
    tuned.fingerprint = _fingerprint(encoder, tuned.model)
    weight = head.weight.detach().cpu().numpy()[0].astype(np.float64)
    bias = float(scale * head.bias.item() + mean)
    return Finetuned(tuned, scale * weight, bias, held_out, tuple(errors))


def _trainable_copy(
    encoder: TransformerEncoder, mode: Mode, settings: Finetuning
) -> TransformerEncoder:
    tuned = copy.copy(encoder)
    tuned.finetuned = True
    tuned.model = copy.deepcopy(encoder.model)
    if tuned.model.device.type == "cpu":
        tuned.model.set_attn_implementation("eager")  # a third faster there, at SMILES' lengths
    if mode == "lora":
        from peft import LoraConfig, get_peft_model

        lora = LoraConfig(
            r=settings.lora_rank, lora_alpha=settings.lora_rank, target_modules="all-linear"
        )
        with warnings.catch_warnings():  # peft reads an attribute that transformers has renamed
            warnings.filterwarnings("ignore", ".*is_gradient_checkpointing", FutureWarning)
            tuned.model = get_peft_model(tuned.model, lora)  # type: ignore[assignment]
    return tuned


def _fingerprint(pretrained: TransformerEncoder, model: nn.Module) -> str:
    digest = hashlib.sha256(pretrained.fingerprint.encode())
    for name, weight in model.state_dict().items():
        digest.update(name.encode() + weight.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def _descend(
    tuned: TransformerEncoder,
    head: nn.Linear,
    tokens: Tokens,
    labels: NDArray[np.float64],
    train: NDArray[np.int64],
    unseen: _Unseen,
    settings: Finetuning,
    rng: np.random.Generator,
) -> list[float]:
    """Train in place, put the best epoch's weights back, and return the errors of each."""
    size = min(settings.batch, len(train))
    steps = len(train) // size
    learned = [weight for weight in tuned.model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": learned, "lr": settings.encoder_rate / tuned.hidden_size},
            {"params": head.parameters(), "lr": settings.head_rate / tuned.hidden_size},
        ],
        weight_decay=settings.weight_decay,
        fused=True,
    )
    total = settings.epochs * steps
    schedule = get_cosine_schedule_with_warmup(optimizer, round(settings.warmup * total), total)
    learned += head.parameters()
    lengths = np.array([len(ids) for ids in tokens])
    buckets = np.array(bucket_lengths(tuned.max_length))
    errors: list[float] = []
    best: list[Tensor] = []
    for _ in range(settings.epochs):
        tuned.model.train()
        for rows in _batches(train, lengths, size, rng):
            length = int(buckets[np.searchsorted(buckets, lengths[rows].max())])
            predicted = head(tuned.forward([tokens[row] for row in rows], (size, length)))[:, 0]
            asked = torch.as_tensor(labels[rows], dtype=torch.float32, device=predicted.device)
            loss = nn.functional.mse_loss(predicted, asked)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            schedule.step()
        features = torch.from_numpy(tuned.encode_tokens(unseen.tokens, tokens_per_batch=1024))
        with torch.inference_mode():
            answers = head(features.to(head.weight.device))[:, 0].cpu().numpy()
        errors.append(float(((answers - unseen.labels) ** 2).mean()))
        if not np.isfinite(errors[-1]):
            raise InvalidInput(
                f"finetuning {tuned.name} diverged in epoch {len(errors)} at encoder_rate "
                f"{settings.encoder_rate:g}, head_rate {settings.head_rate:g}; lower them"
            )
        if errors[-1] == min(errors):
            best = [weight.detach().clone() for weight in learned]
        elif len(errors) - 1 - int(np.argmin(errors)) >= settings.patience:
            break
    with torch.no_grad():
        for weight, value in zip(learned, best):
            weight.copy_(value)
    return errors


def _batches(
    rows: NDArray[np.int64], lengths: NDArray[np.int64], size: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """A pass in random order; within eight batches molecules of like length go together.

    The len(rows) % size molecules that do not fill a batch are left to the other passes.
    """
    whole = rng.permutation(rows)[: len(rows) // size * size]
    batches = []
    for start in range(0, len(whole), 8 * size):
        chunk = whole[start : start + 8 * size]
        batches += list(chunk[np.argsort(lengths[chunk], kind="stable")].reshape(-1, size))
    return [batches[place] for place in rng.permutation(len(batches))]
