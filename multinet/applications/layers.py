"""Layers that only these architectures have, under the names of Keras's files."""

from __future__ import annotations

from typing import Any

from multinet import ops, random
from multinet.checks import number
from multinet.initializers import Constant
from multinet.layers import Layer
from multinet.objects.exports import inner
from multinet.typing import Shapes, Tensor

__all__ = ["CustomScaleLayer", "LayerScale", "StochasticDepth"]


class CustomScaleLayer(Layer):
    """Add a part of another tensor: call([x, y]) -> x + scale * y."""

    _written_as = inner("applications.inception_resnet_v2", "CustomScaleLayer")

    def __init__(self, scale: float, **options: Any) -> None:
        super().__init__(**options)
        self.scale = scale

    def call(self, inputs: list[Tensor]) -> Tensor:
        """Return x + scale * y of a pair."""
        x, y = inputs
        return ops.add(x, ops.multiply(y, self.scale))


class LayerScale(Layer):
    """Multiply each channel by a learned number, small at first.

    Source: H. Touvron et al., "Going deeper with Image Transformers", 2021,
    arXiv:2103.17239.
    """

    _written_as = inner("applications.convnext", "LayerScale")

    def __init__(self, init_values: float, projection_dim: int, **options: Any) -> None:
        super().__init__(**options)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, input_shape: Shapes) -> None:
        """Make one weight for each channel."""
        initial = Constant(self.init_values)
        self.gamma = self.add_weight(shape=(self.projection_dim,), initializer=initial)

    def call(self, x: Tensor) -> Tensor:
        """Return x * gamma."""
        return ops.multiply(x, self.gamma)


class StochasticDepth(Layer):
    """Leave whole samples out of a residual branch in training.

    Source: G. Huang et al., "Deep Networks with Stochastic Depth", 2016,
    arXiv:1603.09382.
    """

    _written_as = inner("applications.convnext", "StochasticDepth")

    def __init__(self, drop_path_rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.drop_path_rate = number(drop_path_rate, "drop_path_rate")

    def call(self, x: Tensor, training: bool | None = None) -> Tensor:
        """Return each sample as x / (1 - rate), or as zeros."""
        if not training:
            return x
        kept = 1 - self.drop_path_rate
        each = (ops.shape(x)[0], *(1,) * (ops.ndim(x) - 1))
        drawn = ops.floor(ops.add(random.uniform(each), kept))
        return ops.multiply(ops.divide(x, kept), drawn)
