"""A list of layers as one, such as those that prepare data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import optree

from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.layers.context import mask_of
from multinet.layers.preprocessing.hosting import hosted
from multinet.typing import Config, Tensors


class Pipeline(Layer):
    """Apply layers one after another; unlike a model it takes data of any kind.

    >>> Pipeline([layers.RandomFlip("horizontal"), layers.Rescaling(1 / 255)])
    """

    _unwritten = frozenset({"trainable", "dtype"})

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name)
        self.layers = list(layers)

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return a pipeline of the layers of a configuration."""
        if not isinstance(config.get("layers"), list | tuple):
            raise ArgumentError(
                "Expected the configuration of a Pipeline to have a list of layers, "
                f"got {config!r}."
            )
        return super().from_config(config)

    __call__ = hosted(Layer.__call__)
    autograph_info__ = None  # see `hosted`

    def call(
        self,
        inputs: Tensors,
        training: bool | None = True,
        mask: Tensors | None = None,
    ) -> Tensors:
        """Return what the last layer makes of the outputs of those before."""
        for layer in self.layers:
            options: dict[str, Any] = {}
            if "mask" in layer._spec.call:
                options["mask"] = mask
            if layer._spec.training is not None and training is not None:
                options["training"] = training
            inputs = layer(inputs, **options)
            mask = optree.tree_map(mask_of, inputs)
        return inputs
