"""What people read: tables as text, figures, pages; from records alone."""

from molw2s.report.figures import gain_vs_misfit
from molw2s.report.leaderboard_page import write_leaderboard
from molw2s.report.study_page import write_study
from molw2s.report.text import describe, to_markdown
from molw2s.report.write import write_report

__all__ = [
    "describe",
    "gain_vs_misfit",
    "to_markdown",
    "write_leaderboard",
    "write_report",
    "write_study",
]
