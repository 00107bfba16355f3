"""Reading x[key] with NumPy's meaning of the key."""

from __future__ import annotations

import builtins
import math
import operator
from typing import Any

import numpy as np

from multinet.errors import ArgumentError, OutOfRange, ShapeError
from multinet.ops.checks import in_axis
from multinet.ops.core import as_tensor, broadcast_shapes, host, op, shape_of
from multinet.ops.indexing import as_index, nonzero
from multinet.ops.ranges import inside
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape, same, smaller
from multinet.typing import Tensor


@op
def get_item(x: Tensor, key: object) -> Tensor:
    """Return x[key] with NumPy's meaning: ints, slices, None, ..., and index tensors.

    A bool tensor selects by value, so it works where values are known, not in a
    compiled function or on symbolic tensors.
    """
    x = as_tensor(x)
    if isinstance(key, dict):
        raise ArgumentError("ops.get_item takes the key of x[key], got a dict.")
    items = list(key) if isinstance(key, tuple) else [key]
    _check_lists(shape_of(x), items)
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
    """Apply a key that has one item for each axis of x, and None for new ones."""
    backend = current()
    _check_masks(shape_of(x), items)
    items = [part for item in items for part in _without_masks(item)]
    if any(backend.is_tensor(item) for item in items):
        # Integers beside index tensors are index tensors themselves.
        items = [
            backend.full((), item, "int32") if type(item) is int else item
            for item in items
        ]
    form: list[Any] = []  # sizes of the result before index tensors apply
    picks: dict[int, Any] = {}  # axis of that result: index tensor
    bounds = []
    shape = iter(shape_of(x))
    for item in items:
        if item is None:
            form.append(1)
            continue
        size = next(shape)
        start, stop, step, _ = bound = _bounds(item, size, len(bounds))
        bounds.append(bound)
        if backend.is_tensor(item):
            in_axis(item, size)
            picks[len(form)] = as_index(item, size)
        if backend.is_tensor(item) or isinstance(item, builtins.slice):
            form.append(-(-(stop - start) // step))
    x = _sliced(x, bounds)
    if len(form) != len(bounds) or any(item is None for item in items):
        x = backend.reshape(x, tuple(form))
    return _gather(x, picks) if picks else x


def _sliced(x: Any, bounds: list[tuple[Any, Any, int, bool]]) -> Any:
    """Take (start, stop, step, backwards) of every axis."""
    backend = current()
    whole = all(
        same(a, 0) and same(b, n) and s == 1
        for (a, b, s, _), n in zip(bounds, shape_of(x))
    )
    if not whole:
        start, stop, step, _ = zip(*bounds)
        x = backend.slice(x, start, stop, step)
    backwards = tuple(axis for axis, bound in enumerate(bounds) if bound[3])
    return backend.flip(x, backwards) if backwards else x


def _check_lists(shape: Any, items: list[Any]) -> None:
    """Refuse lists of ints outside of their axes, as far as the axes are plain."""
    for item, size in zip([item for item in items if item is not None], shape):
        if item is Ellipsis or not isinstance(item, int | list | builtins.slice):
            return
        if isinstance(item, list):
            in_axis(item, size)


def _check_masks(shape: Any, items: list[Any]) -> None:
    """Refuse bool masks whose sizes are not those of the axes that they pick from."""
    backend, axis = current(), 0
    for item in items:
        if not (backend.is_tensor(item) and backend.dtype(item) == "bool"):
            axis += item is not None
            continue
        sizes = shape_of(item)
        axes = shape[axis : axis + len(sizes)]
        if not sizes or any(map(differ, sizes, axes)):
            raise ShapeError(
                f"Expected a mask of the sizes {public_shape(axes)} at axis {axis} of "
                f"x[key], got shape {public_shape(sizes)}."
            )
        axis += len(sizes)


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
        raise OutOfRange(
            f"Expected an index in [{-size}, {size}) for axis {axis}, got {item}."
        )
    return item % size


def _bounds(item: Any, size: Any, axis: int) -> tuple[Any, Any, int, bool]:
    """Return (start, stop, step, backwards) of an item, start <= stop and step >= 1."""
    if current().is_tensor(item):
        return 0, size, 1, False
    if not isinstance(item, builtins.slice):
        place = _place(item, size, axis)
        return place, place + 1, 1, False
    step = 1 if item.step is None else operator.index(item.step)
    parts = [_bound(v) for v in (item.start, item.stop)]
    if isinstance(size, Dim) or any(isinstance(v, Dim) for v in parts):
        return _unknown_bounds(parts[0], parts[1], step, size)
    start, stop, step = builtins.slice(parts[0], parts[1], step).indices(size)
    count = max(-(-(stop - start) // step), 0)
    if not count:
        return 0, 0, 1, False
    last = start + (count - 1) * step
    return (
        (start, last + 1, step, False) if step > 0 else (last, start + 1, -step, True)
    )


def _bound(value: Any) -> Any:
    if value is None or isinstance(value, Dim):
        return value
    if current().is_tensor(value):
        return int(host(value))
    return operator.index(value)


def _unknown_bounds(start: Any, stop: Any, step: int, size: Any) -> Any:
    """Bounds where the size is unknown, of an axis as long as its start asks for."""
    if step < 0:
        first = size - 1 if start is None else _from_front(start, size)
        after = -1 if stop is None else _from_front(stop, size)
        if type(start) is int and start >= 0:
            first = smaller(start, size - 1)
        count = -((first - after) // step)
        return first + (count - 1) * step, first + 1, -step, True
    begin = 0 if start is None else _from_front(start, size)
    if stop is None:
        return begin, size, step, False
    if type(stop) is type(begin) is int and 0 <= stop <= begin:
        return 0, 0, 1, False
    if type(stop) is int and stop >= 0:  # the axis may be shorter
        return begin, smaller(stop, size), step, False
    return begin, _from_front(stop, size), step, False


def _from_front(place: Any, size: Any) -> Any:
    return place + size if type(place) is int and place < 0 else place


def _gather(x: Any, picks: dict[int, Any]) -> Any:
    """Index axes of x by broadcasting index tensors."""
    backend, axes = current(), sorted(picks)
    if len(axes) == 1:
        return backend.take(x, picks[axes[0]], axes[0])
    shape = shape_of(x)
    rest = [a for a in range(len(shape)) if a not in picks]
    moved = backend.transpose(x, (*axes, *rest))
    sizes = [shape[a] for a in axes]
    flat = backend.reshape(moved, (math.prod(sizes), *(shape[a] for a in rest)))
    common = broadcast_shapes(*(shape_of(picks[a]) for a in axes), what="x[key]")
    index, valid = picks[axes[0]], inside(picks[axes[0]], sizes[0])
    for axis, size in zip(axes[1:], sizes[1:]):
        index = backend.add(backend.multiply(index, size), picks[axis])
        valid = backend.logical_and(valid, inside(picks[axis], size))
    index = backend.where(valid, index, -1)  # not the row of others
    result = backend.take(flat, backend.broadcast_to(index, common), 0)
    if axes[-1] - axes[0] != len(axes) - 1:
        return result  # index tensors apart: their axes come first
    count = len(common)
    order = [count + i for i in range(axes[0])] + list(range(count))
    order += [count + i for i in range(axes[0], len(rest))]
    return backend.transpose(result, tuple(order))
