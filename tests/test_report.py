"""Tables, selection and comparison against figures worked out elsewhere."""

from __future__ import annotations

import math
import re
from html import unescape
from pathlib import Path

import pandas as pd
import pytest
from markdown_it import MarkdownIt

from molw2s.analysis import combination_table, combine, compare_with_paper, summary_table
from molw2s.errors import InvalidInput
from molw2s.records import read_records
from molw2s.report import gain_vs_misfit, to_markdown, write_study
from molw2s.report.text import in_markdown, readable
from molw2s.report.write import write_report


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
    strange = pd.DataFrame({"a": ["x|y\nz"]})
    assert to_markdown(strange) == "| a |\n| --- |\n| x\\|y z |\n"


def test_a_table_that_is_not_ours_is_refused(tmp_path):
    (tmp_path / "records.csv").write_text("suite,gain\nx,1\n")
    with pytest.raises(InvalidInput, match="lacks dataset"):
        read_records(tmp_path)
    records().iloc[:0].to_csv(tmp_path / "records.csv", index=False)
    with pytest.raises(InvalidInput, match="holds no trial"):
        read_records(tmp_path)


def test_text_is_text_and_an_empty_number_is_undefined(tmp_path):
    frame = records(sizes=(8,), splits=("01", "1")).assign(unit="", pgr=math.nan, weak="NA")
    frame.assign(dataset="007").to_csv(tmp_path / "records.csv", index=False)
    found = read_records(tmp_path)
    assert set(found["unit"]) == {""}
    assert set(found["weak"]) == {"NA"}
    assert set(found["dataset"]) == {"007"}
    assert list(found["split"]) == ["01", "1"]
    assert found["pgr"].isna().all()
    assert found["weak_hidden_size"].tolist() == [8, 8]


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("gain", 0.7, "line 3, column 'gain': is 0.7, but the errors beside it make it -0.875"),
        ("weak_error_minus_misfit", 0.0, "line 3, column 'weak_error_minus_misfit'"),
        ("gain_minus_misfit", 9.0, "line 3, column 'gain_minus_misfit'"),
        ("w2s_error", -0.1, "line 3, column 'w2s_error': is '-0.1', expected a number of at least"),
        ("misfit", math.inf, "line 3, column 'misfit': is 'inf', expected"),
        ("strong_error", "low", "line 3, column 'strong_error': is 'low', expected"),
        ("weak_error", "", "line 3, column 'weak_error': is '', expected"),
        ("weak_hidden_size", 8.5, "line 3, column 'weak_hidden_size': is '8.5', expected a whole"),
        ("split", "random-122", "line 3, column 'split': repeats the trial s, lipop"),
        ("weak_error", "2_5", "line 3, column 'weak_error': is '2_5', expected"),
        ("weak_hidden_size", "1e300", "line 3, column 'weak_hidden_size': is '1e300', expected"),
        ("pgr", 0.9, "line 3, column 'pgr': is 0.9, but others make it"),
        ("leak", 0.9, "line 3, column 'leak': is 0.9, but others make it 0.2"),
        ("weak_error_se", -4, "line 3, column 'weak_error_se': is '-4', expected a number of at"),
        ("trial", 0, "line 3, column 'trial': repeats 0"),
        ("teacher_kind", "encodr", "line 3, column 'teacher_kind': is 'encodr', expected encoder"),
        ("loss", "foo", "line 3, column 'loss': is 'foo', expected squared or absolute"),
        ("weak", "", "line 3, column 'weak': is empty"),
    ],
)
def test_edited_records_are_refused_by_line_and_column(tmp_path, column, value, complaint):
    frame = records().assign(
        trial=range(4), teacher_kind="encoder", loss="squared", weak_error_se=0.1, leak=0.2,
        label_error=lambda f: 0.8 * f["weak_error"], weak_error_valid=1.0, misfit_valid=0.2,
        weak_error_minus_misfit_valid=0.8, strong_error=0.05,
        pgr=lambda f: f["gain"] / (f["weak_error"] - 0.05),
    ).astype(object)  # fmt: skip
    frame.to_csv(tmp_path / "records.csv", index=False)
    assert len(read_records(tmp_path)) == 4
    frame.loc[1, column] = value
    frame.to_csv(tmp_path / "records.csv", index=False)
    with pytest.raises(InvalidInput) as refused:
        read_records(tmp_path)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("manifest", "complaint"),
    [
        ("[]", "is no manifest of a run"),
        ("{}", "is no manifest of a run"),
        ('{"suite": {}, "trials": {"of": 5}}', "holds 4 of 5 trials, so the run has not ended"),
        ('{"suite": {}, "trials": {"of": 3}}', "holds 4 of 3 trials, so the run was changed"),
        ('{"suite": {}, "schema_version": 99}', "written by a newer molw2s"),
        ('{"suite": {}, "schema_version": "2"}', "is no manifest of a run"),
        ('{"suite": {}, "trials": {"of": "4"}}', "is no manifest of a run"),
        ('{"suite": {}, "dataset": "x"}', "is no manifest of a run"),
        ('{"suite": {}, "records_sha256": "0"}', "is not as the run wrote it"),
        ("{", "cannot read"),
    ],
)
def test_a_manifest_that_does_not_fit_the_records_is_told(tmp_path, manifest, complaint):
    records().to_csv(tmp_path / "records.csv", index=False)
    (tmp_path / "manifest.json").write_text(manifest)
    with pytest.raises(InvalidInput, match=complaint):
        read_records(tmp_path)


def test_a_cut_file_is_refused_wherever_it_was_cut(tmp_path):
    records().to_csv(tmp_path / "records.csv", index=False)
    whole = (tmp_path / "records.csv").read_bytes()
    last = whole.rstrip().rfind(b"\n") + 1
    for end in (*range(last + 1, len(whole) - 1), len(whole) - 1):
        (tmp_path / "records.csv").write_bytes(whole[:end])
        with pytest.raises(InvalidInput, match="line 5"):
            read_records(tmp_path)


def test_runs_of_the_first_schema_are_read(tmp_path):
    """As molw2s 0.1 wrote them: no kinds of teachers, no trials' numbers, its own manifest."""
    golden = Path(__file__).parent / "golden" / "lipop.csv.gz"
    pd.read_csv(golden, dtype=str, keep_default_na=False).to_csv(
        tmp_path / "records.csv", index=False
    )
    (tmp_path / "manifest.json").write_text('{"suite": {}, "trials": {"done": 24, "of": 24}}')
    found = read_records(tmp_path)
    assert len(found) == 24
    together = combine([found, found.assign(labels="disjoint", trial=range(24))])
    assert combination_table(together)["trials"].tolist() == [24, 24]
    assert summary_table(found)["weak"].iloc[0] == "weak-h96-v2"
    assert compare_with_paper(found).run.spearman == pytest.approx(1)


MARKUP = [
    "a|b",
    "<script>x</script>",
    "$x$",
    "*b*",
    "`c`",
    "[d](http://e)",
    "f&lt;g",
    "h\\*i",
    "_j_k",
]


def rendered(text):
    """What a Markdown reader shows, and the HTML."""
    html = MarkdownIt("commonmark").enable("table").render(text)
    return unescape(re.sub(r"<[^>]+>", "", html)), html


@pytest.mark.parametrize("name", MARKUP)
def test_names_are_shown_as_they_are(name):
    shown, html = rendered(f"## a {in_markdown(name)} b")
    assert shown.strip() == f"a {name} b"
    shown, html = rendered(to_markdown(pd.DataFrame({"x": [name], "y": ["z"]})))
    assert shown.split("\n").count(name) == 1
    assert "<a" not in html
    assert "<em>" not in html


def test_a_report_of_any_names(tmp_path):
    odd = records().assign(dataset="<i>$x$|*y*", unit="$\\frac{", strong="_s$", suite="&amp;")
    odd["weak"] = odd["weak"].map("_{}$".format)
    (tmp_path / "run").mkdir()
    odd.to_csv(tmp_path / "run" / "records.csv", index=False)
    write_report(tmp_path / "run")
    shown, html = rendered((tmp_path / "run" / "table.md").read_text())
    assert "<i>$x$|*y*: mean squared errors in ($\\frac{)²" in shown
    assert "_weak-h8$" in shown
    assert "<i>" not in html
    labels = [text.get_text() for text in gain_vs_misfit(odd).legends[0].get_texts()]
    assert [label.strip() for label in labels[:2]] == ["_weak-h8$", "_weak-h16$"]
    write_study([tmp_path / "run"], tmp_path / "page.md")
    shown, html = rendered((tmp_path / "page.md").read_text())
    assert "<i>$x$|*y*" in shown
    assert "<i>" not in html
