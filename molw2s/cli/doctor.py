"""molw2s doctor"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from molw2s.cli.console import Json, print_json


def doctor(json: Json = False) -> None:
    """Say what is here and what is missing: versions, cache, cores, bfloat16, models, extras.

    Exits with 1 if something that molw2s needs is broken.
    """
    from molw2s.diagnosis import diagnose

    found = diagnose()
    if json:
        print_json(found)
    else:
        print("\n".join(_told(found)))
    if not found["ok"]:
        raise typer.Exit(1)


def _told(found: dict[str, Any]) -> Iterator[str]:
    for name, version in found["versions"].items():
        yield f"{name:16}{version or 'not installed'}"
    yield f"{'platform':16}{found['platform']}"
    cache, cores = found["cache"], found["cores"]
    written = "writable" if cache["writable"] else "NOT writable"
    yield (
        f"{'cache':16}{cache['folder']}: {written}, {cache['files']:,} files of "
        f"{_size(cache['bytes'])}, {_size(cache['bytes_free'])} free"
    )
    yield (
        f"{'cores':16}{cores['machine']}, of which this process may use {cores['usable']}; "
        f"torch takes {cores['torch_threads']} for a sum"
    )
    bfloat16 = found["bfloat16"]
    has = [name for name in ("avx512", "amx") if bfloat16[name]]
    use = "large encoders embed in it" if bfloat16["used"] else "encoders embed in float32"
    yield f"{'bfloat16':16}{' and '.join(has) or 'not on this CPU'}; {use}"
    yield f"{'GPU':16}{found['gpu'] or 'none that torch sees; none is needed'}"
    shipped = ", ".join(f"{number} {kind}" for kind, number in found["shipped"].items())
    yield f"{'shipped':16}{shipped}"
    for name, extra in found["extras"].items():
        state = "installed" if extra["installed"] else f"not installed: {extra['install']}"
        yield f"{'extra ' + name:16}{state}"
    for name, value in found["environment"].items():
        if value is not None:
            yield f"{name:16}{value}" if len(name) < 16 else f"{name} {value}"
    yield ""
    yield from (f"Note: {note}." for note in found["notes"])
    yield from (f"Broken: {problem}." for problem in found["problems"])
    if found["ok"]:
        yield "Everything that molw2s needs is here."


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"
