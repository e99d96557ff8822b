"""What `molw2s run` is asked for: a CSV's columns, suites by name, options that go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from molw2s.cli.console import progress_bar, tell

if TYPE_CHECKING:
    from molw2s.datasets import MoleculeDataset
    from molw2s.problems.settings import Settings


@dataclass(frozen=True)
class Columns:
    """The options that say how to read a CSV."""

    smiles: str
    target: str
    split: str | None
    unit: str
    drop_invalid: bool

    def read(self, csv: Path | None) -> MoleculeDataset | None:
        """The dataset in a CSV; None without one, where no such option may be given."""
        if csv is None:
            self._check_not_given()
            return None
        from molw2s.datasets import read_csv

        with progress_bar(f"read {csv.name}"):
            dataset = read_csv(
                csv, self.smiles, self.target, self.split, self.drop_invalid, unit=self.unit
            )
        tell(csv, dataset.dropped)
        return dataset

    def _check_not_given(self) -> None:
        options = {
            "--smiles-column": self.smiles != "smiles",
            "--target-column": self.target != "target",
            "--split-column": self.split is not None,
            "--unit": self.unit != "",
            "--drop-invalid": self.drop_invalid,
        }
        if given := [option for option, is_given in options.items() if is_given]:
            raise typer.BadParameter(f"{', '.join(given)}: only with --csv FILE")


_SETTINGS = {"repeat": "repeats", "ensemble": "ensembles", "control": "controls"} | {
    name: name
    for name in (
        "weak", "strong", "weak_head", "strong_head", "weak_mode", "strong_mode", "labels",
        "labelled", "folds", "student_selection", "selection_labels", "student_weight",
        "kept_labels", "evaluation",
        "chain", "exact_rows", "landmarks",
    )
}  # fmt: skip


def asked_settings(options: dict[str, Any]) -> dict[str, Any]:
    """The settings of a suite among the options, by the settings' names; None where not given."""
    asked = {setting: options[option] for option, setting in _SETTINGS.items()}
    return {setting: None if value in ([], ()) else value for setting, value in asked.items()}


def choose(
    names: Sequence[str], dataset: MoleculeDataset | None, changes: dict[str, Any]
) -> list[Settings]:
    """The suites of these names or files, with changes; without a name, one of the dataset's."""
    from molw2s.experiment.settings import expand_suites, load_suites, make_suite
    from molw2s.locations import as_file_name

    if dataset is not None:
        changes = changes | {"dataset": dataset.name}
        if not names:
            return [make_suite({"name": as_file_name(dataset.name)}, **changes)]
    return [suite for name in expand_suites(names) for suite in load_suites(name, **changes)]


def name_folders(suites: Sequence[Settings], out: Path | None) -> list[Path]:
    """Each suite's folder: runs/SUITE; for one suite ``out`` itself, for many a folder in it."""
    if out is not None and len(suites) == 1:
        return [out]
    return [(out or Path("runs")) / suite.name for suite in suites]


def check_labels(
    suites: Sequence[Settings], labelled: float | None, selection_labels: int | None
) -> None:
    """Raise BadParameter for an option that changes nothing in a suite."""
    if labelled is not None and any(getattr(suite, "labels", "") != "disjoint" for suite in suites):
        raise typer.BadParameter("--labelled is for disjoint labels; say --labels disjoint, too")
    chosen = [
        (getattr(suite, "student_selection", ""), getattr(suite, "student_weight", ""))
        for suite in suites
    ]
    if selection_labels is not None and any("valid" not in each for each in chosen):
        raise typer.BadParameter(
            "--selection-labels is for --student-selection valid, or --student-weight valid"
        )


def check_seeds(
    suites: Sequence[Settings], seeds: list[int] | int | None, repeat: list[int] | None
) -> None:
    """Raise BadParameter for a seed of something that the suites do not draw."""
    from molw2s.problems.molecules.settings import Suite

    molecular = [suite for suite in suites if isinstance(suite, Suite)]
    if seeds and any(suite.splitter in ("scaffold", "column") for suite in molecular):
        raise typer.BadParameter("--seed is for random splits; these have no randomness")
    if repeat and molecular and not any(suite.finetunes for suite in molecular):
        raise typer.BadParameter("--repeat is for finetuning; a head on a frozen encoder has none")
