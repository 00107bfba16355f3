"""Residual networks: stacks of bottlenecks around which the image goes unchanged."""

from __future__ import annotations

from dataclasses import dataclass

from multinet.applications.network import Network, chain, channel_axis
from multinet.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from multinet.symbolic.tensor import KerasTensor

_FILTERS = (64, 128, 256, 512)  # of the four stacks; their outputs have four times more


def _norm(name: str) -> BatchNormalization:
    return BatchNormalization(channel_axis(), epsilon=1.001e-5, name=name)


def _relu(name: str) -> Activation:
    return Activation("relu", name=name)


@dataclass(frozen=True, kw_only=True)
class ResNet(Network):
    """Bottlenecks of three convolutions, each added to its input."""

    depths: tuple[int, ...]  # bottlenecks of each stack

    source = (
        'K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image '
        'Recognition", 2015, arXiv:1512.03385'
    )

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller, of 2048 channels."""
        x = self.stem(x)
        for i, (filters, depth) in enumerate(zip(_FILTERS, self.depths), 2):
            x = self.stack(x, filters, depth, f"conv{i}", last=filters == _FILTERS[-1])
        return x

    def stem(self, x: KerasTensor) -> KerasTensor:
        """Return the image, four times smaller, of 64 channels."""
        return chain(
            x,
            ZeroPadding2D(3, name="conv1_pad"),
            Conv2D(64, 7, strides=2, name="conv1_conv"),
            _norm("conv1_bn"),
            _relu("conv1_relu"),
            ZeroPadding2D(1, name="pool1_pad"),
            MaxPooling2D(3, strides=2, name="pool1_pool"),
        )

    def stack(
        self, x: KerasTensor, filters: int, depth: int, name: str, last: bool
    ) -> KerasTensor:
        """Return what bottlenecks make of feature maps; the first halves them."""
        for i in range(depth):
            stride = 2 if i == 0 and filters != _FILTERS[0] else 1
            x = self.bottleneck(x, filters, stride, f"{name}_block{i + 1}", i == 0)
        return x

    def bottleneck(
        self, x: KerasTensor, filters: int, stride: int, name: str, wider: bool
    ) -> KerasTensor:
        """Return x + convolutions(x); x is projected where the output is `wider`."""
        if wider:
            short = chain(
                x,
                Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv"),
                _norm(f"{name}_0_bn"),
            )
        else:
            short = x
        x = chain(
            x,
            Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv"),
            _norm(f"{name}_1_bn"),
            _relu(f"{name}_1_relu"),
            Conv2D(filters, 3, padding="same", name=f"{name}_2_conv"),
            _norm(f"{name}_2_bn"),
            _relu(f"{name}_2_relu"),
            Conv2D(4 * filters, 1, name=f"{name}_3_conv"),
            _norm(f"{name}_3_bn"),
        )
        x = Add(name=f"{name}_add")([short, x])
        return _relu(f"{name}_out")(x)


@dataclass(frozen=True, kw_only=True)
class ResNetV2(ResNet):
    """Bottlenecks that normalize before each convolution, and leave sums alone."""

    source = (
        'K. He, X. Zhang, S. Ren and J. Sun, "Identity Mappings in Deep Residual '
        'Networks", 2016, arXiv:1603.05027'
    )

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller, of 2048 channels."""
        return chain(super().features(x), _norm("post_bn"), _relu("post_relu"))

    def stem(self, x: KerasTensor) -> KerasTensor:
        """Return the image, four times smaller, of 64 channels."""
        return chain(
            x,
            ZeroPadding2D(3, name="conv1_pad"),
            Conv2D(64, 7, strides=2, name="conv1_conv"),
            ZeroPadding2D(1, name="pool1_pad"),
            MaxPooling2D(3, strides=2, name="pool1_pool"),
        )

    def stack(
        self, x: KerasTensor, filters: int, depth: int, name: str, last: bool
    ) -> KerasTensor:
        """Return what bottlenecks make of feature maps; the last halves them."""
        for i in range(depth):
            stride = 2 if i == depth - 1 and not last else 1
            x = self.bottleneck(x, filters, stride, f"{name}_block{i + 1}", i == 0)
        return x

    def bottleneck(
        self, x: KerasTensor, filters: int, stride: int, name: str, wider: bool
    ) -> KerasTensor:
        """Return x + convolutions(x); x is projected where the output is `wider`."""
        before = chain(x, _norm(f"{name}_preact_bn"), _relu(f"{name}_preact_relu"))
        if wider:
            short = Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(
                before
            )
        elif stride > 1:
            short = MaxPooling2D(1, strides=stride)(x)
        else:
            short = x
        x = chain(
            before,
            Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv"),
            _norm(f"{name}_1_bn"),
            _relu(f"{name}_1_relu"),
            ZeroPadding2D(1, name=f"{name}_2_pad"),
            Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv"),
            _norm(f"{name}_2_bn"),
            _relu(f"{name}_2_relu"),
            Conv2D(4 * filters, 1, name=f"{name}_3_conv"),
        )
        return Add(name=f"{name}_out")([short, x])
