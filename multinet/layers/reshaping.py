"""Layers that move, repeat, pad, cut and enlarge axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet import ops
from multinet.errors import ArgumentError, ShapeError, unknown_name
from multinet.layers.arguments import positive, sizes
from multinet.layers.base import Layer
from multinet.layers.spatial import Spatial
from multinet.symbolic.dims import public_shape
from multinet.typing import Tensor


def _check_rank(layer: Layer, inputs: Any, rank: int) -> Any:
    shape = ops.shape(inputs)
    if len(shape) != rank:
        raise ShapeError(
            f"{layer.name} expects {rank} axes, got shape {public_shape(shape)}."
        )
    return shape


class Permute(Layer):
    """Reorder the axes of each sample; `dims` counts them from 1."""

    def __init__(self, dims: Sequence[int], **options: Any) -> None:
        super().__init__(**options)
        self.dims = tuple(dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ArgumentError(
                f"Expected dims to be the axes 1, 2, ... in some order, got {dims!r}."
            )

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs with axis dims[i] of each sample in place i + 1."""
        _check_rank(self, inputs, len(self.dims) + 1)
        return ops.transpose(inputs, (0, *self.dims))


class RepeatVector(Layer):
    """Repeat each vector: (b, d) -> (b, n, d)."""

    def __init__(self, n: int, **options: Any) -> None:
        super().__init__(**options)
        self.n = positive("n", n)

    def call(self, inputs: Tensor) -> Tensor:
        """Return (b, n, d) for (b, d)."""
        _check_rank(self, inputs, 2)
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)


def _pairs(value: Any, rank: int, name: str) -> Any:
    """Return (before, after) for each of `rank` axes."""
    entries = (value,) * rank if isinstance(value, int) else value
    if isinstance(entries, list | tuple) and len(entries) == rank:
        pairs = [(e, e) if isinstance(e, int) else e for e in entries]
        if all(map(_is_pair, pairs)):
            return tuple(tuple(pair) for pair in pairs)
    raise ArgumentError(
        f"Expected {name} to be an int >= 0, one for each of {rank} axes, or a pair "
        f"(before, after) for each; got {value!r}."
    )


def _is_pair(pair: Any) -> bool:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return False
    return all(isinstance(n, int) and n >= 0 for n in pair)


class BaseSides(Spatial):
    """A layer with a number of positions for both sides of each spatial axis."""

    def _sides(self, name: str, value: Any) -> Any:
        """Return what a constructor was given as it keeps it: of one axis a pair."""
        if self.rank == 1:
            return _pairs(value if isinstance(value, int) else (value,), 1, name)[0]
        return _pairs(value, self.rank, name)

    def _everywhere(self, sides: Any) -> Any:
        """Return the sides of all axes, (0, 0) of batch and channels."""
        sides = (sides,) if self.rank == 1 else sides
        if self.data_format == "channels_first":
            return ((0, 0), (0, 0), *sides)
        return ((0, 0), *sides, (0, 0))


class BaseZeroPadding(BaseSides):
    """Put zeros around the positions."""

    def __init__(
        self,
        padding: int | Sequence[Any] = 1,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format, **options)
        self.padding = self._sides("padding", padding)

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs with zeros before and after each spatial axis."""
        self.check_axes(ops.shape(inputs))
        return ops.pad(inputs, self._everywhere(self.padding))


class ZeroPadding1D(BaseZeroPadding):
    """Put zeros before and after sequences (b, t, c)."""

    rank = 1


class ZeroPadding2D(BaseZeroPadding):
    """Put zeros around images (b, h, w, c)."""

    rank = 2


class ZeroPadding3D(BaseZeroPadding):
    """Put zeros around volumes (b, d, h, w, c)."""

    rank = 3


class BaseCropping(BaseSides):
    """Cut positions off."""

    cropping: Any

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs without the first and last positions of each spatial axis."""
        shape = ops.shape(inputs)
        self.check_axes(shape)
        sides = self._everywhere(self.cropping)
        kept = [n - (before + after) for n, (before, after) in zip(shape, sides)]
        if any(isinstance(n, int) and n <= 0 for n in kept[1:]):
            raise ShapeError(
                f"{self.name} has cropping={self.cropping}, which leaves nothing of "
                f"shape {public_shape(shape)}."
            )
        return ops.slice(inputs, [before for before, _ in sides], kept)


class Cropping1D(BaseCropping):
    """Cut steps off sequences (b, t, c)."""

    rank = 1

    _decided = frozenset({"data_format"})

    def __init__(self, cropping: int | Sequence[Any] = (1, 1), **options: Any) -> None:
        super().__init__("channels_last", **options)
        self.cropping = self._sides("cropping", cropping)


class Cropping2D(BaseCropping):
    """Cut rows and columns off images (b, h, w, c)."""

    rank = 2

    def __init__(
        self,
        cropping: int | Sequence[Any] = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format, **options)
        self.cropping = self._sides("cropping", cropping)


class Cropping3D(BaseCropping):
    """Cut slices off volumes (b, d, h, w, c)."""

    rank = 3

    def __init__(
        self,
        cropping: int | Sequence[Any] = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format, **options)
        self.cropping = self._sides("cropping", cropping)


class BaseUpSampling(Spatial):
    """Repeat positions along each spatial axis."""

    def __init__(
        self,
        size: int | Sequence[Any] = 2,
        data_format: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(data_format, **options)
        found = sizes("size", size, self.rank)
        self.size: Any = found[0] if self.rank == 1 else found

    def call(self, inputs: Tensor) -> Tensor:
        """Return inputs with each spatial axis `size` times as long."""
        self.check_axes(ops.shape(inputs))
        factors = (self.size,) if self.rank == 1 else self.size
        for axis, times in enumerate(factors, start=self.first_axis):
            inputs = ops.repeat(inputs, times, axis=axis)
        return inputs


class UpSampling1D(BaseUpSampling):
    """Repeat each step of sequences: (b, t, c) -> (b, size * t, c)."""

    rank = 1

    _decided = frozenset({"data_format"})

    def __init__(self, size: int = 2, **options: Any) -> None:
        super().__init__(size, "channels_last", **options)


_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


class UpSampling2D(BaseUpSampling):
    """Enlarge images (b, h, w, c) by whole factors.

    `interpolation` is nearest, which repeats pixels, bilinear, bicubic, lanczos3 or
    lanczos5.
    """

    rank = 2

    def __init__(
        self,
        size: int | Sequence[Any] = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **options: Any,
    ) -> None:
        super().__init__(size, data_format, **options)
        self.interpolation = interpolation.lower()
        if self.interpolation not in _INTERPOLATIONS:
            raise unknown_name("interpolation", interpolation, _INTERPOLATIONS)

    def call(self, inputs: Tensor) -> Tensor:
        """Return images, height and width times `size`."""
        if self.interpolation == "nearest":
            return super().call(inputs)
        shape, at = ops.shape(inputs), self.first_axis
        self.check_axes(shape)
        sides = tuple(n * times for n, times in zip(shape[at : at + 2], self.size))
        return ops.image.resize(
            inputs, sides, self.interpolation, data_format=self.data_format
        )


class UpSampling3D(BaseUpSampling):
    """Repeat the positions of volumes (b, d, h, w, c) by whole factors."""

    rank = 3
