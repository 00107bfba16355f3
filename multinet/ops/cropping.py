"""Parts of images: margins cut off or added, and patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet.config import standardize_data_format
from multinet.errors import ArgumentError, ShapeError
from multinet.ops.checks import at_least
from multinet.ops.colors import image_rank
from multinet.ops.convolution import check_padding, per_axis, window_padding
from multinet.ops.core import as_tensor, op, shape_of
from multinet.registry import current
from multinet.symbolic.dims import Dim, public_shape
from multinet.typing import ShapeLike, Tensor


def _margins(
    what: str, size: Any, names: Sequence[str], given: Sequence[Any], sign: int
) -> tuple[Any, Any]:
    """Return the margins before and after, of which one may follow from the target.

    target = size + sign * (before + after); exactly two of the three are given.
    """
    if sum(value is None for value in given) != 1:
        values = ", ".join(f"{n}={v}" for n, v in zip(names, given))
        raise ArgumentError(
            f"ops.image.{what} expects exactly two of {', '.join(names)}, got {values}."
        )
    checked: list[Any] = [
        value if value is None else at_least(value, 0, name)
        for name, value in zip(names, given)
    ]
    before, after, target = checked
    if target is not None:
        both = (target - size) * sign
        before, after = (
            both - after if before is None else before,
            both - before if after is None else after,
        )
    rest = (before, after, size + sign * (before + after))
    for name, value in zip(names, rest):
        if not isinstance(value, Dim) and value < 0:
            raise ArgumentError(
                f"ops.image.{what} expects {name} of at least 0, got {value} for a "
                f"size of {size}."
            )
    return before, after


def _spatial(x: Any, data_format: str | None, what: str) -> int:
    """Return the first of the two spatial axes."""
    last = standardize_data_format(data_format) == "channels_last"
    return image_rank(x, what) - (3 if last else 2)


@op
def pad_images(
    images: Tensor,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Return images with margins of 0; two of three sizes are given each way."""
    x = as_tensor(images)
    at = _spatial(x, data_format, "pad_images")
    height, width = shape_of(x)[at : at + 2]
    rows = ("top_padding", "bottom_padding", "target_height")
    columns = ("left_padding", "right_padding", "target_width")
    given = (top_padding, bottom_padding, target_height)
    widths: list[tuple[Any, Any]] = [(0, 0)] * len(shape_of(x))
    widths[at] = _margins("pad_images", height, rows, given, 1)
    given = (left_padding, right_padding, target_width)
    widths[at + 1] = _margins("pad_images", width, columns, given, 1)
    return current().pad(x, widths, False if current().dtype(x) == "bool" else 0)


@op
def crop_images(
    images: Tensor,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Return images without margins; two of three sizes are given each way."""
    x = as_tensor(images)
    at, shape = _spatial(x, data_format, "crop_images"), shape_of(x)
    rows = ("top_cropping", "bottom_cropping", "target_height")
    columns = ("left_cropping", "right_cropping", "target_width")
    given = (top_cropping, bottom_cropping, target_height)
    top, bottom = _margins("crop_images", shape[at], rows, given, -1)
    given = (left_cropping, right_cropping, target_width)
    left, right = _margins("crop_images", shape[at + 1], columns, given, -1)
    start, stop = [0] * len(shape), list(shape)
    start[at : at + 2] = top, left
    stop[at : at + 2] = shape[at] - bottom, shape[at + 1] - right
    return current().slice(x, tuple(start), tuple(stop), (1,) * len(shape))


@op
def extract_patches(
    images: Tensor,
    size: ShapeLike,
    strides: ShapeLike | None = None,
    dilation_rate: ShapeLike = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return patches as channels: (n, h, w, c) -> (n, rows, columns, kh * kw * c).

    A patch is flattened row by row, channels innermost. `strides` is `size` by default,
    so that patches do not overlap. Three sizes are those of `extract_patches_3d`.
    """
    rank = 3 if not isinstance(size, int) and len(size) == 3 else 2
    given = (size, strides, dilation_rate, padding, data_format)
    return _patches(images, rank, "extract_patches", *given)


@op
def extract_patches_3d(
    volumes: Tensor,
    size: ShapeLike,
    strides: ShapeLike | None = None,
    dilation_rate: ShapeLike = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return patches of volumes as channels: (n, d, h, w, c) -> (n, *counts, kd * kh *
    kw * c).
    """
    given = (size, strides, dilation_rate, padding, data_format)
    return _patches(volumes, 3, "extract_patches_3d", *given)


def _patches(
    images: Any,
    rank: int,
    what: str,
    size: Any,
    strides: Any,
    dilation: Any,
    padding: str,
    data_format: str | None,
) -> Any:
    x, backend = as_tensor(images), current()
    window = per_axis(size, rank, "size")
    steps = window if strides is None else per_axis(strides, rank, "strides")
    spread = per_axis(dilation, rank, "dilation_rate")
    if len(shape_of(x)) not in (rank + 1, rank + 2):
        raise ShapeError(
            f"ops.image.{what} expects {rank + 1} axes, or {rank + 2} of a batch, got "
            f"shape {public_shape(shape_of(x))}."
        )
    single = len(shape_of(x)) == rank + 1
    x = backend.expand_dims(x, 0) if single else x
    first = standardize_data_format(data_format) == "channels_first"
    if first:
        x = backend.transpose(x, (0, *range(2, rank + 2), 1))
    extent = [(k - 1) * d + 1 for k, d in zip(window, spread)]
    widths = window_padding(shape_of(x)[1:-1], extent, steps, check_padding(padding))
    zero = False if backend.dtype(x) == "bool" else 0
    x = backend.pad(x, [(0, 0), *widths, (0, 0)], zero)
    for n, e in zip(shape_of(x)[1:], extent):
        if type(n) is int and n < e:
            raise ShapeError(
                f"A patch of {window} does not fit the sizes "
                f"{public_shape(shape_of(x)[1:-1])} with padding={padding!r}."
            )
    counts = [(n - e) // s + 1 for n, e, s in zip(shape_of(x)[1:], extent, steps)]
    for axis, (count, k, s, d) in enumerate(zip(counts, window, steps, spread)):
        x = _windows(x, 1 + 2 * axis, count, k, s, d)
    # n, then count and place in the window of each axis, then c
    order = (0, *range(1, 2 * rank, 2), *range(2, 2 * rank + 1, 2), 2 * rank + 1)
    channels = shape_of(x)[-1]
    for k in window:
        channels = channels * k
    y = backend.transpose(x, order)
    y = backend.reshape(y, (shape_of(x)[0], *counts, channels))
    if first:
        y = backend.transpose(y, (0, rank + 1, *range(1, rank + 1)))
    return backend.squeeze(y, (0,)) if single else y


def _windows(x: Any, axis: int, count: Any, k: int, s: int, d: int) -> Any:
    """Return x with an axis replaced by two: the window, and the place in it."""
    backend = current()
    starts = backend.multiply(backend.arange(0, count, 1, "int32"), s)
    inside = backend.multiply(backend.arange(0, k, 1, "int32"), d)
    places = backend.add(backend.expand_dims(starts, 1), inside)
    return backend.take(x, places, axis)
