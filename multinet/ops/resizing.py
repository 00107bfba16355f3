"""Images in other sizes: each axis is resampled by a matrix of weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from multinet import dtypes
from multinet.config import standardize_data_format
from multinet.errors import ArgumentError, ShapeError, unknown_name
from multinet.ops.axes import axis_of
from multinet.ops.checks import real_numbers, sizes_at_least
from multinet.ops.colors import image_rank
from multinet.ops.conversion import saturate_cast
from multinet.ops.core import as_tensor, cast_tensor, op, shape_of
from multinet.ops.creation import shape_tuple
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, larger, public_shape, smaller
from multinet.typing import Numbers, ShapeLike, Tensor

_RESIZES = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def restored(y: Tensor, dtype: str) -> Tensor:
    """Return floats in the dtype of the image: integers rounded, within their range."""
    backend = current()
    if backend.dtype(y) == dtype:
        return y
    return saturate_cast(backend.round(y) if dtypes.is_integer(dtype) else y, dtype)


# -- kernels: weights by the distance from the middle of a new pixel -------------------


def _triangle(x: Any) -> Any:
    backend = current()
    return backend.maximum(backend.subtract(1.0, x), 0.0)


def _cubic(x: Any) -> Any:
    """Source: Keys, "Cubic convolution interpolation", 1981."""
    backend = current()

    def polynomial(*factors: float) -> Any:
        y = backend.multiply(x, factors[0])
        for factor in factors[1:-1]:
            y = backend.multiply(backend.add(y, factor), x)
        return backend.add(y, factors[-1])

    near, far = polynomial(1.5, -2.5, 0.0, 1.0), polynomial(-0.5, 2.5, -4.0, 2.0)
    far = backend.where(backend.less(x, 2.0), far, 0.0)
    return backend.where(backend.less(x, 1.0), near, far)


def _lanczos(radius: float) -> Callable[[Any], Any]:
    """Source: Duchon, "Lanczos filtering in one and two dimensions", 1979."""

    def weight(x: Any) -> Any:
        backend = current()
        y = backend.multiply(x, math.pi)
        near = backend.less(x, 1e-3)
        safe = backend.where(near, 1.0, y)
        sines = backend.multiply(
            backend.sin(safe), backend.sin(backend.divide(safe, radius))
        )
        value = backend.divide(backend.multiply(sines, radius), backend.square(safe))
        value = backend.where(near, 1.0, value)
        return backend.where(backend.less(radius, x), 0.0, value)

    return weight


_KERNELS: dict[str, Callable[[Any], Any]] = {
    "linear": _triangle,
    "bilinear": _triangle,
    "trilinear": _triangle,
    "cubic": _cubic,
    "bicubic": _cubic,
    "tricubic": _cubic,
    "lanczos3": _lanczos(3.0),
    "lanczos5": _lanczos(5.0),
}


def _weights(
    method: str, size: Any, target: Any, scale: Any, shift: Any, antialias: bool
) -> Any:
    """Return the (size, target) matrix; scale and shift are scalar tensors.

    The middle of pixel i in the result lies at (i + 0.5 - shift) / scale - 0.5.
    """
    backend, dtype = current(), current().dtype(scale)
    inverse = backend.divide(1.0, scale)
    at = backend.add(backend.arange(0, target, 1, dtype), 0.5)
    at = backend.multiply(backend.subtract(at, shift), inverse)
    at = backend.subtract(at, 0.5)
    rows = backend.expand_dims(backend.arange(0, size, 1, dtype), 1)
    away = backend.abs(backend.subtract(at, rows))  # size target
    if antialias:  # a shrunken image takes in all pixels that it covers
        away = backend.divide(away, backend.maximum(inverse, 1.0))
    weights = _KERNELS[method](away)
    total = backend.sum(weights, (0,), True)
    empty = backend.less_equal(backend.abs(total), 1e-4)
    weights = backend.divide(weights, backend.where(empty, 1.0, total))
    last = backend.subtract(backend.full((), size, dtype), 0.5)
    inside = backend.logical_and(
        backend.less_equal(-0.5, at), backend.less_equal(at, last)
    )
    kept = backend.logical_and(inside, backend.logical_not(empty))
    return backend.where(kept, weights, 0.0)


def _resampled(x: Any, axis: int, weights: Any) -> Any:
    """Return x with an axis multiplied by a (size, target) matrix."""
    backend, rank = current(), len(shape_of(x))
    order = (*(a for a in range(rank) if a != axis), axis)
    moved = backend.transpose(x, order)
    form = shape_of(moved)
    flat = backend.reshape(moved, (math.prod(form[:-1]), form[-1]))
    y = backend.matmul(flat, weights)
    y = backend.reshape(y, (*form[:-1], shape_of(weights)[1]))
    return backend.transpose(y, tuple(order.index(a) for a in range(rank)))


@op
def scale_and_translate(
    images: Tensor,
    output_shape: ShapeLike,
    scale: Numbers,
    translation: Numbers,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Tensor:
    """Return x(at) of `output_shape`: along each spatial axis, at = (i + 0.5 -
    translation) / scale - 0.5.

    A size of None is the image's. `scale` and `translation` hold a number for each of
    `spatial_dims`, and are differentiable. What lies outside of the image is 0.
    `method` is linear, cubic, lanczos3 or lanczos5; `antialias` widens the kernel where
    the image shrinks.
    """
    if method not in _KERNELS:
        raise unknown_name("method", method, _KERNELS)
    x, backend = real_numbers("ops.image.scale_and_translate", images), current()
    dtype = dtypes.to_float(backend.dtype(x))
    wide = dtypes.promote(dtype, "float32")
    x = cast_tensor(x, wide)
    rank, given = len(shape_of(x)), output_shape
    if isinstance(given, list | tuple) and len(given) == rank:
        given = [have if n is None else n for n, have in zip(given, shape_of(x))]
    shape = shape_tuple(given)
    axes = [axis_of(int(a), rank, "spatial_dims") for a in spatial_dims]
    if len(shape) != rank or len(set(axes)) != len(axes):
        raise ArgumentError(
            f"Expected an output_shape of {rank} sizes and distinct spatial_dims, got "
            f"{output_shape} and {spatial_dims}."
        )
    sizes_at_least(shape, 0, "output_shape")
    _check_rest(shape, shape_of(x), axes)
    count = (1,) * len(axes)
    rows = [as_tensor(v, wide) for v in (scale, translation)]
    forms = [shape_of(row) for row in rows]
    if any(len(form) != 1 or differ(form[0], len(axes)) for form in forms):
        raise ShapeError(
            f"Expected scale and translation as {len(axes)} numbers, one for each of "
            f"spatial_dims, got shapes {public_shape(forms[0])} and "
            f"{public_shape(forms[1])}."
        )
    scales, shifts = (backend.split(row, count, 0) for row in rows)
    for axis, s, t in zip(axes, scales, shifts):
        s, t = backend.squeeze(s, (0,)), backend.squeeze(t, (0,))
        size = shape_of(x)[axis]
        x = _resampled(x, axis, _weights(method, size, shape[axis], s, t, antialias))
    return cast_tensor(x, dtype)


def _check_rest(shape: Any, have: Any, axes: list[int]) -> None:
    """Refuse to resize axes that are not spatial."""
    rest = [i for i in range(len(have)) if i not in axes]
    if any(differ(shape[i], have[i]) for i in rest):
        raise ShapeError(
            f"Expected an output_shape that differs from {public_shape(have)} at the "
            f"axes {axes} only, got {public_shape(shape)}."
        )


@op
def resize(
    images: Tensor,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Tensor:
    """Return images in another (height, width), in their dtype.

    `interpolation` is nearest, bilinear, bicubic, lanczos3 or lanczos5. To keep the
    aspect ratio the images are first cropped, or padded with `fill_value`, around the
    middle. `antialias` averages over the pixels that fall together.
    """
    if interpolation not in _RESIZES:
        raise unknown_name("interpolation", interpolation, _RESIZES)
    if fill_mode != "constant" or (crop_to_aspect_ratio and pad_to_aspect_ratio):
        raise ArgumentError(
            "ops.image.resize expects fill_mode='constant' and either cropping or "
            "padding to the aspect ratio, not both."
        )
    x, backend = real_numbers("ops.image.resize", images), current()
    target = shape_tuple(size)
    if len(target) != 2:
        raise ArgumentError(f"Expected size as (height, width), got {size}.")
    sizes_at_least(target, 1, "size")
    last = standardize_data_format(data_format) == "channels_last"
    at = image_rank(x, "resize") - (3 if last else 2)
    if crop_to_aspect_ratio or pad_to_aspect_ratio:
        x = _fitted(x, at, target, crop_to_aspect_ratio, fill_value)
    dtype = backend.dtype(x)
    if interpolation != "nearest":
        x = cast_tensor(x, dtypes.promote(dtype, "float32"))
    for axis, new in zip((at, at + 1), target):
        old = shape_of(x)[axis]
        if isinstance(old, Dim) or isinstance(new, Dim) or old != new:
            x = _resized(x, axis, new, interpolation, antialias)
    return restored(x, dtype)


def _resized(x: Any, axis: int, new: Any, interpolation: str, antialias: bool) -> Any:
    backend, old = current(), shape_of(x)[axis]
    if interpolation == "nearest":  # floor((i + 1/2) * old / new), in integers
        twice = backend.multiply(backend.arange(0, new, 1, "int32"), 2 * old)
        places = backend.floor_divide(backend.add(twice, old), 2 * new)
        return backend.take(x, places, axis)
    dtype = backend.dtype(x)
    have, want = backend.full((), old, dtype), backend.full((), new, dtype)
    scale, shift = backend.divide(want, have), backend.full((), 0.0, dtype)
    weights = _weights(interpolation, old, new, scale, shift, antialias)
    return _resampled(x, axis, weights)


def _fitted(x: Any, at: int, target: Any, crop: bool, value: float) -> Any:
    """Return x cropped or padded in the middle to the aspect ratio of the target."""
    backend, shape = current(), shape_of(x)
    sizes = shape[at : at + 2]
    (height, width), (rows, columns) = sizes, target
    wanted = (width * rows // columns, height * columns // rows)
    if crop:
        start, stop = [0] * len(shape), list(shape)
        for axis, (n, w) in enumerate(zip(sizes, wanted), at):
            kept = larger(smaller(n, w), 1)
            start[axis] = (n - kept) // 2
            stop[axis] = start[axis] + kept
        return backend.slice(x, tuple(start), tuple(stop), (1,) * len(shape))
    widths: list[tuple[int, int]] = [(0, 0)] * len(shape)
    for axis, (n, w) in enumerate(zip(sizes, wanted), at):
        margin = (larger(n, w) - n) // 2  # of one axis at most
        widths[axis] = (margin, margin)
    kind = float if dtypes.is_float(backend.dtype(x)) else int
    return backend.pad(x, widths, kind(value))
