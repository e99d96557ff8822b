"""One HTML page of a run, a study or runs side by side: what it says, and how it is written.

In come records, manifests and predictions; out goes one file that needs no network.
"""

from molw2s.report.page.build import is_run, page_of
from molw2s.report.page.parts import Page, Source
from molw2s.report.page.render import to_html, write_page

__all__ = ["Page", "Source", "is_run", "page_of", "to_html", "write_page"]
