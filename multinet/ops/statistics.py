"""Quantiles, differences, correlations, and reductions that leave NaN out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.axes import axes_of, axis_of
from multinet.ops.checks import at_least, real_floats
from multinet.ops.core import (
    as_tensor,
    both,
    cast_tensor,
    floating,
    host,
    op,
    operands,
    shape_of,
)
from multinet.ops.reductions import (
    argmax,
    argmin,
    cumprod,
    cumsum,
    mean,
    prod,
    var,
)
from multinet.ops.reductions import max as largest
from multinet.ops.reductions import min as smallest
from multinet.ops.reductions import sum as total
from multinet.ops.widening import in_float32, root
from multinet.registry import current
from multinet.symbolic.dims import Dim, public_shape
from multinet.typing import Axis, DType, Tensor

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")


@op
def diff(a: Tensor, n: int = 1, axis: int = -1) -> Tensor:
    """Return differences of neighbours along an axis, n times; of bool whether
    unequal.
    """
    a, backend = as_tensor(a), current()
    axis = axis_of(axis, len(shape_of(a)))
    n = at_least(n, 0, "n")
    apart = backend.not_equal if backend.dtype(a) == "bool" else backend.subtract
    for _ in range(n):
        shape = shape_of(a)
        start, step = [0] * len(shape), (1,) * len(shape)
        if type(shape[axis]) is int and shape[axis] == 0:
            break
        stop = list(shape)
        stop[axis] = shape[axis] - 1
        before = backend.slice(a, tuple(start), tuple(stop), step)
        start[axis] = 1
        a = apart(backend.slice(a, tuple(start), tuple(shape), step), before)
    return a


@op
def quantile(
    x: Tensor,
    q: Tensor,
    axis: Axis | None = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """Return the quantiles q in [0, 1] over axes; those of several q along a first
    axis.

    Between two elements `method` takes linear, lower, higher, midpoint or nearest.
    """
    flat, kept = _rows("quantile", x, axis, method)
    backend = current()
    size = shape_of(flat)[-1]
    if isinstance(size, Dim):
        size = 1
    ordered = backend.sort(flat)
    broken = backend.any(backend.isnan(flat), (len(shape_of(flat)) - 1,), True)
    ordered = backend.where(broken, math.nan, ordered)
    kept = kept if keepdims else None
    return _picked(ordered, _fractions(q), size - 1, method, kept)


def _rows(name: str, x: Any, axis: Any, method: str) -> tuple[Any, tuple[Any, ...]]:
    """Return `_joined` of floats, of which there must be some."""
    if method not in _METHODS:
        raise ArgumentError(f"Expected method {', '.join(_METHODS)}, got {method!r}.")
    x = real_floats(f"ops.{name}", x)
    flat, kept = _joined(x, axis)
    size = shape_of(flat)[-1]
    if not isinstance(size, Dim) and size == 0:
        raise ShapeError(
            f"ops.{name} expects axes that are not empty, got shape "
            f"{public_shape(shape_of(x))}."
        )
    return flat, kept


def _fractions(q: Any) -> np.ndarray[Any, Any]:
    """Return the quantiles to take, checked."""
    fractions = _float64(q)
    if fractions.ndim > 1 or not ((fractions >= 0) & (fractions <= 1)).all():
        raise ShapeError(
            f"Expected q as a number or a vector within [0, 1], got {fractions}."
        )
    return fractions


def _float64(q: Any) -> np.ndarray[Any, Any]:
    values = host(q)
    if values.dtype.kind not in "biuf" and dtypes.is_complex(str(values.dtype)):
        raise DTypeError(f"Expected q as real numbers, got {values.dtype}.")
    return np.asarray(values, np.float64)


def _joined(x: Any, axis: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return x with axes joined into the last one, and its shape with them as 1."""
    backend, shape = current(), shape_of(x)
    axes = axes_of(axis, len(shape))
    rest = [a for a in range(len(shape)) if a not in axes]
    moved = backend.transpose(x, (*rest, *axes))
    joined = math.prod(shape[a] for a in axes)
    flat = backend.reshape(moved, (*(shape[a] for a in rest), joined))
    return flat, tuple(1 if i in axes else n for i, n in enumerate(shape))


def _picked(ordered: Any, q: Any, top: int, method: str, kept: Any) -> Any:
    """Return the elements of sorted rows at positions q * top."""
    backend, last = current(), len(shape_of(ordered)) - 1
    results = []
    for place in np.atleast_1d(q) * top:
        low, high = int(math.floor(place)), int(math.ceil(place))
        if method == "nearest":
            low = high = int(np.round(place))
        weight = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}.get(method)
        weight = place - low if weight is None else weight
        a, b = (_at(ordered, i, last) for i in (low, high))
        if method == "midpoint" and low == high:
            weight = 0.0
        results.append(_between(a, b, float(weight)))
    if kept is not None:
        results = [backend.reshape(r, kept) for r in results]
    return results[0] if q.ndim == 0 else backend.stack(results, 0)


def _between(a: Any, b: Any, weight: Any) -> Any:
    """Return (1 - weight) * a + weight * b: a + weight * (b - a) loses infinities."""
    if type(weight) is float and weight in (0.0, 1.0):
        return b if weight else a
    backend = current()
    rest = 1 - weight if type(weight) is float else backend.subtract(1.0, weight)
    return backend.add(backend.multiply(a, rest), backend.multiply(b, weight))


def _at(ordered: Any, index: int, axis: int) -> Any:
    backend = current()
    return backend.take(ordered, backend.full((), index, "int32"), axis)


@op
def percentile(
    x: Tensor,
    q: Tensor,
    axis: Axis | None = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """Return the quantiles q / 100 over axes."""
    return quantile(x, _float64(q) / 100, axis, method, keepdims)


@op
def median(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the middle element over axes, the mean of the middle two if even."""
    return quantile(x, 0.5, axis, "linear", keepdims)


@op
@in_float32
def corrcoef(x: Tensor) -> Tensor:
    """Return the correlations of the rows of a matrix."""
    x, backend = floating(x), current()
    if len(shape_of(x)) == 1:
        x = backend.expand_dims(x, 0)
    if len(shape_of(x)) != 2:
        raise ShapeError(
            "ops.corrcoef expects a matrix or a vector, got shape "
            f"{public_shape(shape_of(x))}."
        )
    centred = backend.subtract(x, backend.mean(x, (1,), True))
    turned = backend.transpose(centred, (1, 0))
    complex_ = dtypes.is_complex(backend.dtype(x))
    products = backend.matmul(centred, backend.conj(turned) if complex_ else turned)
    powers = backend.sum(backend.square(backend.abs(centred)), (1,), True)
    lengths = backend.sqrt(backend.multiply(powers, backend.transpose(powers, (1, 0))))
    if complex_:
        lengths = backend.cast(lengths, backend.dtype(x))
    return backend.divide(products, lengths)


@op
def correlate(x1: Tensor, x2: Tensor, mode: str = "valid") -> Tensor:
    """Return the sums of products of two vectors at every shift: valid, same or
    full. Integers become floats.
    """
    x1, x2 = both(*operands(as_tensor(x1), as_tensor(x2), floating=True))
    backend, dtype = current(), current().dtype(x1)
    shapes = shape_of(x1), shape_of(x2)
    if any(len(s) != 1 or (type(s[0]) is int and s[0] == 0) for s in shapes):
        raise ShapeError(
            "ops.correlate expects two vectors that are not empty, got shapes "
            f"{public_shape(shapes[0])} and {public_shape(shapes[1])}."
        )
    n, m = shapes[0][0], shapes[1][0]
    if mode not in ("valid", "same", "full"):
        raise ArgumentError(f"Expected mode valid, same or full, got {mode!r}.")
    swap = m > n and mode != "full"
    a, b = (x2, x1) if swap else (x1, x2)
    n, m = (m, n) if swap else (n, m)
    same = (m // 2, m - 1 - m // 2)
    width = {"valid": (0, 0), "full": (m - 1, m - 1), "same": same}[mode]
    a = backend.pad(a, [width], 0)
    places = np.arange(n + sum(width) - m + 1)[:, None] + np.arange(m)
    rows = backend.take(a, backend.from_numpy(places.astype(np.int32)), 0)
    if dtypes.is_complex(dtype):
        b = backend.conj(b)
    y = backend.sum(backend.multiply(rows, b), (1,), False)
    return backend.flip(y, (0,)) if swap else y


# -- without NaN -----------------------------------------------------------------------


def _filled(x: Any, value: float) -> tuple[Any, Any]:
    """Return x with NaN replaced, and where it was (None for integers)."""
    x, backend = as_tensor(x), current()
    if not dtypes.is_differentiable(backend.dtype(x)):
        return x, None
    missing = backend.isnan(x)
    return backend.where(missing, value, x), missing


@op
def nansum(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the sum over axes, NaN counting as 0."""
    return total(_filled(x, 0.0)[0], axis, keepdims)


@op
def nanprod(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the product over axes, NaN counting as 1."""
    return prod(_filled(x, 1.0)[0], axis, keepdims)


@op
def nancumsum(x: Tensor, axis: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return running sums along an axis, NaN counting as 0."""
    return cumsum(_filled(x, 0.0)[0], axis, dtype)


@op
def nancumprod(
    x: Tensor, axis: int | None = None, dtype: DType | None = None
) -> Tensor:
    """Return running products along an axis, NaN counting as 1."""
    return cumprod(_filled(x, 1.0)[0], axis, dtype)


@op
def nanmax(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the largest over axes, leaving NaN out; NaN where there is nothing
    else.
    """
    return _nan_extreme(largest, x, -math.inf, axis, keepdims)


@op
def nanmin(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the smallest over axes, leaving NaN out; NaN where there is nothing
    else.
    """
    return _nan_extreme(smallest, x, math.inf, axis, keepdims)


def _nan_extreme(function: Any, x: Any, value: float, axis: Any, keepdims: bool) -> Any:
    filled, missing = _filled(x, value)
    result, backend = function(filled, axis, keepdims), current()
    if missing is None:
        return result
    nothing = backend.all(missing, axes_of(axis, len(shape_of(filled))), keepdims)
    return backend.where(nothing, math.nan, result)


@op
def nanargmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the int32 index of the first maximum, leaving NaN out; -1 if all are
    NaN.
    """
    return _nan_arg(argmax, x, -math.inf, axis, keepdims)


@op
def nanargmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the int32 index of the first minimum, leaving NaN out; -1 if all are
    NaN.
    """
    return _nan_arg(argmin, x, math.inf, axis, keepdims)


def _nan_arg(
    function: Any, x: Any, value: float, axis: int | None, keepdims: bool
) -> Any:
    filled, missing = _filled(x, value)
    result, backend = function(filled, axis, keepdims), current()
    if missing is None:
        return result
    nothing = backend.all(missing, axes_of(axis, len(shape_of(filled))), keepdims)
    return backend.where(nothing, -1, result)


@op
@in_float32
def nanmean(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the mean over axes, leaving NaN out."""
    filled, missing = _filled(x, 0.0)
    if missing is None:
        return mean(filled, axis, keepdims)
    sums = total(filled, axis, keepdims)
    return current().divide(sums, _present(missing, axis, keepdims, sums))


def _present(missing: Any, axis: Any, keepdims: bool, like: Any) -> Any:
    backend = current()
    present = backend.cast(backend.logical_not(missing), "int32")
    return backend.cast(total(present, axis, keepdims), backend.dtype(like))


@op
@in_float32
def nanvar(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the variance over axes, leaving NaN out."""
    filled, missing = _filled(x, 0.0)
    if missing is None:
        return var(filled, axis, keepdims)
    backend = current()
    count = _present(missing, axis, True, filled)
    centre = backend.divide(total(filled, axis, True), count)
    gaps = backend.where(missing, 0.0, backend.subtract(filled, centre))
    squares = total(backend.square(backend.abs(gaps)), axis, keepdims)
    return backend.divide(squares, _present(missing, axis, keepdims, squares))


@op
@in_float32
def nanstd(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over axes, leaving NaN out; gradient 0 at 0."""
    return root(nanvar(x, axis, keepdims))


@op
@in_float32
def nanquantile(
    x: Tensor,
    q: Tensor,
    axis: Axis | None = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """Return the quantiles q in [0, 1] over axes, leaving NaN out; methods as
    `quantile`.
    """
    flat, kept = _rows("nanquantile", x, axis, method)
    backend, last = current(), len(shape_of(flat)) - 1
    dtype = backend.dtype(flat)
    ordered = backend.sort(flat)  # NaN last
    present = backend.logical_not(backend.isnan(flat))
    count = backend.sum(backend.cast(present, "int32"), (last,), True)
    top = backend.cast(backend.maximum(backend.subtract(count, 1), 0), dtype)
    fractions, results = _fractions(q), []
    for fraction in np.atleast_1d(fractions):
        place = backend.multiply(top, float(fraction))
        low, high = backend.floor(place), backend.ceil(place)
        if method == "nearest":
            low = high = backend.round(place)
        a, b = (
            backend.take_along_axis(ordered, cast_tensor(i, "int32"), last)
            for i in (low, high)
        )
        weight: Any = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}.get(method)
        if weight is None:
            weight = backend.subtract(place, low)
            whole = backend.equal(weight, 0)  # of infinities 0 parts are NaN
            results.append(backend.where(whole, a, _between(a, b, weight)))
        else:
            results.append(_between(a, b, weight))
    results = [backend.squeeze(r, (last,)) for r in results]
    if keepdims:
        results = [backend.reshape(r, kept) for r in results]
    return results[0] if fractions.ndim == 0 else backend.stack(results, 0)


@op
def nanpercentile(
    x: Tensor,
    q: Tensor,
    axis: Axis | None = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """Return the quantiles q / 100 over axes, leaving NaN out."""
    return nanquantile(x, _float64(q) / 100, axis, method, keepdims)


@op
def nanmedian(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the median over axes, leaving NaN out."""
    return nanquantile(x, 0.5, axis, "linear", keepdims)
