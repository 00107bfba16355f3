"""Helpers for images and sequences, under the names of Keras 2."""

from multinet.preprocessing import image, sequence

__all__ = [
    "image",
    "sequence",
]
