"""Order: sorting, searching, counting, and sums by segment."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError, TraceError
from multinet.ops.axes import axis_of
from multinet.ops.checks import (
    at_least,
    check_real,
    in_range,
    number,
    real_floats,
    real_numbers,
)
from multinet.ops.core import (
    as_tensor,
    both,
    cast_tensor,
    dtype_of,
    needed,
    numeric,
    op,
    operands,
    shape_of,
    size_is_unknown,
)
from multinet.ops.creation import linspace
from multinet.ops.indexing import as_index
from multinet.ops.ranges import inside, spoiled
from multinet.ops.shapes import moveaxis, ravel
from multinet.ops.sparse_forms import native
from multinet.ops.sparse_making import as_entries, counted
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.symbolic.spec import merge
from multinet.symbolic.tensor import sparse_array
from multinet.typing import Tensor


def _last(name: str, x: Any, axis: int | None) -> tuple[Any, int]:
    """Return x with the axis moved to the end (flat for None), and where it was."""
    x = real_numbers(f"ops.{name}", x)
    if axis is None:
        return ravel(x), 0
    axis = axis_of(axis, len(shape_of(x)))
    return moveaxis(x, axis, -1), axis


@op
def sort(x: Tensor, axis: int | None = -1) -> Tensor:
    """Sort along an axis, ascending, NaN last; None sorts the flat tensor."""
    moved, axis = _last("sort", x, axis)
    return moveaxis(current().sort(moved), -1, axis)


@op
def argsort(x: Tensor, axis: int | None = -1) -> Tensor:
    """Return the int32 order that sorts along an axis; equal elements keep their
    order. That of a scalar is 0, as in NumPy.
    """
    if axis in (None, -1, 0) and not shape_of(as_tensor(x)):
        return current().full((), 0, "int32")
    moved, axis = _last("argsort", x, axis)
    return moveaxis(current().argsort(moved), -1, axis)


@op
def argpartition(x: Tensor, kth: int, axis: int | None = -1) -> Tensor:
    """Return an int32 order with the kth smallest in its place, smaller ones before
    it.
    """
    moved, axis = _last("argpartition", x, axis)
    axis_of(kth, shape_of(moved)[-1], "kth")
    return moveaxis(current().argsort(moved), -1, axis)


@op
def top_k(x: Tensor, k: int, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """Return the k largest of the last axis, descending, and their int32 indices."""
    x, k = real_numbers("ops.top_k", x), at_least(k, 1, "k")
    shape = shape_of(x)
    if not shape:
        raise ShapeError("ops.top_k expects one axis or more, got a scalar.")
    if not isinstance(shape[-1], Dim) and k > shape[-1]:
        raise ArgumentError(f"ops.top_k expects k within 1 and {shape[-1]}, got {k}.")
    return current().top_k(x, k)


@op
def searchsorted(sorted_sequence: Tensor, values: Tensor, side: str = "left") -> Tensor:
    """Return int32 places where values keep an ascending vector in order.

    `side` is left or right: before or after equal elements.
    """
    if side not in ("left", "right"):
        raise ArgumentError(f"Expected side 'left' or 'right', got {side!r}.")
    return _searched("searchsorted", sorted_sequence, values, side)


def _searched(name: str, row: Any, values: Any, side: str) -> Any:
    row, values = (numeric(v) for v in both(*operands(row, values)))
    check_real(f"ops.{name}", current().dtype(row))
    if len(shape_of(row)) != 1:
        raise ShapeError(
            f"ops.{name} expects an ascending vector, got shape "
            f"{public_shape(shape_of(row))}."
        )
    return current().searchsorted(row, values, side)


@op
def digitize(x: Tensor, bins: Tensor) -> Tensor:
    """Return the int32 number of the bin of each element: how many edges are <= x."""
    return _searched("digitize", bins, x, "right")


@op
def histogram(
    x: Tensor, bins: int = 10, range: tuple[float, float] | None = None
) -> tuple[Tensor, Tensor]:
    """Return the counts of equal bins, as floats, and their edges.

    `range` is (low, high), by default the least and the largest value. The last bin
    includes its right edge.
    """
    backend, bins = current(), at_least(bins, 1, "bins")
    x = ravel(real_floats("ops.histogram", x))
    if range is None:
        if shape_of(x) == (0,):
            raise ShapeError(
                "ops.histogram of no values expects range=(low, high), got None."
            )
        low, high = (f(x, (0,), False) for f in (backend.min, backend.max))
        flat = backend.equal(low, high)
        low = backend.where(flat, backend.subtract(low, 0.5), low)
        high = backend.where(flat, backend.add(high, 0.5), high)
    else:
        low, high = _range(range)
        low, high = (as_tensor(v, backend.dtype(x)) for v in (low, high))
    edges = linspace(low, high, bins + 1)
    place = backend.subtract(backend.searchsorted(edges, x, "right"), 1)
    place = backend.where(backend.equal(x, high), bins - 1, place)
    return cast_tensor(_counts(place, bins, None), backend.dtype(x)), edges


def _range(range: Any) -> tuple[float, float]:
    """Return the bounds of a histogram as floats."""
    if isinstance(range, list | tuple) and len(range) == 2:
        low, high = (number(v, "range") for v in range)
        if low < high:
            return low, high
    raise ArgumentError(f"Expected range as (low, high), got {range}.")


@op
def bincount(
    x: Tensor, weights: Tensor | None = None, minlength: int = 0, sparse: bool = False
) -> Tensor:
    """Return how often each integer from 0 on occurs in the last axis, or its weights'
    sum.

    The length is 1 + the largest value, so it needs values; on symbolic tensors and in
    compiled functions it is `minlength`. Without that it is unknown of symbolic
    tensors, and a `TraceError` in compiled functions.
    """
    if sparse and not current().symbolic:
        return native(counted(as_entries(x), weights, minlength))
    counts = _bincount(x, weights, minlength)
    return sparse_array(counts) if sparse else counts


def _bincount(x: Any, weights: Any, minlength: int) -> Any:
    backend, x = current(), as_index(x)
    size: Any = at_least(minlength, 0, "minlength")
    if not shape_of(x):
        raise ShapeError("ops.bincount expects one axis or more, got a scalar.")
    if weights is not None:
        weights = as_tensor(weights)
        merge("x with weights", shape_of(x), shape_of(weights))
    try:
        values = needed(x, "bincount", "Pass minlength=, the length of the result.")
        size = max(size, int(values.max()) + 1 if values.size else 0)
    except TraceError:
        if not size and not size_is_unknown(x):
            raise
        size = size or Dim()
    if len(shape_of(x)) == 1:
        return _counts(x, size, weights)
    places = backend.arange(0, size, 1, backend.dtype(x))
    hot = backend.equal(backend.expand_dims(x, len(shape_of(x))), places)
    hot = backend.cast(hot, "int32" if weights is None else backend.dtype(weights))
    if weights is not None:
        hot = backend.multiply(
            hot, backend.expand_dims(weights, len(shape_of(weights)))
        )
    return backend.sum(hot, (len(shape_of(x)) - 1,), False)


def _counts(x: Any, size: int, weights: Any) -> Any:
    backend = current()
    if weights is None:
        weights = backend.full(shape_of(x), 1, "int32")
    inside = backend.logical_and(backend.less_equal(0, x), backend.less(x, size))
    weights = backend.where(inside, weights, 0)
    index = backend.expand_dims(backend.where(inside, x, 0), 1)
    return backend.scatter(
        backend.full((size,), 0, backend.dtype(weights)), index, weights, "add"
    )


# -- segments --------------------------------------------------------------------------


@op
def segment_sum(
    data: Tensor,
    segment_ids: Tensor,
    num_segments: int | None = None,
    sorted: bool = False,
) -> Tensor:
    """Return for each segment the sum of the rows of data whose id it is; 0 if none."""
    return _segments(data, segment_ids, num_segments, "add", 0)


@op
def segment_prod(
    data: Tensor,
    segment_ids: Tensor,
    num_segments: int | None = None,
    sorted: bool = False,
) -> Tensor:
    """Return for each segment the product of the rows whose id it is; 1 if none."""
    return _segments(data, segment_ids, num_segments, "multiply", 1)


@op
def segment_max(
    data: Tensor,
    segment_ids: Tensor,
    num_segments: int | None = None,
    sorted: bool = False,
) -> Tensor:
    """Return for each segment the largest of the rows whose id it is; the least if
    none.
    """
    return _segments(data, segment_ids, num_segments, "max", _lowest(data, -1))


@op
def segment_min(
    data: Tensor,
    segment_ids: Tensor,
    num_segments: int | None = None,
    sorted: bool = False,
) -> Tensor:
    """Return for each segment the smallest of the rows whose id it is; the most if
    none.
    """
    return _segments(data, segment_ids, num_segments, "min", _lowest(data, 1))


def _lowest(data: Any, sign: int) -> Any:
    dtype = current().dtype(as_tensor(data))
    if dtype == "bool" or dtypes.is_complex(dtype):
        raise DTypeError(
            f"ops.segment_max and segment_min take real numbers, got {dtype}. Cast to "
            "'int32' first, or take ops.abs."
        )
    if dtypes.is_float(dtype):
        return sign * math.inf
    info = np.iinfo(dtype)
    return int(info.min if sign < 0 else info.max)


def _segments(data: Any, ids: Any, count: int | None, mode: str, start: Any) -> Any:
    backend, data, ids = current(), as_tensor(data), as_index(ids)
    known = backend.known(ids)
    if len(shape_of(ids)) != 1:
        raise ShapeError(
            "Expected segment_ids as a vector, got shape "
            f"{public_shape(shape_of(ids))}."
        )
    if not shape_of(data) or differ(shape_of(data)[0], shape_of(ids)[0]):
        raise ShapeError(
            "Expected as many segment_ids as data has rows, got shapes "
            f"{public_shape(shape_of(data))} and {public_shape(shape_of(ids))}."
        )
    if count is None and backend.symbolic and known is None:
        form: Any = (Dim(), *shape_of(data)[1:])  # the greatest id will tell
        return backend.full(form, start, backend.dtype(data))
    if count is None:
        remedy = "Pass num_segments=, the number of segments."
        values = needed(ids, "segment_sum (or _max, _min, _prod)", remedy)
        count = int(values.max()) + 1 if values.size else 0
    count = int(at_least(count, 0, "num_segments"))
    in_range(ids, count, "segment_ids")
    # One more segment takes the rows whose id is out of range.
    valid = inside(ids, count)
    ids = backend.where(valid, ids, count)
    rows = shape_of(data)[1:]
    empty = backend.full((count + 1, *rows), start, backend.dtype(data))
    fixed = backend.stop_gradient(data) if mode in ("max", "min") else data
    full = backend.scatter(empty, backend.expand_dims(ids, 1), fixed, mode)
    if mode in ("max", "min") and dtypes.is_float(backend.dtype(data)):
        full = _shared(full, data, ids)
    begin, step = (0,) * (len(rows) + 1), (1,) * (len(rows) + 1)
    result = backend.slice(full, begin, (count, *rows), step)
    return result if known is not None else spoiled(result, valid)


def _shared(extreme: Any, data: Any, ids: Any) -> Any:
    """Return the extremes as means of the elements that attain them.

    The values stay; the elements share the gradient, as in `max` over an axis.
    """
    backend, index = current(), current().expand_dims(ids, 1)
    extreme = backend.stop_gradient(extreme)
    attained = backend.equal(data, backend.take(extreme, ids, 0))
    zero = backend.full(shape_of(extreme), 0, backend.dtype(data))
    number = backend.cast(attained, backend.dtype(data))
    number = backend.scatter(zero, index, number, "add")
    total = backend.scatter(zero, index, backend.where(attained, data, 0.0), "add")
    some = backend.less(0.0, number)
    mean = backend.divide(total, backend.where(some, number, 1.0))
    exact = backend.equal(number, 1.0)  # rounding of a mean of equals is no harm else
    correction = backend.stop_gradient(backend.subtract(extreme, mean))
    correction = backend.where(
        backend.logical_or(exact, backend.logical_not(backend.isfinite(correction))),
        0.0,
        correction,
    )
    return backend.where(some, backend.add(mean, correction), extreme)


@op
def nextafter(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the next float after x1 towards x2. No gradient."""
    x1, x2 = both(*operands(x1, x2, floating=True))
    backend, dtype = current(), dtype_of(x1, x2)
    check_real("ops.nextafter", dtype)
    bits = {"float64": "int64", "float32": "int32"}.get(dtype, "int16")
    raw = backend.bitcast(backend.add(x1, 0.0), bits)
    away = backend.equal(backend.less(0, x1), backend.less(x1, x2))
    moved = backend.bitcast(
        backend.where(away, backend.add(raw, 1), backend.subtract(raw, 1)), dtype
    )
    tiny = backend.bitcast(backend.full((), 1, bits), dtype)
    around = backend.where(backend.less(x1, x2), tiny, backend.negative(tiny))
    moved = backend.where(backend.equal(x1, 0), around, moved)
    moved = backend.where(backend.equal(x1, x2), x2, moved)
    unknown = backend.logical_or(backend.isnan(x1), backend.isnan(x2))
    return backend.where(unknown, math.nan, moved)
