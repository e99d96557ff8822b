"""The study: statistics against NumPy on resampled trials, and a page that keeps one's prose."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from molw2s.analysis import combination_table, combine, paper_table
from molw2s.analysis.study import gain_on_misfit
from molw2s.cli import main
from molw2s.errors import InvalidInput
from molw2s.records import read_records
from molw2s.report import write_study
from molw2s.report.figures import gain_over_misfit, gain_vs_misfit, gain_vs_misfit_panels
from molw2s.report.study_page import BEGIN, END
from molw2s.report.text import readable_overview, readable_study

SIZES = (8, 16, 96)
SPLITS = ("random-122", "random-123", "random-124")


def run(rng=0, sizes=SIZES, splits=SPLITS, **settings):
    """Records of one combination."""
    rng = np.random.default_rng(rng)
    trials = pd.DataFrame(
        [
            {"weak": f"weak-h{size}", "weak_hidden_size": size, "split": split}
            for split in splits
            for size in sizes
        ]
    )
    n = len(trials)
    settings = {
        "suite": "s", "dataset": "esol", "unit": "", "strong": "strong-small",
        "weak_head": "ridge", "strong_head": "ridge", "labels": "shared",
        "weak_error": rng.uniform(1, 2, n), "w2s_error": rng.uniform(0.5, 1, n),
        "misfit": rng.uniform(0.1, 1, n), "strong_error": 0.4,
        "n_labelled": 800, "n_unlabelled": 800, "n_evaluation": 100,
    } | settings  # fmt: skip
    trials = trials.assign(**settings)
    trials["gain"] = trials["weak_error"] - trials["w2s_error"]
    trials["weak_error_minus_misfit"] = trials["weak_error"] - trials["misfit"]
    trials["gain_minus_misfit"] = trials["gain"] - trials["misfit"]
    gap = trials["weak_error"] - trials["strong_error"]
    trials["pgr"] = trials["gain"] / gap.where(gap > 0)
    return trials


def write(records, folder, manifest=None):
    """A run's folder of records made here."""
    folder.mkdir(exist_ok=True)
    records.to_csv(folder / "records.csv", index=False)
    if manifest is not None:
        (folder / "manifest.json").write_text(json.dumps(manifest))


def one_row(records):
    (row,) = combination_table(combine([records])).to_dict("records")
    return row


def test_line_and_correlation_are_numpys():
    trials = run()
    found = gain_on_misfit(trials)
    assert found["slope"] == pytest.approx(np.polyfit(trials["misfit"], trials["gain"], 1)[0])
    assert found["correlation"] == pytest.approx(
        np.corrcoef(trials["misfit"], trials["gain"])[0, 1]
    )
    assert found["gain"] == pytest.approx(trials["gain"].mean())
    assert found["ratio"] == pytest.approx(trials["gain"].sum() / trials["misfit"].sum())


def test_gain_that_is_misfit_has_slope_correlation_and_ratio_one_whichever_split_is_left_out():
    trials = run().assign(gain=run()["misfit"])
    found = gain_on_misfit(trials)
    for name in ("slope", "correlation", "ratio"):
        assert [found[name + end] for end in ("", "_low", "_high")] == pytest.approx([1] * 3)


@pytest.mark.parametrize("seed", range(5))
def test_alignment_tells_the_most_that_a_step_of_any_length_gains(seed):
    rng = np.random.default_rng(seed)
    truth, weak, student = rng.normal(size=(3, len(SIZES) * len(SPLITS), 50))

    def errors(student):
        of = {"weak_error": truth - weak, "w2s_error": truth - student, "misfit": student - weak}
        return {name: (difference**2).mean(1) for name, difference in of.items()}

    found = one_row(run(**errors(student)))
    asked = [errors(weak + step * (student - weak)) for step in np.linspace(-1, 2, 301)]
    gains = [(each["weak_error"] - each["w2s_error"]).mean() for each in asked]
    most = found["weak_error"] * found["alignment"] ** 2
    assert max(gains) == pytest.approx(most, rel=1e-3)
    error, taken = (truth - weak).ravel(), (student - weak).ravel()
    cosine = error @ taken / np.linalg.norm(error) / np.linalg.norm(taken)
    assert found["alignment"] == pytest.approx(cosine)
    halfway = one_row(run(**errors(weak + 0.5 * (student - weak))))
    assert halfway["alignment"] == pytest.approx(cosine)
    marked = run(**errors(weak + 0.5 * (student - weak))).assign(student_weight=0.5)
    assert math.isnan(one_row(marked)["averaged_gain"])
    for end in ("", "_low", "_high"):
        assert found[f"averaged_gain{end}"] == pytest.approx(halfway[f"gain{end}"])


def test_alignment_is_of_squared_errors_and_of_students_that_differ_from_their_teachers():
    of_classes = one_row(run(loss="logistic"))
    assert math.isnan(of_classes["alignment"])
    assert math.isnan(of_classes["averaged_gain"])
    assert math.isnan(of_classes["averaged_gain_high"])
    assert math.isnan(one_row(run(misfit=0.0))["alignment"])
    assert math.isnan(one_row(run(weak_error=0.0))["alignment"])
    assert "alignment" not in readable_study(combination_table(combine([run(loss="logistic")])))


def test_dots_all_alike_have_no_line():
    found = gain_on_misfit(run(misfit=0.3))
    assert math.isnan(found["slope"])
    assert math.isnan(found["correlation"])
    assert found["ratio"] == pytest.approx(found["gain"] / 0.3)


def test_of_one_split_there_is_no_interval():
    (row,) = combination_table(combine([run(splits=SPLITS[:1])])).to_dict("records")
    assert math.isnan(row["gain_low"])
    shown = readable_study(pd.DataFrame([row]))["gain"].item()
    assert "[" not in shown


def test_the_share_of_true_labels_tells_disjoint_labels_apart():
    half, quarter = (
        run(seed, labels="disjoint", n_labelled=n, n_unlabelled=800 - n)
        for seed, n in ((0, 400), (1, 199))
    )
    trials = combine([half, quarter])
    assert list(trials["labels"].unique()) == ["disjoint, 50 %", "disjoint, 25 %"]
    again = combine([trials])
    assert list(again["labels"].unique()) == ["disjoint, 50 %", "disjoint, 25 %"]
    # What was asked for, where few molecules make another share of it.
    small = run(labels="disjoint", n_labelled=5, n_unlabelled=54, labelled=0.1)
    assert set(combine([small, half])["labels"]) == {"disjoint, 50 %", "disjoint, 10 %"}


def test_a_study_made_again_leaves_no_records_of_an_older_molw2s(folders, tmp_path):
    page = tmp_path / "study.md"
    write(run(9), tmp_path / "study")
    write_study(folders, page)
    assert len(read_records(tmp_path / "study")) == 18


def test_each_trial_stands_beside_what_few_true_labels_are_worth_on_its_split():
    encoders = run(labels="disjoint").assign(teacher_kind="encoder")
    truth = run(1, sizes=(0,), labels="disjoint").assign(weak="truth", teacher_kind="control")
    trials = combine([pd.concat([encoders, truth], ignore_index=True)])
    assert len(trials) == len(encoders)
    of_split = dict(zip(truth["split"], truth["w2s_error"]))
    assert [of_split[split] for split in trials["split"]] == list(trials["few_labels_error"])
    row = combination_table(trials).iloc[0]
    assert row["few_labels_error"] == pytest.approx(truth["w2s_error"].mean())
    assert "strong on few true labels" in readable_study(combination_table(trials))


def test_the_overview_says_where_the_gain_is_sure():
    sure = run(weak_error=2.0, w2s_error=[1.0, 1.1, 0.9] * 3)
    lost = run(dataset="lipop", w2s_error=2.0, weak_error=[1.0, 1.1, 0.9] * 3)
    unsure = run(dataset="freesolv", weak_error=2.0, w2s_error=[1, 1, 1, 3, 3, 3, 2, 2, 2.0])
    table = combination_table(combine([sure, lost, unsure]))
    shown = readable_overview(table).iloc[0]
    assert (shown["esol"][-1], shown["lipop"][-1]) == ("↑", "↓")
    assert shown["freesolv"][-1].isdigit()


def test_pgr_is_over_the_trials_that_have_a_gap():
    row = one_row(
        run(weak_error=[2.0] * 6 + [0.3] * 3, w2s_error=[1, 1, 1, 1.5, 1.5, 1.5, 9, 9, 9])
    )
    assert row["pgr_undefined"] == pytest.approx(3 / 9)
    assert row["pgr_median"] == pytest.approx((1 / 1.6 + 0.5 / 1.6) / 2)


def test_the_papers_own_figures_are_at_distance_zero():
    paper = paper_table("lipop").set_index("hidden_size").loc[[8, 96]]
    rule, w2s = paper["weak_error_minus_misfit_mean"], paper["w2s_error_mean"]
    settings = {"dataset": "lipop", "sizes": (8, 96), "misfit": 0.0}
    records = run(weak_error=[*rule] * 3, w2s_error=[*w2s] * 3, **settings)
    assert one_row(records)["paper_distance"] == pytest.approx(0, abs=1e-12)
    # One of two columns off by 0.3 in one of two sizes.
    off = run(weak_error=[*rule] * 3, w2s_error=[*w2s.add([0.3, 0])] * 3, **settings)
    assert one_row(off)["paper_distance"] == pytest.approx(0.3 / 4)
    assert math.isnan(one_row(run())["paper_distance"])


def test_combinations_come_in_one_order_whatever_the_order_of_runs():
    runs = [
        run(1, labels="disjoint"),
        run(2, strong_mode="full", weak_head="kernel-ridge"),
        run(3, dataset="lipop"),
        run(4, weak_head="kernel-ridge", strong_head="norm-ball", strong_mode="head"),
        run(5),
    ]
    table = combination_table(combine(runs))
    assert list(
        zip(table["dataset"], table["labels"], table["weak_side"], table["strong_side"])
    ) == [
        ("esol", "shared", "ridge", "ridge"),
        ("esol", "shared", "kernel-ridge", "norm-ball"),
        ("esol", "shared", "kernel-ridge", "full"),
        ("esol", "disjoint, 50 %", "ridge", "ridge"),
        ("lipop", "shared", "ridge", "ridge"),
    ]
    pd.testing.assert_frame_equal(table, combination_table(combine(runs[::-1])))


def test_seeds_in_several_runs_are_one_combination():
    runs = [run(seed, weak_mode="full", seed=seed, splits=SPLITS[:2]) for seed in range(3)]
    (row,) = combination_table(combine(runs)).to_dict("records")
    assert (row["trials"], row["splits"], row["weak_side"]) == (18, 2, "full")
    means = pd.concat(runs)
    assert row["gain"] == pytest.approx(means["gain"].mean())


def test_a_trial_in_two_runs_is_refused():
    with pytest.raises(InvalidInput, match=r"more than once: esol.*weak-h8"):
        combine([run(), run(labels="disjoint"), run(sizes=(8,))])


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("weak_sha256", ("1", "2")), ("strong_sha256", ("1", "2")), ("dataset_sha256", ("1", "2")),
        ("finetuning", ('{"epochs":1}', '{"epochs":2}')), ("unit", ("logS", "mol/l")),
    ],
)  # fmt: skip
def test_runs_of_different_things_are_not_taken_together(column, values):
    runs = [run(splits=[split], **{column: value}) for split, value in zip(SPLITS, values)]
    with pytest.raises(InvalidInput, match=f"esol.*the runs differ in {column}"):
        combine(runs)
    runs[1] = runs[1].assign(labels="disjoint")
    if column != "unit":
        assert len(combine(runs)) == 6
    assert len(combine(run(splits=[split], **{column: values[0]}) for split in SPLITS)) == 9


def test_random_and_scaffold_splits_are_not_taken_together():
    with pytest.raises(InvalidInput, match="differ in splitter"):
        combine([run(), run(splits=["scaffold"])])


def test_an_unfinished_combination_is_named():
    with pytest.raises(
        InvalidInput, match=r"esol, strong-small, disjoint, 50 %, ridge, ridge: not every"
    ):
        combination_table(combine([run(), run(labels="disjoint").iloc[1:]]))


def test_synthetic_runs_are_refused():
    with pytest.raises(InvalidInput, match="molecular"):
        combine([run().assign(task=0)])


def test_the_figure_has_a_panel_a_combination_on_the_same_axes():
    trials = combine([run(), run(1, strong_head="kernel-ridge"), run(2, labels="disjoint")])
    figure = gain_vs_misfit_panels(trials, combination_table(trials))
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert len(panels) == 3
    assert len({(axes.get_xlim(), axes.get_ylim()) for axes in panels}) == 1
    for axes, (_, group) in zip(panels, trials.groupby(["labels", "strong_head"], sort=False)):
        dots = [line for line in axes.lines if line.get_linestyle() == "None"]
        assert {(float(d.get_xdata()[0]), float(d.get_ydata()[0])) for d in dots} == set(
            zip(group["misfit"], group["gain"])
        )
    # Disjoint labels begin a row.
    assert panels[2].get_position().x0 == panels[0].get_position().x0


def test_long_titles_of_panels_do_not_touch_their_neighbours():
    runs = [run(student_weight=weight, weight_selection=30.0) for weight in (np.nan, 0.3)]
    runs[0]["weight_selection"] = np.nan
    trials = combine([*runs, run(1, kept_labels=0.5, chain="strong-small-v2")])
    figure = gain_vs_misfit_panels(trials, combination_table(trials))
    figure.draw_without_rendering()
    boxes = sorted((axes.title.get_window_extent() for axes in figure.axes), key=lambda b: b.x0)
    assert len(boxes) == 3
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_the_overviews_figure_has_each_ratio_and_its_interval():
    trials = combine([run(), run(1, labels="disjoint"), run(2, dataset="lipop")])
    table = combination_table(trials)
    (axes,) = gain_over_misfit(table).axes
    shown = {
        (float(x), *map(float, segment[:, 0]))
        for container in axes.containers
        for x, segment in zip(container[0].get_xdata(), container[2][0].get_segments())
    }
    expected = table[["ratio", "ratio_low", "ratio_high"]].to_numpy()
    assert np.sort(list(shown), axis=0) == pytest.approx(np.sort(expected, axis=0))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["esol", "lipop"]


def test_where_labels_and_students_differ_the_overview_has_a_panel_for_each_kind_of_labels():
    trials = combine(
        [
            run(seed, dataset=dataset, labels=labels, strong_head=head)
            for seed, (dataset, labels, head) in enumerate(
                [
                    ("esol", "shared", "ridge"), ("esol", "shared", "norm-ball"),
                    ("esol", "cross-fitted", "norm-ball"), ("lipop", "shared", "ridge"),
                ]
            )
        ]
    )  # fmt: skip
    figure = gain_over_misfit(combination_table(trials))
    shown = {}
    for axes in figure.axes:
        for container in axes.containers:
            (line,) = container[0].get_ydata()
            shown.setdefault(axes.get_title(), {})[int(line)] = container[0].get_color()
    ridge, norm_ball = (shown["shared"][line] for line in (0, 1))
    assert ridge != norm_ball
    assert shown == {
        "shared": {0: ridge, 1: norm_ball, 3: ridge}, "cross-fitted": {1: norm_ball},
    }  # fmt: skip
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["ridge", "norm-ball", "gain = misfit"]


def test_a_notebook_shows_a_figure():
    assert gain_vs_misfit(run())._repr_png_()[:4] == b"\x89PNG"


def test_the_distance_is_shown_where_the_paper_has_figures():
    table = combination_table(combine([run(dataset="lipop"), run(1)]))
    shown = {
        dataset: "distance to the paper" in readable_study(rows)
        for dataset, rows in table.groupby("dataset")
    }
    assert shown == {"lipop": True, "esol": False}


@pytest.fixture
def folders(tmp_path):
    for name, records in (("a", run()), ("b", run(1, labels="disjoint", unit="logD"))):
        write(records, tmp_path / name)
    return [tmp_path / "a", tmp_path / "b"]


def test_a_page_made_again_keeps_the_prose_around_it(folders, tmp_path):
    page = tmp_path / "study.md"
    write_study(folders[:1], page)
    first = page.read_text()
    assert first.startswith("# Study")
    assert "disjoint" not in first
    page.write_text(f"Mine, above.\n\n{first}\nMine, below.\n")
    write_study(folders, page)
    text = page.read_text()
    assert text.startswith("Mine, above.\n\n# Study\n\n" + BEGIN)
    assert text.endswith(END + "\n\nMine, below.\n")
    assert "| disjoint, 50 % | ridge | strong-small, ridge | 3 |" in text
    assert (tmp_path / "study" / "esol.png").read_bytes()[:4] == b"\x89PNG"
    assert "](study/esol.png)" in text


def test_the_page_is_a_function_of_the_records_it_leaves(folders, tmp_path):
    write_study(folders, tmp_path / "one.md")
    assert len(read_records(tmp_path / "one")) == 18
    write_study([tmp_path / "one"], tmp_path / "two.md")
    one, two = ((tmp_path / f"{name}.md").read_text() for name in ("one", "two"))
    assert one.replace("(one/", "(two/") == two
    for name in ("records.csv.gz", "table.csv", "esol.png", "esol.svg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_run_that_has_not_ended_is_refused(folders, tmp_path, capsys):
    write(run(), folders[0], {"suite": {}, "trials": {"of": 24}})
    with pytest.raises(InvalidInput, match="9 of 24 trials"):
        write_study(folders, tmp_path / "study.md")
    assert not (tmp_path / "study.md").exists()
    with pytest.raises(SystemExit):
        main(["compare", str(folders[0])])
    assert "9 of 24 trials" in capsys.readouterr().err


def test_what_is_of_one_run_is_not_made_of_many(folders, tmp_path, capsys):
    write_study(folders, tmp_path / "both.md")
    with pytest.raises(SystemExit):
        main(["compare", str(tmp_path / "both")])
    assert "molw2s study" in capsys.readouterr().err
    with pytest.raises(SystemExit):  # a page is made of either
        main(["report", str(tmp_path / "both")])
    assert not (tmp_path / "both" / "table.md").exists()


@pytest.mark.parametrize(
    ("name", "file"), [("my.data", "my.data"), ("my data", "my-data"), ("a/b", "a-b")]
)
def test_any_name_of_a_dataset_will_do(tmp_path, name, file):
    write(run(dataset=name), tmp_path / "run")
    write_study([tmp_path / "run"], tmp_path / "my study.md")
    assert (tmp_path / "my study" / f"{file}.png").is_file()
    assert f"](my%20study/{file}.png)" in (tmp_path / "my study.md").read_text()


def test_two_datasets_never_share_a_figures_file(tmp_path):
    write(pd.concat([run(dataset="a b"), run(dataset="a-b")]), tmp_path / "run")
    with pytest.raises(InvalidInput, match="a b, a-b, gain-over-misfit would have one"):
        write_study([tmp_path / "run"], tmp_path / "study.md")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("name", ["study", "v1.2"])
def test_a_page_that_is_no_markdown_file_is_refused(folders, tmp_path, name):
    with pytest.raises(InvalidInput, match=rf"name it {name}\.md"):
        write_study(folders, tmp_path / "new" / name)
    assert not (tmp_path / "new").exists()


def test_a_page_whose_records_would_take_a_runs_place_is_refused(folders, tmp_path):
    write(run(), tmp_path / "a", {"suite": {}})
    before = (tmp_path / "a" / "records.csv").read_bytes()
    with pytest.raises(InvalidInput, match="take the place of the run's"):
        write_study(folders, tmp_path / "a.md")
    assert (tmp_path / "a" / "records.csv").read_bytes() == before
    assert not (tmp_path / "a.md").exists()


@pytest.mark.parametrize("text", ["Mine.", f"{BEGIN}", f"{END} {BEGIN}"])
def test_a_page_without_a_place_for_tables_is_left_alone(folders, tmp_path, text):
    page = tmp_path / "study.md"
    page.write_text(text)
    with pytest.raises(InvalidInput, match="does not say where"):
        write_study(folders, page)
    assert page.read_text() == text
    assert not (tmp_path / "study").exists()


def test_the_command(folders, tmp_path, capsys):
    page = tmp_path / "docs" / "mine.md"
    with pytest.raises(SystemExit) as stop:
        main(["study", *map(str, folders), "--out", str(page), "--json"])
    assert not stop.value.code
    answer = json.loads(capsys.readouterr().out)
    assert [row["labels"] for row in answer["combinations"]] == ["shared", "disjoint, 50 %"]
    assert page.is_file()


def test_trials_measured_by_different_losses_are_not_taken_together(tmp_path):
    write(run().assign(loss="squared"), tmp_path / "a")
    write(run(sizes=(24,)).assign(loss="absolute", weak="weak-h24"), tmp_path / "b")
    with pytest.raises(InvalidInput, match="differ in loss"):
        write_study([tmp_path / "a", tmp_path / "b"], tmp_path / "study.md")
    write_study([tmp_path / "b"], tmp_path / "absolute.md")
    assert "errors are mean absolute losses" in (tmp_path / "absolute.md").read_text()


def test_a_damaged_packed_table_is_told_in_one_line(tmp_path):
    folder = tmp_path / "a"
    write(run(), folder)
    write_study([folder], tmp_path / "page.md")
    packed = tmp_path / "page" / "records.csv.gz"
    for damaged in (b"no gzip", packed.read_bytes()[:-20]):
        packed.write_bytes(damaged)
        with pytest.raises(InvalidInput, match="holds no run"):
            read_records(tmp_path / "page")
