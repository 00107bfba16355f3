"""EfficientNet: width, depth and image size scaled together."""

from __future__ import annotations

from dataclasses import dataclass

from multinet import surface
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.images import halving_pad
from multinet.applications.network import (
    Asked,
    chain,
    channel_axis,
    channels,
    member,
    rounded,
)
from multinet.applications.pixels import DEVIATION
from multinet.applications.pixels import unchanged as preprocess_input
from multinet.applications.scaling import Scaled, conv, kernel
from multinet.layers import (
    DepthwiseConv2D,
    Normalization,
    Rescaling,
    ZeroPadding2D,
)
from multinet.symbolic.tensor import KerasTensor

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

surface.show(__name__)

# Table 1 of the paper: kernel, expansion, filters, repeats, stride of the first.
_STACKS = (
    (3, 1, 16, 1, 1),
    (3, 6, 24, 2, 2),
    (5, 6, 40, 2, 2),
    (3, 6, 80, 3, 2),
    (5, 6, 112, 3, 1),
    (5, 6, 192, 4, 2),
    (3, 6, 320, 1, 1),
)
_DROPPED = 0.2  # of samples at the last sum, in training; less at those before


@dataclass(frozen=True, kw_only=True)
class _EfficientNet(Scaled):
    """Inverted residuals whose width, depth and image size grow by fixed ratios."""

    more = "The model scales pixels of 0 to 255 itself."
    source = (
        'M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for '
        'Convolutional Neural Networks", 2019, arXiv:1905.11946'
    )

    def prepared(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return pixels that are normalized, as what was adapted says."""
        x = chain(x, Rescaling(1 / 255), Normalization(channel_axis()))
        if asked.pretrained:
            # Those weights were trained on pixels divided by the variance, not by its
            # root, which is what the layer does: the other root.
            x = Rescaling([d**-0.5 for d in DEVIATION])(x)
        return x

    def wide(self, filters: int) -> int:
        """Return how many filters there are of a number in the paper."""
        return rounded(filters * self.width)

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller."""
        x = chain(
            x,
            ZeroPadding2D(halving_pad(x, 3), name="stem_conv_pad"),
            conv(self.wide(32), "stem_conv", 3, strides=2, padding="valid"),
            *self.active("stem_bn", "stem_activation"),
        )
        total = sum(self.deep(repeats) for *_, repeats, _ in _STACKS)
        done = 0
        for i, (size, expansion, filters, repeats, stride) in enumerate(_STACKS, 1):
            for j in range(self.deep(repeats)):
                x = self.block(
                    x,
                    f"block{i}{chr(ord('a') + j)}_",
                    size=size,
                    expansion=expansion,
                    filters=self.wide(filters),
                    stride=stride if j == 0 else 1,
                    dropped=_DROPPED * done / total,
                )
                done += 1
        top = self.active("top_bn", "top_activation")
        return chain(x, conv(self.wide(1280), "top_conv"), *top)

    def block(
        self,
        x: KerasTensor,
        name: str,
        *,
        size: int,
        expansion: int,
        filters: int,
        stride: int,
        dropped: float,
    ) -> KerasTensor:
        """Return x + narrowed(weighted(filtered(widened(x)))), or that alone."""
        narrow, inner = channels(x), x
        if expansion != 1:
            wide = conv(narrow * expansion, f"{name}expand_conv")
            active = self.active(f"{name}expand_bn", f"{name}expand_activation")
            inner = chain(inner, wide, *active)
        if stride == 2:
            pad = halving_pad(inner, size)
            inner = ZeroPadding2D(pad, name=f"{name}dwconv_pad")(inner)
        depthwise = DepthwiseConv2D(
            size,
            strides=stride,
            padding="valid" if stride == 2 else "same",
            use_bias=False,
            depthwise_initializer=kernel(),
            name=f"{name}dwconv",
        )
        inner = chain(inner, depthwise, *self.active(f"{name}bn", f"{name}activation"))
        inner = self.weighted(inner, max(1, narrow // 4), name)
        project = conv(filters, f"{name}project_conv")
        inner = chain(inner, project, self.norm(f"{name}project_bn"))
        if stride == 1 and narrow == filters:
            return self.added(x, inner, dropped, name)
        return inner


def _scaled(width: float, depth: float, size: int, dropout: float) -> _EfficientNet:
    return _EfficientNet(width=width, depth=depth, size=size, dropout=dropout)


EfficientNetB0 = member("EfficientNetB0", _scaled(1.0, 1.0, 224, 0.2), "efficientnetb0")
EfficientNetB1 = member("EfficientNetB1", _scaled(1.0, 1.1, 240, 0.2), "efficientnetb1")
EfficientNetB2 = member("EfficientNetB2", _scaled(1.1, 1.2, 260, 0.3), "efficientnetb2")
EfficientNetB3 = member("EfficientNetB3", _scaled(1.2, 1.4, 300, 0.3), "efficientnetb3")
EfficientNetB4 = member("EfficientNetB4", _scaled(1.4, 1.8, 380, 0.4), "efficientnetb4")
EfficientNetB5 = member("EfficientNetB5", _scaled(1.6, 2.2, 456, 0.4), "efficientnetb5")
EfficientNetB6 = member("EfficientNetB6", _scaled(1.8, 2.6, 528, 0.5), "efficientnetb6")
EfficientNetB7 = member("EfficientNetB7", _scaled(2.0, 3.1, 600, 0.5), "efficientnetb7")
