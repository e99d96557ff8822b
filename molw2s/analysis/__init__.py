"""From records to numbers: tables, intervals, selection rules, comparison with the paper.

Nothing here loads a model, torch or RDKit.
"""

from molw2s.analysis.boards import Leaderboard, leaderboard
from molw2s.analysis.comparison import Comparison, compare_with_paper, paper_table
from molw2s.analysis.diagonal import diagonal_table
from molw2s.analysis.rules import RULES, Rule, rules_table
from molw2s.analysis.study import combination_table, combine
from molw2s.analysis.summary import summary_table
from molw2s.analysis.teachers import compare_teachers

__all__ = [
    "RULES",
    "Comparison",
    "Leaderboard",
    "Rule",
    "combination_table",
    "combine",
    "compare_teachers",
    "compare_with_paper",
    "diagonal_table",
    "leaderboard",
    "paper_table",
    "rules_table",
    "summary_table",
]
