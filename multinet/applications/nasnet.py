"""NASNet: cells that were found by search, stacked."""

from __future__ import annotations

from dataclasses import dataclass

from multinet import surface
from multinet.applications.cells import Cells
from multinet.applications.imagenet_utils import decode_predictions
from multinet.applications.images import ImageShape, only_channels_last
from multinet.applications.network import Asked, Network, chain, member, predictions
from multinet.applications.pixels import scaled as preprocess_input
from multinet.applications.weights import IMAGENET, Weights
from multinet.layers import Activation, Conv2D, GlobalAveragePooling2D
from multinet.models import Model
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import ActivationLike

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

surface.show(__name__)


@dataclass(frozen=True, kw_only=True)
class _NASNet(Network):
    """Cells that keep the size of feature maps, and cells that halve it."""

    filters: int  # of the cells before the first reduction; they double at each
    stem: int  # filters of the first convolution
    depth: int  # cells between reductions
    skips: bool  # whether a cell after a reduction sees what came two cells before
    opened: bool = False  # whether features are of images of any size by default

    pools = {"avg": None, "max": None}
    source = (
        'B. Zoph, V. Vasudevan, J. Shlens and Q. V. Le, "Learning Transferable '
        'Architectures for Scalable Image Recognition", 2017, arXiv:1707.07012'
    )

    def build(self, asked: Asked) -> Model:
        """Return the model."""
        only_channels_last("NASNet")
        return super().build(asked)

    def shape(self, asked: Asked) -> tuple[int | None, ...]:
        """Return the shape of an image."""
        if asked.input_shape is None and not self.opened:
            return self.size, self.size, 3
        return super().shape(asked)

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller."""
        conv = Conv2D(
            self.stem,
            3,
            strides=2,
            use_bias=False,
            kernel_initializer="he_normal",
            name="stem_conv1",
        )
        cells = Cells()
        x = chain(x, conv, cells.norm("stem_bn1"))
        x, before = cells.reduction(x, None, self.filters // 4, "stem_1")
        x, before = cells.reduction(x, before, self.filters // 2, "stem_2", True)
        for stage in range(3):
            filters, done = self.filters * 2**stage, self.depth * stage
            if stage:
                x, larger = cells.reduction(x, before, filters, f"reduce_{done}")
                before, done = before if self.skips else larger, done + 1
            for i in range(self.depth):
                x, before = cells.normal(x, before, filters, f"{done + i}", i == 0)
        return Activation("relu")(x)

    def classified(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the classes of feature maps."""
        return predictions(GlobalAveragePooling2D()(x), asked)


def _nasnet(
    network: _NASNet,
    input_shape: ImageShape | None = None,
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
    return network.build(asked)


NASNetMobile = member(
    "NASNetMobile",
    _NASNet(filters=44, stem=32, depth=4, skips=False),
    "nasnet_mobile",
    _nasnet,
)
NASNetLarge = member(
    "NASNetLarge",
    _NASNet(filters=168, stem=96, depth=6, skips=True, size=331, opened=True),
    "nasnet_large",
    _nasnet,
)
