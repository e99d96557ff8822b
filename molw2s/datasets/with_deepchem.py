"""DeepChem's datasets and splitters, where DeepChem can be installed; nothing else needs it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from molw2s.datasets.molecules import MoleculeDataset, name_lines
from molw2s.errors import InvalidInput
from molw2s.smiles import fault_of, read_ahead, shortened

if TYPE_CHECKING:
    import deepchem as dc

Rows = NDArray[np.int64]


def deepchem() -> ModuleType:
    """The imported ``deepchem``, without its chatter about packages that molw2s does not need.

    The import takes seconds the first time, so ask late.

    Raises
    ------
    InvalidInput
        If DeepChem is not installed.
    """
    with _quiet():
        try:
            import deepchem as dc
        except ImportError as error:
            raise InvalidInput(
                "this needs DeepChem, whose releases are for Python up to 3.11: install molw2s for "
                "Python 3.11, where DeepChem comes with it"
            ) from error
    module: ModuleType = dc
    return module


def to_deepchem(dataset: MoleculeDataset) -> dc.data.NumpyDataset:
    """A ``NumpyDataset`` whose X and ids are the SMILES, y of shape (n, 1)."""
    smiles = np.array(dataset.smiles, dtype=object)
    return deepchem().data.NumpyDataset(X=smiles, y=dataset.target[:, None], ids=smiles)


def from_deepchem(
    dataset: dc.data.Dataset,
    task: int = 0,
    name: str = "deepchem",
    unit: str = "",
    drop_invalid: bool = False,
) -> MoleculeDataset:
    """One task of a DeepChem dataset whose ids are SMILES, as its MoleculeNet loaders make them.

    Molecules whose weight for the task is 0 have no label there, and are left out. DeepChem's
    transformers are not undone: load with ``transformers=[]`` to have targets in their own unit.

    Raises
    ------
    InvalidInput
        If there is no such task or no molecule with a label, or a SMILES cannot be read and may not
        be dropped; rows are counted from 0.
    """
    y, w = (
        np.asarray(each, np.float64).reshape(len(dataset), -1) for each in (dataset.y, dataset.w)
    )
    if not 0 <= task < y.shape[1]:
        raise InvalidInput(f"there is no task {task}: the dataset has {y.shape[1]}, from 0 on")
    texts = [str(text) for text in dataset.ids]
    labelled = np.flatnonzero(w[:, min(task, w.shape[1] - 1)] != 0).tolist()
    read_ahead(texts)
    faults = {
        row: f"id {shortened(texts[row])} {fault}"
        for row in labelled
        if (fault := fault_of(texts[row]))
    }
    if faults and not drop_invalid:
        raise InvalidInput(
            f"{len(faults)} ids are no SMILES that can be read\n{name_lines(faults, 'row')}\n"
            "mend them, or leave them out with drop_invalid=True"
        )
    kept = [row for row in labelled if row not in faults]
    if not kept:
        raise InvalidInput(f"no molecule has a label for task {task}")
    smiles, target = tuple(texts[row] for row in kept), y[kept, task]
    content = hashlib.sha256("\n".join(smiles).encode() + target.tobytes())
    return MoleculeDataset(
        name, smiles, target, content.hexdigest(), unit=unit, source="DeepChem", dropped=faults
    )


def split_as(dataset: MoleculeDataset, splitter: str, seed: int) -> tuple[Rows, Rows, Rows]:
    """Rows of the three parts, 80/10/10, by one of DeepChem's splitters ("ButinaSplitter").

    Raises
    ------
    InvalidInput
        If DeepChem has no such splitter, or it cannot split molecules with one target.
    """
    splits = deepchem().splits
    made = getattr(splits, splitter, None)
    if not (isinstance(made, type) and issubclass(made, splits.Splitter)):
        known = [name for name in dir(splits) if name.endswith("Splitter") and name != "Splitter"]
        raise InvalidInput(f"DeepChem has no splitter {splitter!r}; known: {', '.join(known)}")
    with _quiet():
        try:
            parts = made().split(
                to_deepchem(dataset), frac_train=0.8, frac_valid=0.1, frac_test=0.1, seed=seed
            )
        except Exception as error:  # each splitter raises its own
            raise InvalidInput(
                f"DeepChem's {splitter} cannot split {dataset.name}: {error}"
            ) from error
    train, valid, test = (np.asarray(part, np.int64) for part in parts)
    return train, valid, test


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
