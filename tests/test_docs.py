"""The pages: links lead somewhere, commands parse, and what they list is what the code has.

``make docs`` builds the site, and executes the cells of its pages.
"""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
import typer
from markdown_it import MarkdownIt

from molw2s.cli import app
from molw2s.diagnosis import VARIABLES

HOUSE = Path(__file__).parents[1]
DOCS = HOUSE / "docs"
OURS = [
    path for path in DOCS.rglob("*.md")
    if not {"_build", "generated"} & set(path.relative_to(DOCS).parts)
]  # fmt: skip
PAGES = sorted([*HOUSE.glob("*.md"), *OURS, *(HOUSE / ".github").rglob("*.md")])
SCHEMA = json.loads((DOCS / "schemas" / "output.json").read_text())
named = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(HOUSE)))


def tokens(page):
    """Of a page's Markdown, inline ones after what contains them."""
    text = re.sub(r"\A---\n.*?\n---\n", "", page.read_text(), flags=re.DOTALL)
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        yield token
        yield from token.children or []


def anchors(page):
    """Of its headings, as GitHub and MyST make them."""
    found, heading = set(), False
    for token in tokens(page):
        if token.type == "inline" and heading:
            text = "".join(child.content for child in token.children)
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            found.add(slug if slug not in found else f"{slug}-1")
        heading = token.type == "heading_open"
    return found


@named
def test_links_lead_somewhere(page):
    for token in tokens(page):
        target = token.attrGet("href") or token.attrGet("src") if token.attrs else None
        if target is None or re.match(r"(https?|mailto):", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), target
        if anchor:
            assert anchor in anchors(there), target


def test_a_link_that_leads_nowhere_is_seen(tmp_path):
    (tmp_path / "page.md").write_text("# A title, with `code`\n\n[x](page.md#a-title-with-code)\n")
    test_links_lead_somewhere(tmp_path / "page.md")
    for wrong in ("[x](other.md)", "[x](page.md#a-title)", "![x](figure.png)"):
        (tmp_path / "page.md").write_text(f"# A title, with `code`\n\n{wrong}\n")
        with pytest.raises(AssertionError):
            test_links_lead_somewhere(tmp_path / "page.md")


def commands(page):
    """The molw2s commands in a page's blocks of shell, words of each."""
    for token in tokens(page):
        if token.type != "fence":
            continue
        lines = token.content.replace("\\\n", " ").splitlines()
        if token.info in ("bash", "") or lines[:1] == ["%%bash"]:
            for line in lines:
                words = shlex.split(line, comments=True)
                for end in ("|", ">", "||", "&"):
                    words = words[: words.index(end)] if end in words else words
                if words[:1] == ["molw2s"] and "..." not in words:
                    yield words[1:]


def parse(words):
    """As the command line does, up to the call; SystemExit or an exception if it does not."""
    command, context = typer.main.get_command(app), None
    while hasattr(command, "resolve_command"):
        context = command.make_context("molw2s", list(words[:1]), parent=context)
        _, command, _ = command.resolve_command(context, list(words[:1]))
        words = words[1:]
    command.make_context("molw2s", list(words), parent=context)


@named
def test_commands_on_a_page_have_options_that_exist(page):
    for words in commands(page):
        if words[0].startswith("-"):  # of molw2s itself
            assert words[0] in {"--version", "--help", "--install-completion", "--show-completion"}
            continue
        parse(words)


def test_a_command_that_does_not_parse_is_seen():
    parse(["run", "esol", "--labels", "shared"])
    for wrong in (["run", "--label", "x"], ["run", "--labels", "x"], ["runs"], ["import", "x"]):
        with pytest.raises(Exception, match=r"(?i)no such|invalid|not one of"):
            parse(wrong)


def test_the_page_of_variables_lists_what_the_code_reads():
    code = "\n".join(path.read_text() for path in (HOUSE / "molw2s").rglob("*.py"))
    read = set(re.findall(r"(?:environ\.get\(|environ\[|getenv\()\s*\"(\w+)\"", code))
    page = (DOCS / "reference" / "environment.md").read_text()
    ours, others = page.split("What its libraries read")
    assert set(re.findall(r"^\| `(\w+)`", ours, re.MULTILINE)) == read
    assert set(VARIABLES) <= read | set(re.findall(r"^\| `(\w+)`", others, re.MULTILINE))


def with_json(command, name=()):
    """Names of the commands that take --json."""
    if hasattr(command, "commands"):
        for word, each in command.commands.items():
            yield from with_json(each, (*name, word))
    elif any("--json" in parameter.opts for parameter in command.params):
        yield " ".join(name)


def test_every_command_with_json_has_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(with_json(typer.main.get_command(app))) <= set(SCHEMA["$defs"])


def test_every_number_of_the_limits_is_in_the_studies():
    pages = ("study", "confirmed", "averaged")
    studies = "".join((DOCS / f"{name}.md").read_text() for name in pages)
    text = (DOCS / "limits.md").read_text()
    numbers = set(re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w])", text))
    assert len(numbers) > 25
    assert {number for number in numbers if number not in studies} == set()


def test_the_settings_page_of_citations_has_this_version():
    import yaml

    from molw2s import __version__

    citation = yaml.safe_load((HOUSE / "CITATION.cff").read_text())
    assert citation["version"] == __version__
    assert f"version = {{{__version__}}}" in (DOCS / "about" / "citing.md").read_text()
