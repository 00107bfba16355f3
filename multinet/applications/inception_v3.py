"""InceptionV3: branches of convolutions of several sizes, side by side."""

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
from multinet.applications.network import Network, member
from multinet.applications.pixels import scaled as preprocess_input
from multinet.symbolic.tensor import KerasTensor

__all__ = ["InceptionV3", "decode_predictions", "preprocess_input"]

surface.show(__name__)

# Branches as rows of (filters, kernel), or (filters, kernel, stride); after them comes
# one that averages, then has so many filters, or one that takes maxima.


def _small(pool: int) -> tuple[tuple[Branch, ...], int]:
    """Return the branches of figure 5 of the paper: 5x5 is two times 3x3."""
    return (
        ((64, 1),),
        ((48, 1), (64, 5)),
        ((64, 1), (96, 3), (96, 3)),
    ), pool


def _factored(n: int) -> tuple[tuple[Branch, ...], int]:
    """Return the branches of figure 6: 7x7 is 1x7 and 7x1."""
    row, column = (1, 7), (7, 1)
    return (
        ((192, 1),),
        ((n, 1), (n, row), (192, column)),
        ((n, 1), (n, column), (n, row), (n, column), (192, row)),
    ), 192


_LARGE_MAPS = [_small(32), _small(64), _small(64)]
_MIDDLE_MAPS = [_factored(128), _factored(160), _factored(160), _factored(192)]
_TO_MIDDLE = (
    ((384, 3, 2),),
    ((64, 1), (96, 3), (96, 3, 2)),
)
_TO_SMALL = (
    ((192, 1), (320, 3, 2)),
    ((192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2)),
)


@dataclass(frozen=True, kw_only=True)
class _InceptionV3(Network):
    """Blocks of branches, with large kernels factored into small and thin ones."""

    size: int = 299
    least: int = 75

    pools = {"avg": None, "max": None}
    source = (
        'C. Szegedy et al., "Rethinking the Inception Architecture for Computer Vision"'
        ", 2015, arXiv:1512.00567"
    )

    def features(self, x: KerasTensor) -> KerasTensor:
        """Return the feature maps of an image, 32 times smaller, of 2048 channels."""
        x = stem(x)
        for i, (branches, pool) in enumerate(_LARGE_MAPS):
            x = averaged(x, branches, pool, f"mixed{i}")
        x = halved(x, _TO_MIDDLE, "mixed3")
        for i, (branches, pool) in enumerate(_MIDDLE_MAPS, 4):
            x = averaged(x, branches, pool, f"mixed{i}")
        x = halved(x, _TO_SMALL, "mixed8")
        for i in range(2):
            x = self.spread(x, i)
        return x

    def spread(self, x: KerasTensor, i: int) -> KerasTensor:
        """Return the branches of figure 7, of which two part again."""
        thin = ((384, (1, 3)),), ((384, (3, 1)),)
        direct = conv(x, 320, 1)
        once = conv(x, 384, 1)
        once = concatenated(branched(once, thin), f"mixed9_{i}")
        twice = conv(conv(x, 448, 1), 384, 3)
        twice = concatenated(branched(twice, thin))
        return averaged(x, (), 192, f"mixed{9 + i}", [direct, once, twice])


InceptionV3 = member("InceptionV3", _InceptionV3(), "inception_v3")
