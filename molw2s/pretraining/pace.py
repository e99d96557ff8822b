"""How one command carries a run on: when it saves, when it stops, and how fast it was."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from molw2s.encoders.transformer import has_bfloat16
from molw2s.pretraining.objectives import PretrainingModel
from molw2s.pretraining.recipe import Recipe

_SAVE_EVERY = 5 * 60  # seconds
_PEAK = 3.0  # seconds at most for each product that the peak is measured by, but for a first round
_WARM = 30  # steps before speed is measured: kernels are chosen and compiled in them


@dataclass(frozen=True)
class Stretch:
    """What one command does of a run; ``last`` apart, it does not change what is learnt.

    Attributes
    ----------
    minutes : float, optional
        Stop training so long after the command began, and save; the next command goes on.
    last : bool
        The run ends with this command: in ``minutes`` the learning rates fall to zero, however
        many of the recipe's tokens have been seen by then.
    compiled : bool
        Fuse the kernels of the encoder's layers by torch.compile.
    peak_tflops : float, optional
        What the share of the peak is of; by default that of ``matmul_peak``.
    shard_size : str
        Largest file of the finished encoder's weights.
    """

    minutes: float | None = None
    last: bool = False
    compiled: bool = False
    peak_tflops: float | None = None
    shard_size: str = "45MB"


class Pace(TrainerCallback):
    """Saves by the clock, stops in time, and measures speed.

    Parameters
    ----------
    stretch : Stretch
    recipe : Recipe
    began : float
        ``time.perf_counter()`` when the command began.
    """

    def __init__(self, stretch: Stretch, recipe: Recipe, began: float) -> None:
        self.stretch, self.recipe, self.began = stretch, recipe, began
        self.out_of_time = False
        self.measured: dict[str, Any] = {}
        self._saved = began
        self._first_step: int | None = None
        self._warm: tuple[int, float, int, int] | None = None
        self._end: tuple[int, float, int, int] | None = None
        self._peak_rates: list[float] = []
        self._started = began

    @property
    def _share_left(self) -> float:
        """Of the time between the first step and the last one allowed."""
        assert self.stretch.minutes is not None
        end = self.began + 60 * self.stretch.minutes
        return max(0.0, (end - time.perf_counter()) / max(end - self._started, 1e-9))

    def on_step_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        groups = given["optimizer"].param_groups
        if self._first_step is None:
            self._first_step, self._started = state.global_step, time.perf_counter()
            self._peak_rates = [group["lr"] for group in groups]
        if self.stretch.last and self.stretch.minutes is not None:
            # The schedule sets each rate anew after each step, so this is of its value.
            for group, rate in zip(groups, self._peak_rates):
                group["lr"] = min(group["lr"], rate * self._share_left)

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        assert self._first_step is not None
        if self._warm is None and state.global_step - self._first_step >= _WARM:
            self._warm = self._now(state, given["model"])
        now = time.perf_counter()
        limit = self.stretch.minutes
        if limit is not None and now - self.began >= 60 * limit:
            self.out_of_time = state.global_step < state.max_steps
            control.should_training_stop = control.should_save = True
        elif now - self._saved >= _SAVE_EVERY:
            control.should_save = True
        if control.should_save:
            self._saved = now
        if control.should_training_stop or state.global_step >= state.max_steps:
            self._end = self._now(state, given["model"])

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        if self._warm is None or self._end is None or self._end[0] == self._warm[0]:
            return
        steps, seconds, tokens, squares = (b - a for a, b in zip(self._warm, self._end))
        rate = flops(given["model"], self.recipe, int(tokens), int(squares)) / seconds
        shape = self.recipe.architecture
        peak = self.stretch.peak_tflops
        if peak is None:
            peak = matmul_peak(self.recipe.optimisation.tokens_per_batch, shape.hidden_size) / 1e12
        self.measured = {
            "steps": steps,
            "seconds": round(seconds, 1),
            "tokens_per_second": round(tokens / seconds),
            "tflops": float(f"{rate / 1e12:.4g}"),
            "peak_tflops": float(f"{peak:.4g}"),
            "share_of_peak": float(f"{rate / 1e12 / peak:.3g}"),
        }

    def _now(self, state: Any, model: PretrainingModel) -> tuple[int, float, int, int]:
        tokens, squares = model.seen.tolist()  # waits for the steps before
        return state.global_step, time.perf_counter(), tokens, squares


def note(path: Path, measured: dict[str, Any]) -> list[dict[str, Any]]:
    """Add a line to what the commands of a run measured; returns all lines."""
    if measured:
        with path.open("a") as file:
            file.write(json.dumps(measured) + "\n")
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def flops(model: PretrainingModel, recipe: Recipe, tokens: int, squares: int) -> float:
    """What a transformer needs: 6 a weight and token, and attention's 12 n d a layer.

    ``squares`` is the sum of the molecules' squared numbers of tokens. Padding and recomputation
    count as waste.
    """
    matrices = sum(
        weight.numel()
        for name, weight in model.encoder.named_parameters()
        if weight.ndim == 2 and ".layer." in name
    )
    shape = recipe.architecture
    return tokens * 6.0 * matrices + 12.0 * shape.layers * shape.hidden_size * squares


def matmul_peak(tokens: int, hidden: int) -> float:
    """FLOP/s of the best round of (tokens, hidden) @ (hidden, 4 hidden) or of square products.

    In bfloat16 where the machine has it, as pretraining is; else in float32.
    """
    on_gpu = torch.cuda.is_available()
    device = "cuda" if on_gpu else "cpu"
    dtype = torch.bfloat16 if has_bfloat16() else torch.float32
    side = 8192 if on_gpu else 2048
    best = 0.0
    for n, d, m in ((tokens, hidden, 4 * hidden), (side, side, side)):
        a = torch.randn(n, d, device=device, dtype=dtype)
        b = torch.randn(d, m, device=device, dtype=dtype)
        latest = time.perf_counter() + _PEAK
        for _ in range(10):
            if on_gpu:
                torch.cuda.synchronize()
            started = time.perf_counter()
            for _ in range(5):
                a @ b
            if on_gpu:
                torch.cuda.synchronize()
            ended = time.perf_counter()
            best = max(best, 5 * 2 * n * d * m / (ended - started))
            if ended > latest:
                break
    return best
