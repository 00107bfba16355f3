"""Sequences of different lengths as one array."""

from multinet.utils.sequences import pad_sequences

__all__ = [
    "pad_sequences",
]
