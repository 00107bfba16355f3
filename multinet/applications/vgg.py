"""VGG: convolutions of 3x3, and three dense layers."""

from __future__ import annotations

from dataclasses import dataclass

from multinet.applications.network import Asked, Network, chain, predictions
from multinet.layers import Conv2D, Dense, Flatten, MaxPooling2D
from multinet.symbolic.tensor import KerasTensor

_FILTERS = (64, 128, 256, 512, 512)  # of the five blocks


@dataclass(frozen=True, kw_only=True)
class VGG(Network):
    """Blocks of 3x3 convolutions, each block at half the size of the one before."""

    depths: tuple[int, ...]  # convolutions of each block

    pools = {"avg": None, "max": None}
    source = (
        'K. Simonyan and A. Zisserman, "Very Deep Convolutional Networks for '
        'Large-Scale Image Recognition", 2014, arXiv:1409.1556'
    )

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller, of 512 channels."""
        for i, (filters, depth) in enumerate(zip(_FILTERS, self.depths), 1):
            for j in range(1, depth + 1):
                name = f"block{i}_conv{j}"
                conv = Conv2D(filters, 3, padding="same", activation="relu", name=name)
                x = conv(x)
            x = MaxPooling2D(2, strides=2, name=f"block{i}_pool")(x)
        return x

    def classified(self, x: KerasTensor, asked: Asked) -> KerasTensor:
        """Return the classes of feature maps, which the dense layers take whole."""
        x = chain(
            x,
            Flatten(name="flatten"),
            Dense(4096, activation="relu", name="fc1"),
            Dense(4096, activation="relu", name="fc2"),
        )
        return predictions(x, asked)
