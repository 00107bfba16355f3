"""MobileNetV3: inverted residuals found by search, with squeeze and excitation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from multinet import ops, surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.images import (
    ImageShape,
    halving_pad,
    image_shape,
    parts,
    placed,
)
from multinet.applications.network import (
    Asked,
    Network,
    chain,
    channel_axis,
    channels,
    member,
    rounded,
)
from multinet.applications.pixels import unchanged as preprocess_input
from multinet.applications.weights import IMAGENET, Weights
from multinet.errors import ShapeError
from multinet.layers import (
    Activation,
    Add,
    BatchNormalization,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Layer,
    Multiply,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)
from multinet.models import Model
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import ActivationLike

__all__ = [
    "MobileNetV3Large",
    "MobileNetV3Small",
    "decode_predictions",
    "preprocess_input",
]

surface.show(__name__)


@dataclass(frozen=True)
class _Block:
    """A row of the tables of the paper."""

    kernel: int
    expansion: float
    filters: int
    squeezed: bool  # whether channels are weighted by their mean
    swish: bool  # whether activations are hard swish, or ReLU
    stride: int = 1


# Tables 2 and 1 of the paper; there the expansion is the number of channels.
_SMALL = (
    _Block(3, 1, 16, True, False, 2),
    _Block(3, 72 / 16, 24, False, False, 2),
    _Block(3, 88 / 24, 24, False, False),
    _Block(5, 4, 40, True, True, 2),
    _Block(5, 6, 40, True, True),
    _Block(5, 6, 40, True, True),
    _Block(5, 3, 48, True, True),
    _Block(5, 3, 48, True, True),
    _Block(5, 6, 96, True, True, 2),
    _Block(5, 6, 96, True, True),
    _Block(5, 6, 96, True, True),
)
_LARGE = (
    _Block(3, 1, 16, False, False),
    _Block(3, 4, 24, False, False, 2),
    _Block(3, 3, 24, False, False),
    _Block(5, 3, 40, True, False, 2),
    _Block(5, 3, 40, True, False),
    _Block(5, 3, 40, True, False),
    _Block(3, 6, 80, False, True, 2),
    _Block(3, 2.5, 80, False, True),
    _Block(3, 2.3, 80, False, True),
    _Block(3, 2.3, 80, False, True),
    _Block(3, 6, 112, True, True),
    _Block(3, 6, 112, True, True),
    _Block(5, 6, 160, True, True, 2),
    _Block(5, 6, 160, True, True),
    _Block(5, 6, 160, True, True),
)


def _norm(name: str) -> BatchNormalization:
    return BatchNormalization(channel_axis(), 0.999, 1e-3, name=f"{name}_bn")


def _conv(filters: int, name: str, size: int = 1, **options: Any) -> Conv2D:
    return Conv2D(filters, size, padding="same", name=name, **options)


@dataclass(frozen=True, kw_only=True)
class _MobileNetV3(Network):
    """Inverted residuals; channels are weighted by their mean over the image."""

    kind: str  # "small" or "large", in the names of files
    blocks: tuple[_Block, ...]
    last: int  # channels before the classifier
    alpha: float = 1.0
    minimalistic: bool = False
    dropout_rate: float = 0.2
    include_preprocessing: bool = True

    more = (
        "`alpha` multiplies the filters of all layers. A `minimalistic` model has "
        "kernels of 3x3 and ReLU alone, and no weighted channels. With "
        "`include_preprocessing` the model scales pixels of 0 to 255 itself; without, "
        "they are to be between -1 and 1. `dropout_rate` is before the classifier."
    )
    source = 'A. Howard et al., "Searching for MobileNetV3", 2019, arXiv:1905.02244'

    def build(self, asked: Asked) -> Model:
        """Return the model."""
        kind = f"{self.kind}_minimalistic" if self.minimalistic else self.kind
        files = f"mobilenet_v3_{kind}_224_{float(self.alpha)}_float"
        return super(_MobileNetV3, replace(self, files=files)).build(asked)

    def shape(self, asked: Asked) -> tuple[int | None, ...]:
        """Return the shape of an image; the classifier takes any size, too."""
        given = asked.input_shape
        if asked.input_tensor is not None:
            rows, columns, _ = parts(asked.input_tensor.shape[1:])
            found = placed(rows, columns, 3)
            if given is not None and parts(given)[:2] != (rows, columns):
                raise ShapeError(
                    f"Expected input_shape to have the sizes of input_tensor, {found}, "
                    f"got {given}."
                )
            given = found
        return image_shape(
            placed(None, None, 3) if given is None else given,
            size=self.size,
            least=self.least,
            classifier=False,
            pretrained=asked.pretrained,
        )

    def prepared(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return pixels between -1 and 1."""
        if not self.include_preprocessing:
            return x
        return Rescaling(scale=1 / 127.5, offset=-1.0)(x)

    def active(self, swish: bool = True) -> Layer:
        """Return an activation: hard swish where there is one."""
        if swish and not self.minimalistic:
            return Activation("hard_swish")
        return ReLU()

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller."""
        stem = _conv(16, "conv", 3, strides=2, use_bias=False)
        x = chain(x, stem, _norm("conv"), self.active())
        for i, block in enumerate(self.blocks):
            x = self.block(x, i, block)
        wide = _conv(rounded(channels(x) * 6), "conv_1", use_bias=False)
        return chain(x, wide, _norm("conv_1"), self.active())

    def block(self, x: KerasTensor, i: int, block: _Block) -> KerasTensor:
        """Return x + narrowed(weighted(filtered(widened(x)))), or that alone."""
        name = f"expanded_conv_{i}" if i else "expanded_conv"
        narrow, filters = channels(x), rounded(block.filters * self.alpha)
        wide, inner = rounded(narrow * block.expansion), x
        if i:
            expand = _conv(wide, f"{name}_expand", use_bias=False)
            active = self.active(block.swish)
            inner = chain(inner, expand, _norm(f"{name}_expand"), active)
        inner = self.filtered(inner, name, block)
        if block.squeezed and not self.minimalistic:
            inner = self.weighted(inner, wide, f"{name}_squeeze_excite")
        project = _conv(filters, f"{name}_project", use_bias=False)
        inner = chain(inner, project, _norm(f"{name}_project"))
        if block.stride == 1 and narrow == filters:
            return Add(name=f"{name}_add")([x, inner])
        return inner

    def filtered(self, x: KerasTensor, name: str, block: _Block) -> KerasTensor:
        """Return a convolution of each channel."""
        size = 3 if self.minimalistic else block.kernel
        if block.stride == 2:
            pad = halving_pad(x, size)
            x = ZeroPadding2D(pad, name=f"{name}_depthwise_pad")(x)
        depthwise = DepthwiseConv2D(
            size,
            strides=block.stride,
            padding="same" if block.stride == 1 else "valid",
            use_bias=False,
            name=f"{name}_depthwise",
        )
        return chain(x, depthwise, _norm(f"{name}_depthwise"), self.active(block.swish))

    def weighted(self, x: KerasTensor, filters: int, name: str) -> KerasTensor:
        """Return channels weighted between 0 and 1, by what their means say."""
        weights = chain(
            x,
            GlobalAveragePooling2D(keepdims=True, name=f"{name}_avg_pool"),
            _conv(rounded(filters / 4), f"{name}_conv"),
            ReLU(name=f"{name}_relu"),
            _conv(filters, f"{name}_conv_1"),
        )
        weights = ops.multiply(ReLU(6.0)(ops.add(weights, 3.0)), 1 / 6)
        return Multiply(name=f"{name}_mul")([x, weights])

    def classified(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the classes of feature maps, by convolutions of their mean."""
        last = rounded(self.last * self.alpha) if self.alpha > 1 else self.last
        x = chain(
            x,
            GlobalAveragePooling2D(keepdims=True),
            _conv(last, "conv_2"),
            self.active(),
        )
        if self.dropout_rate > 0:
            x = Dropout(self.dropout_rate)(x)
        return chain(
            x,
            _conv(asked.classes, "logits"),
            Flatten(),
            Activation(asked.classifier_activation or "linear", name="predictions"),
        )


def _mobilenet_v3(
    network: _MobileNetV3,
    input_shape: ImageShape | None = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: Weights = IMAGENET,
    input_tensor: KerasTensor | None = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
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
    own = replace(
        network,
        alpha=alpha,
        minimalistic=minimalistic,
        dropout_rate=dropout_rate,
        include_preprocessing=include_preprocessing,
    )
    return own.build(asked)


MobileNetV3Small = member(
    "MobileNetV3Small",
    _MobileNetV3(kind="small", blocks=_SMALL, last=1024),
    "MobileNetV3Small",
    _mobilenet_v3,
)
MobileNetV3Large = member(
    "MobileNetV3Large",
    _MobileNetV3(kind="large", blocks=_LARGE, last=1280),
    "MobileNetV3Large",
    _mobilenet_v3,
)
