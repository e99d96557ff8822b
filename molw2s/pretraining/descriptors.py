"""The physicochemical targets of pretraining: RDKit descriptors that its C++ core computes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

_PROPERTIES = rdMolDescriptors.Properties()

NAMES: tuple[str, ...] = (
    *_PROPERTIES.GetPropertyNames(),
    *(f"SlogP_VSA{i}" for i in range(1, 13)),
    *(f"SMR_VSA{i}" for i in range(1, 11)),
    *(f"PEOE_VSA{i}" for i in range(1, 15)),
    *(f"MQN{i}" for i in range(1, 43)),
)


def physicochemical(mol: Chem.Mol) -> NDArray[np.float32]:
    """Descriptors in the order of ``NAMES``; not finite where RDKit has no value."""
    return np.array(
        [
            *_PROPERTIES.ComputeProperties(mol),
            *rdMolDescriptors.SlogP_VSA_(mol),
            *rdMolDescriptors.SMR_VSA_(mol),
            *rdMolDescriptors.PEOE_VSA_(mol),
            *rdMolDescriptors.MQNs_(mol),
        ],
        dtype=np.float32,
    )
