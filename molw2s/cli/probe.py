"""molw2s probe"""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from molw2s.cli.completion import datasets as datasets_
from molw2s.cli.completion import encoders as encoders_
from molw2s.cli.console import (
    Json,
    TrustRemoteCode,
    print_json,
    print_table,
    progress_bar,
    rows,
)


def probe(
    encoders: Annotated[
        list[str] | None,
        typer.Argument(
            help="Names, folders, or hub checkpoints (default: all in models/, the descriptors and "
            "the untrained ones).",
            autocompletion=encoders_,
        ),
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable (default: esol, freesolv and lipop).", autocompletion=datasets_
        ),
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
    from molw2s.report.text import probe_table

    datasets = dataset or BENCHMARKS
    with progress_bar("probe") as progress:
        table = probe_(encoders or None, datasets, part, progress, trust_remote_code)
    quoted = published(datasets if part == "test" else [])
    if json:
        print_json({"part": part, "probe": rows(table), "quoted": rows(quoted)})
        return
    fitted = "train and valid" if part == "test" else "train"
    text = probe_table(pd.concat([table, quoted]))
    print_table(
        text,
        f"RMSE (not squared) on the {part} parts, fitted on {fitted}, mean ± std over 3 "
        "splits" + ("; quoted: Fabian et al. 2020." if len(quoted) else "."),
    )
