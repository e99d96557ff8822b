"""A handful of padded lengths: kernels are prepared once a shape, and little is padding."""

from __future__ import annotations


def bucket_lengths(max_length: int) -> list[int]:
    """Steps of 8 tokens up to 64, of 16 beyond, ending at ``max_length``."""
    steps = [*range(16, min(64, max_length), 8), *range(64, max_length, 16)]
    return [*steps, max_length]
