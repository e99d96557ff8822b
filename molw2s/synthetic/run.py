"""A synthetic suite's run: draw h*, get both representations, protocol, record; seed by seed.

Seeds are not batched with each other, so that a seed's trials do not depend on which others are
run; representations are learned in parallel processes, one core each. Restarts within a fit and
the tasks' heads are batched.
"""

from __future__ import annotations

import hashlib
import platform
import time
from collections.abc import Callable, Iterable
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed

from molw2s.heads import HEADS
from molw2s.protocol import Errors, ThreeSets, weak_to_strong
from molw2s.suites import Run
from molw2s.synthetic.representations import Learned, Search, learn
from molw2s.synthetic.settings import SyntheticSuite
from molw2s.synthetic.targets import Mlp, TaskData, draw_mlp, draw_task_data, draw_tasks, perturb

_PACKAGES = ("molw2s", "numpy", "scipy", "scikit-learn", "pandas", "torch")
# A stream of random numbers for each stage, so that changing one leaves the others as they are.
_TARGET, _PRETRAINING, _LEARNING, _NOISE, _FINETUNING = range(5)
_SIDES = ("weak", "strong")


def run_synthetic(suite: SyntheticSuite, progress: Callable[[str, int, int], None]) -> Run:
    """Run the suite for each of its seeds.

    The records have a row a (seed, task), with the molecular suites' columns, ``seed``, ``task``,
    ``expected_slope``, the standard errors that the finite evaluation set leaves
    (``weak_error_se``, ...), and the objective reached by learned representations
    (``weak_loss``, ``strong_loss``; nan for the others).
    """
    started = time.perf_counter()
    heads = HEADS[suite.weak_head], HEADS[suite.strong_head]
    rows: list[dict[str, Any]] = []
    representations = {}
    learn_representations([suite], progress)
    for step, seed in enumerate(suite.seeds):
        progress(f"seed {seed}: heads", step, len(suite.seeds))
        truth = target(suite, seed)
        found = {side: _representation(suite, seed, side, truth) for side in _SIDES}
        weak, strong = (found[side].representation for side in _SIDES)
        described = {
            key: value
            for side in _SIDES
            for key, value in (
                (f"{side}_loss", found[side].loss),
                (f"{side}_sha256", sha256(found[side].representation)),
            )
        }
        representations[f"seed-{seed}"] = described
        (trials,) = weak_to_strong(*draw_sets(suite, seed, truth, weak, strong), *heads)
        rows += [_row(suite, seed, task, errors) | described for task, errors in enumerate(trials)]
    progress("done", len(suite.seeds), len(suite.seeds))
    manifest = {
        "suite": suite.model_dump(mode="json"),
        "representations": representations,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
        "seconds": round(time.perf_counter() - started, 1),
    }
    return Run(pd.DataFrame(rows), manifest)


def target(suite: SyntheticSuite, seed: int) -> Mlp:
    """h* of one seed."""
    widths = (suite.input_dim, *[suite.width] * suite.target_depth)
    return draw_mlp(np.random.default_rng([seed, _TARGET]), widths)


def pretraining_data(suite: SyntheticSuite, seed: int) -> TaskData:
    """What the representations of one seed are learned from."""
    return draw_task_data(
        np.random.default_rng([seed, _PRETRAINING]),
        target(suite, seed),
        suite.pretraining_tasks,
        suite.pretraining_points,
        suite.input_scale,
    )


def pretrained(suite: SyntheticSuite, seed: int, depth: int) -> Learned:
    """The representation of ``depth`` layers learned for one seed.

    It depends on no other setting of the suite than those of the pretraining, so suites that
    share these share it, and within one process it is learned once.
    """
    key = _learning_key(suite, seed, depth)
    if key not in _LEARNED:
        _LEARNED[key] = learn(*_problem(*key))
    return _LEARNED[key]


_LEARNED: dict[tuple[SyntheticSuite, int, int], Learned] = {}


def _learning_key(suite: SyntheticSuite, seed: int, depth: int) -> tuple[SyntheticSuite, int, int]:
    settings = (
        "input_dim", "input_scale", "width", "target_depth", "pretraining_tasks",
        "pretraining_points", "restarts", "steps", "batch", "learning_rate", "polish",
    )  # fmt: skip
    pretraining = {name: getattr(suite, name) for name in settings}
    return SyntheticSuite(name="pretraining", **pretraining), seed, depth


def learn_representations(
    suites: Iterable[SyntheticSuite], progress: Callable[[str, int, int], None]
) -> None:
    """Learn in parallel processes what the suites need and this process has not learned yet.

    ``run_synthetic`` does so for its suite; called for all suites to come, it keeps every core
    busy over all of them.
    """
    needed = {
        _learning_key(suite, seed, getattr(suite, f"{side}_depth"))
        for suite in suites
        for side in _SIDES
        if getattr(suite, side) == "pretrained"
        for seed in suite.seeds
    }
    missing = sorted(
        needed - _LEARNED.keys(), key=lambda key: (-key[2], key[1], key[0].model_dump_json())
    )
    if not missing:
        return
    progress("learn representations", 0, len(missing))
    learned = Parallel(n_jobs=min(len(missing), cpu_count()), return_as="generator")(
        delayed(learn)(*_problem(*key)) for key in missing
    )
    for step, (key, result) in enumerate(zip(missing, learned), start=1):
        _LEARNED[key] = result
        progress("learn representations", step, len(missing))


def _problem(
    suite: SyntheticSuite, seed: int, depth: int
) -> tuple[TaskData, int, np.random.SeedSequence, Search]:
    """What ``learn`` takes."""
    search = Search(suite.restarts, suite.steps, suite.batch, suite.learning_rate, suite.polish)
    random = np.random.SeedSequence([seed, _LEARNING, depth])
    return pretraining_data(suite, seed), depth, random, search


def _representation(suite: SyntheticSuite, seed: int, side: str, truth: Mlp) -> Learned:
    origin = getattr(suite, side)
    if origin == "pretrained":
        return pretrained(suite, seed, getattr(suite, f"{side}_depth"))
    if origin == "perturbed":
        rng = np.random.default_rng([seed, _NOISE, _SIDES.index(side)])
        return Learned(perturb(rng, truth, getattr(suite, f"{side}_noise")), np.nan)
    return Learned(truth, np.nan)


def draw_sets(
    suite: SyntheticSuite, seed: int, truth: Mlp, weak: Mlp, strong: Mlp
) -> tuple[list[ThreeSets], ThreeSets, ThreeSets]:
    """Weak features, strong features and true values at the three sets of points."""
    rng = np.random.default_rng([seed, _FINETUNING])
    tasks = draw_tasks(rng, suite.width, suite.tasks)

    def draw(n: int) -> Any:
        return rng.normal(0, suite.input_scale, (n, suite.input_dim))

    labelled, unlabelled, evaluation = (
        draw(n) for n in (suite.points, suite.points, suite.evaluation_points)
    )
    x = ThreeSets(labelled, labelled if suite.labels == "reused" else unlabelled, evaluation)

    def values(function: Callable[[Any], Any]) -> ThreeSets:
        return ThreeSets(function(x.labelled), function(x.unlabelled), function(x.evaluation))

    return [values(weak)], values(strong), values(lambda points: tasks(truth(points)))


def _row(suite: SyntheticSuite, seed: int, task: int, errors: Errors) -> dict[str, Any]:
    return {
        "suite": suite.name,
        "dataset": "random MLP",
        "unit": "",
        "weak": _describe(suite, "weak"),
        "weak_hidden_size": suite.width,
        "strong": _describe(suite, "strong"),
        "strong_hidden_size": suite.width,
        "weak_head": suite.weak_head,
        "strong_head": suite.strong_head,
        "labels": suite.labels,
        "split": f"seed-{seed}",
        "seed": seed,
        "task": task,
        "expected_slope": suite.expected_slope,
        "n_labelled": suite.points,
        "n_unlabelled": suite.points,
        "n_evaluation": suite.evaluation_points,
        "weak_error": errors.weak_error,
        "w2s_error": errors.w2s_error,
        "misfit": errors.misfit,
        "gain": errors.gain,
        "strong_error": errors.strong_error,
        "weak_error_minus_misfit": errors.weak_error_minus_misfit,
        "gain_minus_misfit": errors.gain_minus_misfit,
        "pgr": errors.pgr,
        "weak_error_se": errors.weak_error_se,
        "w2s_error_se": errors.w2s_error_se,
        "misfit_se": errors.misfit_se,
        "gain_minus_misfit_se": errors.gain_minus_misfit_se,
    }


def _describe(suite: SyntheticSuite, side: str) -> str:
    depth, noise = getattr(suite, f"{side}_depth"), getattr(suite, f"{side}_noise")
    return {
        "target": "h*",
        "pretrained": f"{depth}-layer",
        "perturbed": f"h* + N(0, {noise:g}²)",
    }[getattr(suite, side)]


def sha256(representation: Mlp) -> str:
    """Of the weights and biases, layer by layer."""
    digest = hashlib.sha256()
    for array in (*representation.weights, *representation.biases):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
