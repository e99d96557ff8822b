"""Records of molw2s 0.1, which the assembly line must give again.

They were made by the code of version 0.1 on a CPU with bfloat16: rounding to 16 bits differs
between CPUs, so the line is held to them to 1e-5 where the embeddings are the same bit for bit (two
CPUs whose linear algebra rounds otherwise were 3e-6 apart), and elsewhere to what another kind of
CPU is known to change.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from molw2s import embed, get_encoder, load_dataset, load_suite, run_suite
from molw2s.experiment.settings import SYNTHETIC_SUITES

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden"
EMBEDDINGS = json.loads((GOLDEN / "embeddings.json").read_text())
FINETUNED = {
    "weak": ["weak-h8-v2", "weak-h16-v2"], "strong": "weak-h32-v2", "weak_mode": "full",
    "strong_mode": "full", "seeds": [122],
}  # fmt: skip
ELSEWHERE = 0.05


def same_machine(dataset):
    """Whether this machine makes the embeddings that the golden records were made of."""
    smiles = load_dataset(dataset).smiles
    return all(
        hashlib.sha256(embed(get_encoder(name), smiles).tobytes()).hexdigest() == expected
        for name, expected in EMBEDDINGS[dataset].items()
    )


def check(records, name, rtol):
    golden = pd.read_csv(GOLDEN / f"{name}.csv.gz", keep_default_na=False, na_values=[""])
    golden = _tried(golden, records)
    assert len(records) == len(golden)
    for column in golden.columns.difference(["unit"]):
        ours, theirs = records[column], golden[column]
        if pd.api.types.is_numeric_dtype(theirs) and theirs.notna().any():
            # Sums are rounded otherwise where other targets share a factorisation; what is
            # nothing but rounding, a ceiling of 1e-29 beside errors of 1, is compared as that,
            # and a difference of errors has their rounding.
            size = golden["weak_error"].max() if "gain" in column or "minus" in column else 0
            size = 10 if column == "pgr" else size  # a ratio of such differences
            # Penalties that leave points out equally well may change places: a step of the grid.
            close = 1.2 if "penalty" in column else rtol
            np.testing.assert_allclose(ours, theirs, close, rtol * size + 1e-12, err_msg=column)
        elif theirs.notna().any():
            assert list(ours) == list(theirs), column


def _tried(golden, records):
    """What was run of what there is."""
    tried = golden["split"].isin(records["split"]) & golden["weak"].isin(records["weak"])
    return golden[tried].reset_index(drop=True)


@pytest.mark.parametrize("name", ["esol", "freesolv"])
def test_molecular_suites(name):
    suite = load_suite(f"{name}-paper").model_copy(update={"name": name})
    records = run_suite(suite).records
    if same_machine(name):
        check(records, name, 1e-5)
        return
    golden = pd.read_csv(GOLDEN / f"{name}.csv.gz")
    golden = _tried(golden, records)
    errors = ["weak_error", "w2s_error", "strong_error", "misfit"]
    ours, theirs = (each.groupby("weak")[errors].mean() for each in (records, golden))
    np.testing.assert_allclose(ours, theirs.loc[ours.index], ELSEWHERE)


def test_a_finetuned_suite():
    suite = load_suite("freesolv-paper", **FINETUNED).model_copy(update={"name": "freesolv"})
    records = run_suite(suite).records
    if same_machine("freesolv"):
        check(records, "freesolv-finetuned", 1e-5)
    else:
        # Steps build on each other, and so do their roundings: weights moved by a ten-millionth
        # change the ceiling by 4 %, and a narrow encoder's error up to threefold (docs/log.md).
        golden = pd.read_csv(GOLDEN / "freesolv-finetuned.csv.gz")
        np.testing.assert_allclose(records["strong_error"], golden["strong_error"], 2 * ELSEWHERE)
        factors = records["weak_error"] / golden["weak_error"]
        assert factors.between(1 / 3, 3).all(), factors


@pytest.mark.parametrize("name", SYNTHETIC_SUITES)
def test_synthetic_suites(name):
    suite = load_suite(name)
    records = run_suite(suite).records
    golden = pd.read_csv(GOLDEN / f"{name}.csv.gz")
    if all(
        (records[f"{side}_sha256"] == golden[f"{side}_sha256"]).all() for side in ("weak", "strong")
    ):
        check(records, name, 1e-5)
    else:  # another CPU finds other representations
        assert records["strong_loss"].fillna(0).max() <= 2 * golden["strong_loss"].fillna(0).max()
