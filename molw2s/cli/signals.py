"""SIGINT and SIGTERM end a command at once, with one line that says how to go on."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from contextlib import suppress

_ENDING = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"
_WATCH = "signals"
_UNTOLD = "ignore:resource_tracker:UserWarning"


def end_at_once() -> None:
    """From now on, end within moments of a signal, whatever the process is computing.

    Python handles signals between two of its own steps, in its main thread, which may be minutes
    away; here a thread waits for them. Everything on disk is whole at any moment, and workers end
    with their parent, so nothing has to be put in order.
    """
    if not hasattr(signal, "set_wakeup_fd") or sys.platform == "win32":
        return
    # loky's tracker, a process of its own that tidies up behind us, need not tell that it does.
    sys.warnoptions.append(_UNTOLD)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    for number in _ENDING:
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=_end, args=(reading,), name=_WATCH, daemon=True).start()


def keep_from_workers() -> None:
    """Keep an interrupt of the keyboard, which reaches them too, from workers started from now on.

    They inherit what is blocked here; the thread above goes on waiting. Both trackers of shared
    resources unblock it when they start, so they start first.
    """
    if not any(thread.name == _WATCH for thread in threading.enumerate()):
        return  # not the command line's own process
    from multiprocessing import resource_tracker

    from joblib.externals.loky.backend import resource_tracker as of_loky

    resource_tracker.ensure_running()
    of_loky.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _end(reading: int) -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)  # whatever this process inherited
    number = 0
    while number not in _ENDING:
        number = os.read(reading, 1)[0]
    with suppress(OSError, ValueError):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{_SHOW_CURSOR}")
        command = shlex.join(["molw2s", *sys.argv[1:]])
        print(f"interrupted; the same command goes on: {command}", file=sys.stderr, flush=True)
        sys.stdout.flush()
    os._exit(128 + number)
