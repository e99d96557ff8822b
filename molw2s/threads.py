"""How many cores torch uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """One core for torch, then as many as before.

    Sums are then rounded alike whatever the machine's number of cores and what else runs; for
    small matrices it is also the fastest.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
