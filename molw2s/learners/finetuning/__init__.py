"""Finetuning: encoder and linear layer by gradient descent, as a regressor over SMILES."""

from molw2s.learners.finetuning.regressor import FinetunedEncoder
from molw2s.learners.finetuning.settings import Finetuning, Mode

__all__ = ["FinetunedEncoder", "Finetuning", "Mode"]
