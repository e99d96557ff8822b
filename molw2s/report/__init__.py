"""What people read: tables, figures, the comparison with the paper; from records alone."""

from molw2s.report.comparison import Comparison, compare_with_paper, paper_table
from molw2s.report.diagonal import diagonal_table
from molw2s.report.figures import gain_vs_misfit
from molw2s.report.rules import RULES, Rule, rules_table
from molw2s.report.study import combination_table, combine
from molw2s.report.study_page import write_study
from molw2s.report.tables import describe, summary_table, to_markdown
from molw2s.report.write import write_report

__all__ = [
    "RULES",
    "Comparison",
    "Rule",
    "combination_table",
    "combine",
    "compare_with_paper",
    "describe",
    "diagonal_table",
    "gain_vs_misfit",
    "paper_table",
    "rules_table",
    "summary_table",
    "to_markdown",
    "write_report",
    "write_study",
]
