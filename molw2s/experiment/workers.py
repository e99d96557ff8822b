"""Who does the work: this process, processes beside it, or a cluster."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, cpu_count, delayed, parallel_config

from molw2s.store import Arrays, Store, Work


@dataclass(frozen=True)
class Workers:
    """How work of one wave is spread.

    Attributes
    ----------
    jobs : int, optional
        How many pieces at once here; by default one for finetuning, else one a core.
    cluster : str, optional
        A Dask scheduler's address ("tcp://host:8786") or the path of its scheduler file.
    """

    jobs: int | None = None
    cluster: str | None = None

    def results(self, works: Sequence[Work], store: Store) -> Iterator[tuple[Work, Arrays]]:
        """Each piece of work with its arrays, as they are finished, in no certain order."""
        if self.cluster is not None:
            yield from _spread(works, store, -1)
            return
        alone = {"never"} if self.jobs else {"never", "if asked"}
        for work in works:
            if work.spread in alone:
                function, arguments = work.call(store)
                yield work, function(*arguments)
        side_by_side = [work for work in works if work.spread not in alone]
        if side_by_side:
            jobs = min(len(side_by_side), self.jobs or cpu_count())
            yield from _spread(side_by_side, store, jobs)

    def at_hand(self) -> AbstractContextManager[None]:
        """Around everything that asks for results.

        Raises
        ------
        InvalidInput
            If the cluster cannot be reached, or is lost on the way.
        """
        if self.cluster is not None:
            from molw2s.experiment.cluster import connected

            return connected(self.cluster)
        return parallel_config(backend="loky", initializer=end_with, initargs=(os.getpid(),))


def _spread(works: Sequence[Work], store: Store, jobs: int) -> Iterator[tuple[Work, Arrays]]:
    # Workers that have grown are replaced between fits, as they should be.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    calls = (
        delayed(_numbered)(number, function, *arguments)
        for number, work in enumerate(works)
        for function, arguments in [work.call(store)]
    )
    for number, arrays in Parallel(n_jobs=jobs, return_as="generator_unordered")(calls):
        yield works[number], arrays


def _numbered(number: int, function: Callable[..., Arrays], *arguments: Any) -> tuple[int, Arrays]:
    return number, function(*arguments)


def end_with(parent: int) -> None:
    """In a worker: end when the process that started it does, however that ends."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def dismiss() -> None:
    """End the idle workers of this process; letting each end in order costs a second."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor(reuse=True).shutdown(kill_workers=True)
