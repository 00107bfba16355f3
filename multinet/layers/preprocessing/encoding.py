"""Categories as vectors: one-hot, multi-hot and counts, by ops and in NumPy.

Both follow one rule. Of (b, n) categories a sample's are the n; a last axis of 1 goes
where each category gets a vector of its own. A category outside of 0 to `depth` - 1
leaves no trace.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes, ops
from multinet.errors import ArgumentError, unknown_name
from multinet.typing import Host, Shape, Tensor

#: What a category may become.
MODES = ("int", "one_hot", "multi_hot", "count")


def mode_of(value: str, modes: Sequence[str] = MODES) -> str:
    """Return an `output_mode`, also by its old names; `ArgumentError` for another."""
    value = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(value, value)
    if value not in modes:
        raise unknown_name("output_mode", value, modes)
    return value


def sparse_of(sparse: bool, mode: str) -> bool:
    """Return whether vectors are sparse tensors; `ArgumentError` for the mode "int"."""
    if sparse and mode == "int":
        raise ArgumentError(
            "Expected sparse=False beside output_mode='int', whose results are all "
            f"stored, got sparse={sparse!r}."
        )
    return bool(sparse)


def encoded(
    indices: Tensor,
    mode: str,
    depth: int,
    dtype: str,
    weights: Tensor | None = None,
    sparse: bool = False,
) -> Tensor:
    """Return categories (b, n) as vectors (b, depth), by ops; "one_hot" (b, n, depth).

    `weights`, shaped as the categories, say how much each counts. With `sparse` the
    result is a sparse tensor, unless the mode is "int".
    """
    if mode == "int":
        return ops.cast(indices, dtype)
    shape = ops.shape(indices)
    if len(shape) == 0:
        indices, shape = ops.expand_dims(indices, 0), (1,)
    if mode == "one_hot":
        if len(shape) > 1 and shape[-1] == 1:
            indices = ops.squeeze(indices, -1)
        return ops.one_hot(indices, depth, dtype=dtype, sparse=sparse)
    if sparse and mode == "multi_hot":
        return ops.multi_hot(indices, depth, dtype=dtype, sparse=True)
    hot = ops.one_hot(indices, depth, dtype=dtype, sparse=sparse)  # ..., n, depth
    axis = 1 if len(shape) > 1 else 0
    if mode == "multi_hot":
        return ops.max(hot, axis=axis)
    if weights is not None:
        hot = ops.multiply(hot, ops.expand_dims(weights, -1))
    return ops.sum(hot, axis=axis)


def encoded_on_host(indices: Host, mode: str, depth: int, dtype: str) -> Host:
    """Return what `encoded` does, in NumPy and without the one-hot vectors between."""
    kind = dtypes.to_numpy(dtype)
    if mode == "int":
        return indices.astype(kind, copy=False)
    sets = np.atleast_1d(indices)  # of categories along the last axis, a vector each
    if mode != "one_hot":
        sets = np.moveaxis(sets, 1 if sets.ndim > 1 else 0, -1)
    elif sets.ndim == 1 or sets.shape[-1] != 1:
        sets = sets[..., None]
    outer = sets.shape[:-1]
    rows = sets.reshape(math.prod(outer), sets.shape[-1])
    found = np.zeros((len(rows), depth), kind)
    row, place = np.nonzero((rows >= 0) & (rows < depth))
    category = rows[row, place]
    if mode == "count":
        np.add.at(found, (row, category), kind.type(1))
    else:
        found[row, category] = 1
    return found.reshape(*outer, depth)


def encoded_shape(shape: Sequence[Any], mode: str, depth: int) -> Shape:
    """Return the shape of what both make of categories of a shape."""
    shape = tuple(shape)
    if mode == "int":
        return shape
    shape = shape or (1,)
    if mode == "one_hot":
        alone = len(shape) > 1 and isinstance(shape[-1], int) and shape[-1] == 1
        return (*(shape[:-1] if alone else shape), depth)
    return (shape[0], *shape[2:], depth) if len(shape) > 1 else (depth,)
