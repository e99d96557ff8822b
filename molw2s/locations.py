"""Where things are: what ships with molw2s, and where it keeps what it has computed."""

from __future__ import annotations

import os
import re
import socket
import time
from pathlib import Path
from uuid import uuid4

_PACKAGE = Path(__file__).resolve().parent
_DAY = 24 * 3600
_PART = re.compile(r"\.[0-9a-f]{32}-(?P<pid>[0-9]{1,9})-(?P<host>.+)\.part")


def shipped(folder: str) -> Path:
    """``data``, ``models`` or ``benchmarks``: in the package if installed, beside it if not."""
    inside = _PACKAGE / folder
    return inside if inside.is_dir() else _PACKAGE.parent / folder


def cache_dir() -> Path:
    """``$MOLW2S_CACHE``, else ``molw2s`` in the user's cache folder."""
    if chosen := os.environ.get("MOLW2S_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "molw2s"


def as_file_name(text: str) -> str:
    """``text`` with a dash for whatever is no letter, digit, dot, dash or underscore of any script.

    "data" where nothing is left.
    """
    name = re.sub(r"[^\w.-]+", "-", text)
    return name if re.search(r"\w", name) else "data"


def write_atomically(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` in one step: a reader or a crash never sees half of it.

    What a killed process leaves is named after it, and ``sweep`` removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{uuid4().hex}-{os.getpid()}-{socket.gethostname()}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what ``write_atomically`` left in ``folder`` where its process was killed."""
    for part in folder.glob(".*.part"):
        ours = _PART.fullmatch(part.name)
        if ours is None:
            continue
        try:
            old = time.time() - part.stat().st_mtime > _DAY
            if old or (ours["host"] == socket.gethostname() and not _is_alive(int(ours["pid"]))):
                part.unlink()
        except FileNotFoundError:
            continue  # its writer was quicker


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
