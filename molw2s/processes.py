"""Work in processes side by side on this machine, which end with the one that started them."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any


def side_by_side(
    calls: Iterable[tuple[Callable[..., Any], tuple[Any, ...]]], jobs: int
) -> Iterator[tuple[int, Any]]:
    """Call functions with their arguments, ``jobs`` at once: each call's number and what it
    returned, as they are finished, in no certain order."""
    from joblib import Parallel, delayed

    # Workers that have grown are replaced between calls, as they should be.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    parallel = Parallel(
        n_jobs=jobs,
        backend="loky",
        return_as="generator_unordered",
        initializer=_end_with,
        initargs=(os.getpid(),),
    )
    yield from parallel(
        delayed(_numbered)(number, function, arguments)
        for number, (function, arguments) in enumerate(calls)
    )


def _numbered(
    number: int, function: Callable[..., Any], arguments: tuple[Any, ...]
) -> tuple[int, Any]:
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
