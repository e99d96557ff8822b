"""The command line end to end, on real data."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from molw2s.analysis import RULES
from molw2s.cli import main
from molw2s.records import read_records

SMALL = ["--weak", "weak-h8", "--weak", "weak-h96", "--strong", "rdkit"]
FILES = {
    "records.csv", "manifest.json", "table.md", "table.csv", "gain_vs_misfit.png",
    "gain_vs_misfit.svg", "predictions.parquet", "report.html",
}  # fmt: skip


@pytest.fixture
def molw2s(capsys):
    """Run a command in this process; returns exit code, stdout and stderr."""

    def command(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return stop.value.code or 0, out, err

    return command


@pytest.fixture(scope="module")
def freesolv(tmp_path_factory):
    """The folder of one small run of FreeSolv."""
    out = tmp_path_factory.mktemp("runs") / "freesolv"
    with pytest.raises(SystemExit):
        main(["run", "freesolv-paper", *SMALL, "--out", str(out)])
    return out


def test_run_writes_what_it_promises(freesolv):
    assert {path.name for path in freesolv.iterdir()} == FILES
    records = read_records(freesolv)
    assert len(records) == 2 * 3
    assert (records["gain"] == records["weak_error"] - records["w2s_error"]).all()
    assert records["misfit"].between(0, 15).all()
    # Predicting the mean scores 14.8; the encoders must know better.
    assert records[["weak_error", "w2s_error", "strong_error"]].max().max() < 12
    manifest = json.loads((freesolv / "manifest.json").read_text())
    assert manifest["suite"]["weak"] == ["weak-h8", "weak-h96"]
    assert set(manifest["encoders"]) == {"weak-h8", "weak-h96", "rdkit"}
    assert set(records["weak_sha256"]) == {
        manifest["encoders"][name]["sha256"] for name in ("weak-h8", "weak-h96")
    }
    assert (freesolv / "gain_vs_misfit.png").read_bytes()[:4] == b"\x89PNG"


def test_the_same_command_gives_identical_records(freesolv, molw2s, tmp_path):
    code, out, _ = molw2s("run", "freesolv-paper", *SMALL, "--out", tmp_path / "again")
    assert code == 0
    assert "| weak-h96 | 96 |" in out
    for name in FILES - {"manifest.json"}:
        assert (tmp_path / "again" / name).read_bytes() == (freesolv / name).read_bytes(), name


def test_report_makes_the_same_tables_from_the_records_alone(freesolv, molw2s, tmp_path):
    (tmp_path / "records.csv").write_bytes((freesolv / "records.csv").read_bytes())
    code, out, _ = molw2s("report", tmp_path)
    assert code == 0
    assert "weak error - misfit" in out
    for name in ("table.md", "table.csv", "gain_vs_misfit.png", "gain_vs_misfit.svg"):
        assert (tmp_path / name).read_bytes() == (freesolv / name).read_bytes(), name


def test_report_makes_the_page_that_the_run_wrote(freesolv, molw2s, tmp_path):
    for name in ("records.csv", "manifest.json", "predictions.parquet"):
        (tmp_path / name).write_bytes((freesolv / name).read_bytes())
    code, out, _ = molw2s("report", tmp_path)
    assert code == 0
    assert f"Page: {tmp_path / 'report.html'}" in out
    assert (tmp_path / "report.html").read_bytes() == (freesolv / "report.html").read_bytes()


def test_the_table_is_sorted_and_averages_over_splits(freesolv):
    records = pd.read_csv(freesolv / "records.csv")
    table = pd.read_csv(freesolv / "table.csv")
    assert table["weak_error_minus_misfit_mean"].is_monotonic_increasing
    ours = records[records["weak"] == "weak-h8"]["w2s_error"]
    row = table.set_index("weak").loc["weak-h8"]
    assert row["w2s_error_mean"] == pytest.approx(np.mean(ours))
    assert row["w2s_error_std"] == pytest.approx(np.std(ours, ddof=1))


def test_disjoint_labels_halve_the_training_part(molw2s, tmp_path):
    molw2s("run", "freesolv-paper", *SMALL, "--labels", "disjoint", "--out", tmp_path)
    records = pd.read_csv(tmp_path / "records.csv")
    assert set(records["labels"]) == {"disjoint"}
    assert set(zip(records["n_labelled"], records["n_unlabelled"])) == {(256, 257)}


def test_compare_without_figures_of_the_paper_says_so(freesolv, molw2s):
    code, out, _ = molw2s("compare", freesolv)
    assert code == 0
    assert "the rule chooses" in out
    assert "the paper: no figures at hand for freesolv" in out


def test_a_run_records_what_every_rule_looks_at(freesolv, molw2s):
    records = pd.read_csv(freesolv / "records.csv")
    # A value of its own for each teacher and split: nothing is copied or left empty.
    for rule in RULES:
        assert records[rule.column].nunique() == len(records), rule
    _, out, _ = molw2s("compare", freesolv, "--json")
    rules = json.loads(out)["rules"]
    assert [rule["column"] for rule in rules] == [rule.column for rule in RULES]
    assert {rule["chosen"] for rule in rules} == {"weak-h8", "weak-h96"}
    assert rules[0]["regret"] == json.loads(out)["run"]["regret"]


def test_json_is_one_object(freesolv, molw2s, tmp_path):
    for arguments in (
        ("run", "freesolv-paper", *SMALL, "--out", tmp_path),
        ("report", freesolv),
        ("compare", freesolv),
        ("list", "encoders"),
    ):
        code, out, _ = molw2s(*arguments, "--json")
        assert code == 0
        assert isinstance(json.loads(out), dict)


def test_json_has_null_for_what_is_undefined(freesolv, molw2s, tmp_path):
    records = pd.read_csv(freesolv / "records.csv")
    records[records["weak"] == "weak-h8"].to_csv(tmp_path / "records.csv", index=False)
    _, out, _ = molw2s("compare", tmp_path, "--json")

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(out, parse_constant=refuse)["run"]["spearman"] is None
    _, out, _ = molw2s("compare", tmp_path)
    assert "One teacher: there is nothing to choose" in out
    assert "regret, each split" not in out


def test_an_unfinished_run_is_not_reported(freesolv, molw2s, tmp_path):
    (tmp_path / "manifest.json").write_bytes((freesolv / "manifest.json").read_bytes())
    for command in ("report", "compare", "study"):
        code, _, err = molw2s(command, tmp_path)
        assert code == 1
        assert "is a run that has not ended; the command that began it finishes it" in err
    records = (freesolv / "records.csv").read_text().splitlines(keepends=True)
    (tmp_path / "records.csv").write_text("".join(records[:-1]))
    for command in ("report", "compare", "study"):
        code, _, err = molw2s(command, tmp_path)
        assert code == 1
        assert "holds 5 of 6 trials" in err


def test_wrong_use_is_told_without_a_traceback(molw2s, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    code, _, err = molw2s("run", "freesolv-paper", *SMALL, "--out", "file")
    assert code == 1
    assert "file is a file, not a folder" in err
    monkeypatch.setattr(
        "molw2s.experiment.run.execute", None
    )  # it is told before anything is fitted
    code, _, err = molw2s("run", "freesolv-paper", *SMALL, "--out", "file/deeper")
    assert code == 1
    assert "file is a file, not a folder" in err
    code, _, err = molw2s("run", "freesolv-paper", *SMALL, "--seed", "-1")
    assert code == 1
    assert "seeds" in err


def test_a_csv_of_ones_own_with_a_split_column(molw2s, tmp_path, molecules):
    parts = ["train"] * 9 + ["test"] * 3
    frame = pd.DataFrame({"S": molecules, "T": range(12), "part": parts})
    frame.loc[12] = ["C1CC", 1, "train"]
    frame.to_csv(tmp_path / "my.csv", index=False)
    run = ["run", "--csv", tmp_path / "my.csv", "--smiles-column", "S", "--target-column", "T",
           "--split-column", "part", "--weak", "weak-h8", "--strong", "ecfp4"]  # fmt: skip
    code, _, err = molw2s(*run, "--out", tmp_path / "out")
    assert code == 1
    assert "line 14: SMILES 'C1CC' cannot be parsed" in err
    assert not (tmp_path / "out").exists()
    code, _, err = molw2s(*run, "--drop-invalid", "--out", tmp_path / "out")
    assert code == 0
    assert "left out 1 invalid" in err
    assert "line 14: SMILES 'C1CC' cannot be parsed" in err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert list(manifest["dataset"]["dropped"]) == ["line 14"]
    assert manifest["splits"]["column"]["test"]["rows"] == 3


def test_a_part_that_is_none_is_named_by_its_line(molw2s, tmp_path, molecules):
    parts = ["train"] * 9 + ["validation"] * 3
    frame = pd.DataFrame({"smiles": molecules, "target": range(12), "part": parts})
    frame.to_csv(tmp_path / "my.csv", index=False)
    code, _, err = molw2s("run", "--csv", tmp_path / "my.csv", "--split-column", "part")
    assert code == 1
    assert "my.csv, line 11: 'part' is 'validation', expected one of train, valid, test" in err


def test_a_csv_takes_the_place_of_a_suites_dataset(molw2s, tmp_path, molecules):
    pd.DataFrame({"smiles": molecules, "target": range(12)}).to_csv(tmp_path / "c.csv", index=False)
    (tmp_path / "mine.yaml").write_text(
        "dataset: esol\nweak: [weak-h8]\nstrong: ecfp4\nweak_head: ridge\nseeds: [5]\n"
    )
    out = tmp_path / "out"
    code, _, _ = molw2s("run", tmp_path / "mine.yaml", "--csv", tmp_path / "c.csv", "--out", out)
    assert code == 0
    records = read_records(out)
    assert records[["suite", "dataset", "weak_head", "split"]].values.tolist() == [
        ["mine", "c", "ridge", "random-5"]
    ]
    assert records["n_labelled"].tolist() == [9]


def test_another_run_is_replaced_only_when_told(molw2s, tmp_path, molecules):
    frame = pd.DataFrame({"smiles": molecules, "target": range(12)})
    frame.to_csv(tmp_path / "a.csv", index=False)
    command = ["run", "--csv", tmp_path / "a.csv", "--weak", "weak-h8", "--strong", "ecfp4",
               "--seed", 5, "--out", tmp_path / "out"]  # fmt: skip
    ridge = [*command, "--weak-head", "ridge"]
    assert molw2s(*command)[0] == 0
    assert molw2s(*command)[0] == 0
    code, _, err = molw2s(*ridge)
    assert code == 1
    assert "weak_head: kernel-ridge there, ridge now); choose another folder" in err
    assert (read_records(tmp_path / "out")["weak_head"] == "kernel-ridge").all()
    assert molw2s(*ridge, "--overwrite")[0] == 0
    assert (read_records(tmp_path / "out")["weak_head"] == "ridge").all()
    frame.assign(other=frame["target"] + 1).to_csv(tmp_path / "a.csv", index=False)
    assert molw2s(*ridge)[0] == 0  # another file, but the same molecules and targets
    code, _, err = molw2s(*ridge, "--target-column", "other")
    assert code == 1
    assert "other molecules, targets or parts" in err
    of_the_same_name = tmp_path / "freesolv.csv"
    frame.to_csv(of_the_same_name, index=False)
    mine = ["run", "freesolv-paper", "--csv", of_the_same_name, *command[3:-1], tmp_path / "mine"]
    assert molw2s(*mine)[0] == 0
    code, _, err = molw2s(mine[0], mine[1], *mine[4:])
    assert code == 1
    assert "other molecules, targets or parts" in err
    (tmp_path / "out" / "manifest.json").write_text("[]")
    assert "whose manifest cannot be read" in molw2s(*ridge)[2]
    assert molw2s(*ridge, "--overwrite")[0] == 0


def test_any_file_name_will_do(molw2s, tmp_path, monkeypatch, molecules):
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"smiles": molecules, "target": range(12), "split": "train"})
    frame.loc[9:, "split"] = "test"
    frame.to_csv("my data (2).csv", index=False)
    code, _, _ = molw2s("run", "--csv", "my data (2).csv", "--split-column", "split",
                        "--weak", "weak-h8", "--strong", "ecfp4")  # fmt: skip
    assert code == 0
    assert {path.name for path in (tmp_path / "runs" / "my-data-2-").iterdir()} == FILES


def test_a_failing_run_leaves_no_table_of_an_earlier_one(freesolv, molw2s, tmp_path, monkeypatch):
    for path in freesolv.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    again = [
        "run",
        "freesolv-paper",
        *SMALL,
        "--weak-head",
        "ridge",
        "--out",
        tmp_path,
        "--overwrite",
    ]

    def stopped(folder, source):
        raise KeyboardInterrupt

    monkeypatch.setattr("molw2s.experiment.run.write_report", stopped)
    assert molw2s(*again)[0] == 130
    assert {path.name for path in tmp_path.iterdir()} == {
        "records.csv", "manifest.json", "predictions.parquet",
    }  # fmt: skip
    assert (read_records(tmp_path)["weak_head"] == "ridge").all()


def test_suites_of_one_name_are_refused(molw2s, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.yaml").write_text("dataset: freesolv\n")
    code, _, err = molw2s("run", tmp_path / "a" / "mine.yaml", tmp_path / "b" / "mine.yaml")
    assert code == 1
    assert "same name" in err


def test_duplicates_are_in_the_manifest(molw2s, tmp_path):
    molw2s(
        "run",
        "esol-paper",
        "--weak",
        "weak-h8",
        "--strong",
        "ecfp4",
        "--seed",
        122,
        "--out",
        tmp_path,
    )
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert len(manifest["dataset"]["duplicates"]) == 11


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["run"], 2, "name one or more suites"),
        (["run", "esoll"], 2, "unknown suite 'esoll'"),
        (["run", "esol", "--weak", "weak-h9"], 2, "did you mean"),
        (
            ["run", "esol", "--weak-head", "ridgee"],
            2,
            "unknown head 'ridgee'; did you mean 'ridge'",
        ),
        (["run", "esol", "--weak", "ecfp4", "--weak", "ecfp4"], 1, "appears twice"),
        (["run", "esol", "--weak", "./nowhere"], 2, "there is no such folder"),
        (["run", "esol", "--labels", "none"], 2, "--labels"),
        (["run", "esol", "--unit", "furlong", "--drop-invalid"], 2, "--unit, --drop-invalid: only"),
        (["run", "esol", "--splitter", "scaffold", "--seed", "1"], 2, "--seed is for random"),
        (["run", "esol", "--repeat", "1"], 2, "--repeat is for finetuning"),
        (["run", "esol-paper", "--labelled", "0.1"], 2, "--labelled is for disjoint labels"),
        (["run", "esol", "--selection-labels", "9"], 2, "--selection-labels is for"),
        (["run", "esol", "--strong-head", "logistic"], 1, "logistic heads are for classes"),
        (["run", "synthetic", "--weak-mode", "full"], 1, "is synthetic and has no weak_mode"),
        (
            ["run", "--csv", "x.csv", "--splitter", "random", "--split-column", "S"],
            2,
            "--split-column or --splitter",
        ),
        (["run", "--csv", "nowhere.csv"], 1, "cannot read nowhere.csv"),
        (["report", "nowhere"], 1, "nowhere holds no run"),
        (["compare", "nowhere"], 1, "nowhere holds no run"),
        (["pretrain", "nowhere.yaml", "--out", "x"], 1, "cannot read the recipe"),
        (["encode", "ecfp4", "nowhere.csv", "-o", "x.npy"], 1, "cannot read nowhere.csv"),
    ],
)
def test_wrong_use_is_explained(molw2s, tmp_path, monkeypatch, arguments, code, complaint):
    monkeypatch.chdir(tmp_path)
    found, _, err = molw2s(*arguments)
    assert found == code
    assert complaint in err
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_an_unknown_key_in_a_suite_is_an_error(molw2s, tmp_path):
    (tmp_path / "mine.yaml").write_text("dataset: esol\nweek: [ecfp4]\n")
    code, _, err = molw2s("run", tmp_path / "mine.yaml")
    assert code == 1
    assert "week: unknown setting; did you mean weak" in err
    (tmp_path / "mine.yaml").write_text("dataset: esol\nweak: ecfp4\n")
    code, _, err = molw2s("run", tmp_path / "mine.yaml")
    assert code == 1
    assert "weak: should be a list: [a, b]" in err


def test_help_tells_the_defaults(molw2s):
    _, out, _ = molw2s("run", "--help")
    text = " ".join(out.replace("│", " ").split())
    assert "(default: runs/SUITE)" in text
    assert text.count("default: the suite's") == 5


def test_help_needs_none_of_the_heavy_packages():
    program = (
        "import sys; from molw2s.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'deepchem', 'sklearn', 'pandas', 'numpy', 'rdkit'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_listing_encoders_loads_no_models_and_no_estimators():
    program = (
        "import sys; from molw2s.cli import main\n"
        "try: main(['list', 'encoders'])\n"
        "except SystemExit: pass\n"
        "print(' '.join({'torch', 'transformers', 'sklearn'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "strong-small-v2" in done.stdout
    assert done.stderr.strip() == ""


def test_deepchems_chatter_does_not_reach_the_user():
    pytest.importorskip("deepchem")
    program = "from molw2s.datasets.with_deepchem import deepchem; print(deepchem().__version__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert len(done.stdout.split()) == 1
