"""Sequences of different lengths as one array."""

from multinet import surface
from multinet.utils.sequences import pad_sequences

__all__ = [
    "pad_sequences",
]

surface.show(__name__)
