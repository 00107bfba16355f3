"""How ops compute with sparse tensors by their parts; all others get them dense.

A rule gets the public op and its arguments, sparse tensors as `SparseTensor`s, and
returns NotImplemented of what it has no answer for. What a sparse tensor does not store
is 0, whatever it meets: 0 * inf is 0 here.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.ops.axes import axes_of, axis_of
from multinet.ops.core import (
    as_tensor,
    both,
    broadcast_shapes,
    cast_tensor,
    is_scalar,
    operands,
)
from multinet.ops.creation import shape_tuple
from multinet.ops.reductions import summed
from multinet.ops.sparse_entries import (
    aligned,
    columns,
    count_axes,
    flat_index,
    joined,
    kept,
    known,
    merged,
    with_entries,
)
from multinet.ops.sparse_forms import (
    RULES,
    Rule,
    all_sparse,
    any_sparse,
    dense,
    first_alone,
    first_sparse,
    scattered,
)
from multinet.registry import current
from multinet.sparse import SparseTensor
from multinet.typing import Host

# The ops that are 0 at 0, elementwise: those that add up, and the others.
_LINEAR = "cast conj conjugate copy deg2rad imag negative rad2deg real stop_gradient"
_UNARY = """abs absolute arcsin arcsinh arctan arctanh cbrt ceil erf erfinv expm1 fabs
    floor log1p nan_to_num round saturate_cast sign sin sinh sqrt square tan tanh trunc
    celu elu gelu hard_shrink hard_silu hard_tanh leaky_relu relu relu6 selu silu
    soft_shrink softsign tanh_shrink"""


def _rule(names: str, keeps: Any, always: bool = False) -> Any:
    """Return the decorator of the rule of ops; see `Rule`."""

    def decorate(function: Any) -> Any:
        RULES.update(dict.fromkeys(names.split(), Rule(function, keeps, always)))
        return function

    return decorate


# -- elementwise -----------------------------------------------------------------------


@_rule(_LINEAR, first_sparse)
def _linear(op: Any, x: SparseTensor, *args: Any) -> Any:
    return x.with_values(op(x.values, *args))


@_rule(_UNARY, first_sparse)
def _unary(op: Any, x: SparseTensor, *args: Any) -> Any:
    x = merged(x)
    return x.with_values(op(x.values, *args))


@_rule("digitize", first_sparse)
def _digitize(op: Any, x: SparseTensor, bins: Any) -> Any:
    if np.digitize(0, np.asarray(bins)) != 0:
        return NotImplemented
    return _unary(op, x, bins)


@_rule("add subtract maximum minimum", all_sparse)
def _union(op: Any, x: Any, y: Any) -> Any:
    """Compute at the indices of either; with a dense tensor the result is dense."""
    if not _alike(x, y):
        return NotImplemented
    if x.indices is y.indices and x.unique:
        return x.with_values(op(x.values, y.values))
    indices, first, second, _ = aligned(x, y)
    return SparseTensor(indices, op(first, second), x.shape, True)


@_rule("multiply", any_sparse)
def _product(op: Any, x: Any, y: Any) -> Any:
    """Compute at the indices of both, or of the one that is sparse."""
    if _alike(x, y):
        if x.indices is y.indices and x.unique:
            return x.with_values(op(x.values, y.values))
        indices, first, second, shared = aligned(x, y)
        product = SparseTensor(indices, op(first, second), x.shape, True)
        return kept(product, shared)
    if type(x) is type(y):
        return NotImplemented
    sparse, other = (x, y) if type(x) is SparseTensor else (y, x)
    factor = _at(other, sparse)
    if factor is NotImplemented:
        return NotImplemented
    values = (sparse.values, factor) if sparse is x else (factor, sparse.values)
    return sparse.with_values(op(*values))


@_rule("divide true_divide", first_alone)
def _quotient(op: Any, x: Any, y: Any) -> Any:
    """Compute at the indices of x, and where y is 0 or NaN; no divisor is sparse."""
    if type(y) is SparseTensor:
        return NotImplemented
    divisor = as_tensor(y)
    odd = current().equal(divisor, 0)
    if not dtypes.is_integer(current().dtype(divisor)):
        odd = current().logical_or(odd, current().isnan(divisor))
    if _is_number(y):
        inside = known(odd)
        if inside is None or inside:
            return NotImplemented
        return x.with_values(op(x.values, y))
    if _at(divisor, x) is NotImplemented:
        return NotImplemented
    odd = current().broadcast_to(odd, x.shape)
    odd = current().any(odd, tuple(range(count_axes(x), len(x.shape))), False)
    x = with_entries(merged(x), odd)
    return x.with_values(op(x.values, _at(divisor, x)))


def _is_number(x: Any) -> bool:
    return is_scalar(x) or not current().shape(as_tensor(x))


def _at(y: Any, x: SparseTensor) -> Any:
    """Return the values of a dense tensor where a sparse one has its own.

    NotImplemented where it does not broadcast to the shape of that.
    """
    if _is_number(y):
        return y
    backend, y, axes = current(), as_tensor(y), count_axes(x)
    shape = tuple(backend.shape(y))
    if broadcast_shapes(x.shape, shape) != x.shape:
        return NotImplemented
    shape = (1,) * (len(x.shape) - len(shape)) + shape
    flat = backend.reshape(y, (math.prod(shape[:axes]), *shape[axes:]))
    return backend.take(flat, flat_index(x.indices, shape[:axes]), 0)


def _alike(x: Any, y: Any) -> bool:
    """Return whether two are sparse tensors of one shape, both of entries or rows."""
    if not type(x) is type(y) is SparseTensor:
        return False
    return x.shape == y.shape and count_axes(x) == count_axes(y)


# -- reductions and contraction --------------------------------------------------------


@_rule("sum mean", first_sparse)
def _sum(op: Any, x: SparseTensor, axis: Any = None, keepdims: bool = False) -> Any:
    if not x.of_entries:
        return NotImplemented
    backend, axes = current(), axes_of(axis, len(x.shape))
    # The op of one number each, for the dtype of its results.
    values = op(backend.expand_dims(x.values, 1), 1)
    if op.__name__ == "mean":
        values = backend.divide(values, math.prod(x.shape[i] for i in axes))
    places, shape = columns(x.indices), x.shape
    if keepdims:
        places = [_zero(p) if i in axes else p for i, p in enumerate(places)]
        shape = tuple(1 if i in axes else n for i, n in enumerate(shape))
    else:
        places = [p for i, p in enumerate(places) if i not in axes]
        shape = tuple(n for i, n in enumerate(shape) if i not in axes)
    indices = joined(places, x.indices)
    return merged(SparseTensor(indices, values, shape, x.unique and not axes))


def _zero(places: Any) -> Any:
    return current().full(current().shape(places), 0, current().dtype(places))


@_rule("matmul", all_sparse, always=True)
def _matmul(op: Any, x: Any, y: Any) -> Any:
    """Return a dense product, of two sparse tensors a sparse one."""
    if any(type(z) is SparseTensor and not z.of_entries for z in (x, y)):
        return NotImplemented
    if type(x) is type(y):
        return _sparse_product(x, y)
    if type(x) is SparseTensor:
        return _times(x, as_tensor(y))
    x, backend = as_tensor(x), current()
    if len(backend.shape(x)) < 2 or len(y.shape) != 2:
        return NotImplemented
    size, shape = y.shape[1], backend.shape(x)[:-1]
    flat = backend.reshape(x, (math.prod(shape), backend.shape(x)[-1]))
    result = _times(_transposed(y, (1, 0)), backend.transpose(flat, (1, 0)))
    if result is NotImplemented:
        return NotImplemented
    return backend.reshape(backend.transpose(result, (1, 0)), (*shape, size))


def _times(x: SparseTensor, y: Any) -> Any:
    """Return x @ y for (..., m, k) and a dense (k, n), or (..., k, n) of the same."""
    backend, shape = current(), current().shape(y)
    batch = x.shape[:-2] if len(shape) > 2 else ()
    if len(x.shape) < 2 or len(shape) < 2:
        return NotImplemented
    if shape[:-2] != batch or shape[-2] != x.shape[-1]:
        return NotImplemented
    values, y = both(*operands(x.values, y))
    dtype = summed(backend.dtype(y))
    values, y = cast_tensor(values, dtype), cast_tensor(y, dtype)
    places = columns(x.indices)
    rows = joined([*places[: len(batch)], places[-1]], x.indices)
    flat = backend.reshape(y, (math.prod(shape[:-1]), shape[-1]))
    picked = backend.take(flat, flat_index(rows, shape[:-1]), 0)
    parts = backend.multiply(backend.expand_dims(values, 1), picked)
    whole = (*x.shape[:-1], shape[-1])
    return scattered(whole, joined(places[:-1], x.indices), parts)


def _sparse_product(x: SparseTensor, y: SparseTensor) -> Any:
    """Return x @ y of one batch: the products of entries that share an inner index."""
    batch, backend = x.shape[:-2], current()
    if len(x.shape) < 2 or x.shape[-1:] != y.shape[-2:-1] or batch != y.shape[:-2]:
        return NotImplemented
    ours, theirs = columns(x.indices), columns(y.indices)
    inner = (*batch, x.shape[-1])
    left = flat_index(joined([*ours[:-2], ours[-1]], x.indices), inner)
    right = flat_index(joined(theirs[:-1], y.indices), inner)
    ids, others = backend.known(left), backend.known(right)
    if ids is None or others is None:  # in a program: all entries are stored
        return _filled(_times(x, dense(y)), x.indices)
    first, second = map(backend.from_numpy, _pairs(ids, others))
    factors = both(*operands(x.values, y.values))
    factors = [backend.take(v, i, 0) for v, i in zip(factors, (first, second))]
    products = backend.multiply(*factors)
    places = [backend.take(place, first, 0) for place in ours[:-1]]
    last = backend.take(theirs[-1], second, 0)
    places.append(backend.cast(last, backend.dtype(x.indices)))
    shape = (*x.shape[:-1], y.shape[-1])
    return merged(SparseTensor(joined(places, x.indices), products, shape))


def _pairs(left: Host, right: Host) -> tuple[Host, Host]:
    """Return the places in both of each pair of equal integers."""
    order = np.argsort(right, kind="stable")
    starts = np.searchsorted(right[order], left, "left")
    counts = np.searchsorted(right[order], left, "right") - starts
    first = np.repeat(np.arange(len(left)), counts)
    within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    second = order[np.repeat(starts, counts) + within]
    return first.astype("int32"), second.astype("int32")


def _filled(x: Any, like: Any) -> Any:
    """Return a dense tensor as a sparse one that stores each entry."""
    if x is NotImplemented:
        return x
    backend, shape = current(), current().shape(x)
    places = np.argwhere(np.ones(shape)).astype(current().dtype(like))
    values = backend.reshape(x, (math.prod(shape),))
    return SparseTensor(backend.from_numpy(places), values, shape, True)


# -- shapes ----------------------------------------------------------------------------


@_rule("reshape", first_sparse)
def _reshape(op: Any, x: SparseTensor, newshape: Any) -> Any:
    shape, total = list(shape_tuple(newshape)), math.prod(x.shape)
    if not x.of_entries or total >= 2**31 and current().dtype(x.indices) == "int32":
        return NotImplemented
    if -1 in shape:
        rest = math.prod(n for n in shape if n != -1)
        shape[shape.index(-1)] = total // rest if rest else 0
    if math.prod(shape) != total or min(shape, default=0) < 0:
        return NotImplemented
    backend, flat = current(), flat_index(x.indices, x.shape)
    places = []
    for size in reversed(shape):
        places.append(backend.mod(flat, size) if size > 1 else _zero(flat))
        flat = backend.floor_divide(flat, size) if size > 1 else flat
    return SparseTensor(joined(places[::-1], x.indices), x.values, shape, x.unique)


@_rule("transpose", first_sparse)
def _transpose(op: Any, x: SparseTensor, axes: Any = None) -> Any:
    rank = len(x.shape)
    order = range(rank)[::-1] if axes is None else [axis_of(a, rank) for a in axes]
    if not x.of_entries or sorted(order) != list(range(rank)):
        return NotImplemented
    return _transposed(x, order)


def _transposed(x: SparseTensor, order: Any) -> SparseTensor:
    places = columns(x.indices)
    indices = joined([places[i] for i in order], x.indices)
    return SparseTensor(indices, x.values, [x.shape[i] for i in order], x.unique)


@_rule("swapaxes", first_sparse)
def _swapaxes(op: Any, x: SparseTensor, axis1: int, axis2: int) -> Any:
    order = list(range(len(x.shape)))
    i, j = axis_of(axis1, len(order)), axis_of(axis2, len(order))
    order[i], order[j] = j, i
    return _transposed(x, order) if x.of_entries else NotImplemented


@_rule("moveaxis", first_sparse)
def _moveaxis(op: Any, x: SparseTensor, source: Any, destination: Any) -> Any:
    rank = len(x.shape)
    several = isinstance(source, tuple | list), isinstance(destination, tuple | list)
    if any(several) or not x.of_entries:
        return NotImplemented
    order = [i for i in range(rank) if i != axis_of(source, rank)]
    order.insert(axis_of(destination, rank), axis_of(source, rank))
    return _transposed(x, order)


@_rule("expand_dims", first_sparse)
def _expand_dims(op: Any, x: SparseTensor, axis: Any) -> Any:
    if not x.of_entries:
        return NotImplemented
    several = axis if isinstance(axis, tuple | list) else (axis,)
    places, shape = columns(x.indices), list(x.shape)
    zero = current().full(
        (current().shape(x.indices)[0],), 0, current().dtype(x.indices)
    )
    for at in sorted(axis_of(a, len(shape) + len(several)) for a in several):
        places.insert(at, zero)
        shape.insert(at, 1)
    return SparseTensor(joined(places, x.indices), x.values, shape, x.unique)


@_rule("squeeze", first_sparse)
def _squeeze(op: Any, x: SparseTensor, axis: Any = None) -> Any:
    ones = tuple(i for i, n in enumerate(x.shape) if n == 1)
    axes = ones if axis is None else axes_of(axis, len(x.shape))
    if not x.of_entries or not set(axes) <= set(ones):
        return NotImplemented
    places = [p for i, p in enumerate(columns(x.indices)) if i not in axes]
    shape = [n for i, n in enumerate(x.shape) if i not in axes]
    return SparseTensor(joined(places, x.indices), x.values, shape, x.unique)


@_rule("concatenate", all_sparse)
def _concatenate(op: Any, xs: Any, axis: int = -1) -> Any:
    parts = list(xs)
    if not all(type(x) is SparseTensor and x.of_entries for x in parts):
        return NotImplemented
    rank, backend = len(parts[0].shape), current()
    at = axis_of(axis, rank)
    rest = {(*x.shape[:at], *x.shape[at + 1 :]) for x in parts}
    if len(rest) > 1:
        return NotImplemented
    indices, start, dtype = [], 0, backend.dtype(parts[0].indices)
    for x in parts:
        places = columns(backend.cast(x.indices, dtype))
        places[at] = backend.add(places[at], start)
        indices.append(joined(places, x.indices))
        start += x.shape[at]
    shape = (*parts[0].shape[:at], start, *parts[0].shape[at + 1 :])
    values = op([x.values for x in parts], 0)
    whole = backend.concatenate(indices, 0)
    return SparseTensor(whole, values, shape, all(x.unique for x in parts))


# -- conversion, and layers ------------------------------------------------------------


def _is_wanted(args: Any) -> bool:
    """the first argument is, unless `sparse=False`"""
    return first_sparse(args) and (len(args) < 3 or args[2] in (None, True))


@_rule("convert_to_tensor array", _is_wanted)
def _convert(op: Any, x: Any, dtype: Any = None, sparse: Any = None, *_: Any) -> Any:
    if sparse is not None and not sparse:
        return NotImplemented
    if dtype is None:
        return x
    return x.with_values(cast_tensor(x.values, dtypes.standardize(dtype)))


@_rule("dense", lambda args: False, always=True)
def _dense(op: Any, x: Any, kernel: Any, bias: Any = None) -> Any:
    kernel, backend = as_tensor(kernel), current()
    if type(x) is not SparseTensor or not x.of_entries:
        return NotImplemented
    dtype = backend.dtype(kernel)
    product = _times(x.with_values(cast_tensor(x.values, dtype)), kernel)
    if product is NotImplemented or bias is None:
        return product
    return backend.add(product, as_tensor(bias, dtype))
