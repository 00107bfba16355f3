"""What EfficientNet and its second version share: sizes, and weighted channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from multinet.applications.images import placed
from multinet.applications.network import (
    Asked,
    Network,
    chain,
    channel_axis,
    channels,
    predictions,
)
from multinet.initializers import VarianceScaling
from multinet.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    Dropout,
    GlobalAveragePooling2D,
    Layer,
    Multiply,
    Reshape,
)
from multinet.symbolic.tensor import KerasTensor


def kernel() -> VarianceScaling:
    """Return the initial values of convolutions."""
    return VarianceScaling(2.0, "fan_out", "truncated_normal")


def conv(filters: int, name: str, size: int = 1, **options: Any) -> Conv2D:
    """Return a convolution that a normalization follows."""
    options = {"padding": "same", "use_bias": False, **options}
    return Conv2D(filters, size, kernel_initializer=kernel(), name=name, **options)


@dataclass(frozen=True, kw_only=True)
class Scaled(Network):
    """A network that is made wider, deeper and of larger images at once."""

    width: float = 1.0
    depth: float = 1.0
    dropout: float = 0.2  # before the classifier
    momentum: float = 0.99  # of batch normalization

    def norm(self, name: str) -> BatchNormalization:
        """Return a batch normalization."""
        return BatchNormalization(channel_axis(), self.momentum, name=name)

    def active(self, norm: str, activation: str) -> tuple[Layer, Layer]:
        """Return a normalization and an activation."""
        return self.norm(norm), Activation("swish", name=activation)

    def deep(self, repeats: int) -> int:
        """Return how often a block is repeated."""
        return math.ceil(self.depth * repeats)

    def weighted(self, x: KerasTensor, narrow: int, name: str) -> KerasTensor:
        """Return channels weighted between 0 and 1, by what their means say."""
        filters = channels(x)
        means = GlobalAveragePooling2D(name=f"{name}se_squeeze")(x)
        weights = chain(
            means,
            Reshape(placed(1, 1, filters), name=f"{name}se_reshape"),
            conv(narrow, f"{name}se_reduce", activation="swish", use_bias=True),
            conv(filters, f"{name}se_expand", activation="sigmoid", use_bias=True),
        )
        return Multiply(name=f"{name}se_excite")([x, weights])

    def added(
        self, x: KerasTensor, inner: KerasTensor, dropped: float, name: str
    ) -> KerasTensor:
        """Return x + inner, where training leaves `inner` out of a part of samples."""
        if dropped > 0:
            alike = (None, 1, 1, 1)  # all of a sample
            inner = Dropout(dropped, noise_shape=alike, name=f"{name}drop")(inner)
        return Add(name=f"{name}add")([inner, x])

    def classified(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the classes of feature maps."""
        x = GlobalAveragePooling2D(name="avg_pool")(x)
        if self.dropout > 0:
            x = Dropout(self.dropout, name="top_dropout")(x)
        dense = VarianceScaling(1 / 3, "fan_out", "uniform")
        return predictions(x, asked, kernel_initializer=dense)
