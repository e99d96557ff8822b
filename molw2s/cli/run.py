"""molw2s run"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from molw2s.cli.choices import (
    Columns,
    asked_settings,
    check_labels,
    check_seeds,
    choose,
    name_folders,
)
from molw2s.cli.completion import encoders, heads
from molw2s.cli.completion import suites as suites_
from molw2s.cli.console import (
    Json,
    TrustRemoteCode,
    print_json,
    print_tables,
    progress_bar,
    tables,
)
from molw2s.cli.signals import keep_from_workers

Mode = Literal["head", "full", "lora"]


def run(
    ctx: typer.Context,
    suites: Annotated[
        list[str] | None,
        typer.Argument(
            help="Suites by name (`molw2s list suites`) or YAML file.",
            autocompletion=suites_,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the results (default: runs/SUITE).")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a run with other settings in the folder.")
    ] = False,
    csv: Annotated[
        Path | None,
        typer.Option(help="Run on a CSV file of your own, in place of the suite's dataset."),
    ] = None,
    smiles_column: Annotated[str, typer.Option(help="With --csv.")] = "smiles",
    target_column: Annotated[str, typer.Option(help="With --csv.")] = "target",
    split_column: Annotated[
        str | None, typer.Option(help="With --csv: a column of train, valid and test.")
    ] = None,
    unit: Annotated[str, typer.Option(help="With --csv: the target's unit, for axes.")] = "",
    drop_invalid: Annotated[
        bool, typer.Option("--drop-invalid", help="With --csv: leave invalid molecules out.")
    ] = False,
    weak: Annotated[
        list[str] | None,
        typer.Option(
            help="Weak encoder, or NAME=ENCODER, repeatable (default: the suite's).",
            autocompletion=encoders,
        ),
    ] = None,
    strong: Annotated[
        str | None,
        typer.Option(help="Strong encoder (default: the suite's).", autocompletion=encoders),
    ] = None,
    weak_head: Annotated[
        str | None,
        typer.Option(help="Head on the weak encoder (default: the suite's).", autocompletion=heads),
    ] = None,
    strong_head: Annotated[
        str | None,
        typer.Option(
            help="Head on the strong encoder (default: the suite's).", autocompletion=heads
        ),
    ] = None,
    weak_mode: Annotated[
        Mode | None,
        typer.Option(
            help="Weak side: a head on the frozen encoder, or all weights finetuned (full), or "
            "low-rank updates of them, lora (default: the suite's)."
        ),
    ] = None,
    strong_mode: Annotated[Mode | None, typer.Option(help="Strong side, as --weak-mode.")] = None,
    repeat: Annotated[
        list[int] | None, typer.Option(help="Seed of the finetuning, repeatable.", min=0)
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            help="Fits side by side, a core each (default: 1 when finetuning, else every core).",
            min=1,
        ),
    ] = None,
    labels: Annotated[
        Literal["shared", "disjoint", "cross-fitted", "fresh", "reused"] | None,
        typer.Option(
            help="Weak labels on the weak model's own training molecules (shared), on others "
            "(disjoint) or out of folds (cross-fitted); synthetic suites: at new points (fresh) or "
            "the weak head's (reused)."
        ),
    ] = None,
    labelled: Annotated[
        float | None,
        typer.Option(
            help="With disjoint labels: the share of the training part that has true ones."
        ),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="With cross-fitted labels (default: 10).", min=2)
    ] = None,
    student_selection: Annotated[
        Literal["labels", "valid"] | None,
        typer.Option(
            help="What chooses the student's penalty, kernel width or last epoch: the weak labels, "
            "or true labels of the validation part."
        ),
    ] = None,
    selection_labels: Annotated[
        int | None,
        typer.Option(
            help="With --student-selection valid or --student-weight valid: how many true labels "
            "(default: all).",
            min=1,
        ),
    ] = None,
    student_weight: Annotated[
        str | None,
        typer.Option(
            help="Average each student with its teacher: its share, such as 0.5, or the one that "
            "fits true labels of the validation part best, by least squares (valid). Default: 1, "
            "it stands alone."
        ),
    ] = None,
    kept_labels: Annotated[
        float | None,
        typer.Option(
            help="Share of the weak labels that a student is fitted to: those that agree best with "
            "their neighbours' (default: all)."
        ),
    ] = None,
    evaluation: Annotated[
        Literal["test", "valid"] | None,
        typer.Option(
            help="Measure on the test part, or on half of the validation part, to search settings "
            "(default: test)."
        ),
    ] = None,
    ensemble: Annotated[
        list[str] | None,
        typer.Option(
            help="Let all weak models teach together, repeatable: their mean, or weighted by the "
            "validation part's true labels."
        ),
    ] = None,
    chain: Annotated[
        list[str] | None,
        typer.Option(
            help="Encoder of a student between teacher and student, repeatable.",
            autocompletion=encoders,
        ),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            help="Beside the weak encoders, repeatable: the strong model teaches itself (self), or "
            "is fitted to the labelled part's true labels alone (truth)."
        ),
    ] = None,
    splitter: Annotated[
        str | None,
        typer.Option(
            help="How to split: random, K folds (5-fold), scaffold, column, or one of DeepChem's, "
            "such as deepchem:ButinaSplitter."
        ),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(help="Seed of a random split, or of a synthetic world; repeatable."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Seeds 0 to K - 1, of splits or synthetic worlds.", min=1),
    ] = None,
    exact_rows: Annotated[
        int | None,
        typer.Option(
            help="Kernel ridge on more molecules than this takes landmarks (default: 10,000).",
            min=1,
        ),
    ] = None,
    landmarks: Annotated[
        int | None, typer.Option(help="How many of them (default: 4,000).", min=1)
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(
            help="Pack each finished run for a leaderboard, as PACK/SUITE: manifest and records."
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Do the work on a Dask cluster: its scheduler's address or scheduler file."
        ),
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
    json: Json = False,
) -> None:
    """Run suites: progress, table, records and figure.

    The same command goes on after an interruption: what was fitted is not fitted again.
    """
    from molw2s.experiment.run import run_suites
    from molw2s.experiment.workers import Workers
    from molw2s.processes import dismiss
    from molw2s.report.write import PAGE
    from molw2s.results.folders import pack_run

    if not suites and not csv:
        raise typer.BadParameter("name one or more suites, or give --csv FILE")
    if seed and seeds:
        raise typer.BadParameter("give --seed or --seeds, not both")
    if split_column and splitter not in (None, "column"):
        raise typer.BadParameter(f"--split-column or --splitter {splitter}, not both")
    dataset = Columns(smiles_column, target_column, split_column, unit, drop_invalid).read(csv)
    changes = asked_settings(ctx.params) | {
        "seeds": seeds or seed or None,
        "splitter": "column" if split_column else splitter,
    }
    chosen = choose(suites or [], dataset, changes)
    check_labels(chosen, labelled, selection_labels)
    check_seeds(chosen, seed or seeds, repeat)
    folders = name_folders(chosen, out)
    keep_from_workers()
    results = []
    with progress_bar("run") as progress:
        runs = run_suites(
            chosen,
            folders,
            dataset,
            existing="replace" if overwrite else "resume",
            workers=Workers(jobs, cluster),
            progress=progress,
            trust_remote_code=trust_remote_code,
        )
        for suite, folder, finished in zip(chosen, folders, runs):
            results.append({"suite": suite.name, "out": str(folder), **tables(finished.records)})
            if not json:
                print_tables(finished.records)
                print(f"\nReport: {folder / PAGE}; figure, tables and records are beside it.\n")
            if pack is not None:
                pack_run(folder, pack, overwrite=overwrite)
    dismiss()
    if json:
        print_json({"runs": results})
