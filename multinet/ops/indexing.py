"""Reading and writing parts of tensors by index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.interface import filling
from multinet.ops.axes import axis_of
from multinet.ops.checks import check_real, in_axis, sizes_at_least
from multinet.ops.core import (
    as_tensor,
    behind,
    boolean,
    broadcast_shapes,
    needed,
    op,
    operands,
    read,
    shape_of,
    size_is_unknown,
)
from multinet.ops.creation import shape_tuple
from multinet.ops.doors import plain_dtype
from multinet.ops.ranges import inside, spoiled
from multinet.ops.reductions import sum as total
from multinet.ops.refusals import shown
from multinet.registry import current
from multinet.symbolic.dims import Dim, larger, public_shape, same, smaller
from multinet.typing import Numbers, ShapeLike, Tensor, Tensors

_INDICES = frozenset(("int32", "int64"))
_SCATTER = {None: "set", "add": "add", "mul": "multiply", "max": "max", "min": "min"}


def as_index(x: Tensor, size: ShapeLike | None = None) -> Tensor:
    """Return integers as an int32 or int64 tensor; with `size`, negative ones count
    back.
    """
    x, backend = as_tensor(x), current()
    dtype = backend.dtype(x)
    if not dtypes.is_integer(dtype):
        raise DTypeError(
            f"Expected integer indices, got {dtype}. Cast them to 'int32'."
        )
    if dtype not in ("int32", "int64"):
        wide = dtype in ("uint32", "uint64")
        x = backend.cast(x, "int64" if wide else "int32")
    if size is None or dtype in dtypes.UNSIGNED:
        return x
    return backend.where(backend.less(x, 0), backend.add(x, size), x)


def _take_door(x: Any, indices: Any, axis: Any) -> Any:
    backend = current()
    if type(axis) is not int or backend.common_dtype(x, x) is None:
        return None
    if backend.common_dtype(indices, indices) not in _INDICES:
        return None
    return backend.pick(x, indices, axis_of(axis, len(backend.shape(x))))


@behind(_take_door)
def take(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Pick slices along an axis, or of the flat tensor; negative indices count back."""
    x, backend = as_tensor(x), current()
    if axis is None:
        x, axis = backend.reshape(x, (math.prod(shape_of(x)),)), 0
    axis = axis_of(axis, len(shape_of(x)))
    in_axis(indices, shape_of(x)[axis])
    return backend.pick(x, as_index(indices), axis)


@op
def take_along_axis(x: Tensor, indices: Tensor, axis: int | None = None) -> Tensor:
    """Pick elements along an axis, indices broadcasting with x's other axes."""
    x, backend = as_tensor(x), current()
    if axis is None:
        x, axis = backend.reshape(x, (math.prod(shape_of(x)),)), 0
    rank = len(shape_of(x))
    axis = axis_of(axis, rank)
    in_axis(indices, shape_of(x)[axis])
    index = as_index(indices, shape_of(x)[axis])
    if len(shape_of(index)) != rank:
        raise ShapeError(
            f"ops.take_along_axis expects indices of {rank} axes, as x has, got shape "
            f"{public_shape(shape_of(index))}."
        )
    others = [(*s[:axis], 1, *s[axis + 1 :]) for s in (shape_of(x), shape_of(index))]
    common = broadcast_shapes(*others, what="ops.take_along_axis")
    wide = [
        backend.broadcast_to(
            v, (*common[:axis], shape_of(v)[axis], *common[axis + 1 :])
        )
        for v in (x, index)
    ]
    return backend.take_along_axis(wide[0], wide[1], axis)


def _where_door(condition: Any, x1: Any, x2: Any) -> Any:
    backend = current()
    mask = backend.common_dtype(condition, condition) == "bool"
    if mask and plain_dtype(backend, x1, x2) is not None:
        return backend.where(condition, x1, x2)
    return None


@behind(_where_door)
def where(
    condition: Tensor, x1: Tensor | None = None, x2: Tensor | None = None
) -> Tensors:
    """Return x1 where the condition holds, else x2, all broadcasting.

    With the condition alone, the indices where it holds, as `nonzero` gives them.
    """
    if (x1 is None) != (x2 is None):
        raise DTypeError("ops.where takes x1 and x2 together, or neither.")
    if x1 is None:
        return nonzero(condition)
    condition = boolean(condition)
    x1, x2 = operands(x1, x2)
    try:
        return current().where(condition, x1, x2)
    except Exception as error:
        shapes = [shape_of(as_tensor(x)) for x in (condition, x1, x2)]
        broadcast_shapes(*shapes, what="ops.where", cause=error)
        raise


@op
def nonzero(x: Tensor) -> list[Tensor]:
    """Return the int32 indices of the elements that are not zero, a vector per axis.

    The size depends on values: it is unknown of symbolic tensors, and a `TraceError`
    in compiled functions.
    """
    backend, x = current(), as_tensor(x)
    if size_is_unknown(x):
        size: Any = Dim()
        return [backend.full((size,), 0, "int32") for _ in shape_of(x)]
    remedy = "Use ops.where(mask, x, other), which keeps the shape."
    places = np.nonzero(needed(x, "nonzero", remedy))
    return [backend.from_numpy(place.astype(np.int32)) for place in places]


@op
def scatter(indices: Tensor, values: Tensor, shape: ShapeLike) -> Tensor:
    """Return zeros of `shape` with values added at indices (..., k) of the first k
    axes.
    """
    values, backend = as_tensor(values), current()
    zeros = backend.full(shape_tuple(shape), 0, backend.dtype(values))
    return scatter_update(zeros, indices, values, "add")


@op
def scatter_update(
    inputs: Tensor, indices: Tensor, updates: Tensor, reduction: str | None = None
) -> Tensor:
    """Return `inputs` with updates at indices (..., k) of its first k axes.

    `reduction` is None to replace, or add, mul, max or min to combine.
    """
    if reduction not in _SCATTER:
        names = ", ".join(map(repr, _SCATTER))
        raise ArgumentError(f"Expected reduction {names}, got {reduction!r}.")
    x, backend = as_tensor(inputs), current()
    index = as_index(indices)
    form = shape_of(index)
    have = shape_of(x)
    if not form or isinstance(form[-1], Dim) or form[-1] > len(have):
        raise ShapeError(
            f"Expected indices (..., k) of the first k axes of shape "
            f"{public_shape(have)}, got shape {public_shape(form)}."
        )
    if reduction in ("max", "min"):
        check_real(f"Scattering with {reduction!r}", backend.dtype(x))
    depth, count = form[-1], math.prod(form[:-1])
    known = backend.known(index)
    values = read(indices) if isinstance(indices, list | tuple) else known
    if values is not None:
        for at, size in enumerate(have[:depth]):
            in_axis(values[..., at].tolist(), size)
    bound = _vector(have[:depth], backend.dtype(index))
    index = backend.where(backend.less(index, 0), backend.add(index, bound), index)
    index = backend.reshape(index, (count, depth))
    values = as_tensor(updates, backend.dtype(x))
    values = backend.reshape(values, (count, *have[depth:]))
    if known is not None:
        return backend.scatter(x, index, values, _SCATTER[reduction])
    low, high = backend.less_equal(0, index), backend.less(index, bound)
    valid = backend.all(backend.logical_and(low, high), (1,), False)
    index = backend.where(backend.expand_dims(valid, 1), index, 0)
    rows = backend.reshape(valid, (count, *[1] * (len(have) - depth)))
    values = backend.where(rows, values, backend.full((), 0, backend.dtype(values)))
    return spoiled(backend.scatter(x, index, values, _SCATTER[reduction]), valid)


@op
def unravel_index(indices: Tensor, shape: ShapeLike) -> tuple[Tensor, ...]:
    """Return the coordinates of flat indices in a row-major shape, a tensor per
    axis.
    """
    backend, sizes = current(), shape_tuple(shape)
    if not sizes:
        raise ShapeError("ops.unravel_index expects a shape of one axis or more.")
    sizes_at_least(sizes, 1, "a shape")
    in_axis(indices, math.prod(sizes))
    rest = as_index(indices, math.prod(sizes))
    valid = inside(rest, math.prod(sizes))
    found = []
    for size in reversed(sizes):
        place = backend.mod(rest, size)
        found.append(backend.where(valid, place, filling(backend.dtype(rest))))
        rest = backend.floor_divide(rest, size)
    return tuple(reversed(found))


@op
def select(
    condlist: Sequence[Tensor], choicelist: Sequence[Tensor], default: Numbers = 0
) -> Tensor:
    """Return for each element the choice of the first condition that holds."""
    if not (
        isinstance(condlist, list | tuple) and isinstance(choicelist, list | tuple)
    ):
        raise ArgumentError(
            "Expected condlist and choicelist as lists or tuples, got "
            f"{shown(condlist)} and {shown(choicelist)}."
        )
    if len(condlist) != len(choicelist) or not condlist:
        raise ArgumentError(
            f"ops.select expects as many choices as conditions, got {len(condlist)} "
            f"conditions and {len(choicelist)} choices."
        )
    values = operands(*choicelist, default)
    result = values[-1]
    for condition, choice in reversed(list(zip(condlist, values))):
        result = where(condition, choice, result)
    return result


def _vector(sizes: Any, dtype: str) -> Any:
    """Return sizes as a vector."""
    backend = current()
    if any(isinstance(n, Dim) for n in sizes):
        return backend.stack([backend.full((), n, dtype) for n in sizes], 0)
    return backend.from_numpy(np.asarray(sizes, dtype))


@op
def diagonal(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the diagonal of two axes as a new last axis."""
    x, backend = as_tensor(x), current()
    shape = shape_of(x)
    first, second = axis_of(axis1, len(shape)), axis_of(axis2, len(shape))
    if first == second:
        raise ArgumentError(
            f"ops.diagonal expects two different axes, got {axis1}, {axis2}."
        )
    rest = [a for a in range(len(shape)) if a not in (first, second)]
    rows, columns = shape[first], shape[second]
    length = _diagonal_length(rows, columns, offset)
    moved = backend.transpose(x, (*rest, first, second))
    flat = backend.reshape(moved, (*(shape[a] for a in rest), rows * columns))
    begin = offset if offset >= 0 else -offset * columns
    step = columns + 1
    index = backend.arange(0, length, 1, "int32")
    index = backend.add(backend.multiply(index, step), begin)
    return backend.take(flat, index, len(rest))


def _diagonal_length(rows: Any, columns: Any, offset: int) -> Any:
    if same(rows, columns):
        left = rows - abs(offset)
        return left if isinstance(left, Dim) else max(left, 0)
    return larger(smaller(rows, columns - offset) - max(-offset, 0), 0)


@op
def diag(x: Tensor, k: int = 0) -> Tensor:
    """Return diagonal `k` of a matrix, or the matrix with a vector on diagonal `k`."""
    x, backend = as_tensor(x), current()
    shape = shape_of(x)
    if len(shape) == 2:
        return diagonal(x, k)
    if len(shape) != 1:
        raise ShapeError(f"ops.diag expects a vector or a matrix, got shape {shape}.")
    size = shape[0] + abs(k)
    before, after = (k, 0) if k >= 0 else (0, -k)
    row = backend.pad(x, [(before, after)], False if backend.dtype(x) == "bool" else 0)
    on = backend.eye(size, size, k, "bool")
    zero = False if backend.dtype(x) == "bool" else 0
    return backend.where(on, backend.expand_dims(row, 0), zero)


@op
def diagflat(x: Tensor, k: int = 0) -> Tensor:
    """Return the matrix with the flat elements of x on diagonal `k`."""
    x = as_tensor(x)
    return diag(current().reshape(x, (math.prod(shape_of(x)),)), k)


@op
def trace(x: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
    """Return the sum of a diagonal of two axes."""
    return total(diagonal(x, offset, axis1, axis2), -1)
