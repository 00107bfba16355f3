"""Pooling over windows and over all positions, of 1, 2 and 3 spatial axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import dtypes, ops
from multinet.layers.arguments import padding_of, sizes
from multinet.layers.positions import checked
from multinet.layers.spatial import Spatial
from multinet.typing import Tensor


class BasePooling(Spatial):
    """Reduce each window of inputs (b, *spatial, c)."""

    reduce: str

    def __init__(
        self,
        pool_size: int | Sequence[int] = 2,
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format, name=name, **options)
        self.pool_size = sizes("pool_size", pool_size, self.rank)
        chosen = self.pool_size if strides is None else strides
        self.strides = sizes("strides", chosen, self.rank)
        self.padding = padding_of(padding)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (b, *spatial', c)."""
        self.check_axes(ops.shape(inputs))
        pool = ops.max_pool if self.reduce == "max" else ops.average_pool
        return pool(
            inputs, self.pool_size, self.strides, self.padding, self.data_format
        )


class MaxPooling1D(BasePooling):
    """The maximum of each window of sequences (b, t, c)."""

    rank, reduce = 1, "max"


class MaxPooling2D(BasePooling):
    """The maximum of each window of images (b, h, w, c).

    Windows are of `pool_size`, a number for both axes or one for each, and begin
    `strides` apart, by default side by side. `padding` is "valid", which leaves out
    windows that do not fit, or "same".

    >>> layers.MaxPooling2D()(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]], dtype=float32)
    """

    rank, reduce = 2, "max"


class MaxPooling3D(BasePooling):
    """The maximum of each window of volumes (b, d, h, w, c)."""

    rank, reduce = 3, "max"


class AveragePooling1D(BasePooling):
    """The mean of each window of sequences (b, t, c), padding not counted."""

    rank, reduce = 1, "average"


class AveragePooling2D(BasePooling):
    """The mean of each window of images (b, h, w, c), padding not counted.

    The arguments are those of `MaxPooling2D`.

    >>> layers.AveragePooling2D()(np.arange(16.0).reshape(1, 4, 4, 1))[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]], dtype=float32)
    """

    rank, reduce = 2, "average"


class AveragePooling3D(BasePooling):
    """The mean of each window of volumes (b, d, h, w, c), padding not counted."""

    rank, reduce = 3, "average"


class BaseGlobalPooling(Spatial):
    """Reduce all positions: (b, *spatial, c) -> (b, c)."""

    reduce: str

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **options: Any
    ) -> None:
        super().__init__(data_format, **options)
        self.keepdims = keepdims

    def call(self, inputs: Tensor) -> Tensor:
        """Return (b, c), or with `keepdims` sizes of 1 for the positions."""
        self.check_axes(ops.shape(inputs))
        axes = tuple(range(self.first_axis, self.first_axis + self.rank))
        reduce = ops.max if self.reduce == "max" else ops.mean
        return reduce(inputs, axis=axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(BaseGlobalPooling):
    """The maximum over a sequence: (b, t, c) -> (b, c)."""

    rank, reduce = 1, "max"


class GlobalMaxPooling2D(BaseGlobalPooling):
    """The maximum over an image: (b, h, w, c) -> (b, c)."""

    rank, reduce = 2, "max"


class GlobalMaxPooling3D(BaseGlobalPooling):
    """The maximum over a volume: (b, d, h, w, c) -> (b, c)."""

    rank, reduce = 3, "max"


class GlobalAveragePooling1D(BaseGlobalPooling):
    """The mean over the unmasked positions of a sequence: (b, t, c) -> (b, c)."""

    rank, reduce = 1, "average"

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **options: Any
    ) -> None:
        super().__init__(data_format, keepdims, **options)
        self.supports_masking = True

    def call(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return (b, c), or (b, 1, c) with `keepdims`; `mask` is bool, (b, t)."""
        if mask is None:
            return super().call(inputs)
        shape = ops.shape(inputs)
        self.check_axes(shape)
        steps, channels = (1, 2) if self.data_format == "channels_last" else (2, 1)
        mask = checked(self.name, mask, (shape[0], shape[steps]), "its sequences")
        shown = ops.expand_dims(mask, channels)
        kept = ops.where(shown, inputs, 0.0)
        dtype = ops.dtype(kept)
        kept = ops.cast(kept, dtypes.promote(dtype, "float32"))  # sums may be large
        count = ops.sum(ops.cast(shown, ops.dtype(kept)), steps, self.keepdims)
        mean = ops.divide(ops.sum(kept, steps, self.keepdims), count)
        return ops.cast(mean, dtype)

    def compute_mask(self, inputs: Tensor, mask: Tensor | None) -> Tensor | None:
        """Return None: the steps are gone."""
        return None


class GlobalAveragePooling2D(BaseGlobalPooling):
    """The mean over an image: (b, h, w, c) -> (b, c).

    With `keepdims` the axes stay, with size 1: (b, 1, 1, c).

    >>> layers.GlobalAveragePooling2D()(np.ones((2, 7, 7, 64))).shape
    (2, 64)
    """

    rank, reduce = 2, "average"


class GlobalAveragePooling3D(BaseGlobalPooling):
    """The mean over a volume: (b, d, h, w, c) -> (b, c)."""

    rank, reduce = 3, "average"
