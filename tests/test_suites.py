"""Suites: studies, label protocols, and runs that survive being killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler

from molw2s import get_encoder, load_dataset, load_suite, load_suites, make_splits
from molw2s.datasets import Split
from molw2s.errors import InvalidInput
from molw2s.experiment.run import run_suite
from molw2s.experiment.settings import make_suite
from molw2s.learners.heads import Ridge, make_head
from molw2s.learners.heads.spectrum import PENALTIES
from molw2s.locations import shipped
from molw2s.problems.labels import halved_validation, parts_of


@pytest.mark.parametrize("splitter", ["random", "scaffold"])
@pytest.mark.parametrize("dataset", ["esol", "freesolv"])
def test_label_protocols_share_or_part_the_molecules(dataset, splitter):
    splits = make_splits(load_dataset(dataset), splitter)
    for split in splits:
        shared = parts_of(split, "shared", 10)
        assert np.array_equal(shared.labelled, shared.unlabelled)
        assert np.array_equal(shared.labelled, split.train)
        assert not set(shared.evaluation) & set(shared.labelled)
        disjoint = parts_of(split, "disjoint", 10)
        parts = disjoint.labelled, disjoint.unlabelled, disjoint.evaluation
        assert np.array_equal(np.sort(np.concatenate(parts[:2])), np.sort(split.train))
        assert abs(len(parts[0]) - len(parts[1])) <= 1
        assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
        assert np.array_equal(disjoint.evaluation, split.test)
        crossed = parts_of(split, "cross-fitted", 7)
        assert np.array_equal(crossed.labelled, split.train)
        assert np.array_equal(crossed.unlabelled, split.train)
        labelled = np.concatenate([asked for _, asked in crossed.folds])
        assert np.array_equal(np.sort(labelled), np.sort(split.train))  # each of them once
        for known, asked in crossed.folds:
            assert np.array_equal(np.sort(np.concatenate([known, asked])), np.sort(split.train))
            assert len(asked) in (len(split.train) // 7, len(split.train) // 7 + 1)


def test_halves_and_folds_are_the_same_in_every_run():
    split = make_splits(load_dataset("freesolv"))[0]
    for labels in ("disjoint", "cross-fitted"):
        first, again = parts_of(split, labels, 5), parts_of(split, labels, 5)
        assert np.array_equal(first.labelled, again.labelled)
        for one, two in zip(first.folds, again.folds):
            assert np.array_equal(one[1], two[1])


def test_a_training_part_that_is_too_small_for_a_scheme_is_an_error():
    rows = np.arange(4)
    split = Split("tiny", rows[:1], rows[:0], rows[1:])
    with pytest.raises(InvalidInput, match="1 training molecules, too few to label 50% of"):
        parts_of(split, "disjoint", 10)
    with pytest.raises(InvalidInput, match="fewer than 2 folds"):
        parts_of(split, "cross-fitted", 2)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.9])
def test_disjoint_labels_take_the_share_that_is_asked_for(share):
    split = make_splits(load_dataset("freesolv"))[0]
    parts = parts_of(split, "disjoint", labelled=share)
    assert len(parts.labelled) == int(share * len(split.train))
    together = np.concatenate([parts.labelled, parts.unlabelled])
    assert np.array_equal(np.sort(together), np.sort(split.train))


def test_true_labels_may_choose_the_students_penalty_and_nobody_elses():
    settings = {
        "name": "s", "dataset": "freesolv", "weak": ["ecfp4"], "strong": "rdkit-cdf",
        "weak_head": "ridge", "strong_head": "ridge", "labels": "disjoint", "seeds": [122],
    }  # fmt: skip
    (plain,), (chosen,), (few,) = (
        run_suite(make_suite(settings | more)).records.to_dict("records")
        for more in (
            {},
            {"student_selection": "valid"},
            {"student_selection": "valid", "selection_labels": 10},
        )
    )
    assert plain["weak_penalty"] == chosen["weak_penalty"]
    assert (chosen["student_selection"], few["student_selection"]) == (64, 10)
    # By hand: the least error on the validation part, over what the strong side is fitted to.
    dataset, split = load_dataset("freesolv"), make_splits(load_dataset("freesolv"), seeds=[122])[0]
    parts = parts_of(split, "disjoint")
    weak, strong = (
        get_encoder(name).encode(dataset.smiles).astype(float) for name in ("ecfp4", "rdkit-cdf")
    )
    teacher = make_head("ridge").fit(weak[parts.labelled], dataset.target[parts.labelled])
    labels = teacher.predict(weak[parts.unlabelled])
    scaler = StandardScaler().fit(strong[parts.unlabelled])
    Z = scaler.transform(strong)
    errors = {
        penalty: (
            (Ridge(penalty).fit(Z[parts.unlabelled], labels).predict(Z[split.valid])
             - dataset.target[split.valid]) ** 2
        ).mean()
        for penalty in PENALTIES * (Z[parts.unlabelled] ** 2).sum(1).mean()
    }  # fmt: skip
    assert chosen["w2s_penalty"] == pytest.approx(min(errors, key=errors.get), rel=1e-6)


def test_settings_are_searched_without_the_test_part():
    settings = {
        "name": "s", "dataset": "freesolv", "weak": ["ecfp4"], "strong": "rdkit-cdf",
        "weak_head": "ridge", "strong_head": "ridge", "labels": "disjoint", "seeds": [122],
        "evaluation": "valid",
    }  # fmt: skip
    dataset = load_dataset("freesolv")
    (split,) = make_splits(dataset, seeds=[122])
    target = dataset.target.copy()
    target[split.test] = 1e6
    runs = [
        run_suite(make_suite(settings), dataset=each)
        for each in (dataset, replace(dataset, target=target))
    ]
    assert runs[0].records.iloc[0]["evaluation"] == "valid"
    errors = [run.records[["weak_error", "w2s_error", "strong_error"]].to_numpy() for run in runs]
    np.testing.assert_array_equal(*errors)
    halved = halved_validation(split)
    assert len(halved.test) == len(halved.valid) == 32
    assert set(halved.test) | set(halved.valid) == set(split.valid)
    assert set(halved.test).isdisjoint(halved.valid)
    kept = runs[0].predictions
    assert set(kept.loc[kept["part"] == "evaluation", "row"]) == set(halved.test)


def test_kept_labels_are_the_students_and_the_records_say_so():
    settings = {
        "name": "s", "dataset": "freesolv", "weak": ["ecfp4"], "strong": "rdkit-cdf",
        "weak_head": "ridge", "strong_head": "ridge", "labels": "disjoint", "seeds": [122],
    }  # fmt: skip
    (plain,), (half,) = (
        run_suite(make_suite(settings | more)).records.to_dict("records")
        for more in ({}, {"kept_labels": 0.5})
    )
    assert half["kept_labels"] == 0.5
    assert "kept_labels" not in plain
    assert half["weak_error"] == plain["weak_error"]
    assert half["w2s_error"] != plain["w2s_error"]
    with pytest.raises(InvalidInput, match="kept_labels is of heads"):
        run_suite(
            make_suite(settings | {"kept_labels": 0.5, "strong": "weak-h8", "strong_mode": "full"})
        )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"strong_head": "least-squares"}, "least-squares has none to choose"),
        ({"selection_labels": 65}, "has 64 molecules to validate on, and .* needs 65"),
    ],
)
def test_a_selection_that_cannot_be_is_an_error(settings, complaint):
    suite = {
        "name": "s", "dataset": "freesolv", "weak": ["ecfp4"], "strong": "rdkit",
        "student_selection": "valid",
    }  # fmt: skip
    with pytest.raises(InvalidInput, match=complaint):
        run_suite(make_suite(suite | settings))


def test_leaking_labels_are_told_and_others_are_not(caplog):
    settings = {
        "name": "s", "dataset": "freesolv", "weak": ["ecfp4"], "strong": "rdkit-cdf",
        "seeds": [122],
    }  # fmt: skip
    for labels, told in (("shared", 1), ("disjoint", 0), ("cross-fitted", 0)):
        caplog.clear()
        run_suite(make_suite(settings | {"labels": labels, "labelled": 0.05, "folds": 3}))
        assert sum("these know the truth there" in each for each in caplog.messages) == told, labels


def test_a_number_of_seeds_is_the_first_so_many():
    assert load_suite("esol", seeds=3).seeds == (0, 1, 2)
    assert load_suite("synthetic-realizable", seeds=3).seeds == (0, 1, 2)


def test_a_study_of_datasets_and_shares_has_each_once():
    suites = load_suites(shipped("benchmarks") / "suites" / "study" / "claim.yaml")
    assert len({suite.name for suite in suites}) == len(suites)
    schemes = {(s.labels, s.labelled if s.labels == "disjoint" else None) for s in suites}
    assert schemes == {
        ("shared", None), ("cross-fitted", None),
        ("disjoint", 0.5), ("disjoint", 0.25), ("disjoint", 0.1),
    }  # fmt: skip
    assert len({suite.dataset for suite in suites}) == 7
    assert all(len(suite.seeds) == 5 and suite.splitter == "5-fold" for suite in suites)


@pytest.mark.parametrize("dataset", ["esol", "freesolv", "lipop"])
def test_a_study_is_its_grid_and_each_suite_is_there_once(dataset):
    suites = load_suites(shipped("benchmarks") / "suites" / "study" / f"{dataset}.yaml")
    # 3 x 3 frozen/finetuned pairings with a head, doubled by labels, and both finetuned.
    assert len({suite.name for suite in suites}) == len(suites) == 2 * (3 + 3 + 3 + 1)
    assert {suite.dataset for suite in suites} == {dataset}
    decisive = {
        (
            suite.weak_mode, suite.weak_head * (suite.weak_mode == "head"),
            suite.strong_mode, suite.strong_head * (suite.strong_mode == "head"), suite.labels,
        )
        for suite in suites
    }  # fmt: skip
    assert len(decisive) == len(suites)
    by_name = {suite.name: suite for suite in suites}
    one = by_name[f"{dataset}-full-norm-ball-disjoint"]
    assert (one.weak_mode, one.strong_mode, one.strong_head) == ("full", "head", "norm-ball")


def test_changes_narrow_a_study(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("dataset: esol\nstudy: {weak_mode: [head, full], labels: [shared, disjoint]}\n")
    names = [suite.name for suite in load_suites(file, labels="shared")]
    assert names == ["mine-kernel-ridge-kernel-ridge-shared", "mine-full-kernel-ridge-shared"]
    file.write_text("dataset: esol\nstudy: {weak_modes: [full]}\n")
    with pytest.raises(InvalidInput, match="study 'mine': weak_modes"):
        load_suites(file)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"weak_mode": "whole"}, "weak_mode: Input should be 'head', 'full' or 'lora'"),
        ({"finetuning": {"seed": 3}}, "finetuning.seed: unknown setting$"),
        ({"finetuning": {"held_out": 1}}, "finetuning.held_out: Input should be less than 1"),
        ({"repeats": [1, 1]}, "repeats: .*appears twice"),
        ({"seeds": 3_000_000_000}, "3,000,000,000 seeds are too many; at most 10,000"),
    ],
)
def test_wrong_settings_are_named(settings, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        make_suite({"name": "x", "dataset": "esol", **settings})


KILLED_RUNS = textwrap.dedent(
    """
    import contextlib, io, json, os, random, signal, sys, time
    import torch, transformers, sklearn, rdkit.Chem, matplotlib.figure
    import transformers.models.bert.modeling_bert
    from transformers import AutoConfig, AutoModel, AutoTokenizer
    import molw2s.experiment.run, molw2s.report
    import molw2s.learners.finetuning.training
    from molw2s.cli import main

    (folder,) = sys.argv[1:]

    def start(name):
        pid = os.fork()
        if pid:
            return pid
        os.environ["MOLW2S_CACHE"] = f"{folder}/{name}-cache"
        with contextlib.redirect_stdout(io.StringIO()):
            try:
                main(["run", f"{folder}/suite.yaml", "--out", f"{folder}/{name}"])
            except SystemExit as stop:
                os._exit(stop.code or 0)
            finally:
                os._exit(99)

    def finish(pid):
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def ended(pid):
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def kept():
        return sum(len(files) for _, _, files in os.walk(f"{folder}/killed-cache/predictions"))

    assert finish(start("whole")) == 0
    rng, exits, counts = random.Random(0), [], [0]
    for attempt in range(10):
        pid = start("killed")
        if attempt % 2:  # a killed start must not have to begin anew for ever
            while kept() == counts[-1] and not ended(pid):
                time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.2))
        os.kill(pid, signal.SIGKILL)
        exits.append(finish(pid))
        counts.append(kept())
    exits.append(finish(start("killed")))
    print(json.dumps({"exits": exits, "kept": counts}))
    """
)


@pytest.mark.slow
def test_a_run_killed_ten_times_ends_with_the_same_records(tmp_path):
    (tmp_path / "suite.yaml").write_text(
        json.dumps(
            {
                "dataset": "freesolv", "weak": ["weak-h8", "weak-h12"], "strong": "weak-h16",
                "weak_mode": "full", "strong_mode": "full", "seeds": [122, 123, 124],
                "finetuning": {"epochs": 2, "batch": 64},
            }
        )
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", KILLED_RUNS, str(tmp_path)],
        capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["exits"][-1] == 0
    assert told["exits"].count(-signal.SIGKILL) == 10
    assert told["kept"] == sorted(told["kept"])
    assert len(set(told["kept"])) >= 5  # killed at different stages
    whole, killed = (tmp_path / name / "records.csv" for name in ("whole", "killed"))
    assert whole.read_bytes() == killed.read_bytes()
    assert len(whole.read_text().splitlines()) == 1 + 6
    trials = json.loads((tmp_path / "killed" / "manifest.json").read_text())["trials"]
    assert trials == {"of": 6}


def test_checkpoints_in_folders_of_one_name_are_told_apart_by_their_paths(tmp_path):
    for folder in ("a", "b"):
        shutil.copytree(shipped("models") / "weak-h8", tmp_path / folder / "mine")
    weak = [str(tmp_path / folder / "mine") for folder in ("a", "b")]
    suite = {"name": "s", "dataset": "freesolv", "strong": "ecfp4", "weak_head": "ridge"}
    records = run_suite(make_suite(suite | {"weak": weak, "seeds": [122]})).records
    assert list(records["weak"]) == ["a/mine", "b/mine"]
    named = make_suite(suite | {"weak": [weak[0], f"other={weak[1]}"], "seeds": [122]})
    assert list(run_suite(named).records["weak"]) == ["mine", "other"]


def test_encoders_of_one_name_are_refused():
    suite = {"name": "s", "dataset": "freesolv", "weak": ["x=weak-h8", "x=ecfp4"]}
    with pytest.raises(InvalidInput, match="more than one encoder is called x"):
        run_suite(make_suite(suite))


def test_an_encoder_in_the_working_folder_has_its_folders_name(tmp_path, monkeypatch):
    shutil.copytree(shipped("models") / "weak-h8", tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    assert get_encoder(".").name == "mine"


def test_progress_counts_what_is_left_to_do(fresh_cache):
    suite = make_suite(
        {
            "name": "x", "dataset": "freesolv", "weak": ["weak-h8", "ecfp4"], "strong": "weak-h8",
            "strong_mode": "full", "weak_head": "ridge", "seeds": [122],
            "finetuning": {"epochs": 1, "batch": 64},
        }
    )  # fmt: skip
    stages = []
    run_suite(suite, progress=lambda *step: stages.append(step))
    # Two encoders, two teachers, a student each, the ceiling, and the representations' measures.
    assert {total for _, _, total in stages} == {8}
    assert [done for _, done, _ in stages] == sorted(done for _, done, _ in stages)
    assert stages[-1][1] == 8
    stages.clear()
    run_suite(suite, progress=lambda *step: stages.append(step))
    assert stages == []  # all of it is kept


def test_more_molecules_than_the_limit_take_landmarks_and_are_measured_on_some(fresh_cache):
    settings = {"name": "s", "dataset": "freesolv", "weak": ["weak-h8"], "strong": "weak-h16"}
    exact = run_suite(make_suite(settings | {"seeds": [122]}))
    limited = make_suite(settings | {"seeds": [122], "exact_rows": 100, "landmarks": 30})
    run, again = run_suite(limited), run_suite(limited)
    assert run.manifest["suite"]["exact_rows"] == 100
    assert run.manifest["suite"]["landmarks"] == 30
    assert exact.manifest["suite"]["exact_rows"] == 10_000
    for column in ("w2s_error", "weak_error", "strong_error", "xue_label_free", "dong_overlap"):
        assert run.records[column].item() == again.records[column].item()
        assert run.records[column].item() != exact.records[column].item()
