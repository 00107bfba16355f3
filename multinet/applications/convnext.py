"""ConvNeXt: a convolutional network with the habits of transformers."""

from __future__ import annotations

from dataclasses import dataclass, replace

from multinet import ops, surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.images import ImageShape, only_channels_last
from multinet.applications.layers import LayerScale
from multinet.applications.network import Asked, Network, chain, channels, member
from multinet.applications.pixels import DEVIATION, MEAN
from multinet.applications.pixels import unchanged as preprocess_input
from multinet.applications.weights import IMAGENET, Weights
from multinet.layers import (
    Activation,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    LayerNormalization,
    Normalization,
)
from multinet.models import Model, Sequential
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import ActivationLike

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]

surface.show(__name__)


def _norm(name: str | None = None) -> LayerNormalization:
    return LayerNormalization(epsilon=1e-6, name=name)


@dataclass(frozen=True, kw_only=True)
class _ConvNeXt(Network):
    """Residual blocks: a 7x7 convolution of each channel, then two dense layers."""

    filters: tuple[int, ...]  # of the four stages
    depths: tuple[int, ...] = (3, 3, 27, 3)  # blocks of each stage
    name: str = ""  # that all layers begin with
    include_preprocessing: bool = True

    pools = {"avg": None, "max": None}
    more = (
        "With `include_preprocessing` the model normalizes pixels of 0 to 255 itself; "
        "without, each colour is to have mean 0 and deviation 1."
    )
    source = 'Z. Liu et al., "A ConvNet for the 2020s", 2022, arXiv:2201.03545'

    def build(self, asked: Asked) -> Model:
        """Return the model, whose name those of its layers begin with."""
        only_channels_last("ConvNeXt")
        return super(_ConvNeXt, replace(self, name=asked.name)).build(asked)

    def prepared(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return colours of mean 0 and deviation 1."""
        if not self.include_preprocessing or channels(x) != 3:
            return x
        normal = Normalization(
            mean=[255 * mean for mean in MEAN],
            variance=[(255 * deviation) ** 2 for deviation in DEVIATION],
            name=f"{self.name}_prestem_normalization",
        )
        return normal(x)

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller."""
        for i, (halving, filters, depth) in enumerate(
            zip(self.halvings(), self.filters, self.depths)
        ):
            x = halving(x)
            for j in range(depth):
                x = self.block(x, filters, f"{self.name}_stage_{i}_block_{j}")
        return x

    def halvings(self) -> list[Sequential]:
        """Return what comes before each stage; the first divides the size by four."""
        first, *rest = self.filters
        stem = [
            Conv2D(first, 4, strides=4, name=f"{self.name}_stem_conv"),
            _norm(f"{self.name}_stem_layernorm"),
        ]
        found = [Sequential(stem, name=f"{self.name}_stem")]
        for i, filters in enumerate(rest):
            name = f"{self.name}_downsampling"
            halving = [
                _norm(f"{name}_layernorm_{i}"),
                Conv2D(filters, 2, strides=2, name=f"{name}_conv_{i}"),
            ]
            found.append(Sequential(halving, name=f"{name}_block_{i}"))
        return found

    def block(self, x: KerasTensor, filters: int, name: str) -> KerasTensor:
        """Return x + scaled(narrowed(widened(filtered(x))))."""
        depthwise = Conv2D(
            filters, 7, padding="same", groups=filters, name=f"{name}_depthwise_conv"
        )
        inner = chain(
            x,
            depthwise,
            _norm(f"{name}_layernorm"),
            Dense(4 * filters, name=f"{name}_pointwise_conv_1"),
            Activation("gelu", name=f"{name}_gelu"),
            Dense(filters, name=f"{name}_pointwise_conv_2"),
            LayerScale(1e-6, filters, name=f"{name}_layer_scale"),
            Activation("linear", name=f"{name}_identity"),
        )
        return ops.add(x, inner)

    def classified(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the classes of feature maps."""
        last = Dense(
            asked.classes,
            activation=asked.classifier_activation,
            name=f"{self.name}_head_dense",
        )
        return chain(
            x,
            GlobalAveragePooling2D(name=f"{self.name}_head_gap"),
            _norm(f"{self.name}_head_layernorm"),
            last,
        )

    def pooled(self, x: KerasTensor, pooling: str | None) -> KerasTensor:
        """Return feature maps or their pools, normalized."""
        return _norm()(super().pooled(x, pooling))


def _convnext(
    network: _ConvNeXt,
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: Weights = IMAGENET,
    input_tensor: KerasTensor | None = None,
    input_shape: ImageShape | None = None,
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
    return replace(network, include_preprocessing=include_preprocessing).build(asked)


ConvNeXtTiny = member(
    "ConvNeXtTiny",
    _ConvNeXt(filters=(96, 192, 384, 768), depths=(3, 3, 9, 3)),
    "convnext_tiny",
    _convnext,
)
ConvNeXtSmall = member(
    "ConvNeXtSmall",
    _ConvNeXt(filters=(96, 192, 384, 768)),
    "convnext_small",
    _convnext,
)
ConvNeXtBase = member(
    "ConvNeXtBase",
    _ConvNeXt(filters=(128, 256, 512, 1024)),
    "convnext_base",
    _convnext,
)
ConvNeXtLarge = member(
    "ConvNeXtLarge",
    _ConvNeXt(filters=(192, 384, 768, 1536)),
    "convnext_large",
    _convnext,
)
ConvNeXtXLarge = member(
    "ConvNeXtXLarge",
    _ConvNeXt(filters=(256, 512, 1024, 2048)),
    "convnext_xlarge",
    _convnext,
)
