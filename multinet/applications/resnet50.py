"""ResNet of 50 layers, under the name that Keras had first."""

from multinet import surface
from multinet.applications.resnet import (
    ResNet50,
    decode_predictions,
    preprocess_input,
)

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]

surface.show(__name__)
