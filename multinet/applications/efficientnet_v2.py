"""EfficientNetV2: early blocks of whole convolutions, which machines do faster."""

from __future__ import annotations

from dataclasses import dataclass, replace

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.images import ImageShape
from multinet.applications.network import (
    Asked,
    chain,
    channel_axis,
    channels,
    member,
)
from multinet.applications.pixels import DEVIATION, MEAN
from multinet.applications.pixels import unchanged as preprocess_input
from multinet.applications.scaling import Scaled, conv, kernel
from multinet.applications.weights import IMAGENET, Weights
from multinet.layers import DepthwiseConv2D, Normalization, Rescaling
from multinet.models import Model
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import ActivationLike

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

surface.show(__name__)


@dataclass(frozen=True)
class _Stack:
    """A row of the tables of the paper."""

    fused: bool  # one convolution of all channels, where others have two
    expansion: int
    filters: int
    repeats: int
    stride: int  # of the first


_FUSED, _SEPARATE = True, False
_B = (
    _Stack(_FUSED, 1, 16, 1, 1),
    _Stack(_FUSED, 4, 32, 2, 2),
    _Stack(_FUSED, 4, 48, 2, 2),
    _Stack(_SEPARATE, 4, 96, 3, 2),
    _Stack(_SEPARATE, 6, 112, 5, 1),
    _Stack(_SEPARATE, 6, 192, 8, 2),
)
_S = (
    _Stack(_FUSED, 1, 24, 2, 1),
    _Stack(_FUSED, 4, 48, 4, 2),
    _Stack(_FUSED, 4, 64, 4, 2),
    _Stack(_SEPARATE, 4, 128, 6, 2),
    _Stack(_SEPARATE, 6, 160, 9, 1),
    _Stack(_SEPARATE, 6, 256, 15, 2),
)
_M = (
    _Stack(_FUSED, 1, 24, 3, 1),
    _Stack(_FUSED, 4, 48, 5, 2),
    _Stack(_FUSED, 4, 80, 5, 2),
    _Stack(_SEPARATE, 4, 160, 7, 2),
    _Stack(_SEPARATE, 6, 176, 14, 1),
    _Stack(_SEPARATE, 6, 304, 18, 2),
    _Stack(_SEPARATE, 6, 512, 5, 1),
)
_L = (
    _Stack(_FUSED, 1, 32, 4, 1),
    _Stack(_FUSED, 4, 64, 7, 2),
    _Stack(_FUSED, 4, 96, 7, 2),
    _Stack(_SEPARATE, 4, 192, 10, 2),
    _Stack(_SEPARATE, 6, 224, 19, 1),
    _Stack(_SEPARATE, 6, 384, 25, 2),
    _Stack(_SEPARATE, 6, 640, 7, 1),
)
_DROPPED = 0.2  # of samples at sums, in training: less at the first ones


@dataclass(frozen=True, kw_only=True)
class _EfficientNetV2(Scaled):
    """Inverted residuals, of which the first have one convolution in place of two."""

    stacks: tuple[_Stack, ...]
    stem: int  # filters of the first convolution
    standardized: bool = False  # whether colours have mean 0, not all pixels -1 to 1
    momentum: float = 0.9
    include_preprocessing: bool = True

    more = (
        "With `include_preprocessing` the model scales pixels of 0 to 255 itself; "
        "without, they are to be between -1 and 1."
    )
    source = (
        'M. Tan and Q. V. Le, "EfficientNetV2: Smaller Models and Faster Training", '
        "2021, arXiv:2104.00298"
    )

    def prepared(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return pixels as the first convolution takes them."""
        if not self.include_preprocessing:
            return x
        if not self.standardized or channels(x) != 3:
            return Rescaling(scale=1 / 128, offset=-1)(x)
        variance = [d**2 for d in DEVIATION]
        normal = Normalization(channel_axis(), mean=list(MEAN), variance=variance)
        return chain(x, Rescaling(scale=1 / 255), normal)

    def wide(self, filters: int) -> int:
        """Return how many filters there are of a number in the paper."""
        return max(8, int(filters * self.width + 4) // 8 * 8)

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller."""
        stem = conv(self.wide(self.stem), "stem_conv", 3, strides=2)
        x = chain(x, stem, *self.active("stem_bn", "stem_activation"))
        total, done = sum(stack.repeats for stack in self.stacks), 0
        for i, stack in enumerate(self.stacks, 1):
            block = self.fused if stack.fused else self.separate
            for j in range(self.deep(stack.repeats)):
                x = block(
                    x,
                    f"block{i}{chr(ord('a') + j)}_",
                    expansion=stack.expansion,
                    filters=self.wide(stack.filters),
                    stride=stack.stride if j == 0 else 1,
                    dropped=_DROPPED * done / total,
                )
                done += 1
        top = self.active("top_bn", "top_activation")
        return chain(x, conv(self.wide(1280), "top_conv"), *top)

    def separate(
        self,
        x: KerasTensor,
        name: str,
        *,
        expansion: int,
        filters: int,
        stride: int,
        dropped: float,
    ) -> KerasTensor:
        """Return x + narrowed(weighted(filtered(widened(x)))), or that alone."""
        narrow = channels(x)
        depthwise = DepthwiseConv2D(
            3,
            strides=stride,
            padding="same",
            use_bias=False,
            depthwise_initializer=kernel(),
            name=f"{name}dwconv2",
        )
        inner = chain(
            x,
            conv(narrow * expansion, f"{name}expand_conv"),
            *self.active(f"{name}expand_bn", f"{name}expand_activation"),
            depthwise,
            *self.active(f"{name}bn", f"{name}activation"),
        )
        inner = self.weighted(inner, max(1, narrow // 4), name)
        project = conv(filters, f"{name}project_conv")
        inner = chain(inner, project, self.norm(f"{name}project_bn"))
        if stride == 1 and narrow == filters:
            return self.added(x, inner, dropped, name)
        return inner

    def fused(
        self,
        x: KerasTensor,
        name: str,
        *,
        expansion: int,
        filters: int,
        stride: int,
        dropped: float,
    ) -> KerasTensor:
        """Return x + narrowed(widened(x)), or that alone; one step if not expanded."""
        narrow = channels(x)
        if expansion == 1:
            only = conv(filters, f"{name}project_conv", 3, strides=stride)
            active = self.active(f"{name}project_bn", f"{name}project_activation")
            inner = chain(x, only, *active)
        else:
            inner = chain(
                x,
                conv(narrow * expansion, f"{name}expand_conv", 3, strides=stride),
                *self.active(f"{name}expand_bn", f"{name}expand_activation"),
                conv(filters, f"{name}project_conv"),
                self.norm(f"{name}project_bn"),
            )
        if stride == 1 and narrow == filters:
            return self.added(x, inner, dropped, name)
        return inner


def _efficientnet_v2(
    network: _EfficientNetV2,
    include_top: bool = True,
    weights: Weights = IMAGENET,
    input_tensor: KerasTensor | None = None,
    input_shape: ImageShape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: ActivationLike | None = "softmax",
    include_preprocessing: bool = True,
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
    return replace(network, include_preprocessing=include_preprocessing).build(asked)


def _small(width: float, depth: float, size: int) -> _EfficientNetV2:
    return _EfficientNetV2(
        stacks=_B, stem=32, width=width, depth=depth, size=size, standardized=True
    )


EfficientNetV2B0 = member(
    "EfficientNetV2B0", _small(1.0, 1.0, 224), "efficientnetv2-b0", _efficientnet_v2
)
EfficientNetV2B1 = member(
    "EfficientNetV2B1", _small(1.0, 1.1, 240), "efficientnetv2-b1", _efficientnet_v2
)
EfficientNetV2B2 = member(
    "EfficientNetV2B2", _small(1.1, 1.2, 260), "efficientnetv2-b2", _efficientnet_v2
)
EfficientNetV2B3 = member(
    "EfficientNetV2B3", _small(1.2, 1.4, 300), "efficientnetv2-b3", _efficientnet_v2
)
EfficientNetV2S = member(
    "EfficientNetV2S",
    _EfficientNetV2(stacks=_S, stem=24, size=384),
    "efficientnetv2-s",
    _efficientnet_v2,
)
EfficientNetV2M = member(
    "EfficientNetV2M",
    _EfficientNetV2(stacks=_M, stem=24, size=480),
    "efficientnetv2-m",
    _efficientnet_v2,
)
EfficientNetV2L = member(
    "EfficientNetV2L",
    _EfficientNetV2(stacks=_L, stem=32, size=480),
    "efficientnetv2-l",
    _efficientnet_v2,
)
