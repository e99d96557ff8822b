"""Students averaged with their teachers: NumPy and SciPy on plain ones' predictions."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from molw2s.cli import main
from molw2s.errors import InvalidInput
from molw2s.experiment.predictions import measure_run
from molw2s.experiment.run import run_suite
from molw2s.experiment.settings import make_suite
from molw2s.experiment.sources import Averaged
from molw2s.problems.problem import Case, Parts
from molw2s.store import Store

SETTINGS = {
    "name": "s", "dataset": "freesolv", "weak": ["ecfp4", "rdkit"], "strong": "rdkit-cdf",
    "weak_head": "ridge", "strong_head": "ridge", "labels": "disjoint", "seeds": [122],
    "ensembles": ["mean"], "controls": ["self", "truth"],
}  # fmt: skip
ALONE = ["self", "truth"]


def run(**more):
    return run_suite(make_suite(SETTINGS | more))


@pytest.fixture(scope="module")
def plain():
    return run()


def command(arguments, status):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == status


def part(run, trial, name):
    predictions = run.predictions
    return predictions[(predictions["trial"] == trial) & (predictions["part"] == name)]


@pytest.mark.parametrize("weight", [0.5, 0.25])
def test_a_given_weight_is_the_students_share(plain, weight):
    averaged = run(student_weight=weight)
    for before, after in zip(plain.records.to_dict("records"), averaged.records.to_dict("records")):
        on_test = part(plain, before["trial"], "evaluation")
        weight_of = 1 if after["weak"] in ALONE else weight
        predicted = weight_of * on_test["student"] + (1 - weight_of) * on_test["weak"]
        error = np.mean((predicted - on_test["truth"]) ** 2)
        misfit = np.mean((predicted - on_test["weak"]) ** 2)
        assert after["w2s_error"] == pytest.approx(error)
        assert after["misfit"] == pytest.approx(misfit)
        for same in ("weak_error", "strong_error", "label_error", "w2s_penalty"):
            assert after[same] == pytest.approx(before[same], nan_ok=True)
    weights = averaged.records.set_index("weak")["student_weight"]
    assert weights.drop(ALONE).eq(weight).all()
    assert weights[ALONE].isna().all()


@pytest.mark.parametrize("labels", [None, 10])
def test_true_labels_choose_the_weight_of_least_error(plain, labels):
    asked = {"student_weight": "valid", "selection_labels": labels}
    found = run(**asked).records.set_index("weak")
    assert (found["weight_selection"].drop(ALONE) == (labels or 64)).all()
    assert found.loc[ALONE, "weight_selection"].isna().all()
    if labels:
        return
    for trial, weak in enumerate(found.index.drop(ALONE)):
        valid = part(plain, trial, "validation")

        def error(weight, valid=valid):
            predicted = weight * valid["student"] + (1 - weight) * valid["weak"]
            return np.mean((predicted - valid["truth"]) ** 2)

        best = minimize_scalar(error, bounds=(0, 1), method="bounded", options={"xatol": 1e-9})
        assert found.loc[weak, "student_weight"] == pytest.approx(best.x, abs=1e-5)


values = st.lists(st.floats(-100, 100), min_size=3, max_size=3).map(np.array)


class Constant:
    """Values at hand."""

    key, kept, fits, tasks = "", True, (), 1

    def __init__(self, values):
        self.values = values

    def at(self, rows, store):
        return self.values[rows][:, None]


@given(values, values, values)
def test_where_truth_chooses_the_weight_the_gain_is_at_least_the_misfit(truth, weak, student):
    """The averaged student is the truth's projection onto a segment that ends at the teacher."""
    rows = np.arange(3)
    case = Case("", 0, truth, Parts(rows, rows, rows, rows), (), None)
    averaged = Averaged(Constant(student), Constant(weak), rows, case)
    predicted = averaged.at(rows, Store())[:, 0]
    gain = np.sum((weak - truth) ** 2) - np.sum((predicted - truth) ** 2)
    misfit = np.sum((predicted - weak) ** 2)
    scale = 1 + np.abs([truth, weak, student]).max() ** 2
    assert gain >= misfit - 1e-9 * scale
    assert 0 <= averaged.weights(Store())[0] <= 1


def test_a_student_that_is_its_teacher_stands_alone():
    rows = np.arange(3)
    case = Case("", 0, rows * 1.0, Parts(rows, rows, rows, rows), (), None)
    same = Constant(np.array([1.0, 5.0, 2.0]))
    assert Averaged(same, same, rows, case).weights(Store()) == [1]


def test_records_are_made_again_from_predictions(tmp_path):
    asked = {"student_weight": "valid", "selection_labels": 10}
    run_suite(make_suite(SETTINGS | asked), out=tmp_path)
    before = (tmp_path / "records.csv").read_bytes()
    measure_run(tmp_path)
    assert (tmp_path / "records.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (["0.5"], "ridge averaged with its teacher"),
        (["0.25"], "ridge averaged with its teacher, weight 0.25"),
        (["valid"], "ridge averaged with its teacher as best on true labels"),
        (["valid", "--selection-labels", "9"], "as best on 9 true labels"),
    ],
)
def test_the_command_and_what_a_study_calls_it(asked, told, tmp_path, capsys):
    suite = tmp_path / "s.yaml"
    suite.write_text(json.dumps(SETTINGS))
    folder = tmp_path / "run"
    options = ["--out", str(folder), "--json"]
    page = tmp_path / "page.md"
    command(["run", str(suite), "--student-weight", *asked, *options], 0)
    command(["study", str(folder), "--out", str(page)], 0)
    assert told in page.read_text()
    sides = pd.read_csv(tmp_path / "page" / "table.csv")["strong_side"]
    assert sides.str.endswith(told).all()
    capsys.readouterr()


@pytest.mark.parametrize("weight", ["0", "1.5", "half"])
def test_other_weights_are_refused(weight, capsys):
    command(["run", "freesolv", "--student-weight", weight], 1)
    assert f"student_weight: {weight} is neither 'valid' nor a share" in capsys.readouterr().err


def test_a_weight_that_nothing_can_choose_is_refused():
    with pytest.raises(InvalidInput, match="student_weight 'valid' needs 65"):
        run(student_weight="valid", selection_labels=65)
