"""Synthetic targets, learned representations and their runs, against independent figures."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from molw2s.errors import InvalidInput, UnknownName
from molw2s.experiment.protocol import ThreeSets, weak_to_strong
from molw2s.experiment.run import run_suite
from molw2s.experiment.settings import SYNTHETIC_SUITES, expand_suites, load_suite, make_suite
from molw2s.learners.heads import HEADS
from molw2s.problems.synthetic import representations
from molw2s.problems.synthetic.problem import draw_world
from molw2s.problems.synthetic.representations import Search, learn, objective, unscaled
from molw2s.problems.synthetic.targets import Mlp, draw_mlp, draw_task_data, draw_tasks, perturb

SMALL = {
    "kind": "synthetic", "name": "small", "input_dim": 3, "width": 5, "target_depth": 2,
    "strong_depth": 3, "pretraining_tasks": 4, "pretraining_points": 60, "tasks": 6,
    "points": 80, "evaluation_points": 300, "steps": 45, "restarts": 2, "polish": 10,
}  # fmt: skip
PARTS = ("labelled", "unlabelled", "evaluation")
LEAST_SQUARES = HEADS["least-squares"]


def rng(seed=0):
    return np.random.default_rng(seed)


def population(strong, weak, truth):
    """The protocol where P is a finite set: every set of points is the same one."""
    (trials,) = weak_to_strong(
        [ThreeSets(weak, weak, weak)],
        ThreeSets(strong, strong, strong),
        ThreeSets(truth, truth, truth),
        LEAST_SQUARES,
        LEAST_SQUARES,
    )
    return trials


@pytest.fixture(scope="module")
def world():
    """h*, 1500 inputs at sigma = 500, and 20 tasks' values there."""
    truth = draw_mlp(rng(1), (8, 16, 16, 16, 16, 16))
    x = rng(2).normal(0, 500, (1500, 8))
    return truth, x, draw_tasks(rng(3), 16, 20)(truth(x))


def test_the_paper_s_constants_are_the_defaults():
    suites = {name: load_suite(name) for name in SYNTHETIC_SUITES}
    assert expand_suites(["synthetic", "esol"]) == [*suites, "esol"]
    for name, suite in suites.items():
        assert (suite.input_dim, suite.width, suite.target_depth) == (8, 16, 5)
        assert (suite.input_scale, suite.tasks, suite.points) == (500, 100, 2000)
        low = name == "synthetic-low-sample"
        expected = (5, 250) if low else (10, 2000)
        assert (suite.pretraining_tasks, suite.pretraining_points) == expected
        flipped = "reversed" in name or low
        assert suite.expected_slope == (-1 if flipped else 1)
    depths = {name: (suite.weak_depth, suite.strong_depth) for name, suite in suites.items()}
    assert depths.pop("synthetic-reversed-pretraining") == (8, 2)
    assert set(depths.values()) == {(2, 8)}
    noise = {name: (suite.weak_noise, suite.strong_noise) for name, suite in suites.items()}
    assert noise["synthetic-perturbation"] == (0.05, 0.01)
    assert noise["synthetic-reversed-perturbation"] == (0.01, 0.05)


def test_the_target_has_pytorch_s_default_initialisation():
    ours = draw_mlp(rng(), (8, 400, 400))
    for weight, bias in zip(ours.weights, ours.biases):
        layer = torch.nn.Linear(*weight.shape)
        for values, theirs in ((weight, layer.weight), (bias, layer.bias)):
            bound = weight.shape[0] ** -0.5
            assert np.abs(values).max() <= bound
            assert values.std() == pytest.approx(bound / math.sqrt(3), rel=0.1)
            assert values.std() == pytest.approx(theirs.std().item(), rel=0.15)


def test_an_mlp_agrees_with_torch():
    ours = draw_mlp(rng(), (3, 5, 4))
    x = rng(1).normal(0, 500, (7, 3))
    before, h = x.copy(), torch.tensor(x)
    for weight, bias in zip(ours.weights, ours.biases):
        h = torch.relu(torch.nn.functional.linear(h, torch.tensor(weight.T), torch.tensor(bias)))
    np.testing.assert_allclose(ours(x), h.numpy(), rtol=1e-12)
    np.testing.assert_array_equal(x, before)


def test_perturbation_has_the_standard_deviation_it_says():
    clean = draw_mlp(rng(), (8, 300, 300))
    noisy = perturb(rng(1), clean, 0.05)
    weights = np.concatenate([(b - a).ravel() for a, b in zip(clean.weights, noisy.weights)])
    biases = np.concatenate([b - a for a, b in zip(clean.biases, noisy.biases)])
    assert weights.std() == pytest.approx(0.05, rel=0.02)
    assert biases.std() == pytest.approx(0.05, rel=0.15)
    assert abs(weights.mean()) < 4 * 0.05 / math.sqrt(weights.size)


def test_scales_fold_into_the_first_and_last_layer():
    net = draw_mlp(rng(), (8, 16, 16, 16))
    x = rng(1).normal(0, 500, (50, 8))
    np.testing.assert_allclose(unscaled(net, 500.0, 3.7)(x), 3.7 * net(x / 500), rtol=1e-12)
    one = draw_mlp(rng(), (8, 16))
    np.testing.assert_allclose(unscaled(one, 500.0, 3.7)(x), 3.7 * one(x / 500), rtol=1e-12)


def test_the_written_out_gradient_is_autograd_s():
    gen = rng()
    rows, width, steps = 30, 5, 6
    problem = representations._Problem(
        *(torch.tensor(gen.normal(size=shape)) for shape in ((rows, 3), (rows,), (rows, width)))
    )
    starts = [torch.tensor(s) for s in representations._starts(gen, 1, [3, width, width, width])]
    search = Search(restarts=1, steps=steps, batch=rows, learning_rate=0.02)
    found = representations._adam(problem, starts, search, torch.Generator().manual_seed(0))

    theta = [start[0].clone().requires_grad_() for start in starts]
    adam = torch.optim.Adam(theta)
    for step in range(steps):
        cosine = 0.5 + 0.5 * math.cos(math.pi * step / steps)
        adam.param_groups[0]["lr"] = 0.02 * (step + 1) / 20 * cosine
        adam.zero_grad()
        (problem.residuals(theta) ** 2).mean().backward()
        adam.step()
    for ours, theirs, start in zip(found, theta, starts):
        np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-9, atol=1e-12)
        assert not torch.equal(ours, start[0])


@pytest.mark.parametrize("depth", [2, 4])
def test_a_planted_representation_s_loss_of_zero_is_nearly_reached(depth):
    truth = draw_mlp(rng(5), (3, 6, 6))
    data = draw_task_data(rng(6), truth, 6, 300, 500.0)
    assert objective(truth, data) == pytest.approx(0, abs=1e-20)
    found = learn(data, depth, np.random.SeedSequence(0), Search(16, 1000 * depth, 256, 0.01, 500))
    assert found.representation.depth == depth
    assert [w.shape for w in found.representation.weights] == [(3, 6), *[(6, 6)] * (depth - 1)]
    assert found.loss < 3e-3 * data.y.var(1).mean()
    fresh = draw_task_data(rng(6), truth, 6, 300, 500.0)  # the same heads
    fresh_x = rng(7).normal(0, 500, fresh.x.shape)
    error = fresh.tasks(found.representation(fresh_x)) - fresh.tasks(truth(fresh_x))
    assert (error**2).mean() < 0.02 * data.y.var(1).mean()


def test_polishing_never_makes_it_worse_and_search_improves_on_its_start():
    truth = draw_mlp(rng(1), (8, 16, 16, 16, 16, 16))
    data = draw_task_data(rng(2), truth, 5, 200, 500.0)
    losses = [
        learn(data, 3, np.random.SeedSequence(0), Search(2, steps, 256, 0.01, polish)).loss
        for steps, polish in ((3, 0), (300, 0), (300, 100))
    ]
    assert losses[0] > 2 * losses[1] > 2 * losses[2]


def test_heads_are_minimum_norm_on_badly_scaled_rank_deficient_features(world):
    truth, x, y = world
    features = truth(x)
    features[:, 3] = 0  # dead
    features[:, 5] = features[:, 4]  # twins
    features[:, 6] = 1e-6 * features[:, 7]
    features[:, 8] = features[:, 9] + 3 * features[:, 10]
    y = draw_tasks(rng(4), 16, 20)(truth(x)) + 0.1 * rng(5).normal(size=y.shape)
    head = LEAST_SQUARES().fit(features, y)
    centred = features - features.mean(0)
    oracle, _, rank, _ = np.linalg.lstsq(centred, y - y.mean(0), rcond=None)
    assert rank < 16
    np.testing.assert_allclose(head.coef_.T, oracle, rtol=1e-6, atol=1e-8 * np.abs(oracle).max())
    with_ones = np.hstack([features, np.ones((len(x), 1))])
    fitted = with_ones @ np.linalg.lstsq(with_ones, y, rcond=None)[0]
    np.testing.assert_allclose(head.predict(features), fitted, rtol=1e-7, atol=1e-8)
    assert np.abs(head.coef_[:, 3]).max() < 1e-12
    one_by_one = np.stack([LEAST_SQUARES().fit(features, t).predict(features) for t in y.T], 1)
    np.testing.assert_allclose(head.predict(features), one_by_one, rtol=1e-8, atol=1e-9)


def test_theorem_1_is_an_identity_in_population_when_the_strong_representation_is_h_star(world):
    truth, x, y = world
    weak = perturb(rng(9), truth, 0.05)
    for errors in population(truth(x), weak(x), y):
        assert errors.misfit > 1e-3
        assert errors.gain == pytest.approx(errors.misfit, rel=1e-9)
        assert errors.strong_error < 1e-15 * errors.misfit


def test_in_population_the_deviation_is_within_the_slack_and_not_zero(world):
    truth, x, y = world
    trials = population(perturb(rng(8), truth, 0.02)(x), perturb(rng(9), truth, 0.05)(x), y)
    for errors in trials:
        slack = 2 * math.sqrt(errors.strong_error * errors.misfit)
        assert 0 < abs(errors.gain_minus_misfit) <= slack
    assert max(abs(e.gain_minus_misfit) / e.misfit for e in trials) > 0.01


def test_standard_errors_say_how_much_errors_move_between_evaluation_sets(world):
    truth, x, y = world
    weak, tasks = perturb(rng(9), truth, 0.05), draw_tasks(rng(3), 16, 20)
    measured = []
    for seed in range(40):
        e = rng(100 + seed).normal(0, 500, (400, 8))
        (trials,) = weak_to_strong(
            [ThreeSets(weak(x), weak(x), weak(e))],
            ThreeSets(truth(x), truth(x), truth(e)),
            ThreeSets(y, y, tasks(truth(e))),
            LEAST_SQUARES,
            LEAST_SQUARES,
        )
        measured.append(trials)
    for name in ("weak_error", "w2s_error", "misfit", "gain_minus_misfit"):
        moved = np.std([[getattr(t, name) for t in ts] for ts in measured], axis=0)
        said = np.mean([[getattr(t, f"{name}_se") for t in ts] for ts in measured], axis=0)
        assert np.median(said / moved) == pytest.approx(1, abs=0.3), name


def test_a_seed_s_trials_do_not_depend_on_the_others_and_repeat_exactly(tmp_path, monkeypatch):
    def found(seeds):
        monkeypatch.setenv("MOLW2S_CACHE", str(tmp_path / str(seeds)))
        return run_suite(make_suite(SMALL, seeds=seeds)).records.drop(columns="trial")

    both, alone = found((3, 4)), found((4,))
    second = both[both["seed"] == 4].reset_index(drop=True)
    assert second.equals(alone)
    first = both[both["seed"] == 3]
    assert not (first["misfit"].to_numpy() == alone["misfit"].to_numpy()).any()


def test_the_reversed_suite_has_the_same_representations_the_other_way_round():
    forward = run_suite(make_suite(SMALL)).records
    back = run_suite(make_suite(SMALL, weak_depth=3, strong_depth=2)).records
    assert forward["weak_sha256"].equals(back["strong_sha256"])
    assert forward["strong_sha256"].equals(back["weak_sha256"])
    assert (forward["weak"][0], forward["strong"][0]) == ("2-layer", "3-layer")


def test_labels_are_made_at_fresh_points_unless_reused():
    identity = np.eye(3)
    seen = Mlp((np.hstack([identity, -identity]),), (np.zeros(6),))  # nothing is lost
    sets = {}
    for labels in ("fresh", "reused"):
        suite = make_suite(SMALL, labels=labels)
        world = draw_world(suite, 0)
        features = world.features(seen)
        sets[labels] = SimpleNamespace(
            **{part: features[getattr(world.parts, part)] for part in PARTS}
        )
        assert np.array_equal(features[:, :3] - features[:, 3:], np.concatenate(world.points))
    assert (sets["reused"].unlabelled == sets["reused"].labelled).all()
    fresh = sets["fresh"]
    rows = {tuple(row) for row in fresh.labelled}
    assert len(rows) == 80
    assert not rows & {tuple(row) for row in fresh.unlabelled}
    assert not rows & {tuple(row) for row in fresh.evaluation}
    assert (fresh.evaluation == sets["reused"].evaluation).all()


def test_the_realizable_ceiling_is_zero_and_a_perturbed_one_is_not():
    exact = run_suite(make_suite(SMALL, strong="target")).records
    noisy = run_suite(make_suite(SMALL, strong="perturbed", strong_noise=0.1)).records
    assert (exact["strong_error"] < 1e-18 * exact["weak_error"].max()).all()
    assert (noisy["strong_error"] > 1e-6).all()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"widht": 3}, "widht"),
        ({"dataset": "esol"}, "dataset"),
        ({"labels": "shared"}, "fresh"),
        ({"weak": ["weak-h8"]}, "weak"),
        ({"seeds": (1, 1)}, "twice"),
        ({"seeds": (-1,)}, "at least 0"),
        ({"input_scale": 0.0}, "input_scale"),
    ],
)
def test_wrong_settings_are_errors(changes, complaint):
    with pytest.raises(InvalidInput, match=complaint):
        make_suite(SMALL, **changes)


def test_a_head_that_is_not_there_is_missed_before_anything_is_learned():
    with pytest.raises(UnknownName, match="did you mean 'ridge'"):
        make_suite(SMALL, strong_head="rigde")
