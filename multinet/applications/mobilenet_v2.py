"""MobileNetV2: inverted residuals, narrow where they are added."""

from __future__ import annotations

from dataclasses import dataclass, replace

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.images import ImageShape, halving_pad, parts
from multinet.applications.network import (
    Asked,
    Network,
    chain,
    channel_axis,
    channels,
    member,
    predictions,
    rounded,
)
from multinet.applications.pixels import scaled as preprocess_input
from multinet.applications.weights import IMAGENET, Weights
from multinet.layers import (
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    GlobalAveragePooling2D,
    ReLU,
    ZeroPadding2D,
)
from multinet.models import Model
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import ActivationLike

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

surface.show(__name__)

# Table 2 of the paper: expansion, filters, repeats, stride of the first.
_STACKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
_SIZES = (96, 128, 160, 192, 224)  # of images that a name may tell


def _norm(name: str) -> BatchNormalization:
    return BatchNormalization(channel_axis(), 0.999, 1e-3, name=name)


def _active(name: str) -> tuple[BatchNormalization, ReLU]:
    return _norm(f"{name}_BN"), ReLU(6.0, name=f"{name}_relu")


@dataclass(frozen=True, kw_only=True)
class _MobileNetV2(Network):
    """Blocks that widen, filter each channel, and narrow again to be added."""

    alpha: float = 1.0

    pools = {"avg": None, "max": None}
    more = "`alpha` multiplies the filters of all layers."
    source = (
        'M. Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", '
        "2018, arXiv:1801.04381"
    )

    def build(self, asked: Asked) -> Model:
        """Return the model, named by its width and its images."""
        name = asked.name
        if name is None:
            name = f"mobilenetv2_{self.alpha:0.2f}_{self.rows(asked)}"
        return super().build(replace(asked, name=name))

    def rows(self, asked: Asked) -> int | None:
        """Return the size of the images that the name of the model tells."""
        rows, _, _ = parts(self.shape(asked))
        if asked.input_shape is None and asked.input_tensor is not None and rows:
            given, columns, _ = parts(asked.input_tensor.shape[1:])
            return given if given == columns and given in _SIZES else rows
        return rows

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller."""
        x = chain(
            x,
            self.conv(rounded(32 * self.alpha), "Conv1", size=3, strides=2),
            _norm("bn_Conv1"),
            ReLU(6.0, name="Conv1_relu"),
        )
        i = 0
        for expansion, filters, repeats, stride in _STACKS:
            for j in range(repeats):
                x = self.block(x, i, expansion, filters, stride if j == 0 else 1)
                i += 1
        last = rounded(1280 * max(self.alpha, 1.0))
        return chain(
            x,
            self.conv(last, "Conv_1", padding="valid"),
            _norm("Conv_1_bn"),
            ReLU(6.0, name="out_relu"),
        )

    def block(
        self, x: KerasTensor, i: int, expansion: int, filters: int, stride: int
    ) -> KerasTensor:
        """Return x + narrowed(filtered(widened(x))), or that alone in another shape."""
        name, narrow = f"block_{i}" if i else "expanded_conv", channels(x)
        filters, inner = rounded(int(filters * self.alpha)), x
        if i:
            wide = self.conv(expansion * narrow, f"{name}_expand")
            inner = chain(inner, wide, *_active(f"{name}_expand"))
        if stride == 2:
            inner = ZeroPadding2D(halving_pad(inner, 3), name=f"{name}_pad")(inner)
        depthwise = DepthwiseConv2D(
            3,
            strides=stride,
            padding="same" if stride == 1 else "valid",
            use_bias=False,
            name=f"{name}_depthwise",
        )
        inner = chain(
            inner,
            depthwise,
            *_active(f"{name}_depthwise"),
            self.conv(filters, f"{name}_project"),
            _norm(f"{name}_project_BN"),
        )
        if filters == narrow and stride == 1:
            return Add(name=f"{name}_add")([x, inner])
        return inner

    def conv(
        self,
        filters: int,
        name: str,
        size: int = 1,
        strides: int = 1,
        padding: str = "same",
    ) -> Conv2D:
        """Return a convolution that a normalization follows."""
        return Conv2D(filters, size, strides, padding, use_bias=False, name=name)

    def classified(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the classes of feature maps."""
        return predictions(GlobalAveragePooling2D()(x), asked)


def _mobilenet_v2(
    network: _MobileNetV2,
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: Weights = IMAGENET,
    input_tensor: KerasTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike | None = "softmax",
    name: str | None = None,
) -> Model:
    asked = Asked(
        include_top=include_top,
        weights=weights,
        input_tensor=input_tensor,
        input_shape=input_shape,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
        name=name,
    )
    return replace(network, alpha=alpha).build(asked)


MobileNetV2 = member("MobileNetV2", _MobileNetV2(), build=_mobilenet_v2)
