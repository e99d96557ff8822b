"""A real Dask scheduler and real workers on this machine's loopback."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from molw2s.experiment.cluster import _sent

pytestmark = pytest.mark.slow

distributed = pytest.importorskip("distributed")

SUITE = {
    "dataset": "freesolv", "weak": ["weak-h8", "weak-h12"], "strong": "weak-h16",
    "strong_mode": "full", "seeds": [122, 123], "finetuning": {"epochs": 2, "batch": 64},
    "ensembles": ["validation"], "controls": ["self"],
}  # fmt: skip


def dask(what, *options):
    """A scheduler or worker, its process being the one that is started."""
    command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *map(str, options)]
    return subprocess.Popen(
        [*command, "--no-dashboard", "--host", "127.0.0.1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@contextlib.contextmanager
def cluster(folder):
    """The scheduler file and the processes: a scheduler, then two workers."""
    file = folder / "scheduler.json"
    processes = [dask("scheduler", "--port", "0", "--scheduler-file", file)]
    processes += [
        dask("worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny",
             "--local-directory", folder / f"worker-{number}")
        for number in range(2)
    ]  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        with distributed.Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=120)
        yield file, processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run(folder, name, *options):
    """A run with a cache of its own, in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "molw2s", "run", str(folder / "small.yaml"), "--out",
         str(folder / name), *map(str, options)],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"MOLW2S_CACHE": str(folder / f"cache-{name}")},
    )  # fmt: skip


def finished(process):
    _, err = process.communicate(timeout=300)
    return process.returncode, err


def records(folder, name):
    return (folder / name / "records.csv").read_bytes()


def until_something_is_kept(folder, name, process):
    kept = folder / f"cache-{name}" / "predictions"
    while not (kept.is_dir() and any(kept.glob("*.safetensors"))) and process.poll() is None:
        time.sleep(0.02)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with the suite and its run on this machine, and what that said."""
    folder = tmp_path_factory.mktemp("cluster")
    (folder / "small.yaml").write_text(json.dumps(SUITE))
    code, told = finished(run(folder, "local"))
    assert code == 0
    return folder, told


def test_a_cluster_gives_the_same_records_and_may_lose_a_worker(here, tmp_path):
    folder, told = here
    with cluster(tmp_path) as (file, (_, worker, _)):
        assert finished(run(folder, "far", "--cluster", file)) == (0, told)
        assert records(folder, "far") == records(folder, "local")
        disturbed = run(folder, "disturbed", "--cluster", file)
        until_something_is_kept(folder, "disturbed", disturbed)
        worker.send_signal(signal.SIGKILL)
        assert finished(disturbed) == (0, told)
        assert records(folder, "disturbed") == records(folder, "local")


def test_a_lost_scheduler_is_told_in_one_line_and_the_run_goes_on_elsewhere(here, tmp_path):
    folder, _ = here
    with cluster(tmp_path) as (file, (scheduler, *_)):
        lost = run(folder, "lost", "--cluster", file)
        until_something_is_kept(folder, "lost", lost)
        scheduler.send_signal(signal.SIGKILL)
        code, err = finished(lost)
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith(f"Error: the cluster {file} cannot be reached, or was lost")
    assert "the same command goes on" in line
    assert not (folder / "lost" / "records.csv").exists()
    assert finished(run(folder, "lost"))[0] == 0
    assert records(folder, "lost") == records(folder, "local")


def test_a_cluster_that_is_not_there_is_told_in_one_line(here):
    code, err = finished(run(here[0], "nowhere", "--cluster", "tcp://127.0.0.1:9"))
    assert code == 1
    (line,) = err.splitlines()
    assert line.startswith("Error: the cluster tcp://127.0.0.1:9 cannot be reached")


def test_an_array_is_sent_once_whoever_needs_it():
    sent = []

    class Client:
        def scatter(self, array, broadcast, hash):
            sent.append(array)
            return f"future {len(sent)}"

    large, small, known = np.zeros(20_000), np.zeros(9), {}
    futures = [_sent(argument, Client(), known) for argument in (large, small, large, "text")]
    assert futures[0] == futures[2] == "future 1"
    assert futures[1] is small
    assert futures[3] == "text"
    assert len(sent) == 1
    assert _sent(large.copy(), Client(), known) == "future 2"
