"""The entries of sparse tensors: each once and in order, those of two side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.ops.sparse_forms import scattered
from multinet.registry import current
from multinet.sparse import SparseTensor
from multinet.typing import Host, Shape, Tensor


def merged(x: SparseTensor) -> SparseTensor:
    """Return x with the entries of one index added up."""
    if x.unique:
        return x
    indices, values = _merged(x.indices, x.values)
    return SparseTensor(indices, values, x.shape, True)


def aligned(x: SparseTensor, y: SparseTensor) -> tuple[Tensor, ...]:
    """Return the indices of either, the values of both there, and who has them both."""
    backend = current()
    theirs = backend.cast(y.indices, backend.dtype(x.indices))
    indices = backend.concatenate([x.indices, theirs], 0)
    first = backend.concatenate([x.values, _zeros(y, x.values)], 0)
    second = backend.concatenate([_zeros(x, y.values), y.values], 0)
    ones = backend.full((backend.shape(indices)[0],), 1, "int32")
    indices, first, second, count = _merged(indices, first, second, ones)
    return indices, first, second, backend.less(1, count)


def kept(x: SparseTensor, mask: Tensor) -> SparseTensor:
    """Return x without the entries outside of a mask, where that is known."""
    backend = current()
    inside = known(mask)
    if inside is None or inside.all():
        return x
    places = backend.from_numpy(np.flatnonzero(inside).astype("int32"))
    parts = backend.take(x.indices, places, 0), backend.take(x.values, places, 0)
    return SparseTensor(*parts, x.shape, True)


def with_entries(x: SparseTensor, mask: Tensor) -> SparseTensor:
    """Return x with entries wherever a mask of its first axes is true.

    Where the mask is not known, in a program, it has an entry everywhere.
    """
    backend, axes = current(), count_axes(x)
    inside = known(mask)
    if inside is None:
        inside = np.ones(x.shape[:axes])
    dtype = backend.dtype(x.indices)
    places = backend.from_numpy(np.argwhere(inside).astype(dtype))
    shape = (backend.shape(places)[0], *x.shape[axes:])
    zeros = backend.full(shape, 0, backend.dtype(x.values))
    indices, values = _merged(
        backend.concatenate([x.indices, places], 0),
        backend.concatenate([x.values, zeros], 0),
    )
    return SparseTensor(indices, values, x.shape, True)


def known(mask: Tensor) -> Host | None:
    """Return bools where the host has them at hand."""
    return current().known(current().cast(mask, "int32"))


def count_axes(x: SparseTensor) -> int:
    """Return how many axes the indices address."""
    return current().shape(x.indices)[1]


def columns(indices: Tensor) -> list[Any]:
    """Return the coordinates of each axis, vectors."""
    backend = current()
    count, axes = backend.shape(indices)
    parts = backend.split(indices, (1,) * axes, 1) if axes else []
    return [backend.reshape(part, (count,)) for part in parts]


def joined(places: Sequence[Tensor], like: Tensor) -> Tensor:
    """Return coordinates of each axis as indices, as many as `like` has."""
    backend = current()
    if not places:
        return backend.full((backend.shape(like)[0], 0), 0, backend.dtype(like))
    return backend.stack(list(places), 1)


def flat_index(indices: Tensor, shape: Shape) -> Tensor:
    """Return the row-major places of indices in a shape; in axes of size 1 it is 0."""
    backend, step = current(), 1
    total = backend.full((backend.shape(indices)[0],), 0, backend.dtype(indices))
    for place, size in reversed(list(zip(columns(indices), shape))):
        if size != 1:
            total = backend.add(total, backend.multiply(place, step))
        step *= size
    return total


def _zeros(x: SparseTensor, like: Tensor) -> Tensor:
    backend = current()
    shape = (backend.shape(x.values)[0], *backend.shape(like)[1:])
    return backend.full(shape, 0, backend.dtype(like))


def _merged(indices: Tensor, *columns_: Tensor) -> tuple[Any, ...]:
    """Return indices each once, in order, and the sums of their rows of each column.

    In a program, where their number is not known, there are as many as before, the
    last of them entries of 0 at the index 0.
    """
    backend = current()
    count, axes = backend.shape(indices)
    if count == 0:
        return indices, *columns_
    order = _order(indices)
    rows = backend.take(indices, order, 0)
    before = backend.slice(rows, (0, 0), (count - 1, axes), (1, 1))
    after = backend.slice(rows, (1, 0), (count, axes), (1, 1))
    new = backend.any(backend.not_equal(before, after), (1,), False)
    slots = backend.pad(backend.cumsum(backend.cast(new, "int32"), 0), [(1, 0)], 0)
    places, at_hand = backend.expand_dims(slots, 1), backend.known(slots)
    size = count if at_hand is None else int(at_hand[-1]) + 1
    blank = backend.full((size, axes), 0, backend.dtype(indices))
    results = [backend.scatter(blank, places, rows, "max") if axes else blank]
    for values in columns_:
        values, dtype = backend.take(values, order, 0), backend.dtype(values)
        if dtype == "bool":
            values = backend.cast(values, "int32")
        sums = scattered((size, *backend.shape(values)[1:]), places, values)
        results.append(backend.cast(sums, dtype))
    return tuple(results)


def _order(indices: Tensor) -> Tensor:
    """Return the order that sorts indices, the first axis before the others."""
    backend = current()
    order = backend.arange(0, backend.shape(indices)[0], 1, "int32")
    for column in reversed(columns(indices)):
        places = backend.argsort(backend.take(column, order, 0))
        order = backend.take(order, places, 0)
    return order
