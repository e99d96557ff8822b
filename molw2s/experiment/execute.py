"""Doing work: what the store lacks, wave by wave, here or on a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from molw2s.experiment.workers import Crew
from molw2s.store import Store, Work, is_done

Progress = Callable[[str, int, int], None]
"""Called with a stage's name, steps done and steps in all."""


def quiet(stage: str, done: int, total: int) -> None:
    """No progress."""


def execute(works: Iterable[Work], store: Store, crew: Crew, progress: Progress = quiet) -> None:
    """See that the store has what ``works`` compute; nothing it has is computed again.

    A wave is all work whose needs are met; its results are in the store as they come, so that an
    interrupted run goes on with what was done.
    """
    waves = waves_of(works, store)
    total = sum(map(len, waves))
    done = 0
    for wave in waves:
        progress(wave[0].title, done, total)
        for work, arrays in crew(wave, store):
            store.put(work.key, work.kind, arrays, work.kept)
            done += 1
            progress(work.title, done, total)


def waves_of(works: Iterable[Work], store: Store) -> list[list[Work]]:
    """What is missing, and what that needs, in waves: nothing needs work of its own wave."""
    depth_of: dict[str, int] = {}
    waves: list[list[Work]] = []

    def depth(work: Work) -> int:
        """Of missing work its wave's number; -1 of work that is done."""
        if work.key not in depth_of:
            if is_done(work, store):
                depth_of[work.key] = -1
            else:
                level = 1 + max((depth(need) for need in work.needs), default=-1)
                depth_of[work.key] = level
                waves.extend([] for _ in range(level + 1 - len(waves)))
                waves[level].append(work)
        return depth_of[work.key]

    for work in works:
        depth(work)
    return waves
