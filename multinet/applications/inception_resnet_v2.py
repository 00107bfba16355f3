"""InceptionResNetV2: branches of convolutions that are added to their input."""

from __future__ import annotations

from dataclasses import dataclass

from multinet import surface
from multinet.applications.branches import (
    Branch,
    averaged,
    branched,
    concatenated,
    conv,
    halved,
    stem,
)
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.layers import CustomScaleLayer
from multinet.applications.network import Network, channels, member
from multinet.applications.pixels import scaled as preprocess_input
from multinet.layers import Activation, Conv2D
from multinet.symbolic.tensor import KerasTensor

__all__ = ["InceptionResNetV2", "decode_predictions", "preprocess_input"]

surface.show(__name__)


@dataclass(frozen=True)
class _Blocks:
    """Blocks that are alike: their number, how much is added, and their branches."""

    name: str
    count: int
    scale: float
    branches: tuple[Branch, ...]


# Figures 10 to 14 of the paper, and the reductions between them.
_FIRST = (
    ((96, 1),),
    ((48, 1), (64, 5)),
    ((64, 1), (96, 3), (96, 3)),
)
_BLOCK35 = _Blocks(
    "block35",
    10,
    0.17,
    (
        ((32, 1),),
        ((32, 1), (32, 3)),
        ((32, 1), (48, 3), (64, 3)),
    ),
)
_TO_MIDDLE = (
    ((384, 3, 2),),
    ((256, 1), (256, 3), (384, 3, 2)),
)
_BLOCK17 = _Blocks(
    "block17",
    20,
    0.1,
    (
        ((192, 1),),
        ((128, 1), (160, (1, 7)), (192, (7, 1))),
    ),
)
_TO_SMALL = (
    ((256, 1), (384, 3, 2)),
    ((256, 1), (288, 3, 2)),
    ((256, 1), (288, 3), (320, 3, 2)),
)
_BLOCK8 = _Blocks(
    "block8",
    9,
    0.2,
    (
        ((192, 1),),
        ((192, 1), (224, (1, 3)), (256, (3, 1))),
    ),
)


@dataclass(frozen=True, kw_only=True)
class _InceptionResNetV2(Network):
    """Blocks of branches with residual connections, scaled down to train stably."""

    size: int = 299
    least: int = 75

    pools = {"avg": None, "max": None}
    source = (
        'C. Szegedy, S. Ioffe, V. Vanhoucke and A. Alemi, "Inception-v4, '
        'Inception-ResNet and the Impact of Residual Connections on Learning", 2016, '
        "arXiv:1602.07261"
    )

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller, of 1536 channels."""
        x = averaged(stem(x), _FIRST, 64, "mixed_5b")
        x = self.repeated(x, _BLOCK35)
        x = halved(x, _TO_MIDDLE, "mixed_6a")
        x = self.repeated(x, _BLOCK17)
        x = halved(x, _TO_SMALL, "mixed_7a")
        x = self.repeated(x, _BLOCK8)
        x = self.block(x, _BLOCK8.branches, 1.0, "block8_10")
        return conv(x, 1536, 1, names=("conv_7b", "conv_7b_bn", "conv_7b_ac"))

    def repeated(self, x: KerasTensor, blocks: _Blocks) -> KerasTensor:
        """Return what blocks make of feature maps, each of them rectified."""
        for i in range(1, blocks.count + 1):
            name = f"{blocks.name}_{i}"
            x = self.block(x, blocks.branches, blocks.scale, name)
            x = Activation("relu", name=f"{name}_ac")(x)
        return x

    def block(
        self, x: KerasTensor, branches: tuple[Branch, ...], scale: float, name: str
    ) -> KerasTensor:
        """Return x + scale * branches(x)."""
        mixed = concatenated(branched(x, branches), f"{name}_mixed")
        as_wide = Conv2D(channels(x), 1, padding="same", name=f"{name}_conv")
        return CustomScaleLayer(scale)([x, as_wide(mixed)])


InceptionResNetV2 = member(
    "InceptionResNetV2", _InceptionResNetV2(), "inception_resnet_v2"
)
