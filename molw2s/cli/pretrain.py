"""molw2s pretrain"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from molw2s.cli.console import Json, print_json


def pretrain(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE.yaml", help="What to train on, and how.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="The encoder's folder, e.g. models/NAME.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Replace a setting, e.g. architecture.hidden_size=16.",
        ),
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Pack the corpus into FILE, and train nothing."),
    ] = None,
    packed: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the corpus from what --pack wrote."),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0, help="Stop and save after so long; the same command goes on."),
    ] = None,
    last: Annotated[
        bool,
        typer.Option(
            "--last", help="With --minutes: end the run in that time, learning rates falling to 0."
        ),
    ] = False,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Fuse the layers' kernels by torch.compile.")
    ] = False,
    peak_tflops: Annotated[
        float | None,
        typer.Option(min=0, help="Tell speed as a share of this (default: a measured one)."),
    ] = None,
    shard_size: Annotated[
        str, typer.Option(help="The largest file of the encoder's weights.")
    ] = "45MB",
    probe: Annotated[
        bool, typer.Option("--probe", help="Probe the finished encoder, and keep the tables.")
    ] = False,
    json: Json = False,
) -> None:
    """Pretrain an encoder; the same command goes on after an interruption."""
    import shlex

    import yaml

    if (out is None) == (pack is None):
        raise typer.BadParameter("give either --out, to train, or --pack, to pack the corpus")
    if last and minutes is None:
        raise typer.BadParameter("--last needs --minutes")
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

    settings = read_recipe(recipe, overrides)
    if out is None:
        from molw2s.pretraining.pack import pack as pack_

        assert pack is not None
        written = pack_(settings, pack)
        if json:
            print_json(written)
        else:
            print(
                f"{pack}: {written['molecules']:,} molecules, {written['tokens']:,} tokens, "
                f"{written['bytes'] / 1e6:.1f} MB"
            )
        return

    from molw2s.pretraining.pace import Stretch
    from molw2s.pretraining.train import pretrain as pretrain_

    stretch = Stretch(minutes, last, compiled, peak_tflops, shard_size)
    parts = ["molw2s", "pretrain", str(recipe), "--out", str(out)]
    parts += [word for item in set_ or [] for word in ("--set", item)]
    parts += ["--packed", str(packed)] if packed else []
    parts += ["--minutes", f"{minutes:g}"] if minutes is not None else []
    parts += ["--last"] * last + ["--compile"] * compiled
    record = pretrain_(settings, out, shlex.join(parts), packed, stretch)
    tables = _probed(out) if probe and record["finished"] else ""
    if json:
        print_json(record)
        return
    _tell(out, record)
    if tables:
        print(tables)


def _tell(out: Path, record: dict[str, Any]) -> None:
    for speed in record["speed"][-1:]:
        print(
            f"{speed['tokens_per_second']:,} tokens/s, {speed['tflops']} TFLOP/s: "
            f"{speed['share_of_peak']:.1%} of {speed['peak_tflops']}"
        )
    seen = f"{out}: {record['tokens']:,} tokens in {record['steps']:,} steps"
    if record["finished"]:
        print(f"{seen}; held out: {record['held_out']}")
    else:
        print(f"{seen} of {record['planned_steps']:,}; the same command goes on")


def _probed(folder: Path) -> str:
    """Markdown tables of the encoder in ``folder`` on both parts, kept there as probe.md."""
    from molw2s.probe import probe as probe_
    from molw2s.report.text import probe_table, to_markdown

    tables = "\n".join(
        f"RMSE on the {part} parts, mean ± std over 3 splits\n\n"
        f"{to_markdown(probe_table(probe_([str(folder)], part=part)))}\n"
        for part in ("valid", "test")
    )
    (folder / "probe.md").write_text(tables)
    return tables
