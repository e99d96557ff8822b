"""Pretraining of SMILES encoders: corpus -> tokenizer -> BERT with two objectives -> ``models/NAME``."""
