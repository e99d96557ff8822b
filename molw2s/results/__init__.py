"""Results that people send: runs packed for a repository, and checked before they are ranked.

In come folders of runs; out go packed folders, faults in words, and records with licences.
"""

from molw2s.results.check import Checked, check_results
from molw2s.results.folders import find_runs, origin_of, pack_run, read_with_licences

__all__ = ["Checked", "check_results", "find_runs", "origin_of", "pack_run", "read_with_licences"]
