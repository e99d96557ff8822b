"""A suite's run, from settings to records: the main path."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from molw2s.analysis.summary import encoders_only, mean_leak
from molw2s.columns import SCHEMA_VERSION
from molw2s.datasets import MoleculeDataset
from molw2s.errors import InvalidInput
from molw2s.experiment.execute import Progress, execute, quiet
from molw2s.experiment.folder import Existing, Run, RunFolder
from molw2s.experiment.measure import as_records, measured, predictions_of
from molw2s.experiment.plan import plan
from molw2s.experiment.workers import Crew, Workers
from molw2s.problems import make_problem
from molw2s.problems.problem import Problem
from molw2s.problems.settings import Settings
from molw2s.report.write import write_report
from molw2s.store import Store, shared_store

_log = logging.getLogger(__name__)
_MUCH = 0.2
_PACKAGES = (
    "molw2s", "numpy", "scipy", "scikit-learn", "pandas", "torch", "transformers", "rdkit",
)  # fmt: skip


def run_suite(
    suite: Settings,
    dataset: MoleculeDataset | None = None,
    out: str | Path | None = None,
    *,
    existing: Existing = "resume",
    workers: Workers | None = None,
    progress: Progress = quiet,
    trust_remote_code: bool = False,
) -> Run:
    """Run a suite: pose its problem, plan, fit, measure, record.

    Parameters
    ----------
    dataset
        Given instead of the registered dataset that the suite names (a CSV of your own).
    out
        The run's folder. It gets manifest.json, predictions.parquet, records.csv and the report.
        By default nothing is written. An interrupted run goes on when it is called again: what
        was fitted is kept in the cache.
    existing : "resume", "keep" or "replace"
        If the folder has a run already. "resume" makes the same run again, of what is kept, and
        refuses another one; "keep" hands a finished one back as it is; "replace" takes its place.
    workers
        Who does the work; by default heads on every core and one finetuning at a time. Results do
        not depend on it.
    progress
        Called with a stage's name, steps done and steps in all.
    trust_remote_code
        Run the Python files that a checkpoint brings along; see ``get_encoder``.

    Raises
    ------
    UnknownName
        If nobody registered a dataset, encoder or head that the suite names.
    InvalidInput
        If two encoders have the same name, an encoder returns what it must not, the data cannot
        be split so, or the folder is another run's.
    """
    job = _pose(suite, dataset, out, trust_remote_code)
    return _run(job, existing, workers or Workers(), progress)


def run_suites(
    suites: Sequence[Settings],
    folders: Sequence[str | Path],
    dataset: MoleculeDataset | None = None,
    *,
    existing: Existing = "resume",
    workers: Workers | None = None,
    progress: Progress = quiet,
    trust_remote_code: bool = False,
) -> Iterator[Run]:
    """Run suites one after the other, each in a folder of its own.

    All are checked before the first is run, and what they need before they have cases is done on
    every core over all of them. Parameters and errors are those of ``run_suite``.
    """
    if len({Path(folder).absolute() for folder in folders}) < len(suites):
        raise InvalidInput("two suites have the same name, and so the same folder")
    workers = workers or Workers()
    jobs = [
        _pose(suite, dataset, folder, trust_remote_code) for suite, folder in zip(suites, folders)
    ]
    for job in jobs:
        if job.folder is not None:
            job.folder.check(existing)
    preparation = [work for job in jobs for work in job.problem.preparation]
    with workers.at_hand() as crew:
        execute(preparation, shared_store(), crew, progress)
    for job in jobs:
        yield _run(job, existing, workers, _titled(job.suite.name, progress))


def _titled(name: str, progress: Progress) -> Progress:
    return lambda stage, done, total: progress(f"{name}: {stage}", done, total)


@dataclass(frozen=True, eq=False)
class _Job:
    suite: Settings
    problem: Problem
    manifest: dict[str, Any]
    folder: RunFolder | None


def _pose(
    suite: Settings, dataset: MoleculeDataset | None, out: str | Path | None, trust: bool
) -> _Job:
    problem = make_problem(suite, dataset, trust)
    manifest = _manifest(suite, problem)
    folder = None if out is None else RunFolder(Path(out), suite, manifest)
    return _Job(suite, problem, manifest, folder)


def _run(job: _Job, existing: Existing, workers: Workers, progress: Progress) -> Run:
    started = time.perf_counter()
    suite, problem, folder = job.suite, job.problem, job.folder
    if folder is not None:
        folder.check(existing)
        if existing == "keep" and (before := folder.finished_run()):
            return before
        folder.begin(existing)
    store = shared_store()
    with workers.at_hand() as crew:
        records, predictions = _computed(suite, problem, store, crew, progress)
    for remark in (*problem.remarks(store), *_leaks(records)):
        _log.warning(remark)
    manifest = job.manifest | problem.found(store)
    seconds = round(time.perf_counter() - started, 1)
    run = Run(records, manifest | {"seconds": seconds}, predictions)
    if folder is not None:
        run = folder.end(run)
        write_report(folder.path, run.source)
    return run


def _computed(
    suite: Settings, problem: Problem, store: Store, crew: Crew, progress: Progress
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """Records and, where the suite keeps them, predictions."""
    execute(problem.preparation, store, crew, progress)
    rows: list[dict[str, Any]] = []
    predictions: list[pd.DataFrame] = []
    for cases in problem.batches(store):
        trials = plan(cases)
        works = [work for trial in trials for work in trial.works]
        execute(works, store, crew, progress)
        if suite.keep_predictions:
            predictions.append(predictions_of(trials, problem, store, len(rows)))
        rows += measured(trials, problem, suite.name, store, len(rows))
        store.forget(work.key for work in works)
    kept = pd.concat(predictions, ignore_index=True) if predictions else None
    return as_records(rows), kept


def _leaks(records: pd.DataFrame) -> Iterator[str]:
    """What to know where weak labels are much better than the teacher is elsewhere."""
    leak = mean_leak(encoders_only(records))
    if leak > _MUCH and records["labels"].iloc[0] == "shared":
        yield (
            f"{records['suite'].iloc[0]}: the weak labels have {leak:.0%} less error than their "
            "teachers have on the test part, as these know the truth there; much of the gain may "
            "be that truth. With disjoint labels nothing leaks"
        )


def _manifest(suite: Settings, problem: Problem) -> dict[str, Any]:
    """What is known before anything is computed."""
    return {
        "schema_version": SCHEMA_VERSION,
        "suite": suite.model_dump(mode="json"),
        **problem.manifest(),
        "trials": {"of": problem.trials},
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
    }
