"""The assembly line against the same steps done by hand with scikit-learn and NumPy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import nnls
from sklearn.metrics import mean_squared_error

from molw2s import embed, get_encoder, load_dataset, make_splits
from molw2s.errors import InvalidInput, UnknownName
from molw2s.experiment.execute import waves_of
from molw2s.experiment.folder import Run
from molw2s.experiment.plan import plan
from molw2s.experiment.predictions import measure_run
from molw2s.experiment.run import run_suite
from molw2s.experiment.settings import make_suite
from molw2s.experiment.workers import Workers
from molw2s.learners.heads import HEADS
from molw2s.problems import make_problem
from molw2s.problems.labels import parts_of
from molw2s.records import read_records
from molw2s.store import Store

WEAK, STRONG = ("weak-h8", "weak-h12", "weak-h16"), "rdkit-cdf"


@pytest.fixture(scope="module")
def data():
    whole = load_dataset("freesolv")
    return dataclasses.replace(whole, smiles=whole.smiles[:160], target=whole.target[:160])


def suite(**settings):
    return make_suite(
        {
            "name": "small", "dataset": "freesolv", "weak": WEAK, "strong": STRONG,
            "weak_head": "ridge", "strong_head": "ridge", "seeds": [122], "labels": "disjoint",
        }
        | settings
    )  # fmt: skip


class ByHand:
    """One split of the small dataset: fit a head on rows of an encoder, predict any rows."""

    def __init__(self, data, labels="disjoint", folds=10):
        self.data, self.y = data, data.target
        (self.split,) = make_splits(data, seeds=[122])
        self.parts = parts_of(self.split, labels, folds)
        self.X = {
            name: np.float64(embed(get_encoder(name), data.smiles)) for name in (*WEAK, STRONG)
        }

    def predict(self, encoder, rows, labels, asked):
        X = self.X[encoder]
        head = HEADS["ridge"]().fit(X[rows], np.asarray(labels)[:, None])
        return head.predict(X[asked])[:, 0]

    def error(self, predictions):
        return mean_squared_error(self.y[self.parts.evaluation], predictions)


def by_teacher(records):
    return records.set_index("weak")


def test_a_trial_is_what_scikit_learn_makes_of_it(data):
    hand, records = ByHand(data), by_teacher(run_suite(suite(), data).records)
    parts, y = hand.parts, hand.y
    for name in WEAK:
        teach = lambda rows, name=name: hand.predict(  # noqa: E731
            name, parts.labelled, y[parts.labelled], rows
        )
        weak, labels = teach(parts.evaluation), teach(parts.unlabelled)
        student = hand.predict(STRONG, parts.unlabelled, labels, parts.evaluation)
        ceiling = hand.predict(STRONG, parts.unlabelled, y[parts.unlabelled], parts.evaluation)
        row = records.loc[name]
        expected = {
            "weak_error": hand.error(weak),
            "w2s_error": hand.error(student),
            "strong_error": hand.error(ceiling),
            "misfit": mean_squared_error(weak, student),
            "label_error": mean_squared_error(y[parts.unlabelled], labels),
            "weak_error_valid": mean_squared_error(y[parts.validation], teach(parts.validation)),
        }
        assert_allclose(row[list(expected)].astype(float), list(expected.values()), 1e-6)
        assert row["leak"] == pytest.approx(1 - row["label_error"] / row["weak_error"])


def test_cross_fitted_labels_come_from_models_that_have_not_seen_the_molecule(data):
    hand = ByHand(data, "cross-fitted", 5)
    run = run_suite(suite(labels="cross-fitted", folds=5, weak=WEAK[:1]), data)
    parts, y = hand.parts, hand.y
    labels = np.empty(len(y))
    for known, asked in parts.folds:
        labels[asked] = hand.predict(WEAK[0], known, y[known], asked)
    kept = run.predictions[run.predictions["part"] == "unlabelled"].set_index("row")["weak"]
    assert_allclose(kept.loc[parts.unlabelled], labels[parts.unlabelled], 1e-6)
    (row,) = run.records.to_dict("records")
    student = hand.predict(STRONG, parts.unlabelled, labels[parts.unlabelled], parts.evaluation)
    whole = hand.predict(WEAK[0], parts.labelled, y[parts.labelled], parts.evaluation)
    assert row["w2s_error"] == pytest.approx(hand.error(student))
    assert row["weak_error"] == pytest.approx(hand.error(whole))
    shared = run_suite(suite(labels="shared", weak=WEAK[:1]), data).records.iloc[0]
    assert shared["weak_error"] == pytest.approx(row["weak_error"])
    assert shared["label_error"] < row["label_error"]  # what the teacher remembers


def test_ensembles_are_means_of_teachers(data):
    hand = ByHand(data)
    run = run_suite(suite(ensembles=["mean", "validation"]), data)
    records, parts, y = by_teacher(run.records), hand.parts, hand.y
    assert list(records.index) == [*WEAK, "ensemble-mean", "ensemble-validation"]
    everywhere = np.arange(len(y))
    each = np.column_stack(
        [hand.predict(name, parts.labelled, y[parts.labelled], everywhere) for name in WEAK]
    )
    found, _ = nnls(each[parts.validation], y[parts.validation])
    for how, weights in (("mean", np.full(3, 1 / 3)), ("validation", found / found.sum())):
        teacher = each @ weights
        student = hand.predict(
            STRONG, parts.unlabelled, teacher[parts.unlabelled], parts.evaluation
        )
        row = records.loc[f"ensemble-{how}"]
        assert row["weak_error"] == pytest.approx(hand.error(teacher[parts.evaluation]))
        assert row["w2s_error"] == pytest.approx(hand.error(student))
        assert row["teacher_kind"] == "ensemble"
    # The other teachers do not notice.
    alone = by_teacher(run_suite(suite(), data).records)
    assert_allclose(records.loc[list(WEAK), "w2s_error"], alone["w2s_error"], 1e-6)


def test_a_chain_hands_labels_on_from_student_to_student(data):
    hand = ByHand(data)
    run = run_suite(suite(weak=WEAK[:1], chain=WEAK[1:]), data)
    parts, y = hand.parts, hand.y
    labels = hand.predict(WEAK[0], parts.labelled, y[parts.labelled], parts.unlabelled)
    for name in WEAK[1:]:
        labels = hand.predict(name, parts.unlabelled, labels, parts.unlabelled)
    student = hand.predict(STRONG, parts.unlabelled, labels, parts.evaluation)
    (row,) = run.records.to_dict("records")
    assert row["chain"] == "weak-h12 > weak-h16"
    assert row["w2s_error"] == pytest.approx(hand.error(student))


@pytest.mark.parametrize("labels", ["shared", "disjoint"])
def test_controls(data, labels):
    hand = ByHand(data, labels)
    run = run_suite(suite(labels=labels, controls=["self", "truth"]), data)
    records, parts, y = by_teacher(run.records), hand.parts, hand.y
    itself = hand.predict(STRONG, parts.labelled, y[parts.labelled], parts.evaluation)
    own = hand.predict(STRONG, parts.labelled, y[parts.labelled], parts.unlabelled)
    again = hand.predict(STRONG, parts.unlabelled, own, parts.evaluation)
    assert records.loc["self", "weak_error"] == pytest.approx(hand.error(itself))
    assert records.loc["self", "w2s_error"] == pytest.approx(hand.error(again))
    truth = records.loc["truth"]
    assert truth["weak_error"] == truth["label_error"] == 0
    assert truth["w2s_error"] == pytest.approx(hand.error(itself))
    assert truth["n_unlabelled"] == len(parts.labelled)
    assert set(records.loc[["self", "truth"], "teacher_kind"]) == {"control"}


def test_fits_are_done_in_waves_and_none_twice(data, fresh_cache):
    problem = make_problem(suite(weak=WEAK[:2], chain=WEAK[2:], controls=["self"]), data)
    (cases,) = problem.batches(Store())
    works = [work for trial in plan(cases) for work in trial.works]
    waves = waves_of(works, Store())
    done = set()
    for wave in waves:
        for work in wave:
            assert all(need.key in done for need in work.needs), work.title
        keys = [work.key for work in wave]
        assert not done & set(keys)
        assert len(set(keys)) == len(keys)
        done |= set(keys)
    # Embeddings; teachers, self and the representations' measures; the chain; the students.
    assert [len(wave) for wave in waves] == [4, 4, 1, 1]


def test_a_suite_that_grows_fits_only_what_is_new(data, fresh_cache):
    def steps(**settings):
        seen = []
        run_suite(suite(**settings), data, progress=lambda *step: seen.append(step))
        return seen[-1][2] if seen else 0

    assert steps(weak=WEAK[:2]) == 3 + 2 + 1 + 1  # encoders, teachers, students, measures
    assert steps(weak=WEAK[:2]) == 0
    # An encoder and its teacher; the students are one factorisation, with the measures.
    assert steps(weak=WEAK) == 1 + 1 + 1 + 1
    assert steps(weak=WEAK, controls=["self"]) == 1 + 1
    assert steps(weak=WEAK, name="another") == 0


def test_keys_follow_everything_that_decides_a_fit(data):
    def keys(**settings):
        problem = make_problem(suite(**settings), data)
        (cases,) = problem.batches(Store())
        return [trial.student.fits[0].key for trial in plan(cases)][:1]

    everything = [
        keys(), keys(weak_head="kernel-ridge"), keys(strong_head="kernel-ridge"),
        keys(labels="shared"), keys(seeds=[123]), keys(strong="ecfp4"), keys(weak=WEAK[1:]),
        keys(labels="cross-fitted"), keys(labels="cross-fitted", folds=5),
    ]  # fmt: skip
    assert len({key for found in everything for key in found}) == len(everything)
    assert keys() == keys(name="another", ensembles=()) == everything[0]


def test_nothing_is_kept_of_what_nobody_can_know(data, fresh_cache):
    """A head of somebody's own may be edited between two runs."""
    from sklearn.linear_model import Ridge

    from molw2s import HEADS, register_head

    calls = []

    class Mine(Ridge):
        def fit(self, X, y):
            calls.append(len(X))
            return super().fit(X, y)

    register_head("mine-alone")(Mine)
    try:
        settings = suite(weak_head="mine-alone", weak=WEAK[:1])
        for _ in range(2):
            run_suite(settings, data, workers=Workers(1))
        assert len(calls) == 2
    finally:
        del HEADS._items["mine-alone"]


def test_records_are_a_function_of_kept_predictions(data, tmp_path):
    run = run_suite(suite(ensembles=["mean"], controls=["self"]), data, tmp_path / "run")
    again = Run.read(tmp_path / "run")
    pd.testing.assert_frame_equal(again.records, read_records(tmp_path / "run"))
    evaluation = again.predictions[again.predictions["part"] == "evaluation"]
    for trial, rows in evaluation.groupby("trial"):
        row = run.records.iloc[trial]
        assert row["w2s_error"] == pytest.approx(mean_squared_error(rows["truth"], rows["student"]))
        assert row["misfit"] == pytest.approx(mean_squared_error(rows["weak"], rows["student"]))
    molecules = again.predictions.drop_duplicates("row").set_index("row")
    assert all(data.smiles[row] == molecules.loc[row, "smiles"] for row in molecules.index)
    assert_allclose(molecules["truth"], data.target[molecules.index])
    before = {
        path.name: path.read_bytes()
        for path in (tmp_path / "run").iterdir() if path.name != "predictions.parquet"
    }  # fmt: skip
    for name in before:
        if name != "manifest.json":
            (tmp_path / "run" / name).unlink()
    measure_run(tmp_path / "run")
    for name, content in before.items():
        assert (tmp_path / "run" / name).read_bytes() == content, name


def test_other_losses_go_beside_the_run(data, tmp_path):
    run_suite(suite(), data, tmp_path)
    where, records = measure_run(tmp_path, "absolute")
    assert where == tmp_path / "loss-absolute"
    assert set(records["loss"]) == {"absolute"}
    rows = Run.read(tmp_path).predictions
    first = rows[(rows["trial"] == 0) & (rows["part"] == "evaluation")]
    expected = (first["truth"] - first["weak"]).abs().mean()
    assert records["weak_error"].iloc[0] == pytest.approx(expected)
    assert "mean absolute losses in kcal/mol" in (where / "table.md").read_text()
    assert (read_records(where)["loss"] == "absolute").all()
    with pytest.raises(InvalidInput, match=r"trial 0 \(weak-h8, random-122\): loss 'poisson'"):
        measure_run(tmp_path, "poisson")
    with pytest.raises(UnknownName, match="unknown loss 'hinge'; known: squared"):
        measure_run(tmp_path, "hinge")
    with pytest.raises(InvalidInput, match="is a run's folder or a study's"):
        measure_run(tmp_path, "absolute", tmp_path)
    (tmp_path / "predictions.parquet").write_bytes(b"PAR1")
    with pytest.raises(InvalidInput, match="cannot read"):
        measure_run(tmp_path)
    (tmp_path / "predictions.parquet").unlink()
    with pytest.raises(InvalidInput, match="holds no predictions"):
        measure_run(tmp_path)


@pytest.mark.parametrize("what", ["value", "row", "part", "trials", "another run", "not a number"])
def test_changed_predictions_are_measured_by_nobody(data, tmp_path, what):
    run_suite(suite(), data, tmp_path / "run")
    before = (tmp_path / "run" / "records.csv").read_bytes()
    path = tmp_path / "run" / "predictions.parquet"
    table = pq.read_table(path)
    metadata, frame = dict(table.schema.metadata), table.to_pandas()
    if what == "value":
        frame.loc[5, "weak"] += 1e-9
    elif what == "row":
        frame = frame.drop(index=5)
    elif what == "part":
        names = {"evaluation": "validation", "validation": "evaluation"}
        frame["part"] = frame["part"].replace(names)
    elif what == "not a number":
        frame.loc[0, "weak"] = np.nan
    elif what == "trials":
        key = b"molw2s.trials"
        metadata[key] = metadata[key].replace(b"weak-h8", b"weak-h9")
    changed = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(metadata)
    pq.write_table(changed, path)
    complaint = "was changed after the run wrote it"
    if what == "another run":
        run_suite(suite(labels="shared"), data, tmp_path / "other")
        path.write_bytes((tmp_path / "other" / "predictions.parquet").read_bytes())
        complaint = "is another run's"
    for read in (measure_run, Run.read):
        with pytest.raises(InvalidInput, match=complaint):
            read(tmp_path / "run")
    assert (tmp_path / "run" / "records.csv").read_bytes() == before
    # To keep what is there is no reason to keep what is damaged.
    run_suite(suite(), data, tmp_path / "run", existing="keep")
    assert len(Run.read(tmp_path / "run").records) == 3


def test_an_ensemble_needs_the_validation_part_it_takes_its_weights_from(data):
    parts = ("train", *["test"] * 59, *["train"] * 100)
    split = dataclasses.replace(data, split=parts)
    with pytest.raises(InvalidInput, match="validation part, which is empty in split column"):
        run_suite(suite(splitter="column", ensembles=["validation"]), split)


def test_an_unknown_way_to_treat_what_exists_is_an_error(data, tmp_path):
    with pytest.raises(InvalidInput, match="'overwrite' is none of resume, keep, replace"):
        run_suite(suite(), data, tmp_path / "run", existing="overwrite")
