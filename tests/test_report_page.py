"""The page of a run, a study, or runs side by side: what it says, without a browser."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from test_synthetic_report import records as tasks

from molw2s.analysis import rules_table, summary_table
from molw2s.analysis.molecules import repairs
from molw2s.cli import main
from molw2s.columns import COLUMNS
from molw2s.errors import InvalidInput
from molw2s.experiment.predictions import measure_again
from molw2s.losses import LOSSES
from molw2s.report.page import Source, dots, page_of, tables, to_html, write_page
from molw2s.report.page.claim import claim_of_study
from molw2s.report.page.drawing import draw
from molw2s.report.page.library import charts_library
from molw2s.report.page.render import as_json

ODD = "<img src=x onerror=alert(1)>"


def smiles(n):
    """Different ones, of at most 30 carbons."""
    lengths = ((place % 10, place // 10 % 10, place // 100) for place in range(n))
    return ["O".join("C" * (length + 1) for length in chain) for chain in lengths]


def a_run(teachers=3, splits=4, molecules=80, gain=0.5, names=None, **told):
    """A run whose students go ``gain`` of the way from their teacher to the truth."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=molecules)
    names = names or [f"weak-h{8 * (place + 1)}" for place in range(teachers)]
    trials, predictions = [], []
    for place, name in enumerate(names):
        for split in range(splits):
            tested = rng.permutation(molecules)[: molecules // 2]
            weak = truth[tested] + rng.normal(size=len(tested)) / (place + 1)
            student = weak + gain * (truth[tested] - weak) + rng.normal(size=len(tested)) / 10
            number = len(trials)
            predictions.append(
                pd.DataFrame({"row": tested, "truth": truth[tested], "weak": weak}).assign(
                    trial=number,
                    part="evaluation",
                    smiles=np.array(smiles(molecules))[tested],
                    student=student,
                    ceiling=truth[tested] + 0.01,
                )
            )
            trials.append(
                {
                    "trial": number, "suite": "s", "dataset": "d", "unit": "mol", "weak": name,
                    "teacher_kind": "encoder", "weak_hidden_size": 8 * (place + 1),
                    "strong": "strong", "weak_head": "ridge", "strong_head": "ridge",
                    "labels": "disjoint", "split": f"random-{split}", "n_labelled": 20,
                    "n_unlabelled": 20, "n_evaluation": len(tested), **told,
                }
            )  # fmt: skip
    kept = pd.concat(predictions, ignore_index=True)
    records = measure_again(pd.DataFrame(trials), kept)
    manifest = {"suite": {"name": records["suite"].iloc[0], "weak": names}, "versions": {"a": "1"}}
    return Source(records, manifest, kept)


@cache
def usual():
    source = a_run()
    return source, page_of([source])


class Reader(HTMLParser):
    """What a browser would find: elements, their attributes, and the text outside of scripts."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.scripts, self.inside = [], [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag):
        self.inside = ""

    def handle_data(self, data):
        (self.scripts if self.inside == "script" else self.text).append(data)


def number(text):
    return float(text.replace("−", "-"))


def test_the_claim_is_the_mean_gain_with_the_corrected_interval_over_splits():
    source, page = usual()
    claim = page.claim
    value, low, high = map(number, re.findall(r"[−+]?[\d.]+", claim.figure))
    each = source.records.groupby("split")["gain"].mean()
    assert value == pytest.approx(source.records["gain"].mean(), abs=6e-4)
    error = math.sqrt((1 / 4 + 40 / 40) * each.var(ddof=1))
    half = stats.t.ppf(0.975, 3) * error
    assert (low, high) == pytest.approx((value - half, value + half), abs=2e-3)
    assert "the student gains" in claim.sentence
    assert "(mol)² over its teacher" in claim.sentence
    averaged = source.records["gain"].mean() / 2 + source.records["misfit"].mean() / 4
    (note,) = (note for note in claim.notes if note.startswith("Averaged half and half"))
    assert number(re.search(r"gain ([−+]?[\d.]+)", note)[1]) == pytest.approx(averaged, abs=6e-4)


def test_the_theory_is_not_held_against_averaged_students():
    source, page = usual()
    assert any("theory says at least 1" in note for note in page.claim.notes)
    averaged = source.records.assign(student_weight=0.5)
    notes = page_of([Source(averaged)]).claim.notes
    assert any("averaged with their teachers" in note for note in notes)
    assert not any("theory" in note or "half and half" in note for note in notes)


def test_the_median_ratio_of_a_study_is_of_students_that_stand_alone():
    combinations = pd.DataFrame(
        {
            "dataset": [f"d{n}" for n in range(8)],
            "labels": "shared",
            "gain_low": 1.0,
            "gain_high": 2.0,
            "ratio": [1, 2, 3, 4, 100, 100, 100, 100],
            "student_weight": [math.nan] * 4 + [0.5] * 4,
        }
    )
    told = claim_of_study(combinations, {}).notes[0]
    assert "median gain / misfit of students that stand alone 2.50" in told
    assert (
        "median gain / misfit 2.50"
        in claim_of_study(combinations.iloc[[0, 1, 2, 3] * 2], {}).notes[0]
    )
    averaged = combinations.iloc[[4, 5, 6, 7] * 2]
    assert "median" not in claim_of_study(averaged, {}).notes[0]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"gain": -0.5}, "the student is worse than its teacher"),
        ({"gain": 0.0, "splits": 2}, "no gain is certain"),
        ({"splits": 1}, "one split gives no interval"),
    ],
)
def test_the_claim_says_so_where_there_is_no_gain(how, told):
    assert told in page_of([a_run(**how)]).claim.sentence


def test_a_run_of_which_trials_are_missing_makes_no_claim():
    records = a_run().records.iloc[:-1]
    page = page_of([Source(records)])
    assert "not every teacher was tried" in page.claim.sentence
    assert [table.id for table in page.tables] == ["teachers", "trials"]


def test_the_mean_repair_is_the_gain_and_each_is_what_a_loop_finds():
    source = a_run()
    found = repairs(source.predictions, source.records, LOSSES["squared"])
    for weak, rows in found.groupby("teacher"):
        gain = source.records.loc[source.records["weak"] == weak, "gain"].mean()
        assert np.average(rows["repair"], weights=rows["tests"]) == pytest.approx(gain)
    first = found.iloc[0]
    trials = source.records.loc[source.records["weak"] == first["teacher"], "trial"]
    errors = [
        (row.truth - row.weak) ** 2 - (row.truth - row.student) ** 2
        for row in source.predictions.itertuples()
        if row.trial in set(trials) and row.row == first["row"]
    ]
    assert first["repair"] == pytest.approx(np.mean(errors))
    assert first["tests"] == len(errors)
    assert found["repair"].is_monotonic_decreasing


def test_the_molecules_are_the_ends_of_that_list():
    source = a_run(molecules=300)
    page = page_of([source])
    (group,) = page.data["groups"]
    found = repairs(source.predictions, source.records, LOSSES["squared"])
    for place, series in enumerate(group["series"]):
        own = found[found["teacher"] == series["name"]]
        view = group["molecules"]["views"][place]
        names = [page.data["smiles"][card[0]] for card in view["repaired"]]
        assert names == own["smiles"].head(50).tolist()
        names = [page.data["smiles"][card[0]] for card in view["spoiled"]]
        spoiled = own[own["repair"] < 0]["smiles"].iloc[::-1].head(50)
        assert names == spoiled.tolist()
        card = dict(zip(("truth", "weak", "student", "ceiling", "repair"), view["repaired"][0][2:]))
        expected = own.iloc[0][list(card)].astype(float).to_dict()
        assert card == pytest.approx(expected, rel=1e-3)
    cards = [card for view in group["molecules"]["views"] for way in ("repaired", "spoiled")
             for card in view[way]]  # fmt: skip
    assert {str(card[0]) for card in cards} == set(page.data["drawings"])
    assert len(page.data["drawings"]) < len(cards)


def test_tables_have_the_numbers_of_analysis_and_say_what_columns_mean():
    source, page = usual()
    by_id = {table.id: table for table in page.tables}
    teachers = by_id["teachers"]
    heads = [heading.text for heading in teachers.headings]
    summary = summary_table(source.records)
    for row, (_, expected) in zip(teachers.rows, summary.iterrows()):
        cells = dict(zip(heads, (cell.text for cell in row)))
        mean, spread = (expected[f"gain_{name}"] for name in ("mean", "std"))
        assert cells["gain"] == f"{mean:.4f} ± {spread:.4f}"
        assert float(row[heads.index("gain")].key) == pytest.approx(mean, abs=1e-4)
    meaning = {heading.text: heading.meaning for heading in teachers.headings}
    assert meaning["gain"].startswith(COLUMNS["gain"].definition)
    assert "(mol)²" in meaning["gain"]
    assert all(meaning.values())
    rules = rules_table(source.records)
    regrets = {row[0].text: row[3].text for row in by_id["rules"].rows}
    for rule in rules.dropna(subset="regret").itertuples():
        assert regrets[rule.rule] == f"{rule.regret:.4f}"
    assert len(by_id["trials"].rows) == len(source.records)


def test_names_are_text_wherever_they_stand():
    odd = [ODD, "</script><script>alert(2)</script>", "{{ 7 * 7 }}"]
    source = a_run(names=odd, suite=ODD, dataset=f"'{ODD}\"", unit="<b>", strong="&amp;\u2028")
    html = to_html(page_of([source]))
    found = Reader(html)
    tags = [tag for tag, _ in found.elements]
    assert "img" not in tags
    assert tags.count("script") == 3
    assert not [name for _, attrs in found.elements for name in attrs if name.startswith("on")]
    text = "".join(found.text)
    for name in odd:
        assert name in text
    assert "&amp;\u2028" in text
    data = json.loads(found.scripts[0])
    assert [series["name"] for series in data["groups"][0]["series"]] == odd
    assert not set("<>&\u2028") & set(found.scripts[0])


def test_json_in_a_script_is_the_same_json():
    odd = {"</script>": ["&lt;", "\u2029", "é", 1e-9, None, "<!--"]}
    assert json.loads(as_json(odd)) == odd
    with pytest.raises(ValueError, match="Out of range"):
        as_json(math.nan)


def test_the_page_loads_nothing_and_runs_no_script_but_its_own():
    html = to_html(usual()[1])
    found = Reader(html)
    links = [attrs.get(name) for _, attrs in found.elements for name in ("src", "href", "action")]
    assert all(link is None or link.startswith("#") for link in links)
    (policy,) = (attrs["content"] for _, attrs in found.elements if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'")
    assert "unsafe-eval" not in policy
    scripts = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert len(scripts) == policy.count("sha256-") == 2


def test_ids_are_unique_and_what_is_named_is_there():
    for page in (usual()[1], page_of([a_run(), a_run(dataset="e")])):
        found = Reader(to_html(page))
        ids = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
        assert len(ids) == len(set(ids))
        for _, attrs in found.elements:
            for name in ("aria-describedby", "aria-labelledby"):
                assert attrs.get(name) is None or attrs[name] in ids
            if attrs.get("href"):
                assert attrs["href"].removeprefix("#") in ids


def test_the_page_is_small_before_data():
    page = usual()[1]
    html = to_html(page)
    assert len(html.encode()) - len(as_json(page.data).encode()) < 1_100_000


def test_the_library_is_bundled_once_and_kept(monkeypatch, tmp_path):
    import vl_convert

    monkeypatch.setenv("MOLW2S_CACHE", str(tmp_path))
    made = []
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda: made.append(1) or "a script")
    charts_library.cache_clear()
    try:
        assert charts_library() == "a script"
        charts_library.cache_clear()
        assert charts_library() == "a script"
    finally:
        charts_library.cache_clear()
    assert made == [1]


def test_the_same_run_gives_the_same_page():
    assert to_html(page_of([a_run()])) == to_html(usual()[1])


def test_many_trials_are_sampled_and_the_page_says_of_how_many(monkeypatch):
    monkeypatch.setattr(dots, "DOTS_EACH", 7)
    monkeypatch.setattr(tables, "TRIALS", 5)
    source = a_run()
    page = page_of([source])
    (group,) = page.data["groups"]
    assert (len(group["dots"]), group["all"]) == (7, 12)
    (trials,) = (table for table in page.tables if table.id == "trials")
    assert len(trials.rows) == 5
    assert "A random 5 of 12 trials" in trials.caption
    means = source.records.groupby("weak")["gain"].mean()
    for series, (_, gain) in zip(group["series"], group["means"]):
        assert gain == pytest.approx(means[series["name"]], rel=1e-3)


def test_many_molecules_are_sampled():
    page = page_of([a_run(teachers=25, splits=2, molecules=1500)])
    found = page.data["groups"][0]["molecules"]
    assert found["dots"] == 800
    assert found["all"] > 1000
    assert all(len(view["dots"]) == 800 for view in found["views"])
    assert all(len(view["repaired"]) == 50 for view in found["views"])
    assert len(as_json(page.data)) < 2_200_000


def test_without_predictions_or_manifest_there_is_the_rest():
    page = page_of([Source(a_run().records)])
    (group,) = page.data["groups"]
    assert group["molecules"] is None
    assert "no predictions" in group["why"]
    assert (page.facts, page.command) == ((), "")
    assert "Copy the command" not in to_html(page)


def test_a_synthetic_run_has_its_slope_and_seeds():
    page = page_of([Source(tasks(sign=-1.0))])
    assert "a unit of misfit brings a gain of −0.90" in page.claim.sentence
    assert "where −1 is expected" in page.claim.sentence
    (group,) = page.data["groups"]
    assert (group["word"], len(group["series"]), group["reverse"]) == ("seed", 3, True)
    assert {table.id for table in page.tables} == {"teachers", "diagonal", "trials"}


def test_runs_side_by_side_count_the_sure_gains():
    sources = [a_run(), a_run(dataset="e", gain=-0.5), a_run(labels="shared")]
    page = page_of(sources)
    assert (page.kind, len(page.data["groups"])) == ("comparison", 3)
    assert page.claim.sentence.startswith("The student gains over its teacher for sure in 2 of 3")
    assert "it loses for sure in 1" in page.claim.sentence
    assert all(group["molecules"] for group in page.data["groups"])
    assert [row[0] for row in page.data["ratios"]] == [0, 1, 2]
    with pytest.raises(InvalidInput, match="more than once"):
        page_of([a_run(), a_run()])


def test_two_runs_of_one_combination_show_no_molecules_and_say_why():
    other = a_run()
    splits = other.records["split"].str.replace(r"-([\d.]+)$", r"-9\1", regex=True)
    more = replace(other, records=other.records.assign(split=splits))
    (group,) = page_of([a_run(), more]).data["groups"]
    assert group["molecules"] is None
    assert "Several runs are of this combination" in group["why"]


def test_a_molecule_is_drawn_in_the_page_s_colours():
    pytest.importorskip("rdkit.Chem.Draw.rdMolDraw2D", exc_type=ImportError)  # needs X's libraries
    drawing = draw("CC(=O)Nc1ccc(Cl)cc1")
    assert {colour for colour, _ in drawing["l"]} == {"c", "n", "o", "x"}
    assert {text for *_, text in drawing["t"]} >= {"O", "N"}
    assert len(json.dumps(drawing)) < 1200
    assert draw("no molecule") is None


def test_a_file_of_somebody_else_s_is_not_overwritten(tmp_path):
    (tmp_path / "report.html").write_text("<h1>Mine</h1>")
    with pytest.raises(InvalidInput, match="is no page of molw2s"):
        write_page(tmp_path / "report.html", [a_run()])
    write_page(tmp_path / "other.html", [a_run()])
    write_page(tmp_path / "other.html", [a_run()])


def written(folder, source):
    folder.mkdir()
    source.records.to_csv(folder / "records.csv", index=False)
    return str(folder)


def command(*arguments):
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    return stop.value.code or 0


def test_the_command_writes_one_page_of_several_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runs = [written(tmp_path / "a", a_run()), written(tmp_path / "b", a_run(dataset="e"))]
    assert command("report", *runs, "--json") == 0
    assert json.loads(capsys.readouterr().out)["page"] == "report.html"
    assert "2 of 2" in (tmp_path / "report.html").read_text()
    assert not (tmp_path / "a" / "report.html").exists()
    assert command("report", runs[0], "--out", "one.html") == 0
    assert (tmp_path / "one.html").exists()
    assert (tmp_path / "a" / "report.html").exists()
    assert command("report", *runs, "--out", "one.md") == 2
    assert command("report", tmp_path / "nowhere") == 1
    assert capsys.readouterr().err.count("\n") < 12


def test_the_command_writes_the_page_of_a_study_beside_its_records(tmp_path):
    runs = [written(tmp_path / "a", a_run()), written(tmp_path / "b", a_run(dataset="e"))]
    assert command("study", *runs, "--out", tmp_path / "study.md") == 0
    assert command("report", tmp_path / "study") == 0
    page = (tmp_path / "study" / "report.html").read_text()
    assert "Every combination" in page
    assert not (tmp_path / "study" / "table.md").exists()
