"""The synthetic MLP experiments of Charikar et al. (2024), through the molecular suites' protocol."""
