"""Convolutions and pooling; channels last inside, either order outside."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.config import standardize_data_format
from multinet.errors import ArgumentError, ShapeError, WrongType
from multinet.ops.checks import at_least, check_real, real_floats, sizes_at_least
from multinet.ops.core import as_tensor, cast_tensor, op, shape_of
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, larger, public_shape
from multinet.typing import ShapeLike, Tensor


def per_axis(value: int | Sequence[int], rank: int, what: str) -> tuple[int, ...]:
    """Return an option as one positive int for each of `rank` spatial axes."""
    value = value.tolist() if isinstance(value, np.ndarray) else value
    listed = isinstance(value, list | tuple)
    values: tuple[Any, ...] = tuple(value) if listed else (value,) * rank  # type: ignore[arg-type]
    whole = all(isinstance(v, int | np.integer) and v >= 1 for v in values)
    if len(values) != rank or not whole:
        raise WrongType(
            f"Expected {what} as a positive int or {rank} of them, got {value!r}."
        )
    return tuple(int(v) for v in values)


def check_padding(padding: str) -> str:
    """Return the padding's name in lower case; `ArgumentError` unless valid or same."""
    name = str(padding).lower()
    if name not in ("valid", "same"):
        raise ArgumentError(f"Expected padding 'valid' or 'same', got {padding!r}.")
    return name


def window_padding(
    sizes: Sequence[int], window: Sequence[int], strides: Sequence[int], padding: str
) -> list[tuple[int, int]]:
    """Return (before, after) for each spatial axis; `same` gives ceil(size / stride).

    Where the size is unknown, so is the padding. It may then be larger at the end than
    any window reaches, so that the size of the result is ceil(size / stride).
    """
    if check_padding(padding) == "valid":
        return [(0, 0)] * len(window)
    widths = []
    for n, k, s in zip(sizes, window, strides):
        if isinstance(n, Dim):
            widths.append(_unknown_widths(n, k, s))
            continue
        total = max((-(-n // s) - 1) * s + k - n, 0)
        widths.append((total // 2, total - total // 2))
    return widths


def _unknown_widths(n: Any, k: int, s: int) -> tuple[Any, Any]:
    short = -n % s  # of a multiple of the stride
    if k >= s:
        total = short + k - s
        return total // 2, total - total // 2
    before = larger(short + k - s, 0) // 2 if k > 1 else 0
    return before, short - before


def _is_first(data_format: str | None) -> bool:
    return standardize_data_format(data_format) == "channels_first"


def _channels_last(x: Any, first: bool) -> Any:
    rank = len(shape_of(x))
    return current().transpose(x, (0, *range(2, rank), 1)) if first else x


def _restored(x: Any, first: bool) -> Any:
    rank = len(shape_of(x))
    return current().transpose(x, (0, rank - 1, *range(1, rank - 1))) if first else x


def _images(inputs: Any, kernel: Any, first: bool, what: str) -> tuple[Any, Any]:
    """Return channels-last inputs and the kernel, in one float dtype, ranks checked."""
    backend = current()
    x, kernel = as_tensor(inputs), as_tensor(kernel)
    dtype = dtypes.to_float(dtypes.promote(backend.dtype(x), backend.dtype(kernel)))
    check_real(f"ops.{what}", dtype)
    x, kernel = cast_tensor(x, dtype), cast_tensor(kernel, dtype)
    rank = len(shape_of(x))
    if not 3 <= rank <= 5 or len(shape_of(kernel)) != rank:
        raise ShapeError(
            f"ops.{what} expects inputs and kernel of 3, 4 or 5 axes alike, got shapes "
            f"{public_shape(shape_of(x))} and {public_shape(shape_of(kernel))}."
        )
    return _channels_last(x, first), kernel


@op
def conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: ShapeLike = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: ShapeLike = 1,
) -> Tensor:
    """Cross-correlate inputs with a kernel (*window, channels // groups, filters).

    1 to 3 spatial axes. `same` pads with zeros, the extra one at the end, to
    ceil(size / stride). The number of groups follows from the kernel.
    """
    first = _is_first(data_format)
    x, kernel = _images(inputs, kernel, first, "conv")
    channels, each = shape_of(x)[-1], shape_of(kernel)[-2]
    if not isinstance(channels, Dim) and (not each or channels % each):
        raise ShapeError(
            f"ops.conv expects channels that are a multiple of the kernel's {each}, "
            "got "
            f"inputs of shape {public_shape(shape_of(x))} (channels last)."
        )
    groups = 1 if isinstance(channels, Dim) else channels // each
    if shape_of(kernel)[-1] % groups:
        raise ShapeError(
            f"ops.conv with {groups} groups expects filters that are a multiple of it, "
            "got "
            f"{shape_of(kernel)[-1]}."
        )
    y = _conv(x, kernel, strides, padding, dilation_rate, groups)
    return _restored(y, first)


def _conv(
    x: Any, kernel: Any, strides: Any, padding: str, dilation: Any, groups: int
) -> Any:
    rank = len(shape_of(x)) - 2
    steps = per_axis(strides, rank, "strides")
    spread = per_axis(dilation, rank, "dilation_rate")
    extent = [(k - 1) * d + 1 for k, d in zip(shape_of(kernel)[:rank], spread)]
    sizes = shape_of(x)[1:-1]
    widths = window_padding(sizes, extent, steps, padding)
    for n, k, (a, b) in zip(sizes, extent, widths):
        if isinstance(n, int) and n + a + b < k:
            raise ShapeError(
                f"A window of {k} does not fit spatial sizes {public_shape(sizes)} "
                "with "
                f"padding={padding!r}."
            )
    return current().conv(x, kernel, steps, widths, spread, groups)


@op
def depthwise_conv(
    inputs: Tensor,
    kernel: Tensor,
    strides: ShapeLike = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: ShapeLike = 1,
) -> Tensor:
    """Convolve each channel by itself with a kernel (*window, channels, multiplier)."""
    first = _is_first(data_format)
    x, kernel = _images(inputs, kernel, first, "depthwise_conv")
    form = shape_of(kernel)
    if differ(shape_of(x)[-1], form[-2]):
        raise ShapeError(
            f"ops.depthwise_conv expects {form[-2]} channels, as the kernel has, got "
            "inputs "
            f"of shape {public_shape(shape_of(x))} (channels last)."
        )
    kernel = current().reshape(kernel, (*form[:-2], 1, form[-2] * form[-1]))
    y = _conv(x, kernel, strides, padding, dilation_rate, form[-2])
    return _restored(y, first)


@op
def separable_conv(
    inputs: Tensor,
    depthwise_kernel: Tensor,
    pointwise_kernel: Tensor,
    strides: ShapeLike = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: ShapeLike = 1,
) -> Tensor:
    """Convolve each channel by itself, then mix the channels with a window of 1."""
    y = depthwise_conv(
        inputs, depthwise_kernel, strides, padding, data_format, dilation_rate
    )
    return conv(y, pointwise_kernel, 1, "valid", data_format)


@op
def conv_transpose(
    inputs: Tensor,
    kernel: Tensor,
    strides: ShapeLike = 1,
    padding: str = "valid",
    output_padding: ShapeLike | None = None,
    data_format: str | None = None,
    dilation_rate: ShapeLike = 1,
) -> Tensor:
    """Apply the transpose of a convolution; kernel (*window, filters, channels).

    Sizes become size * stride (`same`), plus max(window - stride, 0) (`valid`);
    `output_padding` counts from (size - 1) * stride + window instead.
    """
    first = _is_first(data_format)
    x, kernel = _images(inputs, kernel, first, "conv_transpose")
    rank = len(shape_of(x)) - 2
    if differ(shape_of(x)[-1], shape_of(kernel)[-1]):
        raise ShapeError(
            f"ops.conv_transpose expects {shape_of(kernel)[-1]} channels, the kernel's "
            "last "
            f"axis, got inputs of shape {public_shape(shape_of(x))} (channels last)."
        )
    steps = per_axis(strides, rank, "strides")
    spread = per_axis(dilation_rate, rank, "dilation_rate")
    extra = _extra(output_padding, rank)
    form, widths = [], []
    window = [(k - 1) * d + 1 for k, d in zip(shape_of(kernel)[:rank], spread)]
    for n, k, s, more in zip(shape_of(x)[1:-1], window, steps, extra):
        size, width = _transposed(n, k, s, check_padding(padding) == "same", more)
        form.append(size)
        widths.append(width)
    y = current().conv_transpose(x, kernel, tuple(form), steps, widths, spread, 1)
    return _restored(y, first)


def _extra(output_padding: Any, rank: int) -> tuple[Any, ...]:
    """Return the output padding of each axis, or None for each."""
    if output_padding is None:
        return (None,) * rank
    listed = isinstance(output_padding, list | tuple)
    extra = tuple(output_padding) if listed else (output_padding,) * rank
    if len(extra) != rank:
        raise ArgumentError(
            f"Expected output_padding as an int or {rank} of them, got "
            f"{output_padding!r}."
        )
    return tuple(n if n is None else at_least(n, 0, "output_padding") for n in extra)


def _transposed(
    n: Any, k: int, s: int, same: bool, extra: int | None
) -> tuple[Any, Any]:
    """Return one size of the result and the padding of the convolution it
    transposes.
    """
    if extra is None:
        total = max(k - s, 0) if same else 0
        size = n * s if same else n * s + max(k - s, 0)
        return size, (total // 2, total - total // 2)
    if extra >= s:
        raise ArgumentError(
            f"Expected output_padding below the stride {s}, got {extra}."
        )
    around = k // 2 * 2 if same else 0
    size = (n - 1) * s + k - around + extra
    total = max(around - extra, 0)
    return size, (total // 2, total - total // 2)


# -- pooling ---------------------------------------------------------------------------


def _pooled(inputs: Any, first: bool, what: str) -> tuple[Any, int]:
    """Return channels-last floats, and how many spatial axes they have."""
    x = real_floats(f"ops.{what}", inputs)
    shape = shape_of(x)
    if not 3 <= len(shape) <= 5:
        raise ShapeError(
            f"ops.{what} expects 3, 4 or 5 axes, got shape {public_shape(shape)}."
        )
    return _channels_last(x, first), len(shape) - 2


def _pool(
    inputs: Any, pool_size: Any, strides: Any, padding: str, first: bool, name: str
) -> Any:
    x, rank = _pooled(
        inputs, first, "max_pool" if name == "max_pool" else "average_pool"
    )
    window = per_axis(pool_size, rank, "pool_size")
    steps = window if strides is None else per_axis(strides, rank, "strides")
    sizes = shape_of(x)[1:-1]
    widths = window_padding(sizes, window, steps, padding)
    if any(
        isinstance(n, int) and n + a + b < k
        for n, k, (a, b) in zip(sizes, window, widths)
    ):
        raise ShapeError(
            f"A window of {window} does not fit spatial sizes {public_shape(sizes)} "
            "with "
            f"padding={padding!r}."
        )
    y = getattr(current(), name)(x, window, steps, widths)
    return _restored(y, first)


@op
def max_pool(
    inputs: Tensor,
    pool_size: ShapeLike,
    strides: ShapeLike | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the maximum of each window; strides are the window's size by default."""
    first = _is_first(data_format)
    return _pool(inputs, pool_size, strides, padding, first, "max_pool")


@op
def average_pool(
    inputs: Tensor,
    pool_size: ShapeLike,
    strides: ShapeLike | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:
    """Return the mean of each window, padding not counted."""
    first = _is_first(data_format)
    return _pool(inputs, pool_size, strides, padding, first, "mean_pool")


@op
def adaptive_average_pool(
    inputs: Tensor, output_size: ShapeLike, data_format: str | None = None
) -> Tensor:
    """Return means of windows that divide each axis into `output_size` parts."""
    return _adaptive(
        inputs,
        output_size,
        data_format,
        _averaged,
        _averaged_parts,
        "adaptive_average_pool",
    )


@op
def adaptive_max_pool(
    inputs: Tensor, output_size: ShapeLike, data_format: str | None = None
) -> Tensor:
    """Return maxima of windows that divide each axis into `output_size` parts."""
    return _adaptive(
        inputs, output_size, data_format, _largest, _largest_parts, "adaptive_max_pool"
    )


def _adaptive(
    inputs: Any,
    output_size: Any,
    data_format: str | None,
    reduce: Callable[[Any, int, list[tuple[int, int]]], Any],
    unknown: Callable[[Any, int, Any], Any],
    what: str,
) -> Any:
    """Pool one axis after another; part i is [i * n // parts, ceil((i + 1) * n /
    parts)).
    """
    first = _is_first(data_format)
    x, rank = _pooled(inputs, first, what)
    for axis, parts in enumerate(per_axis(output_size, rank, "output_size"), start=1):
        n = shape_of(x)[axis]
        if isinstance(n, Dim):
            x = unknown(x, axis, _parts(n, parts))
            continue
        sizes_at_least(shape_of(x)[1:-1], 1, "images")
        edges = [(i * n // parts, -(-(i + 1) * n // parts)) for i in range(parts)]
        x = reduce(x, axis, edges)
    return _restored(x, first)


def _parts(n: Any, parts: int) -> Any:
    """Return which rows of an unknown number are in which part: bool (n, parts)."""
    backend = current()
    place = backend.multiply(backend.arange(0, parts, 1, "int32"), n)
    start = backend.floor_divide(place, parts)
    stop = backend.floor_divide(backend.add(place, n + parts - 1), parts)
    rows = backend.expand_dims(backend.arange(0, n, 1, "int32"), 1)
    return backend.logical_and(
        backend.less_equal(start, rows), backend.less(rows, stop)
    )


def _averaged_parts(x: Any, axis: int, parts: Any) -> Any:
    backend = current()
    inside = backend.cast(parts, backend.dtype(x))
    weights = backend.divide(inside, backend.sum(inside, (0,), True))
    return _mixed(x, axis, weights)


def _largest_parts(x: Any, axis: int, parts: Any) -> Any:
    backend, after = current(), len(shape_of(x)) - axis - 1
    form = (*shape_of(parts), *[1] * after)
    spread = backend.expand_dims(x, axis + 1)
    inside = backend.where(backend.reshape(parts, form), spread, -math.inf)
    return backend.max(inside, (axis,), False)


def _averaged(x: Any, axis: int, edges: list[tuple[int, int]]) -> Any:
    backend, shape = current(), shape_of(x)
    weights = np.zeros((shape[axis], len(edges)))
    for i, (a, b) in enumerate(edges):
        weights[a:b, i] = 1 / (b - a)
    matrix = backend.from_numpy(weights.astype(dtypes.to_numpy(backend.dtype(x))))
    return _mixed(x, axis, matrix)


def _mixed(x: Any, axis: int, matrix: Any) -> Any:
    """Return x with an axis multiplied by a matrix (size, parts)."""
    backend, shape = current(), shape_of(x)
    last = len(shape) - 1
    order = [i for i in range(len(shape)) if i != axis] + [axis]
    moved = backend.transpose(x, tuple(order))
    mixed = backend.matmul(
        backend.reshape(moved, (math.prod(shape_of(moved)[:-1]), shape[axis])), matrix
    )
    y = backend.reshape(mixed, (*shape_of(moved)[:-1], shape_of(matrix)[1]))
    back = list(range(last))
    back.insert(axis, last)
    return backend.transpose(y, tuple(back))


def _largest(x: Any, axis: int, edges: list[tuple[int, int]]) -> Any:
    backend = current()
    widest = max(b - a for a, b in edges)
    # Shorter windows repeat their last index, which changes no maximum.
    index = np.asarray([[min(a + j, b - 1) for j in range(widest)] for a, b in edges])
    picked = backend.take(x, backend.from_numpy(index.astype(np.int32)), axis)
    return backend.max(picked, (axis + 1,), False)
