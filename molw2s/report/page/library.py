"""The library that draws a page's charts: Vega, in one script, as vl-convert bundles it."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib.metadata import version

from molw2s.locations import cache_dir, write_atomically

NOTICE = (
    "Charts are drawn by Vega, Vega-Lite and Vega-Embed, Copyright (c) University of Washington "
    "Interactive Data Lab (BSD 3-Clause: https://github.com/vega/vega/blob/main/LICENSE), with D3, "
    "Copyright Mike Bostock (ISC: https://github.com/d3/d3/blob/main/LICENSE)."
)


@cache
def charts_library() -> str:
    """The script; it is bundled once, which takes seconds, and kept where embeddings are."""
    kept = cache_dir() / "libraries" / f"vega-{version('vl-convert-python')}.js"
    try:
        return kept.read_text(encoding="utf-8")
    except OSError:
        import vl_convert

        script: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub errs
    with suppress(OSError):  # who embeds is told of a cache that cannot be written
        write_atomically(kept, script.encode())
    return script
