"""Kernels: reductions, shape, indexing and sorting, on plain arrays."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.errors import ArgumentError
from multinet.interface import filling, in_program, refused
from multinet_numpy.dtypes import LOW, NAMES, like, widened

_ROWS = 64  # rows a block: longer runs of sequential float32 additions lose digits
_ONES: dict[tuple[Any, int], Any] = {}
_UNSIGNED = {4: np.uint32, 8: np.uint64}

# -- reductions ------------------------------------------------------------------------


@widened
def sum(x: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """Return the sum: pairwise over inner axes, blocked over outer ones."""
    if x.dtype.kind not in "fc":
        return np.add.reduce(x, axis=tuple(axes), dtype=x.dtype, keepdims=keepdims)
    shape = x.shape
    if axes == (0,) and len(shape) == 2 and x.dtype.kind == "f" and not keepdims:
        if 0 < shape[0] <= _ROWS:  # a bias gradient
            return np.matmul(ones(shape[0], x.dtype), x)
    if len(axes) == x.ndim:
        total = np.add.reduce(x.reshape(-1))
        return np.full((1,) * x.ndim, total) if keepdims and shape else total
    kept = list(shape)
    for first, last in reversed(_runs(axes)):
        rows = math.prod(kept[first:last])
        inner = math.prod(kept[last:])
        outer = math.prod(kept[:first])
        x = _sum_middle(x.reshape(outer, rows, inner))
        kept[first:last] = [1] * (last - first)
    if not keepdims:
        kept = [n for i, n in enumerate(shape) if i not in axes]
    return x.reshape(kept)


def _runs(axes: Sequence[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for axis in axes:
        if runs and runs[-1][1] == axis:
            runs[-1] = (runs[-1][0], axis + 1)
        else:
            runs.append((axis, axis + 1))
    return runs


def ones(count: int, dtype: Any) -> Any:
    """Return a cached vector of ones, never to be written."""
    found = _ONES.get((dtype, count))
    if found is None:
        if len(_ONES) > 256:
            _ONES.clear()
        found = _ONES[(dtype, count)] = np.ones(count, dtype)
    return found


def _sum_middle(x: Any) -> Any:
    """Sum (outer, rows, inner) over rows."""
    outer, rows, inner = x.shape
    if inner == 1 or rows == 0:
        return np.add.reduce(x, axis=1)
    if x.dtype.kind == "c":
        parts = np.ascontiguousarray(x).view(x.real.dtype)
        return _sum_middle(parts).view(x.dtype)
    while rows > 1:
        if rows <= _ROWS:
            return np.matmul(ones(rows, x.dtype), x)
        whole = rows - rows % _ROWS
        blocks = x[:, :whole].reshape(outer * (whole // _ROWS), _ROWS, inner)
        part = np.matmul(ones(_ROWS, x.dtype), blocks)
        part = part.reshape(outer, whole // _ROWS, inner)
        if whole < rows:
            tail = np.matmul(ones(rows - whole, x.dtype), x[:, whole:])
            part = np.concatenate((part, tail[:, None]), axis=1)
        x, rows = part, part.shape[1]
    return x[:, 0]


def unbroadcast(x: Any, shape: tuple[int, ...]) -> Any:
    """Sum over the axes along which `shape` was broadcast to x's shape."""
    extra = x.ndim - len(shape)
    sizes = zip(shape, x.shape[extra:])
    axes = [i + extra for i, (n, m) in enumerate(sizes) if n == 1 and m != 1]
    return sum(x, (*range(extra), *axes), False).reshape(shape)


@widened
def prod(x: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """Return the product over axes."""
    return np.multiply.reduce(x, axis=tuple(axes), dtype=x.dtype, keepdims=keepdims)


def max(x: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """Return the largest over axes."""
    return np.maximum.reduce(x, axis=tuple(axes), keepdims=keepdims)


def min(x: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """Return the smallest over axes."""
    return np.minimum.reduce(x, axis=tuple(axes), keepdims=keepdims)


def tie_shares(x: Any, best: Any, axes: Sequence[int]) -> Any:
    """Return the part that each element has in the maximum or minimum `best`."""
    best = best.reshape([1 if i in axes else n for i, n in enumerate(x.shape)])
    ties = np.equal(x, best)
    if np.isnan(best).any():
        ties |= np.isnan(x)
    count = np.add.reduce(ties, axis=tuple(axes), keepdims=True)
    return np.multiply(ties, (1 / count).astype(x.dtype))


def any(x: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """Return whether any is true."""
    return np.logical_or.reduce(x, axis=tuple(axes), keepdims=keepdims)


def all(x: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """Return whether all are true."""
    return np.logical_and.reduce(x, axis=tuple(axes), keepdims=keepdims)


def argmax(x: Any, axis: int) -> Any:
    """Return the index of the first maximum."""
    return np.argmax(x, axis).astype(np.int32)


def argmin(x: Any, axis: int) -> Any:
    """Return the index of the first minimum."""
    return np.argmin(x, axis).astype(np.int32)


@widened
def cumsum(x: Any, axis: int) -> Any:
    """Return running sums."""
    return np.add.accumulate(x, axis, x.dtype)


@widened
def cumprod(x: Any, axis: int) -> Any:
    """Return running products."""
    return np.multiply.accumulate(x, axis, x.dtype)


# -- shape -----------------------------------------------------------------------------


def reshape(x: Any, shape: tuple[int, ...]) -> Any:
    """Return the elements in another shape."""
    return x.reshape(shape)


def transpose(x: Any, permutation: Sequence[int]) -> Any:
    """Permute the axes."""
    return x.transpose(permutation)


def swap(x: Any) -> Any:
    """Swap the last two axes."""
    return x.T if x.ndim == 2 else x.swapaxes(-1, -2)


def broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Expand to `shape`: a copy where that is faster than NumPy's Python-level view."""
    if math.prod(shape) > 2048:
        return np.broadcast_to(x, shape)
    out = np.empty(shape, x.dtype)
    out[...] = x
    return out


def concatenate(*args: Any) -> Any:
    """Join the arrays args[:-1] along axis args[-1]."""
    return np.concatenate(args[:-1], args[-1])


def stack(*xs: Any) -> Any:
    """Join arrays along a new first axis."""
    return np.stack(xs)


def pad(x: Any, widths: Sequence[tuple[int, int]], value: Any) -> Any:
    """Surround with a constant."""
    shape = [n + before + after for n, (before, after) in zip(x.shape, widths)]
    out = np.full(shape, like(value, x), x.dtype)
    out[tuple([np.s_[b : b + n] for n, (b, _) in zip(x.shape, widths)])] = x
    return out


def flip(x: Any, axes: Sequence[int]) -> Any:
    """Reverse the order along axes."""
    return x[tuple([np.s_[::-1] if i in axes else np.s_[:] for i in range(x.ndim)])]


# -- indexing --------------------------------------------------------------------------


def getitem(x: Any, key: Any) -> Any:
    """Return x[key]."""
    return x[key]


def getitem_adjoint(g: Any, key: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros of `shape` with g added at `key`."""
    out = np.zeros(shape, g.dtype)
    keys = key if type(key) is tuple else (key,)
    if not builtins.any(isinstance(k, (np.ndarray, list)) for k in keys):
        out[key] = g
    elif builtins.all(isinstance(k, np.ndarray) and k.dtype.kind == "i" for k in keys):
        return _scatter_add(out, keys, g)
    else:
        np.add.at(out, key, g)
    return out


def outside(indices: Any, size: int) -> Any:
    """Return where indices are out of [0, size), None if nowhere."""
    places = indices.view(_UNSIGNED[indices.dtype.itemsize])  # negative ones are large
    if not places.size or np.maximum.reduce(places, None) < size:
        return None
    return (indices < 0) | (indices >= size)


def _refuse(indices: Any, size: int) -> None:
    """Raise for indices out of range, outside of programs."""
    error = None if in_program() else refused(indices, size)
    if error is not None:
        raise error


def _blank(dtype: Any, fill: Any) -> Any:
    value = filling(NAMES[dtype.type]) if fill is None else fill
    return np.array(value).astype(dtype)


def take(x: Any, indices: Any, axis: int, fill: Any = None) -> Any:
    """Pick slices along an axis; `fill` stands for those out of range."""
    wrong = outside(indices, x.shape[axis])
    if wrong is None:
        return np.take(x, indices, axis)
    if fill is None:
        _refuse(indices, x.shape[axis])
    rest = x.shape[axis + 1 :]
    blank = _blank(x.dtype, fill)
    if not x.shape[axis]:
        return np.full((*x.shape[:axis], *indices.shape, *rest), blank)
    picked = np.take(x, np.where(wrong, 0, indices), axis)
    return np.where(wrong.reshape((*wrong.shape, *[1] * len(rest))), blank, picked)


def take_adjoint(g: Any, indices: Any, axis: int, shape: tuple[int, ...]) -> Any:
    """Return zeros of `shape` with the slices of g added where `take` picked them."""
    count = np.ndim(indices)
    rows = np.moveaxis(g, range(axis, axis + count), range(count))
    kept = shape[:axis] + shape[axis + 1 :]
    out = np.zeros((shape[axis], *kept), g.dtype)
    rows, flat = rows.reshape(-1, *kept), np.reshape(indices, -1)
    wrong = outside(flat, shape[axis])
    if wrong is not None:
        rows, flat = rows[~wrong], flat[~wrong]
    return np.moveaxis(_scatter_add(out, (flat,), rows), 0, axis)


def take_along_axis(x: Any, indices: Any, axis: int, fill: Any = None) -> Any:
    """Pick elements along an axis; `fill` stands for those out of range."""
    wrong = outside(indices, x.shape[axis])
    if wrong is None:
        return np.take_along_axis(x, indices, axis)
    if fill is None:
        _refuse(indices, x.shape[axis])
    blank = _blank(x.dtype, fill)
    if not x.shape[axis]:
        return np.full(indices.shape, blank)
    picked = np.take_along_axis(x, np.where(wrong, 0, indices), axis)
    return np.where(wrong, blank, picked)


def take_along_axis_adjoint(g: Any, indices: Any, axis: int, shape: Any) -> Any:
    """Return zeros of `shape` with g added where `take_along_axis` picked."""
    wrong = outside(indices, shape[axis])
    if wrong is not None:
        g, indices = np.where(wrong, g.dtype.type(0), g), np.where(wrong, 0, indices)
    if not math.prod(shape):
        return np.zeros(shape, g.dtype)
    places = list(np.ix_(*map(np.arange, indices.shape)))
    places[axis] = indices
    flat = np.ravel_multi_index(tuple(places), shape).reshape(-1)
    zeros = np.zeros(math.prod(shape), g.dtype)
    return _add_rows(zeros, flat, g.reshape(-1)).reshape(shape)


def scatter(x: Any, indices: Any, updates: Any, mode: str) -> Any:
    """Return x with updates combined at indices (n, k)."""
    key = tuple(indices[:, i] for i in range(indices.shape[1]))
    if mode == "add":
        return _scatter_add(x, key, updates)
    out = x.copy()
    if mode == "set":
        out[key] = updates
    elif mode in _COMBINE:
        _COMBINE[mode].at(out, key, updates)
    else:
        raise ArgumentError(
            f"scatter's mode is set, add, multiply, max or min, got {mode!r}."
        )
    return out


_COMBINE = {"multiply": np.multiply, "max": np.maximum, "min": np.minimum}


def _scatter_add(x: Any, key: tuple[Any, ...], updates: Any) -> Any:
    """Return x with updates added at x[key]: one integer array a leading axis."""
    leading = x.shape[: len(key)]
    flat = np.ravel_multi_index(key, leading) if len(key) != 1 else key[0]
    rows, width = math.prod(leading), math.prod(x.shape[len(key) :])
    table, updates = x.reshape(rows, width), updates.reshape(-1, width)
    return _add_rows(table, flat.reshape(-1), updates).reshape(x.shape)


@widened
def _add_rows(table: Any, index: Any, rows: Any) -> Any:
    out = table.copy()
    if index.size == 0:
        return out
    if rows.ndim == 1 or rows.shape[1] == 1:
        np.add.at(out.reshape(-1), index, rows.reshape(-1))
        return out
    # 2-D np.add.at is 4 to 13 times slower than sorting and summing runs.
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    out[ordered[starts]] += np.add.reduceat(rows[order], starts, axis=0)
    return out


# -- sorting ---------------------------------------------------------------------------


def _plain(x: Any) -> Any:
    # bfloat16 sorts NaN first
    return x.astype(np.float32) if x.dtype.type in LOW else x


def sort(x: Any) -> Any:
    """Sort the last axis."""
    return np.sort(_plain(x), -1).astype(x.dtype, copy=False)


def argsort(x: Any) -> Any:
    """Return the stable order that sorts the last axis."""
    return np.argsort(_plain(x), -1, kind="stable").astype(np.int32)


def searchsorted(sorted: Any, values: Any, side: Any) -> Any:
    """Return insertion points."""
    return np.searchsorted(_plain(sorted), _plain(values), side).astype(np.int32)
