"""Reading and writing parts of tensors by index."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.axes import axis_of
from multinet.ops.checks import check_real, in_axis, sizes_at_least, whole
from multinet.ops.core import (
    as_tensor,
    behind,
    boolean,
    broadcast_shapes,
    cast_tensor,
    host,
    needed,
    op,
    operands,
    read,
    shape_of,
)
from multinet.ops.creation import shape_tuple
from multinet.ops.doors import plain_dtype
from multinet.ops.reductions import sum as total
from multinet.ops.refusals import shown
from multinet.registry import current
from multinet.symbolic.dims import Dim, public_shape, same
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
    return backend.where(backend.less(x, 0), backend.add(x, size_like(size)), x)


def size_like(size: ShapeLike) -> Tensor:
    """Return a size as an operand; an unknown one as the int that stands for it."""
    return 1 if isinstance(size, Dim) else size


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

    The size depends on values, so it is a `TraceError` where they are not known.
    """
    remedy = "Use ops.where(mask, x, other), which keeps the shape."
    places = np.nonzero(needed(x, "nonzero", remedy))
    backend = current()
    return [backend.from_numpy(place.astype(np.int32)) for place in places]


# -- slices at computed places ---------------------------------------------------------


@op
def slice(inputs: Tensor, start_indices: Tensor, shape: ShapeLike) -> Tensor:
    """Return the block of `shape` that begins at `start_indices`, ints or tensors.

    Starts are moved so that the block fits; a size of -1 reaches the end.
    """
    x, backend = as_tensor(inputs), current()
    starts, sizes = _starts(start_indices), shape_tuple(shape)
    have = shape_of(x)
    if not len(starts) == len(sizes) == len(have):
        raise ShapeError(
            f"ops.slice expects {len(have)} starts and sizes, got {len(starts)} and "
            f"{len(sizes)}."
        )
    sizes_at_least(sizes, -1, "a block")
    fixed = [s if type(s) is int or isinstance(s, Dim) else 0 for s in starts]
    sizes = tuple(
        n - s if type(size) is int and size == -1 else size
        for n, s, size in zip(have, fixed, sizes)
    )
    known: list[Any] = [
        _fit(s, size, n) if type(s) is int else s
        for s, size, n in zip(fixed, sizes, have)
    ]
    moving = [not (type(s) is int or isinstance(s, Dim)) for s in starts]
    first = tuple(0 if m else s for m, s in zip(moving, known))
    last = tuple(n if m else s + k for m, s, k, n in zip(moving, known, sizes, have))
    x = backend.slice(x, first, last, (1,) * len(have))
    for axis, start in enumerate(starts):
        if moving[axis]:
            x = backend.take(x, _run(start, sizes[axis], have[axis]), axis)
    return x


def _starts(start_indices: Any) -> list[Any]:
    """Return block starts as ints, Dims, and scalar tensors where values are
    unknown.
    """
    backend = current()
    if backend.is_tensor(start_indices):
        pieces = backend.split(start_indices, (1,) * shape_of(start_indices)[0], 0)
        return [backend.squeeze(piece, (0,)) for piece in pieces]
    listed = (
        start_indices if isinstance(start_indices, list | tuple) else [start_indices]
    )
    if not isinstance(start_indices, list | tuple) and not isinstance(
        start_indices, int
    ):
        listed = list(host(start_indices).reshape(-1))
    return [
        s if isinstance(s, Dim) or backend.is_tensor(s) else whole(s, "a start")
        for s in listed
    ]


def _fit(start: Any, size: Any, limit: Any) -> Any:
    if isinstance(size, Dim) or isinstance(limit, Dim):
        return start
    if size > limit:
        raise ShapeError(
            f"ops.slice of size {size} does not fit an axis of size {limit}."
        )
    return min(max(start, 0), limit - size)


def _run(start: Any, size: Any, limit: Any) -> Any:
    """Return the indices of a block at a tensor start, as many as `size`."""
    backend = current()
    start = as_index(start)
    room = limit - size
    start = backend.clip(start, 0, size_like(room))
    steps = backend.arange(0, size, 1, backend.dtype(start))
    return backend.add(backend.reshape(start, (1,)), steps)


@op
def slice_update(inputs: Tensor, start_indices: Tensor, updates: Tensor) -> Tensor:
    """Return `inputs` with the block that begins at `start_indices` replaced."""
    x, backend = as_tensor(inputs), current()
    updates = as_tensor(updates, backend.dtype(x))
    starts, sizes, have = _starts(start_indices), shape_of(updates), shape_of(x)
    moving = [not (type(s) is int or isinstance(s, Dim)) for s in starts]
    if not any(moving):
        return _replace(x, updates, starts)
    full = backend.full((), 0, "int32")
    for axis, (start, size, limit) in enumerate(zip(starts, sizes, have)):
        if not moving[axis]:
            start = backend.full((), _fit(start, size, limit), "int32")
        run = cast_tensor(_run(start, size, limit), "int32")
        form = [1] * len(have)
        form[axis] = size
        scaled = backend.multiply(
            backend.reshape(run, tuple(form)), size_like(math.prod(have[axis + 1 :]))
        )
        full = backend.add(full, scaled)
    count = math.prod(sizes)
    flat = backend.reshape(x, (math.prod(have),))
    places = backend.reshape(backend.broadcast_to(full, sizes), (count, 1))
    result = backend.scatter(flat, places, backend.reshape(updates, (count,)), "set")
    return backend.reshape(result, have)


def _replace(x: Any, updates: Any, starts: list[Any]) -> Any:
    """Replace a block at known places: pieces around it are joined to it."""
    backend, have, sizes = current(), shape_of(x), shape_of(updates)
    block = updates
    for axis in range(len(have) - 1, -1, -1):
        # The block grows to the whole of this axis, inside the later starts' window.
        first = _fit(starts[axis], sizes[axis], have[axis])
        last = first + sizes[axis]
        lead = [_fit(s, k, n) for s, k, n in zip(starts[:axis], sizes, have)]
        window = [(s, s + k) for s, k in zip(lead, sizes)]
        tail = [(0, n) for n in have[axis + 1 :]]
        parts = []
        for a, b in ((0, first), (last, have[axis])):
            bounds = [*window, (a, b), *tail]
            empty = type(b - a) is int and b - a == 0
            low, high = zip(*bounds)
            piece = None if empty else backend.slice(x, low, high, (1,) * len(have))
            parts.append(piece)
        pieces = [p for p in (parts[0], block, parts[1]) if p is not None]
        block = pieces[0] if len(pieces) == 1 else backend.concatenate(pieces, axis)
    return block


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
    if isinstance(indices, list | tuple):
        for at, size in enumerate(have[:depth]):
            in_axis(read(indices)[..., at].tolist(), size)
    sizes = [size_like(n) for n in have[:depth]]
    bound = backend.from_numpy(np.asarray(sizes, backend.dtype(index)))
    index = backend.where(backend.less(index, 0), backend.add(index, bound), index)
    index = backend.reshape(index, (count, depth))
    values = as_tensor(updates, backend.dtype(x))
    values = backend.reshape(values, (count, *have[depth:]))
    return backend.scatter(x, index, values, _SCATTER[reduction])


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
    found = []
    for size in reversed(sizes):
        found.append(backend.mod(rest, size))
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
    step = size_like(columns) + 1
    index = backend.arange(0, length, 1, "int32")
    index = backend.add(backend.multiply(index, step), size_like(begin))
    return backend.take(flat, index, len(rest))


def _diagonal_length(rows: Any, columns: Any, offset: int) -> Any:
    if same(rows, columns):
        left = rows - abs(offset)
        return left if isinstance(left, Dim) else max(left, 0)
    if isinstance(rows, Dim) or isinstance(columns, Dim):
        raise ShapeError(
            "The length of a diagonal needs sizes that are known, or one size twice; "
            f"got {public_shape((rows, columns))}."
        )
    low, high = max(-offset, 0), min(rows, columns - offset)
    return max(high - low, 0)


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
