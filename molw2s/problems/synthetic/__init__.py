"""The synthetic MLP experiments of Charikar et al. (2024), as a problem like any other."""
