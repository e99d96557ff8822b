"""The synthetic MLP experiments of Charikar et al. (2024), through the same protocol."""
