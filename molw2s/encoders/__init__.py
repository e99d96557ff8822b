"""Encoders turn SMILES into vectors: registered by name, loaded from a folder, or from the hub."""

from molw2s.encoders.base import Encoder, SmilesTransformer
from molw2s.encoders.catalog import ENCODERS, get_encoder, register_encoder
from molw2s.encoders.embeddings import Embeddings, embed, fingerprint
from molw2s.encoders.transformer import FAULTS

__all__ = [
    "ENCODERS",
    "FAULTS",
    "Embeddings",
    "Encoder",
    "SmilesTransformer",
    "embed",
    "fingerprint",
    "get_encoder",
    "register_encoder",
]
