"""Weak-to-strong on molecules: a dataset, its splits, weak encoders and a strong one."""
