"""Encoders turn SMILES into vectors: registered by name, loaded from a folder, or from the hub."""

from molw2s.encoders.base import FAULTS, Encoder
from molw2s.encoders.catalog import ENCODERS, get_encoder, register_encoder
from molw2s.encoders.embeddings import Embeddings, embed, fingerprint
from molw2s.encoders.licences import licence_of

__all__ = [
    "ENCODERS",
    "FAULTS",
    "Embeddings",
    "Encoder",
    "embed",
    "fingerprint",
    "get_encoder",
    "licence_of",
    "register_encoder",
]
