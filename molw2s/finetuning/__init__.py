"""Finetuning: encoder and linear layer by gradient descent, as a regressor over SMILES."""

from molw2s.finetuning.kept import KeptPredictions
from molw2s.finetuning.regressor import FinetunedEncoder
from molw2s.finetuning.settings import Finetuning, Mode

__all__ = ["FinetunedEncoder", "Finetuning", "KeptPredictions", "Mode"]
