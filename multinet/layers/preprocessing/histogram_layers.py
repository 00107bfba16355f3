"""Image layers that spread the values of images over their range."""

from __future__ import annotations

import math
from typing import Any

from multinet import ops
from multinet.layers.arguments import positive, sizes
from multinet.layers.policy import computed
from multinet.layers.preprocessing.box_formats import size_in
from multinet.layers.preprocessing.color_layers import Range
from multinet.layers.preprocessing.factors import value_range_of
from multinet.layers.preprocessing.image_layer import ImageLayer, rescaled
from multinet.registry import current
from multinet.typing import Size, Tensor, Tree

_LEVELS = 256


class AutoContrast(ImageLayer):
    """Stretch each channel of each image over the value range.

    A channel of one value stays as it is.
    """

    def __init__(self, value_range: Range = (0, 255), **options: Any) -> None:
        super().__init__(**options)
        self.value_range = value_range_of(value_range)

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        values = rescaled(images, self.value_range, (0, 255))
        low, high = (
            reduce(values, axis=self._spatial_axes, keepdims=True)
            for reduce in (ops.min, ops.max)
        )
        flat = ops.equal(low, high)
        scale = ops.divide(255.0, ops.where(flat, 1.0, ops.subtract(high, low)))
        moved = ops.subtract(ops.multiply(values, scale), ops.multiply(low, scale))
        found = rescaled(ops.clip(moved, 0.0, 255.0), (0, 255), self.value_range)
        return ops.where(flat, images, found)


class Equalization(ImageLayer):
    """Make all values of a channel about equally frequent, over a whole batch.

    A pixel becomes the part of the pixels of its channel that are darker, by a
    histogram of `bins`. It acts while training, and in a call by itself.
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format=data_format, **options)
        self.value_range = value_range_of(value_range)
        self.bins = positive("bins", bins)

    def _acts(self, transformation: Tree, training: bool | None) -> bool:
        return bool(training)

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        values = ops.cast(images, "float32")
        values = rescaled(values, self.value_range, (0, 255))
        first = ops.moveaxis(values, self._channel_axis, 0)  # c n h w
        shape = ops.shape(first)
        channels = ops.reshape(first, (shape[0], math.prod(shape[1:])))
        found = ops.reshape(self._equalized(channels), shape)
        found = ops.moveaxis(found, 0, self._channel_axis)
        found = rescaled(found, (0, 255), self.value_range)
        return ops.cast(found, self.compute_dtype)

    def _equalized(self, channels: Tensor) -> Tensor:
        """Return the values (c, m) of channels, from 0 to 255, spread."""
        top = self.bins - 1
        scaled = ops.divide(ops.multiply(channels, float(top)), 255.0)
        counts = histograms(_places(scaled, top), self.bins)  # c bins
        below = ops.cumsum(counts, axis=1)
        total = ops.max(below, axis=1, keepdims=True)
        first = ops.where(ops.greater(below, 0), below, total)
        first = ops.min(first, axis=1, keepdims=True)
        rest = ops.subtract(total, first)
        part = ops.multiply(ops.subtract(below, first), 255.0)
        table = ops.divide(part, ops.where(ops.equal(rest, 0), 1.0, rest))
        table = ops.clip(ops.round(table), 0.0, 255.0)
        places = _places(ops.multiply(ops.divide(channels, 255.0), float(top)), top)
        spread = ops.take_along_axis(table, places, axis=1)
        return ops.where(ops.equal(rest, 0), channels, spread)


def _places(values: Tensor, top: int) -> Tensor:
    """Return the bins of values, from 0 to `top`."""
    return ops.clip(ops.cast(values, "int32"), 0, top)


def histograms(places: Tensor, bins: int) -> Tensor:
    """Return how often each bin is there in rows (n, m): float32 (n, bins)."""
    backend, (rows, count) = current(), ops.shape(places)
    starts = ops.multiply(ops.arange(rows, dtype="int32"), bins)
    flat = ops.reshape(ops.add(places, ops.expand_dims(starts, 1)), (rows * count, 1))
    ones = ops.ones((rows * count,), "float32")
    zeros = ops.zeros((rows * bins,), "float32")
    # Not segment_sum, whose number of segments must be known; there may be any batch.
    counts = backend.scatter(zeros, flat, ones, "add")
    return ops.reshape(counts, (rows, bins))


class ContrastLimitedAdaptiveHistogramEqualization(ImageLayer):
    """Spread the values of each channel by the histograms of tiles around each pixel.

    What a histogram has above `clip_limit` times its mean is shared by all its bins, so
    that noise in flat parts stays small. The tables of the four tiles that are near are
    interpolated.

    Source: Zuiderveld, "Contrast limited adaptive histogram equalization", 1994.
    """

    def __init__(
        self,
        value_range: Range = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: tuple[int, int] = (8, 8),
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format=data_format, **options)
        self.value_range = value_range_of(value_range)
        self.clip_limit = clip_limit
        self.tile_grid_size = sizes("tile_grid_size", tile_grid_size, 2)

    def _taken_images(self, images: Tensor) -> Tensor:
        return computed(self, images)

    def _images(self, images: Tensor, transformation: Tree) -> Tensor:
        values = rescaled(ops.cast(images, "float32"), self.value_range, (0, 255))
        first = ops.moveaxis(values, self._channel_axis, 1)  # n c h w
        n, c, h, w = ops.shape(first)
        planes = ops.reshape(first, (n * c, h, w))
        found = ops.reshape(self._equalized(planes), (n, c, h, w))
        found = ops.moveaxis(found, 1, self._channel_axis)
        found = rescaled(found, (0, 255), self.value_range)
        return ops.cast(found, ops.dtype(images))

    def _equalized(self, planes: Tensor) -> Tensor:
        """Return planes (p, h, w) of values from 0 to 255 spread."""
        p, h, w = ops.shape(planes)
        rows, columns = self.tile_grid_size
        th, tw = -(-h // rows), -(-w // columns)
        margins = [(0, 0), (0, th * rows - h), (0, tw * columns - w)]
        pixels = _places(ops.pad(planes, margins, mode="symmetric"), _LEVELS - 1)
        tiles = ops.reshape(pixels, (p, rows, th, columns, tw))
        tiles = ops.transpose(tiles, (0, 1, 3, 2, 4))
        tables = self._tables(ops.reshape(tiles, (p * rows * columns, th * tw)))
        tables = ops.reshape(tables, (p, rows, columns, _LEVELS))
        pixels = ops.get_item(pixels, (slice(None), slice(h), slice(w)))
        return _interpolated(tables, pixels, th, tw)

    def _tables(self, tiles: Tensor) -> Tensor:
        """Return what each level of each tile (t, m) becomes, (t, 256)."""
        size = size_in(ops.shape(tiles)[1])
        counts = histograms(tiles, _LEVELS)
        if self.clip_limit > 0:
            limit = ops.multiply(size, self.clip_limit / _LEVELS)
            clipped = ops.minimum(counts, limit)
            excess = ops.subtract(counts, clipped)
            shared = ops.divide(ops.sum(excess, axis=1, keepdims=True), float(_LEVELS))
            counts = ops.add(clipped, shared)
        below = ops.cumsum(counts, axis=1)
        least = ops.min(below, axis=1, keepdims=True)
        rest = ops.subtract(size, least)
        part = ops.multiply(ops.subtract(below, least), 255.0)
        table = ops.divide(part, ops.where(ops.equal(rest, 0), 1.0, rest))
        return ops.clip(table, 0.0, 255.0)


def _interpolated(tables: Tensor, pixels: Tensor, th: Size, tw: Size) -> Tensor:
    """Return what pixels (p, h, w) become by the tables (p, rows, columns, 256) of the
    tiles, of size (th, tw), whose middles are around them.
    """
    p, rows, columns, levels = ops.shape(tables)
    _, h, w = ops.shape(pixels)
    flat = ops.reshape(tables, (p * rows * columns * levels,))
    y = [ops.reshape(part, (1, -1, 1)) for part in _tiles_at(h, th, rows)]
    x = [ops.reshape(part, (1, 1, -1)) for part in _tiles_at(w, tw, columns)]
    start = ops.multiply(ops.arange(p, dtype="int32"), rows * columns)
    start = ops.reshape(start, (-1, 1, 1))

    def row(at: Tensor) -> Tensor:
        left, right = (
            ops.take(flat, ops.add(ops.multiply(ops.add(tile, place), levels), pixels))
            for place in x[:2]
            for tile in [ops.add(start, ops.multiply(at, columns))]
        )
        return _between(left, right, x[2])

    return _between(row(y[0]), row(y[1]), y[2])


def _between(a: Tensor, b: Tensor, part: Tensor) -> Tensor:
    return ops.add(ops.multiply(a, ops.subtract(1.0, part)), ops.multiply(b, part))


def _tiles_at(size: Size, tile: Size, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the tiles whose middles are before and after each place, and how far it is
    on the way from one to the other.
    """
    places = ops.arange(size, dtype="float32")
    length = size_in(tile)
    at = ops.divide(ops.subtract(places, ops.multiply(length, 0.5)), length)
    before = ops.floor(at)
    part = ops.subtract(at, before)
    before = ops.cast(before, "int32")
    last = count - 1
    return ops.clip(before, 0, last), ops.clip(ops.add(before, 1), 0, last), part
