"""Helpers for images, texts and sequences, under the names of Keras 2."""

from multinet import surface
from multinet.preprocessing import image, sequence
from multinet.utils import (
    image_dataset_from_directory,
    text_dataset_from_directory,
    timeseries_dataset_from_array,
)

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]

surface.show(__name__)
