"""MobileNet: depthwise and pointwise convolutions in turn."""

from __future__ import annotations

from dataclasses import dataclass, replace

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.images import ImageShape, parts
from multinet.applications.network import (
    Asked,
    Network,
    chain,
    channel_axis,
    member,
)
from multinet.applications.pixels import scaled as preprocess_input
from multinet.applications.weights import IMAGENET, Weights
from multinet.layers import (
    Activation,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from multinet.models import Model
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import ActivationLike

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

surface.show(__name__)

# Filters and stride of each block.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)


def _active(name: str) -> tuple[BatchNormalization, ReLU]:
    return (
        BatchNormalization(channel_axis(), name=f"{name}_bn"),
        ReLU(6.0, name=f"{name}_relu"),
    )


@dataclass(frozen=True, kw_only=True)
class _MobileNet(Network):
    """One filter for each channel, then a mixture of channels: cheap convolutions."""

    alpha: float = 1.0
    depth_multiplier: int = 1
    dropout: float = 1e-3

    pools = {"avg": None, "max": None}
    more = (
        "`alpha` multiplies the filters of all layers, `depth_multiplier` the filters "
        "for each channel; `dropout` is before the classifier."
    )
    source = (
        'A. G. Howard et al., "MobileNets: Efficient Convolutional Neural Networks for '
        'Mobile Vision Applications", 2017, arXiv:1704.04861'
    )

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller."""
        stem = self.wide(32)
        conv = Conv2D(stem, 3, strides=2, padding="same", use_bias=False, name="conv1")
        x = chain(x, conv, *_active("conv1"))
        for i, (filters, stride) in enumerate(_BLOCKS, 1):
            x = self.block(x, self.wide(filters), stride, i)
        return x

    def wide(self, filters: int) -> int:
        """Return how many filters there are of a number in the paper."""
        return int(filters * self.alpha)

    def block(self, x: KerasTensor, filters: int, stride: int, i: int) -> KerasTensor:
        """Return a depthwise and a pointwise convolution of feature maps."""
        if stride == 2:
            x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{i}")(x)
        depthwise = DepthwiseConv2D(
            3,
            strides=stride,
            padding="same" if stride == 1 else "valid",
            depth_multiplier=self.depth_multiplier,
            use_bias=False,
            name=f"conv_dw_{i}",
        )
        pointwise = Conv2D(
            filters, 1, padding="same", use_bias=False, name=f"conv_pw_{i}"
        )
        x = chain(x, depthwise, *_active(f"conv_dw_{i}"))
        return chain(x, pointwise, *_active(f"conv_pw_{i}"))

    def classified(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the classes of feature maps, by a convolution of their mean."""
        return chain(
            x,
            GlobalAveragePooling2D(keepdims=True),
            Dropout(self.dropout, name="dropout"),
            Conv2D(asked.classes, 1, padding="same", name="conv_preds"),
            Reshape((asked.classes,), name="reshape_2"),
            Activation(asked.classifier_activation or "linear", name="predictions"),
        )

    def build(self, asked: Asked) -> Model:
        """Return the model, named by its width and its images."""
        rows, _, _ = parts(self.shape(asked))
        name = (
            f"mobilenet_{self.alpha:0.2f}_{rows}" if asked.name is None else asked.name
        )
        return super().build(replace(asked, name=name))


def _mobilenet(
    network: _MobileNet,
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
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
    own = replace(
        network, alpha=alpha, depth_multiplier=depth_multiplier, dropout=dropout
    )
    return own.build(asked)


MobileNet = member("MobileNet", _MobileNet(), build=_mobilenet)
