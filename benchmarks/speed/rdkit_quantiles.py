"""The table of quantiles behind the encoder ``rdkit-cdf``: data/rdkit_quantiles.csv.

    python benchmarks/speed/rdkit_quantiles.py MOLECULES.smi.gz

A row a descriptor - the 200 that RDKit had when MolBERT was made - and a column a quantile, over
10,000 molecules drawn from the file.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from rdkit.Chem import Descriptors

from molw2s.encoders.descriptors import RDKitDescriptors
from molw2s.locations import shipped, write_atomically

LATER = (
    "AvgIpc", "BCUT2D_CHGHI", "BCUT2D_CHGLO", "BCUT2D_LOGPHI", "BCUT2D_LOGPLOW", "BCUT2D_MRHI",
    "BCUT2D_MRLOW", "BCUT2D_MWHI", "BCUT2D_MWLOW", "NumAmideBonds", "NumAtomStereoCenters",
    "NumBridgeheadAtoms", "NumHeterocycles", "NumSpiroAtoms", "NumUnspecifiedAtomStereoCenters",
    "Phi", "SPS",
)  # fmt: skip


def quantile_table(path: str, molecules: int = 10_000, quantiles: int = 101) -> pd.DataFrame:
    smiles = pd.read_csv(path, sep=r"\s+", header=None, usecols=[0])[0].astype(str)
    drawn = smiles.sample(min(molecules, len(smiles)), random_state=0).tolist()
    names = [name for name, _ in Descriptors.descList]
    values = pd.DataFrame(RDKitDescriptors().encode(drawn), columns=names).drop(columns=list(LATER))
    levels = np.linspace(0, 1, quantiles)
    table = values.astype(float).quantile(levels).T
    table.index.name = "descriptor"
    return table.set_axis([f"q{level:.2f}" for level in levels], axis="columns")


if __name__ == "__main__":
    text = quantile_table(sys.argv[1]).to_csv(float_format="%.7g")
    write_atomically(shipped("data") / "rdkit_quantiles.csv", text.encode())
