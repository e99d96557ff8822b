"""The command line: one file a command; each parses, calls the API and prints.

Heavy imports wait until a command needs them.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from molw2s.cli import (
    check_results,
    compare,
    doctor,
    encode,
    import_,
    leaderboard,
    list_,
    measure,
    pack,
    pretrain,
    probe,
    report,
    run,
    signals,
    study,
)
from molw2s.errors import Molw2sError, UnknownName

app = typer.Typer(
    help="Weak-to-strong generalization in molecular property regression.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True)
def _top(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        from molw2s import __version__

        print(__version__)
        raise typer.Exit


app.command()(run.run)
app.command()(report.report)
app.command()(compare.compare)
app.command()(study.study)
app.command()(leaderboard.leaderboard)
app.command()(pack.pack)
app.command("check-results")(check_results.check_results)
app.command()(measure.measure)
app.command("list")(list_.list_)
app.command()(encode.encode)
app.command()(probe.probe)
app.command()(pretrain.pretrain)
app.command()(doctor.doctor)
app.add_typer(import_.imports, name="import", no_args_is_help=True)


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exits with 0 on success, 2 on wrong use, 1 on a failure."""
    if arguments is None:
        signals.end_at_once()
        for stream in (sys.stdout, sys.stderr):  # a code page need not have every letter we print
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        app(arguments)
    except (Molw2sError, OSError) as error:  # the latter: no such folder, no permission, disk full
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, UnknownName) else 1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
