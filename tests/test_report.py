"""Tables, selection and comparison against figures worked out elsewhere."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from molw2s.errors import InvalidInput
from molw2s.records import REQUIRED, check_finished, read_records
from molw2s.report import (
    compare_with_paper,
    gain_vs_misfit,
    summary_table,
    to_markdown,
)
from molw2s.report.tables import readable


def records(dataset="lipop", sizes=(8, 16), splits=("random-122", "random-123")):
    rows = []
    for size in sizes:
        for place, split in enumerate(splits):
            rows.append(
                {
                    "suite": "s", "dataset": dataset, "unit": "logD", "weak": f"weak-h{size}",
                    "weak_hidden_size": size, "strong": "strong", "weak_head": "ridge",
                    "strong_head": "ridge", "labels": "shared", "split": split,
                    "weak_error": 2 / size, "w2s_error": 1 / size + place, "misfit": 0.5 / size,
                    "gain": 1 / size - place, "strong_error": 0.1,
                    "weak_error_minus_misfit": 1.5 / size,
                    "gain_minus_misfit": 0.5 / size - place, "pgr": 0.5,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def test_the_papers_own_table_gives_the_papers_own_figures():
    selection = compare_with_paper(records()).paper
    assert selection.spearman == pytest.approx(0.929, abs=5e-4)
    assert selection.kendall == pytest.approx(0.786, abs=5e-4)
    assert (selection.chosen, selection.best, selection.regret) == ("96", "96", 0.0)


def test_summary_is_mean_and_sample_deviation_over_splits():
    table = summary_table(records())
    assert table["weak"].tolist() == ["weak-h16", "weak-h8"]
    row = table.iloc[1]
    assert row["w2s_error_mean"] == pytest.approx(0.125 + 0.5)
    assert row["w2s_error_std"] == pytest.approx(math.sqrt(0.5))


def test_pgr_is_of_the_means_and_undefined_without_a_gap():
    frame = records().assign(strong_error=[0.05, 0.05, 3.0, 3.0])
    table = summary_table(frame).set_index("weak")
    gain, gap = 1 / 8 - 0.5, 2 / 8 - 0.05
    assert table.loc["weak-h8", "pgr"] == pytest.approx(gain / gap)
    assert math.isnan(table.loc["weak-h16", "pgr"])
    same = records().assign(strong_error=lambda frame: frame["weak_error"] * (1 - 1e-15))
    assert summary_table(same)["pgr"].isna().all()  # a gap of rounding errors
    assert set(readable(summary_table(frame))["PGR"]) == {"-", f"{gain / gap:.2f}"}


def test_comparison_puts_the_papers_figures_at_the_same_hidden_size():
    comparison = compare_with_paper(records(sizes=(8, 16, 20)))
    row = comparison.table.set_index("weak_hidden_size")
    assert row.loc[16, "w2s_error_mean_paper"] == 1.1950
    assert math.isnan(row.loc[20, "w2s_error_mean_paper"])
    assert compare_with_paper(records("esol")).paper is None


def test_the_figure_has_a_dot_a_trial_and_the_diagonal():
    (axes,) = gain_vs_misfit(records()).axes
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    assert len(dots) == 4
    assert {(float(d.get_xdata()[0]), float(d.get_ydata()[0])) for d in dots} == set(
        zip(records()["misfit"], records()["gain"])
    )
    assert len({dot.get_color() for dot in dots}) == len({dot.get_marker() for dot in dots}) == 2
    (diagonal,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
    assert "logD" in axes.get_xlabel()


def test_markdown():
    frame = pd.DataFrame({"a": ["x"], "b": ["1 ± 2"]})
    assert to_markdown(frame) == "| a | b |\n| --- | --- |\n| x | 1 ± 2 |\n"


def test_a_table_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "records.csv").write_text("suite,gain\nx,1\n")
    with pytest.raises(InvalidInput, match="lacks dataset"):
        read_records(tmp_path)
    (tmp_path / "records.csv").write_text(",".join(REQUIRED) + "\n")
    with pytest.raises(InvalidInput, match="holds no trial"):
        read_records(tmp_path)


@pytest.mark.parametrize("text", ["[]", "{}", '{"trials": null}', '{"trials": {}}'])
def test_a_manifest_that_says_nothing_of_trials_is_no_obstacle(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    check_finished(tmp_path)


def test_an_empty_unit_is_text_and_any_other_empty_cell_is_undefined(tmp_path):
    frame = records().assign(unit="", pgr=float("nan"), seed=float("nan"), weak="NA")
    frame.to_csv(tmp_path / "records.csv", index=False)
    found = read_records(tmp_path)
    assert set(found["unit"]) == {""}
    assert set(found["weak"]) == {"NA"}
    assert found[["pgr", "seed"]].isna().all(axis=None)
