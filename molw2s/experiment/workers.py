"""Who does the work: this process, processes beside it, or a cluster."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from joblib import Parallel, cpu_count, delayed

from molw2s.store import Arrays, Store, Work

Crew = Callable[[Sequence[Work], Store], Iterator[tuple[Work, Arrays]]]
"""Does work whose needs are in the store: each piece with its arrays, as they are finished, in no
certain order."""


@dataclass(frozen=True)
class Workers:
    """How work is spread; results do not depend on it.

    Attributes
    ----------
    jobs : int, optional
        How many pieces at once on this machine, a core each; by default one for finetuning, else
        one a core.
    cluster : str, optional
        A Dask scheduler's address ("tcp://host:8786") or the path of its scheduler file: all work
        goes there.
    """

    jobs: int | None = None
    cluster: str | None = None

    @contextmanager
    def at_hand(self) -> Iterator[Crew]:
        """Whoever does the work, for as long as there is some.

        Raises
        ------
        ClusterLost
            If the cluster cannot be reached, or is lost on the way.
        """
        if self.cluster is None:
            yield partial(_on_this_machine, jobs=self.jobs)
            return
        from molw2s.experiment.cluster import connected

        with connected(self.cluster) as crew:
            yield crew


def _on_this_machine(
    works: Sequence[Work], store: Store, jobs: int | None
) -> Iterator[tuple[Work, Arrays]]:
    alone = {"never"} if jobs else {"never", "if asked"}
    for work in works:
        if work.spread in alone:
            function, arguments = work.call(store)
            yield work, function(*arguments)
    side_by_side = [work for work in works if work.spread not in alone]
    if not side_by_side:
        return
    # Workers that have grown are replaced between fits, as they should be.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    calls = (
        delayed(_numbered)(number, function, *arguments)
        for number, work in enumerate(side_by_side)
        for function, arguments in [work.call(store)]
    )
    parallel = Parallel(
        n_jobs=min(len(side_by_side), jobs or cpu_count()),
        backend="loky",
        return_as="generator_unordered",
        initializer=_end_with,
        initargs=(os.getpid(),),
    )
    for number, arrays in parallel(calls):
        yield side_by_side[number], arrays


def _numbered(number: int, function: Callable[..., Arrays], *arguments: Any) -> tuple[int, Arrays]:
    return number, function(*arguments)


def _end_with(parent: int) -> None:
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
