"""All of a leaderboard's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from molw2s.analysis.boards import Leaderboard
from molw2s.locations import sweep, write_atomically
from molw2s.report.leaderboard_text import Origin, as_json, as_markdown
from molw2s.report.page.board import write_board


def write_leaderboard(found: Leaderboard, origins: Sequence[Origin], out: str | Path) -> None:
    """Write leaderboard.json, leaderboard.md and leaderboard.html into a folder."""
    out = Path(out)
    write_atomically(out / "leaderboard.json", as_json(found, origins).encode())
    write_atomically(out / "leaderboard.md", as_markdown(found, origins).encode())
    write_board(out / "leaderboard.html", found, origins)
    sweep(out)
