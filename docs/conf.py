"""How Sphinx makes the site: ``make docs``."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml

from molw2s import Suite, SyntheticSuite, __version__

HERE = Path(__file__).parent

project = "molw2s"
author = "The molw2s developers"
copyright = f"2026, {author}"
version = release = __version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_copybutton",
    "sphinx_design",
]
templates_path = ["_templates"]
exclude_patterns = ["_build", "_ext", "_templates", "reference/generated/*.md"]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
suppress_warnings = ["mystnb.unknown_mime_type"]

# Cells run in a folder of their own; what they gave is kept until a cell changes.
nb_execution_mode = "cache"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 600
nb_execution_show_tb = True
nb_merge_streams = True
os.environ.setdefault("HF_HUB_OFFLINE", "1")
_startup = HERE / "_build" / "ipython" / "profile_default" / "startup"
_startup.mkdir(parents=True, exist_ok=True)
shutil.copy(HERE / "_ext" / "bash.py", _startup)
os.environ["IPYTHONDIR"] = str(_startup.parents[1])
os.environ["TTY_COMPATIBLE"] = "0"  # a kernel calls itself a terminal; we print Markdown elsewhere

# The API: signatures from the code, words from its docstrings.
autosummary_generate = ["reference/api.md"]
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": False}
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
nitpick_ignore_regex = [("py:.*", r"(?!molw2s).*")]

html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = f"molw2s {version}"
html_static_path = ["_static"]
html_css_files = ["molw2s.css"]
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"start": [], "idea": [], "limits": [], "performance": []}
html_theme_options = {
    "logo": {"text": "molw2s"},
    "header_links_before_dropdown": 9,
    "navbar_align": "left",
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
}


def write_command_line(app):
    """reference/generated/cli.md, from the options that the commands have."""
    program = [sys.executable, "-m", "typer", "molw2s.cli", "utils", "docs", "--name", "molw2s"]
    program += ["--title", "Command line"]
    page = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    whole = dict(re.findall(r"^#+ `molw2s (?:[\w-]+ )*([\w-]+)`\n+(.+)$", page, re.MULTILINE))
    page = re.sub(  # typer cuts the sentences of its list of commands
        r"^\* `([\w-]+)`: .*\.\.\.$", lambda line: f"* `{line[1]}`: {whole[line[1]]}", page,
        flags=re.MULTILINE,
    )  # fmt: skip
    (HERE / "reference" / "generated").mkdir(exist_ok=True)
    (HERE / "reference" / "generated" / "cli.md").write_text(page)


def write_json(app):
    """reference/generated/json.md: what each command prints with --json, from the schema."""
    definitions = json.loads((HERE / "schemas" / "output.json").read_text())["$defs"]
    lines = []
    for name, schema in definitions.items():
        lines += ["", f"## {name}", "", schema["description"]]
        if "properties" in schema:
            lines += ["", "| key | type | meaning |", "| --- | --- | --- |"]
            for key, value in schema["properties"].items():
                optional = "" if key in schema["required"] else "; may be missing"
                meaning = value.get("description", "").replace("|", "\\|")
                lines.append(f"| `{key}` | {_type(value)}{optional} | {meaning} |")
    (HERE / "reference" / "generated" / "json.md").write_text("\n".join(lines) + "\n")


def _type(schema):
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.replace(' ', '-')})"
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "items" in schema:
        return f"array of {_type(schema['items'])}"
    return " or ".join(kinds)


def write_settings(app):
    """reference/generated/settings.md: keys and defaults of both kinds of suites."""
    lines = []
    for kind in (Suite, SyntheticSuite):
        title = kind.model_fields["kind"].default
        lines += ["", f"## `kind: {title}`", "", "| key | default |", "| --- | --- |"]
        for name, field in kind.model_fields.items():
            default = "must be said" if field.is_required() else f"`{_as_yaml(field.default)}`"
            lines.append(f"| `{name}` | {default} |")
    page = HERE / "reference" / "generated" / "settings.md"
    page.write_text("\n".join(lines) + "\n")


def _as_yaml(value):
    plain = value.model_dump() if hasattr(value, "model_dump") else value
    plain = list(plain) if isinstance(plain, tuple) else plain
    return yaml.safe_dump(plain, default_flow_style=True, width=1000).partition("\n...")[0].strip()


def show_as_shell(app, document):
    """A cell of shell commands is shown without the line that tells the kernel so."""
    for block in document.findall(nodes.literal_block):
        text = block.astext()
        if text.startswith("%%bash\n"):
            block.children = [nodes.Text(text.removeprefix("%%bash\n"))]
            block.rawsource = block.astext()
            block["language"] = "bash"


def write_math(self, node):
    """MathML, which browsers show by themselves: no script from elsewhere."""
    block = isinstance(node, nodes.math_block)
    formula = tex2mathml(node.astext(), as_block=block)
    self.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def leave_out(app, what, name, found, skip, options):
    """What scikit-learn and pydantic add to every class of theirs is theirs to explain."""
    return True if name.startswith(("model_", "set_")) else None


def setup(app):
    app.add_html_math_renderer("mathml", (write_math, None), (write_math, None))
    app.connect("autodoc-skip-member", leave_out)
    app.connect("builder-inited", write_command_line)
    app.connect("builder-inited", write_settings)
    app.connect("builder-inited", write_json)
    app.connect("doctree-read", show_as_shell)
