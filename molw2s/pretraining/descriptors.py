"""The physicochemical and structural targets of pretraining, computed by RDKit from the graph."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import Fragments, GraphDescriptors, rdMolDescriptors
from rdkit.Chem.EState import EState_VSA
from rdkit.Chem.rdFingerprintGenerator import GetMorganGenerator

FINGERPRINT_BITS = 1024
_PROPERTIES = rdMolDescriptors.Properties()
_FRAGMENTS = {
    name: count for name, count in sorted(vars(Fragments).items()) if name.startswith("fr_")
}
_MORGAN = GetMorganGenerator(radius=2, fpSize=FINGERPRINT_BITS)

NAMES: tuple[str, ...] = (
    *_PROPERTIES.GetPropertyNames(),
    *(f"SlogP_VSA{i}" for i in range(1, 13)),
    *(f"SMR_VSA{i}" for i in range(1, 11)),
    *(f"PEOE_VSA{i}" for i in range(1, 15)),
    *(f"EState_VSA{i}" for i in range(1, 12)),
    *(f"VSA_EState{i}" for i in range(1, 11)),
    *(f"MQN{i}" for i in range(1, 43)),
    *(f"AUTOCORR2D{i}" for i in range(1, 193)),
    "BalabanJ",
    "BertzCT",
    *_FRAGMENTS,
)


def physicochemical(mol: Chem.Mol) -> NDArray[np.float32]:
    """Descriptors in the order of ``NAMES``; not finite where RDKit has no value."""
    return np.array(
        [
            *_PROPERTIES.ComputeProperties(mol),
            *rdMolDescriptors.SlogP_VSA_(mol),
            *rdMolDescriptors.SMR_VSA_(mol),
            *rdMolDescriptors.PEOE_VSA_(mol),
            *EState_VSA.EState_VSA_(mol),
            *EState_VSA.VSA_EState_(mol),
            *rdMolDescriptors.MQNs_(mol),
            *rdMolDescriptors.CalcAUTOCORR2D(mol),
            GraphDescriptors.BalabanJ(mol),
            GraphDescriptors.BertzCT(mol),
            *(count(mol) for count in _FRAGMENTS.values()),
        ],
        dtype=np.float32,
    )


def fingerprint(mol: Chem.Mol) -> NDArray[np.uint8]:
    """Counts of atom environments up to radius 2, hashed into ``FINGERPRINT_BITS`` bins."""
    return np.minimum(_MORGAN.GetCountFingerprintAsNumPy(mol), 255).astype(np.uint8)
