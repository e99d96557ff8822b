"""Problems: settings in, cases out - truth, parts, and who may teach whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from molw2s.datasets import MoleculeDataset
    from molw2s.problems.problem import Problem
    from molw2s.problems.settings import Settings


def kind_of_suite(kind: str | None) -> type[Settings]:
    """The settings of a kind of suite: "molecules" (the default) or "synthetic"."""
    if kind == "synthetic":
        from molw2s.problems.synthetic.settings import SyntheticSuite

        return SyntheticSuite
    from molw2s.problems.molecules.settings import Suite

    return Suite


def make_problem(
    suite: Settings, dataset: MoleculeDataset | None = None, trust_remote_code: bool = False
) -> Problem:
    """The problem that a suite poses.

    Parameters
    ----------
    dataset, trust_remote_code
        Of molecular suites: see ``MoleculeProblem``.
    """
    from molw2s.problems.molecules.problem import MoleculeProblem
    from molw2s.problems.molecules.settings import Suite
    from molw2s.problems.synthetic.settings import SyntheticSuite

    if isinstance(suite, SyntheticSuite):
        from molw2s.problems.synthetic.problem import SyntheticProblem  # brings torch

        return SyntheticProblem(suite)
    assert isinstance(suite, Suite)
    return MoleculeProblem(suite, dataset, trust_remote_code)
