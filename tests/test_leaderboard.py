"""Leaderboards: against Demsar's table and SciPy, and cases by hand; results, against tampering."""

from __future__ import annotations

import gzip
import hashlib
import io
import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from scipy import stats

from molw2s import get_encoder, make_splits
from molw2s.analysis import compare_teachers, leaderboard
from molw2s.analysis.ranks import critical_difference, most_comparable, rank_over
from molw2s.cli import main
from molw2s.datasets import load_dataset
from molw2s.encoders.licences import card_licence, licence_of
from molw2s.errors import InvalidInput
from molw2s.experiment.settings import LEADERBOARD_SUITES, expand_suites, load_suite
from molw2s.records import read_records
from molw2s.report.leaderboard_page import write_leaderboard
from molw2s.report.leaderboard_text import FIELDS, Origin, as_json, as_markdown
from molw2s.report.page.board import board_page
from molw2s.results import check_results, find_runs, pack_run, read_with_licences

# Demsar 2006, Table 5: q of 2 to 10 classifiers at 5 %.
DEMSAR = (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164)
ODD = "a|b <i>*c*</i> [d](e)"


def run(strong="strong", dataset="d", teachers=("t0", "t1", "t2"), splits=4, **told):
    """Records whose errors are drawn for the names, and the same whenever they are."""
    rows = []
    for split, weak in itertools.product(range(splits), teachers):
        seed = hashlib.sha256(f"{strong} {dataset} {weak} {split}".encode()).digest()
        draw = np.random.default_rng(list(seed)).random(3)
        rows.append(
            {
                "suite": "s", "dataset": dataset, "unit": "mol", "loss": "squared", "weak": weak,
                "teacher_kind": "encoder", "weak_hidden_size": 8, "strong": strong,
                "strong_hidden_size": 256, "weak_head": "ridge", "strong_head": "ridge",
                "labels": "shared", "split": f"random-{split}", "seed": 0, "n_labelled": 80,
                "n_unlabelled": 80, "n_evaluation": 10, "weak_error": 2 + draw[0],
                "w2s_error": 1 + draw[1], "misfit": 0.1 + draw[2], "strong_error": 0.5,
                "weak_sha256": weak, "strong_sha256": strong, "dataset_sha256": dataset,
            } | told
        )  # fmt: skip
    frame = pd.DataFrame(rows)
    return frame.assign(gain=frame["weak_error"] - frame["w2s_error"])


def board_of(found, role, **about):
    (board,) = (
        each
        for each in found.boards
        if each.role == role and all(getattr(each, key) == value for key, value in about.items())
    )
    return board


# Ranks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "q"), zip(range(2, 11), DEMSAR))
def test_the_critical_difference_is_demsars(k, q):
    assert critical_difference(k, 14) == pytest.approx(q * math.sqrt(k * (k + 1) / 84), abs=2e-3)


def test_one_entrant_or_one_dataset_has_no_critical_difference():
    assert math.isnan(critical_difference(1, 5))
    assert math.isnan(critical_difference(5, 1))


def test_mean_ranks_and_friedman_are_scipys():
    errors = np.random.default_rng(0).random((6, 4))
    errors[0, 1] = errors[0, 2]
    found = rank_over(pd.DataFrame(errors, columns=list("abcd")))
    expected = stats.rankdata(errors, axis=1).mean(0)
    assert found.mean[list("abcd")].to_numpy() == pytest.approx(expected)
    assert list(found.mean) == sorted(expected)
    assert found.friedman == pytest.approx(stats.friedmanchisquare(*errors.T).pvalue)


def test_groups_are_the_largest_whose_ends_are_not_told_apart():
    # Ten datasets that all say the same: k = 5, critical difference 1.929.
    found = rank_over(pd.DataFrame(np.tile(np.arange(5.0), (10, 1)), columns=list("abcde")))
    assert found.critical_difference == pytest.approx(2.728 * math.sqrt(5 * 6 / 60), abs=2e-3)
    assert found.groups() == [("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")]


@given(st.dictionaries(st.text("ab", min_size=1), st.frozensets(st.integers(0, 4)), max_size=5))
def test_what_is_compared_is_had_by_two_where_any_two_have_something(have):
    part = most_comparable(have)
    who = sum(part <= each for each in have.values())
    shared = max((len(a & b) for a, b in itertools.combinations(have.values(), 2)), default=0)
    if not any(have.values()):
        assert not part
    elif shared:
        assert who >= 2
        assert len(part) * who >= 2 * shared
    else:
        assert part in have.values()


# Boards -------------------------------------------------------------------------------------------


def test_teachers_are_ranked_by_their_students_mean_error():
    records = run()
    table = board_of(leaderboard([records]), "teacher").table.set_index("entrant")
    means = records.groupby("weak")[["weak_error", "w2s_error", "misfit", "gain"]].mean()
    for weak, mean in means.iterrows():
        row = table.loc[f"{weak}, ridge"]
        for name, value in mean.items():
            assert row[name] == pytest.approx(value)
        assert row["ratio"] == pytest.approx(mean["gain"] / mean["misfit"])
        assert row["rank"] == means["w2s_error"].rank()[weak]


def test_gains_have_the_simultaneous_intervals_of_compare():
    records = run(splits=6)
    table = board_of(leaderboard([records]), "teacher").table
    expected = compare_teachers(records).table.set_index("weak")
    for row in table.to_dict("records"):
        for name in ("gain", "gain_low", "gain_high"):
            assert row[name] == pytest.approx(expected.loc[row["encoder"], name])


def test_what_is_behind_the_best_is_measured_on_the_same_splits():
    # Splits that differ much, and a teacher whose student is always 0.1 worse.
    records = run(teachers=("good",), splits=5)
    worse = records.assign(weak="bad", weak_sha256="bad", w2s_error=records["w2s_error"] + 0.1)
    table = board_of(leaderboard([records, worse]), "teacher").table.set_index("encoder")
    found = table.loc["bad", ["behind", "behind_low", "behind_high"]].to_numpy(float)
    assert found == pytest.approx([0.1] * 3)
    assert table.loc["good", "behind"] == 0


def test_students_are_compared_over_the_teachers_that_all_have():
    more = run("a", teachers=("t0", "t1", "t2", "t3"))
    board = board_of(leaderboard([more, run("b")]), "student")
    table = board.table.set_index("encoder")
    assert set(table["teachers"]) == {3}
    expected = more[more["weak"] != "t3"]["w2s_error"].mean()
    assert table.loc["a", "w2s_error"] == pytest.approx(expected)
    assert not board.absent


def test_mean_ranks_are_over_datasets():
    runs = [run(strong, dataset) for strong in "abc" for dataset in ("x", "y")]
    board = board_of(leaderboard(runs), "student")
    errors = pd.concat(runs).groupby(["dataset", "strong"])["w2s_error"].mean().unstack()
    expected = errors.rank(axis=1).mean()
    found = board.ranks.set_index("encoder")["mean_rank"]
    assert found[list("abc")].to_numpy() == pytest.approx(expected[list("abc")].to_numpy())
    assert board.datasets == ("x", "y")
    assert board.ranking.critical_difference == pytest.approx(2.343 * math.sqrt(12 / 12), abs=2e-3)


def test_who_lacks_a_dataset_has_no_mean_rank_and_is_told():
    runs = [run(strong, dataset) for strong in "abc" for dataset in ("x", "y", "z")]
    board = board_of(leaderboard([*runs, run("late", "x")]), "student")
    assert {each.split(",")[0] for each in board.ranking.mean.index} == set("abc")
    assert [(each.entrant, each.why) for each in board.absent] == [("late, ridge", "lacks y, z")]
    assert "late" in set(board.table["encoder"])  # on x it is there


def test_a_dataset_that_few_have_is_not_in_mean_ranks_and_told_unless_it_is_asked_for():
    runs = [run(strong, "x") for strong in "abc"] + [run("a", "y")]
    board = board_of(leaderboard(runs), "student")
    assert board.datasets == ("x",)
    (told,) = board.absent
    assert (told.entrant, told.dataset) == ("all", "y")
    assert "it is missing from b, ridge; c, ridge" in told.why
    asked = board_of(leaderboard(runs, datasets=["x", "y"]), "student")
    assert asked.datasets == ("x", "y")
    assert {each.entrant for each in asked.absent} == {"b, ridge", "c, ridge"}


def test_who_lacks_splits_is_left_out_of_the_dataset():
    found = leaderboard([run("a"), run("b"), run("c", splits=1)])
    (told,) = board_of(found, "student").absent
    assert told.entrant == "c, ridge"
    assert told.why == "lacks 9 of 12 teachers and splits that others have"


def test_label_schemes_splitters_and_sides_are_not_mixed():
    runs = [
        run(), run(labels="disjoint", n_labelled=20, n_unlabelled=60), run(strong_head="lasso"),
        run(split="scaffold", splits=1),
    ]  # fmt: skip
    found = leaderboard(runs)
    assert {(board.labels, board.splitter, board.student) for board in found.boards} == {
        ("shared", "random", "strong, ridge"), ("disjoint, 25 %", "random", "strong, ridge"),
        ("shared", "random", "strong, lasso"), ("shared", "scaffold", "strong, ridge"),
        ("shared", "random", ""), ("disjoint, 25 %", "random", ""), ("shared", "scaffold", ""),
    }  # fmt: skip


def test_two_encoders_of_one_name_are_told_apart_by_their_hashes():
    other = run(strong_sha256="f" * 64).assign(w2s_error=3.0)
    ranked = board_of(leaderboard([run(strong_sha256="e" * 64), other]), "student").ranks
    assert list(ranked["encoder"]) == ["strong @ eeeeeeee", "strong @ ffffffff"]


def test_a_trial_that_two_runs_have_counts_once():
    once, twice = leaderboard([run()]), leaderboard([run(), run()])
    pd.testing.assert_frame_equal(once.teachers, twice.teachers)


def test_what_was_searched_on_a_validation_part_and_controls_take_no_part():
    controls = run(teachers=("self",), teacher_kind="control")
    with_more = leaderboard([run(), controls, run("x", evaluation="valid")])
    pd.testing.assert_frame_equal(with_more.ranks, leaderboard([run()]).ranks)


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(5)))
def test_the_order_of_runs_changes_nothing(order):
    runs = [run("a"), run("b", "y"), run("a", "y"), run("b"), run("b", teachers=("t0", "t9"))]
    runs = [each.drop_duplicates() for each in runs]
    found = leaderboard([runs[place] for place in order])
    first = leaderboard(runs)
    assert as_json(found, []) == as_json(first, [])
    assert as_markdown(found, []) == as_markdown(first, [])


def test_filters():
    runs = [
        run("small", strong_hidden_size=32, strong_licence="mit"),
        run("big", strong_licence="Apache-2.0"),
        run("other", "y", labels="disjoint"),
    ]
    ranked = {
        name: set(leaderboard(runs, **asked).ranks.query("role == 'student'")["encoder"])
        for name, asked in {
            "size": {"max_size": 32}, "licence": {"licences": ["apache-2.0"]},
            "unknown": {"licences": ["unknown"]}, "labels": {"labels": ["disjoint"]},
            "dataset": {"datasets": ["d"]},
        }.items()
    }  # fmt: skip
    assert ranked == {
        "size": {"small"}, "licence": {"big"}, "unknown": {"other"}, "labels": {"other"},
        "dataset": {"small", "big"},
    }  # fmt: skip
    told = leaderboard(runs, max_size=32).absent
    assert "its hidden size is 256, and at most 32 was asked for" in set(told["why"])
    with pytest.raises(InvalidInput, match="no run has dataset 'z'; they have d, y"):
        leaderboard(runs, datasets=["z"])


def test_the_committed_study_is_ranked(tmp_path):
    records = read_records("docs/confirmed")
    records = records[records["dataset"].isin(["esol", "hlm"])]
    found = leaderboard([records])
    board = board_of(found, "teacher")
    assert len(board.ranking.mean) == 8
    expected = records.groupby(["dataset", "weak"])["w2s_error"].mean().unstack().rank(axis=1)
    means = board.ranks.set_index("encoder")["mean_rank"]
    pd.testing.assert_series_equal(means.sort_index(), expected.mean(), check_names=False)


# What people read ---------------------------------------------------------------------------------


def test_names_are_text_in_markdown_and_html(tmp_path):
    found = leaderboard([run(ODD, ODD, unit=ODD), run("b", ODD, unit=ODD)])
    write_leaderboard(found, [Origin(ODD, ODD, "")], tmp_path)
    html = MarkdownIt("commonmark").enable("table").render(
        (tmp_path / "leaderboard.md").read_text().replace("<details><summary>", "")
    )  # fmt: skip
    assert "<i>" not in html
    assert "href" not in html
    assert html.count("a|b &lt;i&gt;*c*&lt;/i&gt; [d](e)") > 5
    page = (tmp_path / "leaderboard.html").read_text()
    assert "<i>*c*" not in page
    assert "a|b &lt;i&gt;" in page


def test_the_json_says_what_its_fields_are(tmp_path):
    found = leaderboard([run("a"), run("b")], labels=["shared"])
    write_leaderboard(found, [Origin("runs/a", "s", "0" * 64)], tmp_path)
    content = json.loads((tmp_path / "leaderboard.json").read_text())
    assert content["schema_version"] == 1
    assert content["filters"]["labels"] == ["shared"]
    assert content["runs"] == [{"folder": "runs/a", "suite": "s", "sha256": "0" * 64}]
    described = set(content["fields"])
    assert described == set(FIELDS)
    plain = {"entrant", "dataset", "unit", "loss"}
    for board in content["boards"]:
        for row in (*board["ranks"], *board["rows"]):
            names = {name.removesuffix("_low").removesuffix("_high") for name in row}
            assert names - plain <= described


def test_the_page_draws_who_is_near_the_best():
    runs = [
        run(name, dataset).assign(w2s_error=1.0 + place)
        for place, name in enumerate("abcde")
        for dataset in map(str, range(10))
    ]
    view = board_page(leaderboard(runs), []).boards[0]
    assert [mark.near for mark in view.marks] == [True, True, False, False, False]
    first, second = view.marks[:2]
    assert first.left < second.left < first.left + first.width
    assert view.marks[2].left > first.left + first.width


# Results ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A small run's results, packed by the run itself."""
    place = tmp_path_factory.mktemp("results")
    command = ["run", "freesolv-paper", "--weak", "weak-h8", "--weak", "rdkit", "--strong", "ecfp4",
               "--seed", "122", "--seed", "123", "--control", "truth", "--out", str(place / "run"),
               "--pack", str(place / "packed")]  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        main(command)
    assert not stop.value.code
    return place / "packed" / "freesolv-paper"


def test_packed_results_are_the_runs_records_and_have_no_fault(results):
    assert {path.name for path in results.iterdir()} == {"manifest.json", "records.csv.gz"}
    whole = results.parent.parent / "run"
    pd.testing.assert_frame_equal(read_records(results), read_records(whole))
    found = check_results(results)
    assert (found.trials, found.faults, found.unchecked) == (6, (), ())
    assert check_results(whole).faults == ()


def test_packing_again_gives_the_same_and_another_run_is_not_replaced(results, tmp_path):
    whole = results.parent.parent / "run"
    folder = pack_run(whole, tmp_path)
    for name in ("manifest.json", "records.csv.gz"):
        assert (folder / name).read_bytes() == (results / name).read_bytes()
    changed = json.loads((folder / "manifest.json").read_text()) | {"records_sha256": "0"}
    (folder / "manifest.json").write_text(json.dumps(changed))
    with pytest.raises(InvalidInput, match="has the results of another run"):
        pack_run(whole, tmp_path)
    pack_run(whole, tmp_path, overwrite=True)
    assert check_results(folder).faults == ()


def test_studies_are_found_and_ranked_but_not_packed(tmp_path):
    studies = ["averaged", "choices", "confirmed", "other-students", "students", "study"]
    assert [path.name for path in find_runs(["docs"])] == studies
    with pytest.raises(InvalidInput, match="no finished run"):
        pack_run("docs/confirmed", tmp_path)
    with pytest.raises(InvalidInput, match="no run's folder here or below"):
        find_runs([tmp_path])


def tampered(results, tmp_path, change_records=None, change_manifest=None, honest_hash=True):
    """A copy with changes, whose hash is made to fit like a careful cheat's."""
    content = gzip.decompress((results / "records.csv.gz").read_bytes())
    manifest = json.loads((results / "manifest.json").read_text())
    if change_records is not None:
        cells = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        content = change_records(cells).to_csv(index=False).encode()
    if honest_hash:
        manifest["records_sha256"] = hashlib.sha256(content).hexdigest()
    if change_manifest is not None:
        change_manifest(manifest)
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "records.csv.gz").write_bytes(gzip.compress(content))
    return check_results(tmp_path).faults


def one(cells, **values):
    """The first trial's cells set to others."""
    changed = cells.copy()
    for name, value in values.items():
        changed.loc[0, name] = value
    return changed


def better(cells):
    """The first student made better, and everything that depends on its error with it."""
    row = cells.loc[0, ["weak_error", "misfit", "strong_error"]].astype(float)
    error = 0.01 * row["weak_error"]
    gain = row["weak_error"] - error
    return one(
        cells,
        w2s_error=str(error),
        gain=str(gain),
        gain_minus_misfit=str(gain - row["misfit"]),
        pgr=str(gain / (row["weak_error"] - row["strong_error"])),
    )


def test_an_edited_value_is_found(results, tmp_path):
    (fault,) = tampered(results, tmp_path, lambda cells: one(cells, misfit="0.5"))
    assert "line 2, column 'weak_error_minus_misfit'" in fault
    assert "\n" not in fault


def test_an_edit_that_fits_its_row_is_found_by_the_hash_and_by_geometry(results, tmp_path):
    (fault,) = tampered(results, tmp_path, better, honest_hash=False)
    assert "not as the run wrote it" in fault
    (fault,) = tampered(results, tmp_path, better)
    assert "no sides of a triangle" in fault


def test_a_ceiling_that_depends_on_the_teacher_is_found(results, tmp_path):
    def lower(cells):
        ceiling = 0.9 * float(cells.loc[0, "strong_error"])
        weak, gain = (float(cells.loc[0, name]) for name in ("weak_error", "gain"))
        return one(cells, strong_error=str(ceiling), pgr=str(gain / (weak - ceiling)))

    (fault,) = tampered(results, tmp_path, lower)
    assert "strong_error differs between teachers" in fault


def test_missing_trials_are_found(results, tmp_path):
    (fault,) = tampered(results, tmp_path, lambda cells: cells.drop(index=0))
    assert "holds 5 of 6 trials" in fault
    faults = tampered(
        results, tmp_path, lambda cells: cells.drop(index=0),
        lambda manifest: manifest["trials"].update(of=5),
    )  # fmt: skip
    assert any(fault.startswith("1 trials are missing; one is random-122") for fault in faults)


def test_another_dataset_under_the_name_is_found(results, tmp_path):
    def other(manifest):
        manifest["dataset"]["sha256"] = "0" * 64

    faults = tampered(
        results, tmp_path, lambda cells: cells.assign(dataset_sha256="0" * 64), other
    )  # fmt: skip
    assert faults == ("sha256 of dataset freesolv is not that of the registered one",)
    assert "column dataset_sha256" in tampered(results, tmp_path, None, other)[0]


def test_other_splits_are_found(results, tmp_path):
    def other(manifest):
        manifest["splits"]["random-122"]["test"]["sha256"] = "0" * 64

    (fault,) = tampered(results, tmp_path, None, other)
    assert fault == "split random-122: the test part is not the one that the settings give"


def test_splits_of_the_manifest_are_those_that_make_splits_gives(results):
    manifest = json.loads((results / "manifest.json").read_text())
    for split in make_splits(load_dataset("freesolv"), "random", (122, 123)):
        text = ",".join(map(str, sorted(split.test.tolist())))
        stated = manifest["splits"][split.name]["test"]["sha256"]
        assert stated == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("name", ["weak-h8", "rdkit", "ecfp4"])
def test_an_encoder_under_the_name_of_a_shipped_one_is_found(results, tmp_path, name):
    which = "strong" if name == "ecfp4" else "weak"

    def other(cells):
        return cells.assign(
            **{f"{which}_sha256": cells[f"{which}_sha256"].where(cells[which] != name, "0" * 64)}
        )

    def stated(manifest):
        manifest["encoders"][name]["sha256"] = "0" * 64

    faults = tampered(results, tmp_path, other, stated)
    assert faults == (f"encoder {name} is not the one of that name which ships with molw2s",)
    assert "its hash is not the manifest's" in tampered(results, tmp_path, other)[0]


def test_absurd_errors_are_found(results, tmp_path):
    def scaled(by):
        def change(cells):
            errors = [name for name in cells if name.endswith(("error", "misfit"))]
            errors += ["gain", "weak_error_valid", "misfit_valid", "weak_error_minus_misfit_valid"]
            values = cells[errors].apply(lambda column: pd.to_numeric(column) * by)
            return cells.assign(**{name: values[name].map(repr) for name in errors})

        return change

    assert any("too small" in fault for fault in tampered(results, tmp_path, scaled(1e-9)))
    assert any("above 100 times" in fault for fault in tampered(results, tmp_path, scaled(1e3)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: m.pop("seconds"), "no seconds: the run did not end"),
        (lambda m: m.pop("records_sha256"), "no records_sha256"),
        (lambda m: m.update(schema_version=99), "newer molw2s"),
        (lambda m: m["suite"].update(labels="mine"), "suite: labels"),
        (lambda m: m["suite"].update(labels="disjoint"), "column labels is shared"),
        (lambda m: m["suite"].update(kind="synthetic"), "synthetic run"),
        (lambda m: m["suite"].update(seeds=[122, 124]), "splits with other names"),
    ],
)  # fmt: skip
def test_a_manifest_that_is_not_the_runs_is_found(results, tmp_path, change, told):
    assert any(told in fault for fault in tampered(results, tmp_path, None, change))


@pytest.mark.parametrize("value", [None, 1, "x", [], [1], {}, {"x": []}])
def test_a_manifest_of_any_shape_has_faults_and_no_traceback(results, tmp_path, value):
    # Settings of the repeated parts are the same for each; one of them stands for all.
    def spoil(*path):
        def change(manifest):
            *places, last = path
            for place in places:
                manifest = manifest[place]
            manifest[last] = value

        return change

    for path in (
        ("schema_version",), ("suite",), ("dataset",), ("dataset", "sha256"), ("dataset", "unit"),
        ("splits",), ("splits", "random-122"), ("splits", "random-122", "test"), ("encoders",),
        ("encoders", "rdkit"), ("encoders", "weak-h8", "precision"), ("suite", "weak"),
        ("suite", "seeds"), ("records_sha256",),
    ):  # fmt: skip
        assert tampered(results, tmp_path, None, spoil(*path)), path


def test_records_that_lack_columns_have_faults_and_no_traceback(results, tmp_path):
    columns = pd.read_csv(results / "records.csv.gz").columns
    for name in ("seed", "weak_sha256", "n_labelled", "loss", "split", "teacher_kind", "leak"):
        assert name in columns
        faults = tampered(results, tmp_path, lambda cells, name=name: cells.drop(columns=name))
        assert faults or name in ("loss", "teacher_kind", "leak")


def test_the_command_tells_each_fault_in_a_line_and_exits_with_1(results, tmp_path, capsys):
    tampered(results, tmp_path / ".." / tmp_path.name, lambda cells: one(cells, misfit="0.5"))
    for places, code in (([results], 0), ([results, tmp_path], 1)):
        with pytest.raises(SystemExit) as stop:
            main(["check-results", *map(str, places)])
        assert (stop.value.code or 0) == code
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == len(places)
        assert lines[0].endswith("6 trials, no fault")
    assert lines[1].startswith(f"{tmp_path}: fault: ")
    with pytest.raises(SystemExit):
        main(["check-results", "--json", str(tmp_path)])
    (told,) = json.loads(capsys.readouterr().out)["results"]
    assert told["folder"] == str(tmp_path)
    assert len(told["faults"]) == 1


def test_the_command_ranks_results_and_studies(results, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["leaderboard", str(results.parent), "--out", str(tmp_path), "--json"])
    assert not stop.value.code
    told = json.loads(capsys.readouterr().out)
    assert {path.name for path in tmp_path.iterdir()} == {
        "leaderboard.json", "leaderboard.md", "leaderboard.html",
    }  # fmt: skip
    teachers = next(board for board in told["boards"] if board["role"] == "teacher")
    assert {(each["encoder"], each["licence"]) for each in teachers["ranks"]} == {
        ("weak-h8", "mit"), ("rdkit", "bsd-3-clause"),
    }  # fmt: skip


# Licences and suites ------------------------------------------------------------------------------


def test_licences_are_of_the_card_or_unknown(tmp_path):
    assert licence_of(get_encoder("strong-small-v2")) == "mit"
    assert licence_of(get_encoder("random-h8")) == "mit"
    assert card_licence(tmp_path) == ""
    for text, licence in (
        ("---\nlicense: apache-2.0\n---\n", "apache-2.0"), ("# no card", ""),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "mit, cc-by-4.0"), ("---\n: [\n---\n", ""),
    ):  # fmt: skip
        (tmp_path / "README.md").write_text(text)
        assert card_licence(tmp_path) == licence
    read = read_with_licences("docs/confirmed")
    assert set(read["weak_licence"]) == {"mit"}


def test_the_suites_of_the_leaderboard_differ_in_nothing_but_the_dataset():
    assert expand_suites(["leaderboard"]) == list(LEADERBOARD_SUITES)
    suites = [load_suite(name) for name in LEADERBOARD_SUITES]
    assert {suite.dataset for suite in suites} == set(LEADERBOARD_SUITES)
    alike = [suite.model_dump() | {"name": "", "dataset": ""} for suite in suites]
    assert all(each == alike[0] for each in alike)
