"""Reading and writing parts of tensors by index."""

from __future__ import annotations

import builtins
import math
import operator
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError, TraceError
from multinet.ops.core import as_tensor, axis_of, cast_tensor, host, op, operands, shape_of
from multinet.ops.creation import shape_tuple
from multinet.registry import current
from multinet.symbolic.dims import Dim, public_shape

_SCATTER = {None: "set", "add": "add", "mul": "multiply", "max": "max", "min": "min"}


def as_index(x: Any, size: Any = None) -> Any:
    """Return integers as an int32 or int64 tensor; with `size`, negative ones count back."""
    x, backend = as_tensor(x), current()
    dtype = backend.dtype(x)
    if not dtypes.is_integer(dtype):
        raise DTypeError(f"Expected integer indices, got {dtype}. Cast them to 'int32'.")
    if dtype not in ("int32", "int64"):
        wide = dtype in ("uint32", "uint64")
        x = backend.cast(x, "int64" if wide else "int32")
    if size is None or dtype in dtypes.UNSIGNED:
        return x
    return backend.where(backend.less(x, 0), backend.add(x, size_like(size)), x)


def size_like(size: Any) -> Any:
    """Return a size as an operand; an unknown one as the int that stands for it."""
    return 1 if isinstance(size, Dim) else size


@op
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Pick slices along an axis, or of the flat tensor; negative indices count back."""
    x, backend = as_tensor(x), current()
    if axis is None:
        x, axis = backend.reshape(x, (math.prod(shape_of(x)),)), 0
    axis = axis_of(axis, len(shape_of(x)))
    return backend.take(x, as_index(indices, shape_of(x)[axis]), axis)


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Pick elements along an axis, indices broadcasting with x's other axes."""
    x, backend = as_tensor(x), current()
    if axis is None:
        x, axis = backend.reshape(x, (math.prod(shape_of(x)),)), 0
    rank = len(shape_of(x))
    axis = axis_of(axis, rank)
    index = as_index(indices, shape_of(x)[axis])
    if len(shape_of(index)) != rank:
        raise ShapeError(
            f"ops.take_along_axis expects indices of {rank} axes, as x has, got shape "
            f"{public_shape(shape_of(index))}."
        )
    from multinet.ops.arithmetic import broadcast_shapes

    others = [(*s[:axis], 1, *s[axis + 1 :]) for s in (shape_of(x), shape_of(index))]
    common = broadcast_shapes(*others, what="ops.take_along_axis")
    wide = [
        backend.broadcast_to(v, (*common[:axis], shape_of(v)[axis], *common[axis + 1 :]))
        for v in (x, index)
    ]
    return backend.take_along_axis(*wide, axis)


# -- x[key] ------------------------------------------------------------------------------


@op
def get_item(x: Any, key: Any) -> Any:
    """Return x[key] with NumPy's meaning: ints, slices, None, ..., and index tensors.

    A bool tensor selects by value, so it works where values are known, not in a compiled
    function or on symbolic tensors.
    """
    x = as_tensor(x)
    if isinstance(key, dict):
        raise ArgumentError("ops.get_item takes the key of x[key], got a dict.")
    items = list(key) if isinstance(key, tuple) else [key]
    items = [_plain(item) for item in items]
    consumed = sum(_axes_taken(item) for item in items)
    rank = len(shape_of(x))
    if consumed > rank:
        raise ShapeError(f"x[key] has {consumed} indices for {rank} axes.")
    if Ellipsis not in [item for item in items if item is Ellipsis]:
        items.append(Ellipsis)
    at = next(i for i, item in enumerate(items) if item is Ellipsis)
    whole = [builtins.slice(None)] * (rank - consumed)
    return _index(x, [*items[:at], *whole, *items[at + 1 :]])


def _plain(item: Any) -> Any:
    """Return one part of a key as an int, slice, None, Ellipsis or tensor."""
    if item is None or item is Ellipsis or isinstance(item, Dim):
        return item
    if isinstance(item, builtins.slice):
        return item
    if isinstance(item, int | np.integer) and not isinstance(item, bool):
        return int(item)
    return as_tensor(item)


def _axes_taken(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    if current().is_tensor(item) and current().dtype(item) == "bool":
        return len(shape_of(item))
    return 1


def _index(x: Any, items: list[Any]) -> Any:
    backend = current()
    items = [part for item in items for part in _without_masks(item)]
    arrays = any(backend.is_tensor(item) for item in items)
    if arrays:  # integers beside index tensors are index tensors themselves
        items = [
            backend.full((), item, "int32") if type(item) is int else item for item in items
        ]
    shape = shape_of(x)
    start, stop, step, backwards = [], [], [], []
    form: list[Any] = []  # what becomes of each axis: a size, or nothing for an int
    picks: dict[int, Any] = {}  # axis of the reshaped x: index tensor
    axis = 0
    for item in items:
        if item is None:
            form.append(1)
            continue
        n = shape[axis]
        if isinstance(item, builtins.slice):
            a, b, s, back = _bounds(item, n)
            if back:
                backwards.append(axis)
            form.append(-(-(b - a) // s))
        elif backend.is_tensor(item):
            a, b, s = 0, n, 1
            picks[len(form)] = as_index(item, n)
            form.append(n)
        else:
            a = _place(item, n, axis)
            b, s = a + 1, 1
        start.append(a), stop.append(b), step.append(s)
        axis += 1
    whole = all(type(a) is int and a == 0 and b is n and s == 1
                for a, b, s, n in zip(start, stop, step, shape))
    if not whole:
        x = backend.slice(x, tuple(start), tuple(stop), tuple(step))
    if backwards:
        x = backend.flip(x, tuple(backwards))
    if len(form) != len(shape) or any(i is None or type(i) is int for i in items):
        x = backend.reshape(x, tuple(form))
    return _gather(x, picks) if picks else x


def _without_masks(item: Any) -> list[Any]:
    """Return a bool mask as the index tensors of its true elements."""
    backend = current()
    if backend.is_tensor(item) and backend.dtype(item) == "bool":
        return nonzero(item)
    return [item]


def _place(item: Any, size: Any, axis: int) -> Any:
    if isinstance(size, Dim) or isinstance(item, Dim):
        return item + size if type(item) is int and item < 0 else item
    if not -size <= item < size:
        raise IndexError(f"Index {item} is outside axis {axis} of size {size}.")
    return item % size


def _bounds(item: builtins.slice, size: Any) -> tuple[Any, Any, int, bool]:
    """Return (start, stop, step, backwards) of a slice, start <= stop and step >= 1."""
    step = 1 if item.step is None else operator.index(item.step)
    parts = [_bound(v) for v in (item.start, item.stop)]
    if isinstance(size, Dim) or any(isinstance(v, Dim) for v in parts):
        return _unknown_bounds(parts[0], parts[1], step, size)
    start, stop, step = builtins.slice(parts[0], parts[1], step).indices(size)
    count = max(-(-(stop - start) // step), 0)
    if step > 0:
        return start, start + ((count - 1) * step + 1 if count else 0), step, False
    first = start + (count - 1) * step if count else 0
    return first, start + 1 if count else 0, -step, True


def _bound(value: Any) -> Any:
    if value is None or isinstance(value, Dim):
        return value
    if current().is_tensor(value):
        return int(host(value))
    return operator.index(value)


def _unknown_bounds(start: Any, stop: Any, step: int, size: Any) -> Any:
    """Bounds where the size is unknown: certain ones stay, others are a new unknown."""
    if step < 0:
        if start is None and stop is None:
            # Backwards from the last element, which a step may not divide evenly.
            first = (size - 1) % -step if step != -1 else 0
            return first, size, -step, True
        return 0, Dim(), 1, True
    begin = 0 if start is None else start
    if type(begin) is int and begin < 0:
        begin = begin + size
    if stop is None:
        return begin, size, step, False
    if type(stop) is int and stop < 0:
        return begin, stop + size, step, False
    # The axis may be shorter than the stop, so the number of elements is not known.
    return begin, stop if isinstance(stop, Dim) else begin + Dim(), step, False


def _gather(x: Any, picks: dict[int, Any]) -> Any:
    """Index axes of x by broadcasting index tensors."""
    from multinet.ops.arithmetic import broadcast_shapes

    backend, axes = current(), sorted(picks)
    if len(axes) == 1:
        return backend.take(x, picks[axes[0]], axes[0])
    shape = shape_of(x)
    rest = [a for a in range(len(shape)) if a not in picks]
    moved = backend.transpose(x, (*axes, *rest))
    sizes = [shape[a] for a in axes]
    flat = backend.reshape(moved, (math.prod(sizes), *(shape[a] for a in rest)))
    common = broadcast_shapes(*(shape_of(picks[a]) for a in axes), what="x[key]")
    index: Any = 0
    for axis, size in zip(axes, sizes):
        index = backend.add(backend.multiply(index, size_like(size)), picks[axis]) \
            if axis != axes[0] else picks[axis]
    result = backend.take(flat, backend.broadcast_to(index, common), 0)
    if axes[-1] - axes[0] != len(axes) - 1:
        return result  # index tensors apart: their axes come first
    count = len(common)
    order = [count + i for i in range(axes[0])] + list(range(count))
    order += [count + i for i in range(axes[0], len(rest))]
    return backend.transpose(result, tuple(order))


@op
def nonzero(x: Any) -> list[Any]:
    """Return the int32 indices of the elements that are not zero, a vector per axis.

    The size depends on values, so it is a `TraceError` where they are not known.
    """
    backend = current()
    if backend.symbolic:
        raise TraceError(
            "How many elements a mask selects is not known before data arrives. Use "
            "ops.where(mask, x, other), which keeps the shape."
        )
    places = np.nonzero(host(x))
    return [backend.from_numpy(place.astype(np.int32)) for place in places]


# -- slices at computed places -------------------------------------------------------------


@op
def slice(inputs: Any, start_indices: Any, shape: Any) -> Any:
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
    fixed = [s if type(s) is int or isinstance(s, Dim) else 0 for s in starts]
    sizes = tuple(
        n - s if type(size) is int and size == -1 else size
        for n, s, size in zip(have, fixed, sizes)
    )
    known = [_fit(s, size, n) if type(s) is int else s for s, size, n in
             zip(fixed, sizes, have)]
    moving = [not (type(s) is int or isinstance(s, Dim)) for s in starts]
    first = tuple(0 if m else s for m, s in zip(moving, known))
    last = tuple(n if m else s + k for m, s, k, n in zip(moving, known, sizes, have))
    x = backend.slice(x, first, last, (1,) * len(have))
    for axis, start in enumerate(starts):
        if moving[axis]:
            x = backend.take(x, _run(start, sizes[axis], have[axis]), axis)
    return x


def _starts(start_indices: Any) -> list[Any]:
    """Return block starts as ints, Dims, and scalar tensors where values are unknown."""
    backend = current()
    if backend.is_tensor(start_indices):
        pieces = backend.split(start_indices, (1,) * shape_of(start_indices)[0], 0)
        return [backend.squeeze(piece, (0,)) for piece in pieces]
    listed = start_indices if isinstance(start_indices, list | tuple) else [start_indices]
    if not isinstance(start_indices, list | tuple) and not isinstance(start_indices, int):
        listed = list(host(start_indices).reshape(-1))
    return [s if isinstance(s, Dim) or backend.is_tensor(s) else int(s) for s in listed]


def _fit(start: Any, size: Any, limit: Any) -> Any:
    if isinstance(size, Dim) or isinstance(limit, Dim):
        return start
    if size > limit:
        raise ShapeError(f"ops.slice of size {size} does not fit an axis of size {limit}.")
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
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
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
        scaled = backend.multiply(backend.reshape(run, tuple(form)),
                                  size_like(math.prod(have[axis + 1 :])))
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
def scatter(indices: Any, values: Any, shape: Any) -> Any:
    """Return zeros of `shape` with values added at indices (..., k) of the first k axes."""
    values, backend = as_tensor(values), current()
    zeros = backend.full(shape_tuple(shape), 0, backend.dtype(values))
    return scatter_update(zeros, indices, values, "add")


@op
def scatter_update(
    inputs: Any, indices: Any, updates: Any, reduction: str | None = None
) -> Any:
    """Return `inputs` with updates at indices (..., k) of its first k axes.

    `reduction` is None to replace, or add, mul, max or min to combine.
    """
    if reduction not in _SCATTER:
        names = ", ".join(map(repr, _SCATTER))
        raise ArgumentError(f"Expected reduction {names}, got {reduction!r}.")
    x, backend = as_tensor(inputs), current()
    index = as_index(indices)
    form = shape_of(index)
    depth, count = form[-1], math.prod(form[:-1])
    have = shape_of(x)
    sizes = [size_like(n) for n in have[:depth]]
    bound = backend.from_numpy(np.asarray(sizes, backend.dtype(index)))
    index = backend.where(backend.less(index, 0), backend.add(index, bound), index)
    index = backend.reshape(index, (count, depth))
    values = as_tensor(updates, backend.dtype(x))
    values = backend.reshape(values, (count, *have[depth:]))
    return backend.scatter(x, index, values, _SCATTER[reduction])


@op
def unravel_index(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Return the coordinates of flat indices in a row-major shape, a tensor per axis."""
    backend, sizes = current(), shape_tuple(shape)
    rest = as_index(indices, math.prod(sizes))
    found = []
    for size in reversed(sizes):
        found.append(backend.mod(rest, size))
        rest = backend.floor_divide(rest, size)
    return tuple(reversed(found))


@op
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """Return for each element the choice of the first condition that holds."""
    if len(condlist) != len(choicelist) or not condlist:
        raise ArgumentError(
            f"ops.select expects as many choices as conditions, got {len(condlist)} "
            f"conditions and {len(choicelist)} choices."
        )
    from multinet.ops.arithmetic import where

    values = operands(*choicelist, default)
    result = values[-1]
    for condition, choice in reversed(list(zip(condlist, values))):
        result = where(condition, choice, result)
    return result


@op
def diagonal(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the diagonal of two axes as a new last axis."""
    x, backend = as_tensor(x), current()
    shape = shape_of(x)
    first, second = axis_of(axis1, len(shape)), axis_of(axis2, len(shape))
    if first == second:
        raise ArgumentError(f"ops.diagonal expects two different axes, got {axis1}, {axis2}.")
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
    if isinstance(rows, Dim) or isinstance(columns, Dim):
        return rows if rows is columns or offset == 0 else rows - abs(offset)
    low, high = max(-offset, 0), min(rows, columns - offset)
    return max(high - low, 0)


@op
def diag(x: Any, k: int = 0) -> Any:
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
def diagflat(x: Any, k: int = 0) -> Any:
    """Return the matrix with the flat elements of x on diagonal `k`."""
    x = as_tensor(x)
    return diag(current().reshape(x, (math.prod(shape_of(x)),)), k)


@op
def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum of a diagonal of two axes."""
    from multinet.ops.reductions import sum as total

    return total(diagonal(x, offset, axis1, axis2), -1)
