"""Work on a Dask cluster: arrays are sent once, results come back into this machine's store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from molw2s import __version__
from molw2s.errors import ClusterLost, InvalidInput
from molw2s.experiment.workers import Crew
from molw2s.store import Arrays, Store, Work

if TYPE_CHECKING:
    from distributed import Client, Future

_log = logging.getLogger(__name__)
_SENT_ONCE_FROM = 100_000  # bytes
_PATIENCE = 10  # seconds


@contextmanager
def connected(cluster: str) -> Iterator[Crew]:
    """The cluster of a scheduler's address, or of the scheduler file at a path.

    Raises
    ------
    InvalidInput
        If Dask is not installed here, or workers have another molw2s or none.
    ClusterLost
        If the scheduler or all workers cannot be reached, at first or on the way.
    """
    try:
        import distributed
        from distributed.client import FutureCancelledError
    except ImportError as error:
        raise InvalidInput("a cluster needs Dask: pip install 'molw2s[cluster]'") from error
    for name in logging.root.manager.loggerDict:
        if name.split(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).disabled = True  # one line is told, by us
    where = {"scheduler_file": cluster} if Path(cluster).is_file() else {"address": cluster}
    client, ended = None, threading.Event()
    try:
        client = distributed.Client(**where, timeout=_PATIENCE, set_as_default=False)
        _check_workers(client, cluster)
        watch = threading.Thread(target=_tell_of_none, args=(client, cluster, ended), daemon=True)
        watch.start()
        yield partial(_on_cluster, client=client, sent={})
    except (OSError, FutureCancelledError, distributed.KilledWorker) as error:
        raise ClusterLost(
            f"the cluster {cluster} cannot be reached, or was lost ({_reason(error)}); what was "
            "finished is kept, and the same command goes on, there or without --cluster"
        ) from error
    finally:
        ended.set()
        if client is not None:
            client.close(timeout=1)


def _tell_of_none(client: Client, cluster: str, ended: threading.Event) -> None:
    """Say so when there are no workers: Dask waits for some, as a queue may give them later."""
    while not ended.wait(_PATIENCE):
        if client.status == "running" and not client.ncores():
            _log.warning("the cluster %s has no worker now; the work waits for one", cluster)
            while not ended.wait(_PATIENCE) and not client.ncores():
                pass


def _check_workers(client: Client, cluster: str) -> None:
    found = client.run(_version, on_error="return")
    for worker, version in found.items():
        if version != __version__:
            there = f"molw2s {version}" if isinstance(version, str) else "no molw2s"
            raise InvalidInput(
                f"worker {worker} of {cluster} has {there}, here is {__version__}; install the "
                "same version there"
            )


def _version() -> str:
    from molw2s import __version__

    return __version__


def _on_cluster(
    works: Sequence[Work], store: Store, client: Client, sent: dict[int, tuple[Any, Future[Any]]]
) -> Iterator[tuple[Work, Arrays]]:
    from distributed import as_completed

    work_of: dict[Future[Any], Work] = {}
    for work in works:
        function, arguments = work.call(store)
        there = [_sent(argument, client, sent) for argument in arguments]
        work_of[client.submit(function, *there, key=work.key)] = work
    for future, arrays in as_completed(list(work_of), loop=client.loop, with_results=True):
        if isinstance(arrays, BaseException):  # of a future that was cancelled, not one that failed
            raise arrays
        yield work_of[future], arrays
        future.release()


def _sent(argument: Any, client: Client, sent: dict[int, tuple[Any, Future[Any]]]) -> Any:
    """A large array as a future of it: every worker has it, so that each may be lost."""
    if not isinstance(argument, np.ndarray) or argument.nbytes < _SENT_ONCE_FROM:
        return argument
    if id(argument) not in sent:  # the array stays alive beside its future, and its id its own
        sent[id(argument)] = argument, client.scatter(argument, broadcast=True, hash=False)
    return sent[id(argument)][1]


def _reason(error: BaseException) -> str:
    if type(error).__name__ == "FutureCancelledError":  # its text begins with the work's key
        return "the connection to its scheduler broke"
    return str(error).split("\n")[0] or type(error).__name__
