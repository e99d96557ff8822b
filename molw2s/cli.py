"""The command line: parse, call the API, print. Heavy imports wait until a command needs them."""

from __future__ import annotations

import json as json_
import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from molw2s.errors import InvalidInput, Molw2sError, UnknownName

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

app = typer.Typer(
    help="Weak-to-strong generalization in molecular property regression.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

imports = typer.Typer(help="Make an encoder's folder of a checkpoint in another layout.")
app.add_typer(imports, name="import", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")]

TrustRemoteCode = Annotated[
    bool,
    typer.Option(
        "--trust-remote-code",
        help="Run the Python code that a checkpoint of a folder or the hub brings along.",
    ),
]


Mode = Literal["head", "full", "lora"]


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exits with 0 on success, 2 on wrong use, 1 on a failure."""
    try:
        app(arguments)
    except (Molw2sError, OSError) as error:  # the latter: no such folder, no permission, disk full
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UnknownName) else 1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from molw2s import __version__

        print(__version__)
        raise typer.Exit


@app.command()
def run(
    suites: Annotated[
        list[str] | None,
        typer.Argument(help="Suites by name (esol freesolv lipop synthetic) or YAML file."),
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
        list[str] | None, typer.Option(help="Weak encoder, repeatable (default: the suite's).")
    ] = None,
    strong: Annotated[
        str | None, typer.Option(help="Strong encoder (default: the suite's).")
    ] = None,
    weak_head: Annotated[
        str | None, typer.Option(help="Head on the weak encoder (default: the suite's).")
    ] = None,
    strong_head: Annotated[
        str | None, typer.Option(help="Head on the strong encoder (default: the suite's).")
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
        Literal["shared", "disjoint", "fresh", "reused"] | None,
        typer.Option(
            help="Weak labels on the weak model's own training molecules (shared) or others "
            "(disjoint); synthetic suites: at new points (fresh) or the weak head's (reused)."
        ),
    ] = None,
    splitter: Annotated[
        Literal["random", "scaffold", "column"] | None, typer.Option(help="How to split.")
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option(help="Seed of a random split, or of a synthetic world; repeatable."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(help="Synthetic suites: repeat everything from h* on K times.", min=1),
    ] = None,
    trust_remote_code: TrustRemoteCode = False,
    json: Json = False,
) -> None:
    """Run suites: progress, table, records and figure.

    The same command goes on after an interruption: what was finetuned is not finetuned again.
    """
    from joblib.externals.loky import get_reusable_executor

    from molw2s.datasets import load_dataset, read_csv
    from molw2s.datasets.molecules import name_lines
    from molw2s.locations import as_file_name
    from molw2s.records import check_replaceable, read_records, write_records
    from molw2s.report import write_report
    from molw2s.report.write import remove_report
    from molw2s.suites import Run, expand_suites, load_suites, make_suite, run_suite
    from molw2s.synthetic.settings import SyntheticSuite

    if not suites and not csv:
        raise typer.BadParameter("name one or more suites, or give --csv FILE")
    of_csv = {
        "--smiles-column": smiles_column != "smiles",
        "--target-column": target_column != "target",
        "--split-column": split_column is not None,
        "--unit": unit != "",
        "--drop-invalid": drop_invalid,
    }
    if not csv and any(of_csv.values()):
        given = ", ".join(option for option, is_given in of_csv.items() if is_given)
        raise typer.BadParameter(f"{given}: only with --csv FILE")
    if split_column and splitter not in (None, "column"):
        raise typer.BadParameter(f"--split-column or --splitter {splitter}, not both")
    if seed and seeds:
        raise typer.BadParameter("give --seed or --seeds, not both")
    changes: dict[str, Any] = {
        "weak": weak or None,
        "strong": strong,
        "weak_head": weak_head,
        "strong_head": strong_head,
        "weak_mode": weak_mode,
        "strong_mode": strong_mode,
        "repeats": repeat or None,
        "labels": labels,
        "splitter": splitter,
        "seeds": tuple(range(seeds)) if seeds else seed or None,
    }
    dataset = None
    if csv:
        dataset = read_csv(csv, smiles_column, target_column, split_column, drop_invalid, unit=unit)
        if dataset.dropped:
            print(
                f"{csv}: left out {len(dataset.dropped)} invalid molecules\n"
                f"{name_lines(dataset.dropped)}",
                file=sys.stderr,
            )
        changes |= {"dataset": dataset.name, "splitter": "column" if split_column else splitter}
    if suites:
        names = expand_suites(suites)
        chosen = [suite for name in names for suite in load_suites(name, **changes)]
    else:
        chosen = [make_suite({"name": as_file_name(changes["dataset"])}, **changes)]
    repeated = [suite.name for suite in chosen]
    if len(set(repeated)) < len(repeated):
        raise typer.BadParameter("two suites have the same name, and so the same folder")
    synthetic = [suite for suite in chosen if isinstance(suite, SyntheticSuite)]
    molecular = [suite for suite in chosen if not isinstance(suite, SyntheticSuite)]
    if seeds and molecular:
        raise typer.BadParameter("--seeds K is for synthetic suites; name split seeds by --seed")
    if jobs and synthetic:
        raise typer.BadParameter("--jobs is for molecular suites; synthetic ones use every core")
    if seed and any(suite.splitter != "random" for suite in molecular):
        raise typer.BadParameter("--seed is for random splits; the others have no randomness")
    if repeat and molecular and not any(suite.finetunes for suite in molecular):
        raise typer.BadParameter("--repeat is for finetuning; a head on a frozen encoder has none")
    runs = Path("runs")
    folders = {
        suite.name: (out or runs / suite.name) if len(chosen) == 1 else (out or runs) / suite.name
        for suite in chosen
    }
    data = {suite.name: dataset or load_dataset(suite.dataset) for suite in molecular}
    for suite in chosen:
        content = data[suite.name].content_sha256 if suite.name in data else None
        check_replaceable(folders[suite.name], suite.model_dump(mode="json"), content, overwrite)

    if synthetic:
        from molw2s.synthetic.run import learn_representations

        with _progress("synthetic") as progress:
            learn_representations(synthetic, progress)
    results = []
    for suite in chosen:
        folder = folders[suite.name]

        def keep(run: Run, folder: Path = folder) -> None:
            remove_report(folder)
            write_records(run.records, run.manifest, folder)

        with _progress(suite.name) as progress:
            run_suite(suite, data.get(suite.name), progress, jobs, keep, trust_remote_code)
        write_report(folder)
        records = read_records(folder)
        results.append({"suite": suite.name, "out": str(folder), **_tables(records)})
        if not json:
            _print_tables(records)
            print(f"Figure, table and records: {folder / 'gain_vs_misfit.png'} and beside it.\n")
    # Idle by now; letting each take its interpreter down in order costs a second.
    get_reusable_executor(reuse=True).shutdown(kill_workers=True)
    if json:
        _print_json({"runs": results})


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    json: Json = False,
) -> None:
    """Make a run's tables and figures again from its records."""
    from molw2s.records import check_finished, read_records
    from molw2s.report import write_report

    check_finished(folder)
    write_report(folder)
    records = read_records(folder)
    if json:
        _print_json({"out": str(folder), **_tables(records)})
    else:
        _print_tables(records)


@app.command()
def compare(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder.")],
    json: Json = False,
) -> None:
    """Set a run beside the paper's table, and its rule for choosing a teacher beside others."""
    from dataclasses import asdict

    from molw2s.records import check_finished, read_records
    from molw2s.report import compare_with_paper, describe
    from molw2s.report.bootstrap import DRAWS, LEVEL, SEED
    from molw2s.report.rules import describe_rules, readable_rules
    from molw2s.report.tables import readable_comparison

    check_finished(folder)
    records = read_records(folder)
    caption = f"{describe(records)}."
    result = compare_with_paper(records)
    if json:
        _print_json(
            {
                "dataset": result.dataset,
                "run": asdict(result.run),
                "paper": result.paper and asdict(result.paper),
                "table": _rows(result.table),
                "rules": _rows(result.rules),
                "bootstrap": {"draws": DRAWS, "seed": SEED, "level": LEVEL, "over": "splits"},
            }
        )
        return
    _print_table(readable_comparison(result.table), caption)
    for who, selection in (("this run", result.run), ("the paper", result.paper)):
        if selection is None:
            print(f"{who}: no figures at hand for {result.dataset}; its Table 1 is for lipop.")
            continue
        print(
            f"{who}: weak error - misfit against w2s error: Spearman {selection.spearman:.3f}, "
            f"Kendall {selection.kendall:.3f}; the rule chooses {selection.chosen}, the best "
            f"teacher is {selection.best}, regret {selection.regret:.4f}"
        )
    print()
    if len(result.table) < 2:
        print("One teacher: there is nothing to choose, and no rule to compare.")
        return
    _print_table(readable_rules(result.rules), f"{describe_rules(result.rules)}.")


@app.command()
def study(
    folders: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs.")],
    out: Annotated[
        Path, typer.Option(help="The page; a folder beside it gets figures and records.")
    ] = Path("study.md"),
    json: Json = False,
) -> None:
    """Set many runs side by side: a page with a table and a figure for each dataset."""
    from molw2s.report.study_page import write_study

    table = write_study(folders, out)
    if json:
        _print_json({"out": str(out), "combinations": _rows(table)})
    else:
        print(f"{out}: {len(table)} combinations; tables, records and figures beside it.")


@app.command("list")
def list_(
    what: Annotated[
        Literal["datasets", "encoders", "heads", "suites"], typer.Argument(help="What to list.")
    ],
    json: Json = False,
) -> None:
    """List what can be chosen by name."""
    names: list[str]
    if what == "datasets":
        from molw2s.datasets import DATASETS

        names = DATASETS.names()
    elif what == "encoders":
        from molw2s.encoders import ENCODERS

        names = ENCODERS.names()
    elif what == "heads":
        from molw2s.heads import HEADS

        names = HEADS.names()
    else:
        from molw2s.suites import suite_names

        names = suite_names()
    if json:
        _print_json({what: names})
    else:
        print("\n".join(names))


@app.command()
def encode(
    encoder: Annotated[str, typer.Argument(help="Registered name, folder, or hub checkpoint.")],
    file: Annotated[Path, typer.Argument(help="CSV file with a header line.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The .npy file to write.")],
    smiles_column: str = "smiles",
    trust_remote_code: TrustRemoteCode = False,
    json: Json = False,
) -> None:
    """Write the embeddings of a CSV's molecules, one row each, in file order."""
    import io

    import numpy as np

    from molw2s.cells import read_cells
    from molw2s.encoders import embed, get_encoder
    from molw2s.locations import write_atomically

    chosen = get_encoder(encoder, trust_remote_code=trust_remote_code)
    frame, _ = read_cells(file)
    if smiles_column not in frame:
        raise InvalidInput(f"{file} has no column {smiles_column!r}; it has {list(frame.columns)}")
    if len(frame) and frame.index[-1] - 1 > len(frame):
        print(f"{file}: lines without any text are left out", file=sys.stderr)
    embeddings = embed(chosen, frame[smiles_column].str.strip().tolist())
    buffer = io.BytesIO()
    np.save(buffer, embeddings)
    write_atomically(out, buffer.getvalue())
    if json:
        _print_json({"out": str(out), "shape": list(embeddings.shape)})
    else:
        print(f"{out}: {embeddings.shape[0]} molecules x {embeddings.shape[1]} {embeddings.dtype}")


@app.command()
def probe(
    encoders: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names, folders, or hub checkpoints (default: all in models/, the descriptors and "
            "the untrained ones)."
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None, typer.Option(help="Repeatable (default: esol, freesolv and lipop).")
    ] = None,
    part: Annotated[
        Literal["test", "valid"],
        typer.Option(
            help="Test on the test part (fitted on train and valid), or on valid (fitted on "
            "train), to choose an encoder's settings by."
        ),
    ] = "test",
    trust_remote_code: TrustRemoteCode = False,
    json: Json = False,
) -> None:
    """Test frozen representations: RMSE of SVR, ridge and kernel ridge on each dataset."""
    import pandas as pd

    from molw2s.datasets import BENCHMARKS
    from molw2s.probe import probe as probe_
    from molw2s.probe import published
    from molw2s.report.tables import probe_table

    datasets = dataset or BENCHMARKS
    with _progress("probe") as progress:
        table = probe_(encoders or None, datasets, part, progress, trust_remote_code)
    quoted = published(datasets if part == "test" else [])
    if json:
        _print_json({"part": part, "probe": _rows(table), "quoted": _rows(quoted)})
        return
    fitted = "train and valid" if part == "test" else "train"
    text = probe_table(pd.concat([table, quoted]))
    _print_table(
        text,
        f"RMSE (not squared) on the {part} parts, fitted on {fitted}, mean ± std over 3 "
        "splits" + ("; quoted: Fabian et al. 2020." if len(quoted) else "."),
    )


@app.command()
def pretrain(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE.yaml", help="What to train on, and how.")
    ],
    out: Annotated[Path, typer.Option(help="The encoder's folder, e.g. models/NAME.")],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a setting, e.g. architecture.hidden_size=16.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Pretrain an encoder; the same command goes on after an interruption."""
    import shlex

    import yaml

    overrides = {}
    for item in set_ or []:
        key, equals, value = item.partition("=")
        if not equals:
            raise typer.BadParameter(f"--set wants KEY=VALUE, got {item!r}")
        try:
            overrides[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise typer.BadParameter(f"--set {item}: {value!r} is no YAML value") from error

    from molw2s.pretraining.recipe import read_recipe
    from molw2s.pretraining.train import pretrain as pretrain_

    parts = ["molw2s", "pretrain", str(recipe), "--out", str(out)]
    parts += [word for item in set_ or [] for word in ("--set", item)]
    record = pretrain_(read_recipe(recipe, overrides), out, shlex.join(parts))
    if json:
        _print_json(record)
    else:
        print(
            f"{out}: {record['tokens']:,} tokens in {record['seconds']} s; "
            f"held out: {record['held_out']}"
        )


@imports.command("molbert")
def import_molbert(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            metavar="CKPT",
            help="MolBERT's PyTorch Lightning file; hparams.yaml is beside it or one folder up.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="The encoder's folder, e.g. models/molbert.")],
    max_length: Annotated[
        int | None,
        typer.Option(help="Longest SMILES in tokens (default: MolBERT's training length, 128)."),
    ] = None,
    json: Json = False,
) -> None:
    """Import MolBERT's published checkpoint; no code in it is run."""
    from molw2s.encoders.molbert import import_molbert as import_

    record = import_(checkpoint, out, max_length)
    if json:
        _print_json(record)
    else:
        print(
            f"{out}: {record['parameters']:,} parameters, SMILES of up to "
            f"{record['max_length']} tokens"
        )


@contextmanager
def _progress(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr; nothing where stderr is not a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task(title, total=None)
        yield lambda stage, done, total: bar.update(
            task, description=f"{title}: {stage}", completed=done, total=total
        )


def _tables(records: pd.DataFrame) -> dict[str, Any]:
    """A run's tables for JSON: the summary, and the diagonal's where there are many tasks."""
    from molw2s.report.diagonal import diagonal_table, has_tasks
    from molw2s.report.tables import summary_table

    tables = {"table": _rows(summary_table(records))}
    return tables | ({"diagonal": _rows(diagonal_table(records))} if has_tasks(records) else {})


def _print_tables(records: pd.DataFrame) -> None:
    from molw2s.report import diagonal as lines
    from molw2s.report.tables import describe, summary_table

    _print_table(_paper_columns(summary_table(records)), f"{describe(records)}.")
    if lines.has_tasks(records):
        print()
        text = lines.readable_diagonal(lines.diagonal_table(records))
        _print_table(text, f"{lines.DIAGONAL_CAPTION}.")


def _paper_columns(table: pd.DataFrame) -> pd.DataFrame:
    from molw2s.report.tables import readable

    return readable(table, ("weak_error_minus_misfit", "w2s_error", "misfit", "gain"))


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.to_dict("records")


def _print_json(content: dict[str, Any]) -> None:
    """Strict JSON: what is not finite is null."""
    print(json_.dumps(_finite(content), indent=1, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_WORDS = ("weak encoder", "encoder", "head", "", "rule", "labels it looks at", "teacher")


def _print_table(text: pd.DataFrame, caption: str) -> None:
    """Boxed on a terminal, Markdown elsewhere."""
    from rich.console import Console
    from rich.table import Table

    from molw2s.report import to_markdown

    console = Console()
    if not console.is_terminal:
        print(f"{caption}\n\n{to_markdown(text)}")
        return
    table = Table(caption=caption, caption_justify="left")
    for column in text.columns:
        table.add_column(column, justify="left" if column in _WORDS else "right")
    for row in text.itertuples(index=False):
        table.add_row(*row)
    console.print(table)
