"""Shared fixtures: a cache of the tests' own, no network, and small molecules."""

from __future__ import annotations

import os

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
if "PYTEST_XDIST_WORKER" in os.environ:  # every core has a process: threads and more processes wait
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

MOLECULES = [
    "CCO", "c1ccccc1", "CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C", "[Na+].[Cl-]",
    "CC(C)Cc1ccc(cc1)[C@@H](C)C(=O)O", "O=C(O)c1ccccc1O", "FC(F)(F)c1ccccc1", "C1CCCCC1",
    "CCCCCCCC", "Clc1ccccc1",
]  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    os.environ["MOLW2S_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("MOLW2S_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def molecules():
    return list(MOLECULES)
