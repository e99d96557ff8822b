"""The synthetic suites' statistics, figure and command line."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import stats
from test_synthetic import SMALL

from molw2s.analysis import diagonal_table, summary_table
from molw2s.cli import main
from molw2s.records import read_records
from molw2s.report import gain_vs_misfit

FILES = {
    "records.csv", "manifest.json", "table.md", "table.csv", "diagonal.csv", "gain_vs_misfit.png",
    "gain_vs_misfit.svg", "report.html",
}  # fmt: skip


def records(seeds=3, tasks=50, sign=1.0):
    rng = np.random.default_rng(0)
    misfit = rng.uniform(0.5, 2, seeds * tasks)
    gain = sign * 0.9 * misfit + 0.05 + 0.02 * rng.normal(size=seeds * tasks)
    constant = {
        "suite": "s", "dataset": "random MLP", "unit": "", "weak": "a", "weak_hidden_size": 16,
        "strong": "b", "strong_hidden_size": 16, "weak_head": "least-squares",
        "strong_head": "least-squares", "labels": "fresh", "expected_slope": int(sign),
        "n_unlabelled": 2000, "n_evaluation": 100, "weak_error": 3.0, "strong_error": 0.04,
        "pgr": 0.5, "gain_minus_misfit_se": 0.01,
    }  # fmt: skip
    varying = {
        "split": [f"seed-{seed}" for seed in range(seeds) for _ in range(tasks)],
        "task": list(range(tasks)) * seeds,
        "misfit": misfit,
        "gain": gain,
        "w2s_error": 3 - gain,
        "weak_error_minus_misfit": 3 - misfit,
        "gain_minus_misfit": gain - misfit,
    }
    return pd.DataFrame(varying).assign(**constant)


def test_one_seed_s_line_is_the_textbook_s():
    trials = records(seeds=1)
    (row,) = diagonal_table(trials).to_dict("records")
    design = np.column_stack([trials["misfit"], np.ones(50)])
    (slope, intercept), (left,), _, _ = np.linalg.lstsq(design, trials["gain"], rcond=None)
    half = stats.t.ppf(0.975, 48) * np.sqrt(left / 48 * np.linalg.inv(design.T @ design).diagonal())
    assert (row["slope"], row["intercept"]) == pytest.approx((slope, intercept))
    assert row["slope_high"] - slope == pytest.approx(half[0])
    assert intercept - row["intercept_low"] == pytest.approx(half[1])
    assert row["r_squared"] == pytest.approx(1 - left / (50 * trials["gain"].var(ddof=0)))


def test_several_seeds_give_a_t_interval_over_seeds():
    trials = records()
    (row,) = diagonal_table(trials).to_dict("records")
    slopes = [np.polyfit(t["misfit"], t["gain"], 1)[0] for _, t in trials.groupby("split")]
    low, high = stats.t.interval(0.95, 2, np.mean(slopes), stats.sem(slopes))
    assert (row["slope"], row["slope_low"], row["slope_high"]) == pytest.approx(
        (np.mean(slopes), low, high)
    )
    assert (row["seeds"], row["trials"]) == (3, 150)


def test_fractions_and_terms_by_hand():
    trials = records(seeds=1, tasks=4).assign(
        misfit=[1.0, 1.0, 1.0, 4.0], gain=[1.0, 0.985, 0.5, 4.5], strong_error=0.04
    )
    trials["gain_minus_misfit"] = trials["gain"] - trials["misfit"]
    (row,) = diagonal_table(trials).to_dict("records")
    assert row["theorem1"] == 0.5
    assert row["theorem1_within_noise"] == 0.75
    assert row["slack"] == pytest.approx((0.4 * 3 + 0.8) / 4)
    assert row["within_slack"] == 0.75  # 0.5 is over 0.4 + 0.02
    assert row["within_eps"] == 0.5
    assert row["off_diagonal"] == pytest.approx((0.015 + 0.125) / 2)
    assert row["off_antidiagonal"] == pytest.approx((1.985 + 2) / 2)
    assert row["complexity_term"] == pytest.approx((17 / 2000) ** 0.25)
    assert row["confidence_term"] == pytest.approx((math.log(1 / 0.05) / 2000) ** 0.25)


def test_the_summary_weighs_seeds_alike_whatever_their_number_of_tasks():
    trials = records(seeds=2)
    uneven = pd.concat(
        [trials[trials["split"] == "seed-0"], trials[trials["split"] == "seed-1"][:5]]
    )
    (row,) = summary_table(uneven).to_dict("records")
    means = uneven.groupby("split")["gain"].mean()
    assert row["gain_mean"] == pytest.approx(means.mean())
    assert row["gain_std"] == pytest.approx(means.std())


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_anti_diagonal_is_drawn_where_strong_teaches_weak(sign):
    (axes,) = gain_vs_misfit(records(sign=sign)).axes
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert [len(line.get_xdata()) for line in dots] == [50, 50, 50]
    assert len({line.get_color() for line in dots}) == 3
    anti = [line for line in axes.lines if line.get_linestyle() == ":"]
    assert len(anti) == (sign < 0)
    for line in anti:
        assert list(line.get_xdata()) == [-y for y in line.get_ydata()]


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthetic")
    settings = {key: value for key, value in SMALL.items() if key != "name"}
    (folder / "mine.yaml").write_text(yaml.safe_dump(settings))
    with pytest.raises(SystemExit) as stop:
        main(["run", str(folder / "mine.yaml"), "--seeds", "2", "--out", str(folder / "out")])
    assert not stop.value.code
    return folder


def test_run_writes_what_a_molecular_run_writes(small_run):
    out = small_run / "out"
    assert {path.name for path in out.iterdir()} == FILES
    trials = read_records(out)
    assert len(trials) == 2 * 6
    assert set(trials["split"]) == {"seed-0", "seed-1"}
    assert (trials["gain"] == trials["weak_error"] - trials["w2s_error"]).all()
    assert trials[["weak_loss", "strong_loss"]].notna().all().all()
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["suite"]["seeds"] == [0, 1]
    assert manifest["suite"]["strong_noise"] == 0.01
    assert set(manifest["representations"]) == {"seed-0", "seed-1"}


def test_report_needs_the_records_alone(small_run, tmp_path, capsys):
    (tmp_path / "records.csv").write_bytes((small_run / "out" / "records.csv").read_bytes())
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert answer["diagonal"][0]["seeds"] == 2
    assert (tmp_path / "report.html").exists()
    for name in FILES - {"records.csv", "manifest.json", "report.html"}:  # the page tells settings
        assert (tmp_path / name).read_bytes() == (small_run / "out" / name).read_bytes(), name


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["synthetic-realizable", "--seeds", "2", "--seed", "1"], 2, "not both"),
        (["synthetic-realizable", "--labels", "shared"], 1, "labels"),
        (["synthetic-realizable", "--weak", "weak-h8"], 1, "weak"),
        (["synthetic-realizible"], 2, "unknown suite"),
    ],
)
def test_wrong_use_is_explained(arguments, code, complaint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["run", *arguments])
    assert stop.value.code == code
    assert complaint in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
