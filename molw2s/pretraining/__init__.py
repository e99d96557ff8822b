"""Pretraining: corpus -> tokenizer -> BERT with two objectives -> ``models/NAME``."""
