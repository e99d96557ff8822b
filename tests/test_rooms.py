"""The rooms of the house: who may import whom, and what is packed."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from pathlib import Path

import pytest

import molw2s
from molw2s.columns import columns_page

HOUSE = Path(molw2s.__file__).parent
# From the top of the picture to its foot: a room imports what stands below it, never above.
ROOMS = (
    "cli", "results", "experiment", "problems", "probe", "diagnosis", "pretraining", "predictors",
    "learners",
    "encoders", "datasets", "store", "report", "analysis", "records", "theory", "columns", "losses",
    "files", "smiles", "processes", "threads", "registry", "locations", "errors",
)  # fmt: skip


def room_of(module):
    return module.split(".")[1] if module.count(".") else ""


def home_of(name):
    """Where a name of the face of the whole package lives."""
    _, *rest = name.split(".")
    return molw2s._HOMES.get(rest[0], name) if len(rest) == 1 else name


def imports():
    """(room, imported room, where) of every import of ours in the house, at any depth of code."""
    for path in HOUSE.rglob("*.py"):
        name = ".".join(path.relative_to(HOUSE.parent).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            assert not getattr(node, "level", 0), f"{name}: a relative import"
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "molw2s":
                targets = [home_of(f"{node.module}.{alias.name}") for alias in node.names]
            elif isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names if alias.name.startswith("molw2s.")]
            else:
                continue
            for target in targets:
                yield room_of(name), room_of(target), f"{name}, line {node.lineno}: {target}"


def test_every_room_is_in_the_picture():
    there = {path.stem for path in HOUSE.iterdir() if not path.name.startswith("_")}
    assert there - {"py"} == set(ROOMS)


def test_imports_go_down_the_picture_and_never_up():
    wrong = [
        where
        for room, imported, where in imports()
        if room in ROOMS
        and imported in ROOMS
        and room != imported
        and ROOMS.index(imported) < ROOMS.index(room)
    ]
    assert not wrong


def test_the_experiment_does_not_know_molecules_from_mlps():
    known = [
        where
        for room, _, where in imports()
        if room == "experiment" and "settings" not in where.split(",")[0]
        and any(word in where for word in ("problems.molecules", "problems.synthetic"))
    ]  # fmt: skip
    assert not known


@pytest.mark.parametrize("module", ["molw2s.report", "molw2s.analysis"])
def test_reading_records_loads_no_models(module):
    program = (
        f"import sys, {module}\n"
        "heavy = {'torch', 'transformers', 'sklearn', 'rdkit', 'deepchem', 'distributed'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_package_is_packed():
    setup = configparser.ConfigParser()
    setup.read(HOUSE.parent / "setup.cfg")
    packed = set(setup["options"]["packages"].split())
    there = {
        ".".join(path.parent.relative_to(HOUSE.parent).parts) for path in HOUSE.rglob("__init__.py")
    }
    assert packed == there | {"molw2s.data", "molw2s.models", "molw2s.benchmarks"}


LONGEST, MOST = 60, 7


@pytest.mark.parametrize("room", ["experiment", "store", "cli", "results"])
def test_functions_are_short_and_take_little(room):
    """Typer's option lists aside: a command's parameters are its options."""
    for path in (HOUSE / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef):
                continue
            body = node.end_lineno - node.body[0].lineno + 1
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            where = f"{path.name}: {node.name}"
            assert body <= LONGEST, where
            is_command = room == "cli" and node.name == path.stem
            assert is_command or len(arguments) <= MOST, where


def test_the_page_of_columns_is_made_of_the_table():
    assert (HOUSE.parent / "docs" / "records.md").read_text() == columns_page()
