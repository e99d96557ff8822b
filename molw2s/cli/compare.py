"""molw2s compare"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from molw2s.cli.console import Json, print_json, print_table, rows

if TYPE_CHECKING:
    import pandas as pd


def compare(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    json: Json = False,
) -> None:
    """Set a run beside the paper's table, and its rule for choosing a teacher beside others."""
    from dataclasses import asdict

    from molw2s.analysis import compare_teachers, compare_with_paper
    from molw2s.analysis.bootstrap import DRAWS, LEVEL, SEED
    from molw2s.records import read_records
    from molw2s.report import text

    records = read_records(folder)
    caption = f"{text.describe(records)}."
    result = compare_with_paper(records)
    teachers = compare_teachers(records)
    molecules = _over_molecules(folder, records)
    if json:
        print_json(
            {
                "dataset": result.dataset,
                "run": asdict(result.run),
                "paper": result.paper and asdict(result.paper),
                "table": rows(result.table),
                "rules": rows(result.rules),
                "teachers": rows(teachers.table),
                "friedman": teachers.friedman,
                "gain_over_molecules": molecules,
                "bootstrap": {"draws": DRAWS, "seed": SEED, "level": LEVEL, "over": "splits"},
            }
        )
        return
    print_table(text.readable_comparison(result.table), caption)
    print()
    for who, selection in (("this run", result.run), ("the paper", result.paper)):
        if selection is None:
            print(f"{who}: no figures at hand for {result.dataset}; its Table 1 is for lipop.")
            continue
        ranked = f"Spearman {selection.spearman:.3f}, Kendall {selection.kendall:.3f}"
        if math.isnan(selection.spearman):
            ranked = "no ranking, as there is nothing to rank"
        print(
            f"{who}: weak error - misfit against w2s error: {ranked}; the rule chooses "
            f"{selection.chosen}, the best teacher is {selection.best}, regret "
            f"{selection.regret:.4g}"
        )
    print()
    if len(result.table) < 2:
        print("One teacher: there is nothing to choose, and no rule to compare.")
        return
    print_table(
        text.readable_teachers(teachers, molecules), f"{text.describe_teachers(teachers, records)}."
    )
    print()
    print_table(text.readable_rules(result.rules), f"{text.describe_rules(result.rules)}.")


def _over_molecules(folder: Path, records: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Of each teacher; nothing where the run kept no predictions."""
    from molw2s.analysis.molecules import gain_over_molecules
    from molw2s.experiment.predictions import read_predictions
    from molw2s.losses import get_loss

    if not (folder / "predictions.parquet").exists():
        return {}
    predictions, trials = read_predictions(folder)
    return gain_over_molecules(predictions, trials, get_loss(str(records["loss"].iloc[0])))
