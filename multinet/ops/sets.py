"""Distinct values, and whether a value is among others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multinet.errors import TraceError
from multinet.ops.axes import axis_of
from multinet.ops.checks import at_least, check_real
from multinet.ops.core import (
    as_tensor,
    both,
    cast_tensor,
    is_scalar,
    needed,
    op,
    operands,
    shape_of,
    size_is_unknown,
)
from multinet.ops.shapes import moveaxis, ravel
from multinet.registry import current
from multinet.symbolic.dims import Dim
from multinet.typing import Numbers, Tensor, Tensors


@op
def isin(
    x1: Tensor, x2: Tensor, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Return where an element of x1 occurs in x2, as bool; the opposite if `invert`."""
    x1, x2 = both(*operands(as_tensor(x1), as_tensor(x2)))
    backend = current()
    shape, row = shape_of(x1), ravel(x2)
    hits = backend.equal(backend.expand_dims(x1, len(shape)), row)
    found = backend.any(hits, (len(shape),), False)
    return backend.logical_not(found) if invert else found


@op
def unique(
    x: Tensor,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Numbers | None = None,
) -> Tensors:
    """Return the distinct values in ascending order, of the flat tensor or along an
    axis. NaN is like no other, so each counts, as in Keras.

    Optionally also their first indices, the inverse and the counts, all int32. How many
    there are depends on the values: of symbolic tensors it is unknown, and compiled
    functions need `size`, to which the result is cut or filled up, with `fill_value` or
    else the least value; indices with the first, counts with 0.
    """
    x = as_tensor(x)
    axis = None if axis is None else axis_of(axis, len(shape_of(x)))
    wanted = (return_index, return_inverse, return_counts)
    if size is None and size_is_unknown(x):
        unknown: Any = Dim()
        found = _of_size(x, axis, unknown, None)
    elif size is None:
        found = _by_value(x, axis)
    else:
        check_real("ops.unique with size", current().dtype(x))
        found = _of_size(x, axis, at_least(size, 1, "size"), fill_value)
    kept = [part for part, yes in zip(found, (True, *wanted)) if yes]
    return kept[0] if len(kept) == 1 else tuple(kept)


def _by_value(x: Any, axis: int | None) -> list[Any]:
    """Return values, indices, inverse and counts, computed on the host."""
    backend, dtype = current(), current().dtype(x)
    narrow = cast_tensor(x, "float32") if dtype == "bfloat16" else x
    array = needed(narrow, "unique", "Pass size=, the length that it should have.")
    values, *others = np.unique(array, True, True, True, axis=axis, equal_nan=False)
    parts = [backend.from_numpy(part.astype(np.int32)) for part in others]
    return [cast_tensor(backend.from_numpy(values), dtype), *parts]


def _of_size(x: Any, axis: int | None, size: int, fill: Any) -> list[Any]:
    """Return the same in fixed shapes: equal rows are neighbours once sorted."""
    backend, shape = current(), shape_of(x)
    if axis is None:
        rows = backend.reshape(x, (math.prod(shape), 1))
    else:
        moved = moveaxis(x, axis, 0)
        rest = shape_of(moved)[1:]
        rows = backend.reshape(moved, (shape[axis], math.prod(rest)))
    count = shape_of(rows)[0]
    order = _order(rows)
    ranked = backend.take(rows, order, 0)
    new = _is_new(ranked, count)
    group = backend.subtract(backend.cumsum(backend.cast(new, "int32"), 0), 1)
    # Row `size` takes what does not fit.
    place = backend.expand_dims(backend.minimum(group, size), 1)
    index = backend.full((size + 1,), count, "int32")
    index = _head(backend.scatter(index, place, order, "min"), size)
    ones = backend.full((count,), 1, "int32")
    counts = backend.scatter(backend.full((size + 1,), 0, "int32"), place, ones, "add")
    inverse = backend.scatter(
        backend.full((count,), 0, "int32"), backend.expand_dims(order, 1), group, "set"
    )
    counts = _head(counts, size)
    there = backend.less(0, counts)
    least = backend.slice(index, (0,), (1,), (1,))
    index = backend.where(there, index, least)
    values = backend.take(rows, index, 0)
    if fill is not None:
        filler = fill if is_scalar(fill) else as_tensor(fill, backend.dtype(x))
        values = backend.where(backend.expand_dims(there, 1), values, filler)
    if axis is None:
        return [backend.reshape(values, (size,)), index, _like(inverse, shape), counts]
    values = moveaxis(backend.reshape(values, (size, *rest)), 0, axis)
    return [values, index, inverse, counts]


def _like(inverse: Any, shape: Any) -> Any:
    return current().reshape(inverse, shape)


def _head(x: Any, size: int) -> Any:
    return current().slice(x, (0,), (size,), (1,))


def _order(rows: Any) -> Any:
    """Return the int32 order that sorts rows (n, m): by column 0, then 1, ..."""
    backend, (n, m) = current(), shape_of(rows)
    if isinstance(m, Dim):
        raise TraceError("ops.unique along an axis needs the sizes of the others.")
    columns = backend.split(rows, (1,) * m, 1)
    order = backend.arange(0, n, 1, "int32")
    for column in reversed(columns):  # stable, so the last sort rules
        keys = backend.take(backend.squeeze(column, (1,)), order, 0)
        order = backend.take(order, backend.argsort(keys), 0)
    return order


def _is_new(ranked: Any, count: Any) -> Any:
    """Return which rows differ from the one before; NaN differs from NaN."""
    backend, m = current(), shape_of(ranked)[1]
    before = backend.slice(ranked, (0, 0), (count - 1, m), (1, 1))
    after = backend.slice(ranked, (1, 0), (count, m), (1, 1))
    same = backend.equal(before, after)
    differs = backend.logical_not(backend.all(same, (1,), False))
    return backend.pad(differs, [(1, 0)], True)
