"""Who does the work: this process, processes beside it, or a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from joblib import cpu_count

from molw2s.processes import side_by_side
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
    spread = [work for work in works if work.spread not in alone]
    if spread:
        calls = (work.call(store) for work in spread)
        for number, arrays in side_by_side(calls, min(len(spread), jobs or cpu_count())):
            yield spread[number], arrays
