"""Sparse tensors that ops make of dense integers: one-hot, multi-hot, counts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multinet.errors import ShapeError
from multinet.ops.checks import at_least
from multinet.ops.core import as_tensor, cast_tensor, needed
from multinet.ops.indexing import as_index
from multinet.ops.sparse_entries import aligned, columns, joined, merged
from multinet.ops.sparse_forms import RULES, Rule, first_sparse, parted
from multinet.registry import current
from multinet.sparse import SparseTensor
from multinet.symbolic.spec import SymbolicArray
from multinet.symbolic.tensor import sparse_array
from multinet.typing import Tensor


def hot(index: Tensor, count: int, axis: int, dtype: str) -> SparseTensor:
    """Return 1 where a new axis equals an integer in [0, count)."""
    backend, shape = current(), list(current().shape(index))
    whole = (*shape[:axis], count, *shape[axis:])
    if backend.symbolic:
        return sparse_array(SymbolicArray(whole, dtype))
    x = as_entries(index)
    inside = _inside(x.values, count)
    places = columns(x.indices)
    places.insert(axis, backend.where(inside, x.values, 0))
    values = backend.cast(inside, dtype)
    return SparseTensor(joined(places, x.values), values, whole, True)


def occurring(x: SparseTensor, axis: int, dtype: str) -> SparseTensor:
    """Return 1 where one of the counts along an axis is not 0."""
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    if current().symbolic:
        return sparse_array(SymbolicArray(shape, dtype))
    places = columns(x.indices)
    del places[axis]
    total = merged(SparseTensor(joined(places, x.values), x.values, shape))
    any_ = current().less(0, total.values)
    return total.with_values(current().cast(any_, dtype))


def as_entries(x: Tensor) -> SparseTensor:
    """Return integers with all their entries stored; a sparse tensor as it is."""
    x = parted(x)
    if type(x) is SparseTensor:
        return x
    x = as_index(x)
    return _stored(x, current().dtype(x))


def _stored(x: Tensor, dtype: str) -> SparseTensor:
    """Return a dense tensor with all its entries stored, at indices of a dtype."""
    backend, shape = current(), current().shape(x)
    places = backend.from_numpy(np.argwhere(np.ones(shape)).astype(dtype))
    return SparseTensor(places, backend.reshape(x, (math.prod(shape),)), shape, True)


def counted(x: SparseTensor, weights: Tensor | None, minlength: int) -> SparseTensor:
    """Return how often each integer is stored along the last axis, or weights' sums."""
    backend = current()
    if not x.shape:
        raise ShapeError("ops.bincount expects one axis or more, got a scalar.")
    size = at_least(minlength, 0, "minlength")
    if weights is None:
        indices, integers = x.indices, x.values
        added = backend.full(backend.shape(integers), 1, "int32")
    else:
        indices, integers, added, _ = aligned(x, _weights(weights))
    integers = as_index(integers)
    values = needed(integers, "bincount", "Count dense integers, with minlength=.")
    size = max(size, int(values.max()) + 1 if values.size else 0)
    inside = _inside(integers, size)
    places = [*columns(indices)[:-1], backend.where(inside, integers, 0)]
    dtype = backend.dtype(indices)
    places = [cast_tensor(place, dtype) for place in places]
    added = backend.where(inside, added, 0)
    return merged(SparseTensor(joined(places, indices), added, (*x.shape[:-1], size)))


def _weights(weights: Tensor) -> SparseTensor:
    """Return weights with all entries stored; sparse ones as they are."""
    x = parted(weights)
    return x if type(x) is SparseTensor else _stored(as_tensor(x), "int32")


def _inside(x: Tensor, size: int) -> Tensor:
    backend = current()
    return backend.logical_and(backend.less_equal(0, x), backend.less(x, size))


def _bincount(op: Any, x: Any, weights: Any = None, minlength: int = 0, *_: Any) -> Any:
    return counted(x, weights, minlength)


RULES["bincount"] = Rule(_bincount, first_sparse)
