"""A page as one HTML file: nothing is loaded, and names are text wherever they stand."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from molw2s.errors import InvalidInput
from molw2s.locations import write_atomically
from molw2s.report.page.build import page_of
from molw2s.report.page.library import NOTICE, charts_library
from molw2s.report.page.parts import Page, Source

_ASSETS = Path(__file__).parent / "assets"
_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {scripts}; "
    "base-uri 'none'; form-action 'none'"
)
_MARK = b'<meta name="generator" content="molw2s">'
_UNSAFE = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


def write_page(path: str | Path, sources: Sequence[Source]) -> None:
    """Write the page of a run, a study, or runs side by side; see ``page_of``.

    Raises
    ------
    InvalidInput
        As ``page_of`` does, or if there is a file that is no page of ours.
    """
    check_ours(path)
    write_atomically(Path(path), to_html(page_of(sources)).encode())


def check_ours(path: str | Path) -> None:
    """Raise InvalidInput if there is a file that is no page of ours."""
    path = Path(path)
    if path.exists() and _MARK not in path.read_bytes()[:2000]:
        raise InvalidInput(f"{path} is no page of molw2s; name another file with --out")


def to_html(page: Page) -> str:
    """The page as HTML; the same page gives the same text."""
    return rendered("page.html.j2", page, page.data, (charts_library(), asset("page.js")))


def rendered(template: str, page: object, data: object, scripts: Sequence[str]) -> str:
    """A page written by a template of ours, with what its scripts read."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        autoescape=True,
        loader=FileSystemLoader(_ASSETS),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        page=page,
        data=as_json(data),
        style=asset("page.css"),
        scripts=scripts,
        notice=NOTICE,
        policy=_POLICY.format(scripts=" ".join(map(_hash, scripts))),
    )


def as_json(data: object) -> str:
    """JSON that may stand in a script element, whatever names are in it."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.translate(_UNSAFE)


@cache
def asset(name: str) -> str:
    """A style or script of ours."""
    return (_ASSETS / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """By which the policy knows a script of ours from any other."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"'sha256-{digest}'"
