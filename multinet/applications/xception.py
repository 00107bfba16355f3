"""Xception: separable convolutions with residual connections."""

from __future__ import annotations

from dataclasses import dataclass

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.network import Network, chain, channel_axis, member
from multinet.applications.pixels import scaled as preprocess_input
from multinet.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    MaxPooling2D,
    SeparableConv2D,
)
from multinet.symbolic.tensor import KerasTensor

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

surface.show(__name__)

# Blocks of the entry and exit flow that halve the image: filters of their convolutions.
_ENTRY = {2: (128, 128), 3: (256, 256), 4: (728, 728)}
_MIDDLE = {i: (728, 728, 728) for i in range(5, 13)}
_EXIT = {13: (728, 1024)}


def _norm(name: str | None = None) -> BatchNormalization:
    return BatchNormalization(channel_axis(), name=name)


def _relu(name: str) -> Activation:
    return Activation("relu", name=name)


def _separable(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    conv = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)
    return chain(x, conv, _norm(f"{name}_bn"))


@dataclass(frozen=True, kw_only=True)
class _Xception(Network):
    """Depthwise and pointwise convolutions in turn, where Inception has branches."""

    size: int = 299
    least: int = 71

    pools = {"avg": None, "max": None}
    source = (
        'F. Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", '
        "2016, arXiv:1610.02357"
    )

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller, of 2048 channels."""
        for name, filters, stride in (("conv1", 32, 2), ("conv2", 64, 1)):
            x = self.plain(x, filters, stride, f"block1_{name}")
        for i, filters in _ENTRY.items():
            x = self.halved(x, filters, f"block{i}", active=i > 2)
        for i, filters in _MIDDLE.items():
            x = Add()([self.separated(x, filters, f"block{i}"), x])
        for i, filters in _EXIT.items():
            x = self.halved(x, filters, f"block{i}")
        for i, filters in enumerate((1536, 2048), 1):
            name = f"block14_sepconv{i}"
            x = chain(_separable(x, filters, name), _relu(f"{name}_act"))
        return x

    def plain(
        self, x: KerasTensor, filters: int, stride: int, name: str
    ) -> KerasTensor:
        """Return a convolution over all channels, of the first two."""
        conv = Conv2D(filters, 3, strides=stride, use_bias=False, name=name)
        return chain(x, conv, _norm(f"{name}_bn"), _relu(f"{name}_act"))

    def separated(
        self, x: KerasTensor, filters: tuple[int, ...], name: str, active: bool = True
    ) -> KerasTensor:
        """Return separable convolutions of rectified inputs; the first if `active`."""
        for i, n in enumerate(filters, 1):
            if active or i > 1:
                x = _relu(f"{name}_sepconv{i}_act")(x)
            x = _separable(x, n, f"{name}_sepconv{i}")
        return x

    def halved(
        self, x: KerasTensor, filters: tuple[int, ...], name: str, active: bool = True
    ) -> KerasTensor:
        """Return feature maps of half the size, plus a projection of their input."""
        last = filters[-1]
        short = Conv2D(last, 1, strides=2, padding="same", use_bias=False)
        residual = chain(x, short, _norm())
        x = self.separated(x, filters, name, active)
        x = MaxPooling2D(3, strides=2, padding="same", name=f"{name}_pool")(x)
        return Add()([x, residual])


Xception = member("Xception", _Xception(), "xception")
