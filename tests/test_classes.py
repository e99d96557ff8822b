"""Classes: logistic heads against scikit-learn, the theorem in nats, and suites of them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from molw2s import run_suite
from molw2s.datasets import MoleculeDataset
from molw2s.errors import InvalidInput
from molw2s.experiment.predictions import measure_run
from molw2s.experiment.settings import make_suite
from molw2s.learners.heads import Logistic
from molw2s.learners.heads.logistic import PENALTIES, _newton
from molw2s.losses import LOSSES
from molw2s.problems.synthetic.targets import draw_mlp, perturb
from molw2s.theory import Values, measures, roc_auc


def classes(n=200, d=5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) + 1
    probabilities = expit((X - 1) @ rng.normal(size=d))
    return X, probabilities, (rng.random(n) < probabilities).astype(float)


@pytest.mark.parametrize("penalty", [0.1, 3.0])
def test_a_logistic_head_is_scikit_learns(penalty):
    X, _, y = classes()
    ours = Logistic(penalty=penalty).fit(X, y)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=10_000).fit(X, y)
    assert_allclose(ours.coef_, theirs.coef_[0], atol=1e-6)
    assert_allclose(ours.predict(X), theirs.predict_proba(X)[:, 1], atol=1e-6)


def test_a_teachers_probabilities_are_weighted_classes():
    X, p, _ = classes()
    ours = Logistic(penalty=1.0).fit(X, p)
    theirs = LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000)
    theirs.fit(np.vstack([X, X]), np.repeat([1, 0], len(X)), sample_weight=np.r_[p, 1 - p])
    assert_allclose(ours.coef_, theirs.coef_[0], atol=1e-6)


def test_many_targets_are_the_single_targets():
    X, p, y = classes()
    together = Logistic().fit(X, np.column_stack([p, y]))
    alone = [Logistic().fit(X, each) for each in (p, y)]
    assert_allclose(together.penalty_, [each.penalty_ for each in alone])
    assert_allclose(together.predict(X), np.column_stack([each.predict(X) for each in alone]))


def test_a_confident_head_reproduces_the_classes_that_it_is_fitted_to():
    """Burns et al. 2023: labels mixed with its own classes; scikit-learn fits the mixture."""
    X, p, _ = classes(seed=3)
    trust = 0.5
    head = Logistic(penalty=2.0, confidence=trust).fit(X, p)
    logits = X @ head.coef_ + head.intercept_
    own = (logits > np.sort(logits)[-round(p.sum()) - 1]).astype(float)
    assert own.sum() == round(p.sum())
    mixed = (1 - trust) * p + trust * own
    theirs = LogisticRegression(C=1 / 2.0, tol=1e-12, max_iter=10_000)
    theirs.fit(np.vstack([X, X]), np.repeat([1, 0], len(X)), sample_weight=np.r_[mixed, 1 - mixed])
    assert_allclose(head.coef_, theirs.coef_[0], atol=1e-6)

    plain = Logistic(penalty=2.0).fit(X, p)
    assert np.abs(logits).mean() > 1.2 * np.abs(X @ plain.coef_ + plain.intercept_).mean()
    chosen = Logistic(confidence=trust).fit(X, p).penalty_
    assert chosen == Logistic().fit(X, p).penalty_
    with pytest.raises(ValueError, match="confidence is 1, expected a weight"):
        Logistic(confidence=1).fit(X, p)


def test_approximate_leave_one_out_is_nearly_what_leaving_each_point_out_gives():
    X, _, y = classes(n=60, d=3)
    design = np.column_stack([np.ones(len(X)), X - X.mean(0)])
    _, logits = _newton(design, y, 1.0, np.zeros(4))
    model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000)
    exact = cross_val_predict(model, X, y, cv=LeaveOneOut(), method="predict_proba")[:, 1]
    fitted = model.fit(X, y).predict_proba(X)[:, 1]
    assert np.abs(expit(logits) - exact).max() < 0.1 * np.abs(fitted - exact).max()


def test_true_labels_elsewhere_choose_the_penalty_of_least_log_loss_there():
    X, _, y = classes(n=40, seed=1)
    X_val, _, y_val = classes(n=80, seed=2)
    candidates = PENALTIES * ((X - X.mean(0)) ** 2).sum(1).mean() / 4
    losses = [
        log_loss(y_val, Logistic(penalty=each).fit(X, y).predict(X_val)) for each in candidates
    ]
    chosen = Logistic().fit(X, y, X_val, y_val).penalty_
    assert chosen == pytest.approx(candidates[np.argmin(losses)])


def test_separable_classes_are_no_trouble():
    X = np.linspace(-1, 1, 20)[:, None]
    predicted = Logistic().fit(X, (X[:, 0] > 0) * 1.0).predict(X)
    assert np.isfinite(predicted).all()
    assert ((predicted > 0.5) == (X[:, 0] > 0)).all()
    assert ((predicted > 0) & (predicted < 1)).all()


@pytest.mark.parametrize("target", [[0.0, 1.0, 2.0], [-0.1, 0.5, 1.0]])
def test_what_is_no_probability_is_refused(target):
    with pytest.raises(ValueError, match="classes 0 and 1, or probabilities"):
        Logistic().fit(np.eye(3), target)


def test_the_area_under_the_curve_is_scikit_learns():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, (50, 3)).astype(float)
    predicted = rng.random((50, 3)).round(1)  # with ties
    expected = [roc_auc_score(t, p) for t, p in zip(truth.T, predicted.T)]
    assert_allclose(roc_auc(truth, predicted), expected)
    assert np.isnan(roc_auc(np.ones((5, 1)), np.ones((5, 1)))).all()
    assert np.isnan(roc_auc(np.full((5, 1), 0.5), np.ones((5, 1)))).all()


def test_gain_is_misfit_in_nats_where_the_strong_class_holds_the_truth():
    """Functions with linear logits over h*, of which the truth is one: the student that minimises
    cross-entropy is the projection in the reversed loss, so the slope is 1 (Mulgund and Pabbaraju
    2025), up to what finitely many points leave."""
    rng = np.random.default_rng(0)
    strong = draw_mlp(rng, (8, 16, 16, 16))
    weak = perturb(rng, strong, 0.05)
    x = rng.normal(0, 1, (24_000, 8))
    H, W = strong(x), weak(x)
    known, unknown, fresh = slice(0, 2000), slice(2000, 4000), slice(4000, None)
    slopes = []
    for _ in range(5):
        gains, misfits = [], []
        for _ in range(20):
            logits = H @ rng.normal(size=H.shape[1])
            truth = expit(2 * (logits - logits.mean()) / logits.std())
            teacher = Logistic(penalty=1e-6).fit(W[known], truth[known])
            student = Logistic(penalty=1e-6).fit(H[unknown], teacher.predict(W[unknown]))
            values = (truth[fresh], teacher.predict(W[fresh]), student.predict(H[fresh]))
            columns = [each[:, None] for each in values]
            found = measures(Values(*columns, columns[0]), loss=LOSSES["logistic-reversed"])
            gains.append(found["gain"][0])
            misfits.append(found["misfit"][0])
        slopes.append(np.polyfit(misfits, gains, 1)[0])
    mean, error = np.mean(slopes), np.std(slopes, ddof=1) / np.sqrt(5)
    assert abs(mean - 1) < 2.78 * error + 0.02
    assert mean > 0.9


def few(target):
    rng = np.random.default_rng(0)
    smiles = ["C" * int(n) + "O" * int(m) for n, m in zip(rng.integers(1, 9, 60), range(60))]
    return MoleculeDataset("few", tuple(smiles), np.asarray(target, float), "")


SUITE = {
    "name": "s", "dataset": "few", "weak": ["ecfp4"], "strong": "rdkit-cdf", "loss": "logistic",
    "weak_head": "logistic", "strong_head": "logistic", "seeds": [1], "labels": "disjoint",
}  # fmt: skip


def test_a_suite_of_classes_is_measured_in_nats_and_by_its_curves():
    dataset = few(np.arange(60) % 3 == 0)
    run = run_suite(make_suite(SUITE), dataset)
    (record,) = run.records.to_dict("records")
    kept = run.predictions
    test = kept[kept["part"] == "evaluation"]
    assert record["loss"] == "logistic"
    for name, column in (("weak_error", "weak"), ("w2s_error", "student")):
        assert record[name] == pytest.approx(log_loss(test["truth"], test[column], labels=[0, 1]))
    assert record["weak_auc"] == pytest.approx(roc_auc_score(test["truth"], test["weak"]))


def test_a_run_of_classes_is_measured_again_from_its_predictions(tmp_path):
    run = run_suite(make_suite(SUITE), few(np.arange(60) % 3 == 0), out=tmp_path)
    where, again = measure_run(tmp_path)
    assert where == tmp_path
    assert again["weak_auc"].tolist() == run.records["weak_auc"].tolist()
    assert again["gain"].tolist() == pytest.approx(run.records["gain"].tolist())
    where, brier = measure_run(tmp_path, "squared")
    assert where == tmp_path / "loss-squared"
    assert "weak_auc" not in brier
    assert (brier["weak_error"] <= 1).all()


@pytest.mark.parametrize(
    ("settings", "target", "complaint"),
    [
        ({}, np.arange(60.0), "for classes 0 and 1; few has others"),
        (
            {"loss": "squared", "weak_head": "ridge"},
            np.arange(60) % 2,
            "do not predict; weak heads",
        ),
        ({"weak_head": "ridge"}, np.arange(60) % 2, "ridge does not predict; heads that do: log"),
        ({"controls": ["truth"]}, np.arange(60) % 2, "no control 'truth'"),
    ],
)
def test_what_cannot_be_measured_in_nats_is_an_error(settings, target, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        run_suite(make_suite(SUITE | settings), few(target))
