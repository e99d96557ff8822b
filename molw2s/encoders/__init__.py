"""Encoders turn SMILES into vectors: registered by name, loaded from a folder, or from the hub."""

from molw2s.encoders.base import Encoder, embed, fingerprint
from molw2s.encoders.catalog import ENCODERS, get_encoder, register_encoder

__all__ = ["ENCODERS", "Encoder", "embed", "fingerprint", "get_encoder", "register_encoder"]
