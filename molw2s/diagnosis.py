"""What molw2s needs, and whether it is there: ``molw2s doctor``.

Every import of another package waits inside a function: the doctor must speak where one is broken.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from molw2s.locations import cache_dir, shipped

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PACKAGES = (
    "molw2s", "torch", "transformers", "rdkit", "scikit-learn", "scipy", "pandas", "numpy",
    "pyarrow", "joblib", "typer", "deepchem",
)  # fmt: skip
IMPORTED = ("numpy", "pandas", "scipy", "sklearn", "rdkit.Chem", "torch", "transformers", "pyarrow")
"""What must not only be installed but load: compiled code may lack a library."""

VARIABLES = (
    "MOLW2S_CACHE", "XDG_CACHE_HOME", "HF_HUB_OFFLINE", "HF_HOME", "OMP_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
)  # fmt: skip
"""Of the environment, what changes a run: docs/reference/environment.md."""

_DEVELOPERS = {"dist", "docs", "lint", "test"}
_DEEPCHEM = "has no release for Python 3.12 and later; only its own datasets and splitters need it"


def diagnose() -> dict[str, Any]:
    """All that ``molw2s doctor`` tells, ready for JSON; docs/schemas/doctor.json says what it is.

    "problems" has a line for each thing that molw2s needs and that is missing or broken.
    """
    faults = [*_unmet(), *_unimportable()]
    shipped_, missing = _shipped()
    cache = _cache()
    if not cache["writable"]:
        faults.append(f"cache folder {cache['folder']} cannot be written; set MOLW2S_CACHE")
    problems = [*faults, *missing]
    return {
        "ok": not problems,
        "problems": problems,
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in PACKAGES},
        "notes": _notes(),
        "platform": platform.platform(),
        "cache": cache,
        "cores": _cores(),
        "bfloat16": _bfloat16(),
        "gpu": _gpu(),
        "extras": _extras(),
        "shipped": shipped_,
        "environment": {name: os.environ.get(name) for name in VARIABLES},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _notes() -> list[str]:
    """What is missing, and why that is fine."""
    notes = [] if _version("deepchem") else [f"deepchem {_DEEPCHEM}"]
    try:
        import_module("rdkit.Chem.Draw.rdMolDraw2D")
    except ImportError as error:
        notes.append(
            f"reports have no drawings of molecules: RDKit's need system libraries ({error}); on "
            "Debian: apt-get install libxrender1 libxext6"
        )
    return notes


def _requirements(extra: str = "") -> Iterator[Requirement]:
    """What molw2s states that it needs here: always, or with an extra."""
    from packaging.requirements import Requirement

    for line in requires("molw2s") or []:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": ""}):
            if not extra:
                yield requirement
        elif extra and marker.evaluate({"extra": extra}):
            yield requirement


def _unmet(extra: str = "") -> Iterator[str]:
    """Requirements that are not installed, or in another version than they should be."""
    for requirement in _requirements(extra):
        there = _version(requirement.name)
        if there is None:
            yield f"{requirement.name} is not installed"
        elif not requirement.specifier.contains(there, prereleases=True):
            yield f"{requirement.name} {there} is installed; needed: {requirement.specifier}"


def _unimportable() -> Iterator[str]:
    for name in IMPORTED:
        try:
            import_module(name)
        except Exception as error:  # whatever a broken installation raises
            first_line = f"{error}".partition("\n")[0]
            yield f"{name} cannot be imported: {type(error).__name__}: {first_line}"


def _cache() -> dict[str, Any]:
    folder = cache_dir()
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    probe = there / f".{uuid4().hex}.doctor"
    try:
        probe.touch()
        probe.unlink()
        writable = True
    except OSError:
        writable = False
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return {
        "folder": str(folder),
        "writable": writable,
        "files": len(sizes),
        "bytes": sum(sizes),
        "bytes_free": shutil.disk_usage(there).free,
    }


def _cores() -> dict[str, int | None]:
    """Of the machine, those this process may use, and torch's threads for one sum."""
    usable, threads = None, None
    with suppress(Exception):
        usable = import_module("joblib").cpu_count()
    with suppress(Exception):
        threads = import_module("torch").get_num_threads()
    return {"machine": os.cpu_count(), "usable": usable, "torch_threads": threads}


def _bfloat16() -> dict[str, bool]:
    """What the machine has of it, and whether large encoders embed in it."""
    found = {"avx512": False, "amx": False, "used": False}
    with suppress(Exception):
        cpu = import_module("torch").cpu
        found["avx512"] = bool(cpu._is_avx512_bf16_supported())
        found["amx"] = bool(cpu._is_amx_tile_supported())
        found["used"] = import_module("molw2s.encoders.transformer").has_bfloat16()
    return found


def _gpu() -> str | None:
    with suppress(Exception):
        cuda = import_module("torch").cuda
        return str(cuda.get_device_name()) if cuda.is_available() else None
    return None


def _extras() -> dict[str, dict[str, Any]]:
    """The optional ones that a user may want, and what installs them."""
    names = metadata("molw2s").get_all("Provides-Extra") or []
    return {
        name: {
            "installed": not list(_unmet(name)),
            "missing": list(_unmet(name)),
            "install": f'pip install "molw2s[{name}]"',
        }
        for name in sorted(set(names) - _DEVELOPERS)
    }


def _shipped() -> tuple[dict[str, int], list[str]]:
    """How many datasets, models and suites are there and whole; and what is wrong with others."""
    wrong: list[str] = []
    cards = {path: _stated_hash(path) for path in sorted(shipped("data").glob("*.md"))}
    datasets = {path.with_suffix(".csv"): hash_ for path, hash_ in cards.items() if hash_}
    models = sorted(path.parent for path in shipped("models").glob("*/config.json"))
    suites = sorted((shipped("benchmarks") / "suites").glob("*.yaml"))
    for kind, found in (("data", datasets), ("models", models), ("benchmarks", suites)):
        if not found:
            wrong.append(f"{shipped(kind)} has none of the shipped files; reinstall molw2s")
    for path, stated in datasets.items():
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != stated:
            wrong.append(f"{path} does not have the hash that its card states; reinstall molw2s")
    for folder in models:
        weights = folder / "model.safetensors"
        if not weights.is_file() or weights.read_bytes()[:8] == b"version ":  # a Git LFS pointer
            wrong.append(f"{weights} has no weights; reinstall molw2s, or run git lfs pull")
    return {"datasets": len(datasets), "models": len(models), "suites": len(suites)}, wrong


def _stated_hash(card: Path) -> str | None:
    stated = re.search("^sha256: *([0-9a-f]{64})", card.read_text(encoding="utf-8"), re.MULTILINE)
    return stated and stated[1]
