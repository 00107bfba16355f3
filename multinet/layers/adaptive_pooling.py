"""Pooling to a given number of windows, of 1, 2 and 3 spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.layers.arguments import sizes
from multinet.layers.spatial import Spatial
from multinet.typing import Tensor


class BaseAdaptivePooling(Spatial):
    """Divide each spatial axis into `output_size` windows, and reduce each of them.

    Window i of m, on an axis of n, is [floor(i * n / m), ceil((i + 1) * n / m)).
    """

    reduce: str

    def __init__(
        self,
        output_size: int | Sequence[int],
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format, **options)
        self.output_size = sizes("output_size", output_size, self.rank)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (b, *output_size, c)."""
        self.check_axes(ops.shape(inputs))
        largest = self.reduce == "max"
        pool = ops.adaptive_max_pool if largest else ops.adaptive_average_pool
        return pool(inputs, self.output_size, self.data_format)


class AdaptiveMaxPooling1D(BaseAdaptivePooling):
    """The maxima of `output_size` windows of sequences (b, t, c)."""

    rank, reduce = 1, "max"


class AdaptiveMaxPooling2D(BaseAdaptivePooling):
    """The maxima of windows of images (b, h, w, c)."""

    rank, reduce = 2, "max"


class AdaptiveMaxPooling3D(BaseAdaptivePooling):
    """The maxima of windows of volumes (b, d, h, w, c)."""

    rank, reduce = 3, "max"


class AdaptiveAveragePooling1D(BaseAdaptivePooling):
    """The means of `output_size` windows of sequences (b, t, c)."""

    rank, reduce = 1, "average"


class AdaptiveAveragePooling2D(BaseAdaptivePooling):
    """The means of windows of images (b, h, w, c)."""

    rank, reduce = 2, "average"


class AdaptiveAveragePooling3D(BaseAdaptivePooling):
    """The means of windows of volumes (b, d, h, w, c)."""

    rank, reduce = 3, "average"
