"""Runs that are killed, interrupted or disturbed: nothing half-written, and the same records."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from molw2s import load_dataset, run_suite
from molw2s.cli import main
from molw2s.errors import InvalidInput
from molw2s.experiment.settings import make_suite
from molw2s.records import read_manifest, read_records

# A process that has everything imported forks one child a run; the child is killed at its n-th
# write: before a file is whole, is put in its place, or is removed. (After one is before the next.)

pytestmark = pytest.mark.slow

WRITES = textwrap.dedent(
    """
    import contextlib, io, json, os, pathlib, shutil, signal, sys, traceback
    import torch, sklearn, rdkit.Chem, matplotlib.figure, pyarrow.parquet
    import transformers.models.bert.modeling_bert
    from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedTokenizerFast
    import molw2s.report.page.render
    import molw2s.experiment.run
    import molw2s.problems.molecules.problem, molw2s.problems.synthetic.problem
    from molw2s.cli import main

    home = pathlib.Path(sys.argv[1])
    command = ["run", "--csv", str(home / "my.csv"), "--weak", "weak-h8", "--strong", "ecfp4",
               "--seed", "5", "--jobs", "1"]

    def child(out, cache, options=(), kill_at=None):
        pid = os.fork()
        if pid:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.environ["MOLW2S_CACHE"] = str(home / cache)
        writes = 0

        def counted(real):
            def call(*arguments, **options):
                nonlocal writes
                writes += 1
                if writes == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                return real(*arguments, **options)
            return call

        matplotlib.figure.Figure.savefig = lambda self, file, **how: file.write(b"a figure")
        molw2s.report.page.render.page_of = lambda sources: None
        molw2s.report.page.render.to_html = lambda page: molw2s.report.page.render._MARK.decode()
        os.fsync = counted(os.fsync)
        pathlib.Path.replace = counted(pathlib.Path.replace)
        pathlib.Path.unlink = counted(pathlib.Path.unlink)
        code = 99
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                main([*command, *options, "--out", str(home / out)])
        except SystemExit as stop:
            code = stop.code or 0
        except BaseException:
            traceback.print_exc()
        finally:
            (home / "writes").write_text(str(writes))
            os._exit(code)

    def content(out):
        return {path.name: path.read_bytes() for path in (home / out).iterdir()
                if path.name != "manifest.json"}

    def parts():
        return [str(path) for path in home.rglob(".*.part")]

    # A third of the points: two of a file's are next to each other, so kinds of both are met.
    told = []
    assert child("whole", "cache-whole") == 0
    points = int((home / "writes").read_text())
    for point in range(1, points + 1, 3):
        for folder in ("out", "cache"):
            shutil.rmtree(home / folder, ignore_errors=True)
        exits = [child("out", "cache", kill_at=point), child("out", "cache")]
        told.append([point, exits, content("out") == content("whole"), parts()])
    fresh = len(told)

    # Over a finished run with other settings, and over a finished one of its own: the same writes,
    # so some of the points.
    other = ["--overwrite", "--weak-head", "ridge"]
    assert child("ridge", "cache-whole", other) == 0
    for options, finished, in ((other, "ridge"), ([], "whole")):
        kept = "cache-again"
        for point in range(1, 99, 5):
            for folder in ("out", kept):
                shutil.rmtree(home / folder, ignore_errors=True)
            shutil.copytree(home / "whole", home / "out")
            shutil.copytree(home / "cache-whole", home / kept)
            first = child("out", kept, options, kill_at=point)
            if first == 0:
                break
            told.append([point, [first, child("out", kept, options)],
                         content("out") == content(finished), parts()])
    print(json.dumps({"points": points, "fresh": fresh, "told": told}))
    """
)


def test_a_run_killed_while_it_writes_ends_with_the_same_files(tmp_path):
    whole = load_dataset("freesolv").to_pandas()[:60]
    whole.to_csv(tmp_path / "my.csv", index=False)
    done = subprocess.run(
        [sys.executable, "-c", WRITES, str(tmp_path)],
        capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    # Two encoders, teacher, students and measures; manifest, predictions, records, manifest
    # again; two tables and two figures: fsync and replace each.
    assert found["points"] >= 2 * 13
    assert len(found["told"]) > found["fresh"] + 2 * 3
    for point, exits, same, parts in found["told"]:
        assert exits == [-signal.SIGKILL, 0], point
        assert same, point
        assert not parts, point


def suite(**settings):
    return make_suite(
        {
            "name": "x", "dataset": "freesolv", "weak": ["weak-h8"], "strong": "ecfp4",
            "weak_head": "ridge", "strong_head": "ridge", "seeds": [122],
        }
        | settings
    )  # fmt: skip


def disturbed(out, other, **options):
    """A run during which, at its first step, another begins in the same folder."""
    begun = []

    def progress(stage, done, total):
        if not begun:
            begun.append(True)
            run_suite(suite(**other), out=out, **options)

    return lambda: run_suite(suite(labels="disjoint"), out=out, progress=progress)


def test_two_runs_with_other_settings_do_not_share_a_folder(tmp_path, fresh_cache):
    out = tmp_path / "out"
    with pytest.raises(InvalidInput, match="labels: disjoint there, shared now"):
        disturbed(out, {"labels": "shared"})()
    with pytest.raises(InvalidInput, match=r"another run has begun in .*labels: shared there"):
        disturbed(out, {"labels": "shared", "weak_head": "norm-ball"}, existing="replace")()
    # The one that took the folder is whole.
    assert set(read_records(out)["weak_head"]) == {"norm-ball"}
    assert read_manifest(out)["suite"]["labels"] == "shared"


def test_two_runs_with_the_same_settings_write_the_same(tmp_path, fresh_cache):
    out = tmp_path / "out"
    run = disturbed(out, {"labels": "disjoint"})()
    assert read_records(out)["w2s_error"].tolist() == run.records["w2s_error"].tolist()


def test_what_is_there_may_be_kept(tmp_path, fresh_cache):
    first = run_suite(suite(), out=tmp_path)
    steps = []
    kept = run_suite(
        suite(), out=tmp_path, existing="keep", progress=lambda *step: steps.append(step)
    )
    assert not steps
    assert kept.manifest == first.manifest
    assert kept.records["gain"].tolist() == first.records["gain"].tolist()
    assert kept.predictions.equals(first.predictions)
    with pytest.raises(InvalidInput, match="holds other records"):
        run_suite(suite(labels="disjoint"), out=tmp_path, existing="keep")
    (tmp_path / "records.csv").unlink()
    assert not list(tmp_path.glob("records.csv"))
    run_suite(suite(), out=tmp_path, existing="keep")
    assert len(read_records(tmp_path)) == 1


def test_a_run_of_the_first_schema_is_the_same_run(tmp_path, fresh_cache):
    """Settings that were added since have their defaults."""
    run_suite(suite(), out=tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    for name in ("kind", "folds", "ensembles", "chain", "controls", "keep_predictions"):
        del manifest["suite"][name]
    del manifest["schema_version"]
    manifest["trials"] = {"done": 1, "of": 1}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "predictions.parquet").unlink()
    run_suite(suite(), out=tmp_path)
    assert (tmp_path / "predictions.parquet").exists()
    with pytest.raises(InvalidInput, match="folds: 10 there, 5 now"):
        run_suite(suite(folds=5), out=tmp_path)


@pytest.mark.parametrize("name", [".", "..", "a/b", "", "-", "a b"])
def test_a_suites_name_is_a_folders(name, tmp_path):
    with pytest.raises(InvalidInput, match="name: String should match"):
        suite(name=name)


# Small encoders and many splits: soon at its fits, and long at them.
LONG = "run freesolv-paper --weak weak-h8 --strong weak-h12 --splitter 5-fold --seeds 40"


def start(out, cache):
    """A run in a session of its own, as a shell starts it."""
    return subprocess.Popen(
        [sys.executable, "-m", "molw2s", *LONG.split(), "--out", str(out)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env=os.environ | {"MOLW2S_CACHE": str(cache), "LOKY_MAX_CPU_COUNT": "2"},
    )  # fmt: skip


def workers_of(group):
    """Processes of a session but its leader and loky's tracker, which tidies up and ends."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        is_worker = (
            int(fields[3]) == group and fields[0] != "Z" and int(status.parent.name) != group
        )
        if is_worker and b"resource_tracker" not in command:
            found.append(int(status.parent.name))
    return found


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")


@needs_proc
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("whom", ["process", "group"])
def test_a_signal_ends_a_run_and_its_workers_at_once(tmp_path, number, whom):
    run = start(tmp_path / "out", tmp_path / "cache")
    while not workers_of(run.pid) and run.poll() is None:
        time.sleep(0.02)  # until fits are spread over processes
    time.sleep(0.3)
    (os.killpg if whom == "group" else os.kill)(run.pid, number)
    started = time.monotonic()
    _, err = run.communicate(timeout=60)
    took = time.monotonic() - started
    if number == signal.SIGKILL:
        assert run.returncode == -number
    else:
        assert run.returncode == 128 + number
        assert err.splitlines() == [
            f"interrupted; the same command goes on: molw2s {LONG} --out {tmp_path / 'out'}"
        ]
        assert took < 2
    deadline = time.monotonic() + 5
    while workers_of(run.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers_of(run.pid)


def test_a_command_in_this_process_leaves_signals_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("molw2s.experiment.run.execute", None)
    ignoring = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell's background jobs do
    try:
        for arguments in (["list", "heads"], ["run", "freesolv-paper", "--out", str(tmp_path)]):
            with contextlib.suppress(SystemExit, TypeError):
                main(arguments)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
    finally:
        signal.signal(signal.SIGINT, ignoring)
