"""DenseNet: each layer takes the feature maps of all before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.images import only_channels_last
from multinet.applications.network import (
    Asked,
    Network,
    chain,
    channel_axis,
    channels,
    member,
)
from multinet.applications.pixels import standardized as preprocess_input
from multinet.layers import (
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from multinet.models import Model
from multinet.symbolic.tensor import KerasTensor

__all__ = [
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "decode_predictions",
    "preprocess_input",
]

surface.show(__name__)

_GROWTH = 32  # channels that a layer adds


def _norm(name: str) -> BatchNormalization:
    return BatchNormalization(channel_axis(), epsilon=1.001e-5, name=name)


def _relu(name: str) -> Activation:
    return Activation("relu", name=name)


def _conv(filters: int, size: int, name: str, **options: Any) -> Conv2D:
    return Conv2D(filters, size, use_bias=False, name=name, **options)


@dataclass(frozen=True, kw_only=True)
class _DenseNet(Network):
    """Blocks of layers, each of which sees the outputs of all layers before it."""

    depths: tuple[int, ...]  # layers of each block

    source = (
        'G. Huang, Z. Liu, L. van der Maaten and K. Q. Weinberger, "Densely Connected '
        'Convolutional Networks", 2016, arXiv:1608.06993'
    )

    def build(self, asked: Asked) -> Model:
        """Return the model."""
        only_channels_last("DenseNet")
        return super().build(asked)

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller."""
        x = chain(
            x,
            ZeroPadding2D(3),
            _conv(64, 7, "conv1_conv", strides=2),
            _norm("conv1_bn"),
            _relu("conv1_relu"),
            ZeroPadding2D(1),
            MaxPooling2D(3, strides=2, name="pool1"),
        )
        for i, depth in enumerate(self.depths, 2):
            x = x if i == 2 else self.transition(x, f"pool{i - 1}")
            for j in range(1, depth + 1):
                x = self.layer(x, f"conv{i}_block{j}")
        return chain(x, _norm("bn"), _relu("relu"))

    def layer(self, x: KerasTensor, name: str) -> KerasTensor:
        """Return feature maps with `_GROWTH` new ones."""
        new = chain(
            x,
            _norm(f"{name}_0_bn"),
            _relu(f"{name}_0_relu"),
            _conv(4 * _GROWTH, 1, f"{name}_1_conv"),
            _norm(f"{name}_1_bn"),
            _relu(f"{name}_1_relu"),
            _conv(_GROWTH, 3, f"{name}_2_conv", padding="same"),
        )
        return Concatenate(channel_axis(), name=f"{name}_concat")([x, new])

    def transition(self, x: KerasTensor, name: str) -> KerasTensor:
        """Return half the channels, at half the size."""
        return chain(
            x,
            _norm(f"{name}_bn"),
            _relu(f"{name}_relu"),
            _conv(channels(x) // 2, 1, f"{name}_conv"),
            AveragePooling2D(2, strides=2, name=f"{name}_pool"),
        )


DenseNet121 = member("DenseNet121", _DenseNet(depths=(6, 12, 24, 16)), "densenet121")
DenseNet169 = member("DenseNet169", _DenseNet(depths=(6, 12, 32, 32)), "densenet169")
DenseNet201 = member("DenseNet201", _DenseNet(depths=(6, 12, 48, 32)), "densenet201")
