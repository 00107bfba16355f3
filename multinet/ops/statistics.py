"""Differences, correlations, and reductions that leave NaN out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, ShapeError
from multinet.ops.axes import axes_of, axis_of
from multinet.ops.checks import at_least
from multinet.ops.core import (
    as_tensor,
    both,
    floating,
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
from multinet.symbolic.dims import public_shape
from multinet.typing import Axis, DType, Tensor


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
