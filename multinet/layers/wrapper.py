"""Wrapper: a layer around a layer."""

from __future__ import annotations

from typing import Any

from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.typing import Shapes


class Wrapper(Layer):
    """The base of layers around another, `layer`; subclasses write `call`.

    >>> class Twice(Wrapper):
    ...     def call(self, inputs):
    ...         return self.layer(self.layer(inputs))
    """

    def __init__(self, layer: Layer, **options: Any) -> None:
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"{type(self).__name__} expects a layer, got {layer!r}."
            )
        super().__init__(**options)
        self.layer = layer

    def build(self, input_shape: Shapes | None = None) -> None:
        """Build the layer for inputs of the same shape."""
        if not self.layer.built:
            self.layer.build(input_shape)
