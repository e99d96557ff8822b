"""The page in a real browser: headless Chromium, driven by Playwright.

Skipped where there is no Chromium, unless MOLW2S_BROWSER=required.
"""

from __future__ import annotations

import os
import re
import shutil

import pytest
from test_report_page import ODD, a_run

from molw2s.columns import COLUMNS
from molw2s.report.page import page_of, write_page

NAMES = ["weak-h8", ODD, "weak-h24"]
REQUIRED = os.environ.get("MOLW2S_BROWSER") == "required"


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None and not REQUIRED:
        pytest.skip("no chromium here: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api") if not REQUIRED else __import__(
        "playwright.sync_api", fromlist=["sync_playwright"]
    )  # fmt: skip
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def source():
    return a_run(names=NAMES, molecules=300, suite=ODD, dataset=ODD, unit=ODD)


@pytest.fixture(scope="module")
def address(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(path, [source])
    return path.as_uri()


@pytest.fixture(scope="module")
def told():
    """What the page told the console, asked the network for, or popped up."""
    return []


@pytest.fixture(scope="module")
def page(browser, address, told):
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: told.append(f"error: {error}"))
    page.on("request", lambda request: told.append(f"request: {request.url}"))
    page.on("dialog", lambda dialog: (told.append("dialog"), dialog.dismiss()))
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    return page


def column(page, table, place):
    cells = page.locator(f"#{table}-table tbody tr:not([hidden]) td:nth-child({place + 1})")
    return cells.all_inner_texts()


def test_it_opens_without_error_and_asks_nobody_for_anything(page, told, address):
    assert told == [f"request: {address}"]
    assert page.locator("#chart svg path").count() > 12
    assert page.locator("#repaired .card svg.drawing path").count() > 6


def test_a_click_on_a_dot_and_a_name_choose_the_molecules(page, source):
    symbols = page.locator("#chart svg g.mark-symbol").last.locator("path")  # means, large
    assert symbols.count() == len(NAMES)
    seen = []
    for place in (2, 1):
        symbols.nth(place).click()
        assert NAMES[place] in page.locator("#molecules-title").inner_text()
        assert page.locator("#legend [aria-pressed=true]").inner_text().startswith(NAMES[place])
        assert page.locator("#teacher").input_value() == str(place)
        chosen = page.locator("#teachers tr.chosen")
        assert chosen.count() == 1
        assert NAMES[place] in chosen.inner_text()
        seen.append(page.locator("#repaired").inner_text())
    page.locator("#teachers .pick", has_text="weak-h8").focus()
    page.keyboard.press("Enter")
    seen.append(page.locator("#repaired").inner_text())
    assert "weak-h8" in page.locator("#molecules-title").inner_text()
    assert len(set(seen)) == 3
    faint = page.locator("#chart svg g.mark-symbol").first.locator("path[opacity='0.08']")
    assert faint.count() == 8
    page.locator("[data-list=repaired]").click()
    shown = page_of([source]).data["groups"][0]["molecules"]["views"][0]["repaired"]
    assert page.locator("#repaired .card").count() == len(shown)


def test_a_column_is_sorted_by_mouse_and_keyboard(page):
    head = page.locator("#teachers th", has_text="w2s error")
    place = page.locator("#teachers th").all_inner_texts().index(head.inner_text())
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    values = [float(text.split()[0]) for text in column(page, "teachers", place)]
    assert values == sorted(values)
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    values = [float(text.split()[0]) for text in column(page, "teachers", place)]
    assert values == sorted(values, reverse=True)


def test_a_table_is_filtered(page):
    page.locator("#trials summary").click()
    page.locator("#trials input").fill("weak-h24 random-1")
    assert column(page, "trials", 0) == ["weak-h24"]
    assert page.locator("#trials-table-count").inner_text() == "1 of 12 rows"
    page.locator("#trials input").fill("")
    assert len(column(page, "trials", 0)) == 12


def test_headings_are_explained_on_focus_and_hover(page):
    page.locator("#teachers th button", has_text="PGR").focus()
    assert page.locator("#tip").inner_text().startswith(COLUMNS["pgr"].definition)
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    page.locator("#rules th button", has_text="labels it looks at").hover()
    assert "true labels the rule needs" in page.locator("#tip").inner_text()
    page.mouse.move(0, 0)


def test_names_are_text_and_hover_says_who(page, told):
    page.locator("#chart").scroll_into_view_if_needed()
    page.locator("#chart svg g.mark-symbol").last.locator("path").nth(1).hover()
    tip = page.locator("#vg-tooltip-element.visible")
    tip.wait_for()
    assert ODD in tip.inner_text()
    assert "misfit" in tip.inner_text()
    dot = page.locator("#chart svg g.mark-symbol").first.locator("path").nth(5)
    dot.dispatch_event("mousemove")
    page.mouse.move(0, 0)
    assert ODD in page.locator(".claim").inner_text()
    assert page.locator("img").count() == 0
    assert "dialog" not in told


@pytest.mark.parametrize("width", [1400, 360])
def test_nothing_sticks_out(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    page.wait_for_timeout(200)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    out = page.evaluate(
        """() => [...document.querySelectorAll("main *")].filter((each) =>
        !each.closest(".scroll, pre, svg") && each.getBoundingClientRect().right > innerWidth + 1
        ).map((each) => each.outerHTML.slice(0, 80))"""
    )
    assert out == []
    page.set_viewport_size({"width": 1400, "height": 900})


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(page, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.emulate_media(color_scheme=scheme)
    found = axe.run(page).response["violations"]
    grave = [
        (each["id"], each["nodes"][0]["html"][:200], each["nodes"][0]["failureSummary"])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert grave == []
    page.emulate_media(color_scheme="light")


def test_the_theme_is_chosen_and_the_chart_follows(page):
    def look():
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        axis = page.locator("#chart svg .mark-text text").first
        dot = page.locator("#chart svg .mark-symbol").first.locator("path").first
        fill = "each => getComputedStyle(each).fill"
        return ground, axis.evaluate(fill), dot.evaluate(fill)

    button = page.locator("#theme")
    seen = [look()]
    for way in ("light", "dark"):
        button.click()
        assert button.inner_text() == f"Theme: {way}"
        seen.append(look())
    assert seen[0] == seen[1]
    assert all(light != dark for light, dark in zip(seen[1], seen[2]))
    page.emulate_media(media="print")  # always by day
    assert look() == seen[1]
    page.emulate_media(media="screen")
    button.click()


def test_the_command_is_copied_or_selected(page):
    page.locator("#copy").click()
    page.locator("#copied:not(:empty)").wait_for()
    assert re.search("Copied|selected", page.locator("#copied").inner_text())
    assert "molw2s run" in page.locator("#command").inner_text()


def test_it_prints_tables_whole_and_without_buttons(page):
    page.emulate_media(media="print")
    assert page.locator("nav").is_hidden()
    assert page.locator("#theme").is_hidden()
    style = "getComputedStyle(document.querySelector('#teachers .scroll')).maxHeight"
    assert page.evaluate(style) == "none"
    page.emulate_media(media="screen")


def test_runs_side_by_side_open_and_a_choice_changes_the_chart(browser, tmp_path):
    path = tmp_path / "report.html"
    write_page(path, [a_run(splits=3), a_run(dataset="other", splits=3)])
    page = browser.new_page()
    wrong = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    before = page.locator("#legend").inner_text(), page.locator("#repaired").inner_text()
    page.locator("#group").select_option("1")
    assert page.locator("#group option:checked").inner_text().startswith("other")
    page.locator("#ratios svg g.mark-symbol").first.locator("path").first.click()
    assert page.locator("#group").input_value() == "0"
    assert (page.locator("#legend").inner_text(), page.locator("#repaired").inner_text()) == before
    assert wrong == []
    page.close()


def test_the_last_word_no_error_was_told_in_all_this(page, told):
    assert [each for each in told if not each.startswith("request: file:")] == []
