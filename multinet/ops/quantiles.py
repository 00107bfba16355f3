"""Quantiles, over all elements or leaving NaN out."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.axes import axes_of
from multinet.ops.checks import real_floats
from multinet.ops.core import cast_tensor, host, op, shape_of
from multinet.ops.widening import in_float32
from multinet.registry import current
from multinet.symbolic.dims import Dim, public_shape
from multinet.typing import Axis, Tensor

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest")
#: The denominator up to which a fraction is taken for the number that was meant.
_FINEST = 10**6
_WEIGHTS = {"lower": 0.0, "higher": 1.0, "midpoint": 0.5}


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
    Where nobody knows the values of q, in graphs and compiled functions, one outside
    gives NaN.
    """
    return _quantiles(x, _fractions(q), axis, method, keepdims)


@op
def percentile(
    x: Tensor,
    q: Tensor,
    axis: Axis | None = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """Return the quantiles q / 100 over axes."""
    return _quantiles(x, _fractions(q, 100), axis, method, keepdims)


@op
def median(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the middle element over axes, the mean of the middle two if even."""
    return quantile(x, 0.5, axis, "linear", keepdims)


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
    return _nan_quantiles(x, _fractions(q), axis, method, keepdims)


@op
@in_float32
def nanpercentile(
    x: Tensor,
    q: Tensor,
    axis: Axis | None = None,
    method: str = "linear",
    keepdims: bool = False,
) -> Tensor:
    """Return the quantiles q / 100 over axes, leaving NaN out."""
    return _nan_quantiles(x, _fractions(q, 100), axis, method, keepdims)


@op
def nanmedian(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the median over axes, leaving NaN out."""
    return nanquantile(x, 0.5, axis, "linear", keepdims)


def _fractions(q: Any, whole: int = 1) -> tuple[list[Any], bool]:
    """Return q / whole as floats, or scalar tensors of float32 where nobody knows their
    values; and whether there are several.
    """
    backend = current()
    if backend.is_tensor(q) and backend.known(q) is None:
        q = cast_tensor(real_floats("ops.quantile", q), "float32")
        q, rank = backend.divide(q, float(whole)), len(shape_of(q))
        if rank == 0:
            return [q], False
        if rank > 1 or isinstance(shape_of(q)[0], Dim):
            raise ShapeError(
                "Expected q as a number or a vector of known size, got shape "
                f"{public_shape(shape_of(q))}."
            )
        parts = backend.split(q, (1,) * shape_of(q)[0], 0)
        return [backend.squeeze(part, (0,)) for part in parts], True
    values = host(q)
    if values.dtype.kind not in "biuf" and dtypes.is_complex(str(values.dtype)):
        raise DTypeError(f"Expected q as real numbers, got {values.dtype}.")
    fractions = np.asarray(values, np.float64) / whole
    if fractions.ndim > 1 or not ((fractions >= 0) & (fractions <= 1)).all():
        raise ShapeError(
            f"Expected q as a number or a vector within [0, 1], got {fractions}."
        )
    return np.atleast_1d(fractions).tolist(), fractions.ndim == 1


def _rows(name: str, x: Any, axis: Any, method: str) -> tuple[Any, tuple[Any, ...]]:
    """Return floats with the axes joined into a last one, of which there must be some,
    and the shape with them as 1.
    """
    if method not in _METHODS:
        raise ArgumentError(f"Expected method {', '.join(_METHODS)}, got {method!r}.")
    x, backend = real_floats(f"ops.{name}", x), current()
    shape = shape_of(x)
    axes = axes_of(axis, len(shape))
    rest = [a for a in range(len(shape)) if a not in axes]
    size = math.prod(shape[a] for a in axes)
    if not isinstance(size, Dim) and size == 0:
        raise ShapeError(
            f"ops.{name} expects axes that are not empty, got shape "
            f"{public_shape(shape)}."
        )
    moved = backend.transpose(x, (*rest, *axes))
    flat = backend.reshape(moved, (*(shape[a] for a in rest), size))
    return flat, tuple(1 if i in axes else n for i, n in enumerate(shape))


def _quantiles(x: Any, q: Any, axis: Any, method: str, keepdims: bool) -> Any:
    flat, kept = _rows("quantile", x, axis, method)
    backend, (fractions, several) = current(), q
    size = shape_of(flat)[-1]
    top = size - 1
    ordered = backend.sort(flat)
    broken = backend.any(backend.isnan(flat), (len(shape_of(flat)) - 1,), True)
    ordered = backend.where(broken, math.nan, ordered)
    parts = [
        (_at_place if type(f) is float else _at_unknown)(ordered, f, top, method)
        for f in fractions
    ]
    return _joined(parts, kept if keepdims else None, several)


def _joined(parts: list[Any], kept: Any, several: bool) -> Any:
    backend = current()
    if kept is not None:
        parts = [backend.reshape(part, kept) for part in parts]
    return backend.stack(parts, 0) if several else parts[0]


def _at_place(ordered: Any, fraction: float, top: Any, method: str) -> Any:
    """Return the elements of sorted rows at position fraction * top."""
    if isinstance(top, Dim):
        return _at_unknown_place(ordered, fraction, top, method)
    backend, last = current(), len(shape_of(ordered)) - 1
    place = fraction * top
    low, high = math.floor(place), math.ceil(place)
    if method == "nearest":
        low = high = int(np.round(place))
    weight = _WEIGHTS.get(method, place - low)
    if method == "midpoint" and low == high:
        weight = 0.0
    a, b = (
        backend.take(ordered, backend.full((), i, "int32"), last) for i in (low, high)
    )
    return _between(a, b, weight)


def _at_unknown_place(ordered: Any, fraction: float, top: Any, method: str) -> Any:
    """Return the same where nobody knows how many there are: in whole numbers."""
    backend, last = current(), len(shape_of(ordered)) - 1
    over, under = Fraction(fraction).limit_denominator(_FINEST).as_integer_ratio()
    low, high = over * top // under, -(-over * top // under)
    dtype = backend.dtype(ordered)
    weight: Any = _WEIGHTS.get(method)
    if weight is None:
        weight = backend.full((), over * top - under * low, dtype)
        weight = backend.divide(weight, float(under))
    if method == "nearest":  # halves to the even one
        rest = 2 * (over * top - under * low)
        middle = backend.equal(backend.full((), rest, "int32"), under)
        even = backend.full((), low % 2, "int32")
        past = backend.less(under, backend.full((), rest, "int32"))
        up = backend.where(middle, backend.equal(even, 1), past)
        weight = backend.cast(up, dtype)
    a, b = (
        backend.take(ordered, backend.full((), i, "int32"), last) for i in (low, high)
    )
    if method == "midpoint":
        alike = backend.equal(*(backend.full((), i, "int32") for i in (low, high)))
        weight = backend.where(alike, 0.0, backend.full((), weight, dtype))
    return _blended(a, b, weight)


def _at_unknown(ordered: Any, fraction: Any, top: Any, method: str) -> Any:
    """Return the same where the fraction is a scalar tensor."""
    backend, last = current(), len(shape_of(ordered)) - 1
    place = backend.multiply(fraction, backend.full((), top, "float32"))
    low, high, weight = _neighbours(place, method)
    if type(weight) is not float:
        weight = cast_tensor(weight, backend.dtype(ordered))
    a, b = (backend.take(ordered, backend.cast(i, "int32"), last) for i in (low, high))
    return _if_inside(fraction, _blended(a, b, weight))


def _neighbours(place: Any, method: str) -> tuple[Any, Any, Any]:
    """Return the positions around a place, and the weight of the upper one."""
    backend = current()
    low, high = backend.floor(place), backend.ceil(place)
    if method == "nearest":
        low = high = backend.round(place)
    weight: Any = _WEIGHTS.get(method)
    return low, high, backend.subtract(place, low) if weight is None else weight


def _between(a: Any, b: Any, weight: Any) -> Any:
    """Return (1 - weight) * a + weight * b: a + weight * (b - a) loses infinities."""
    if type(weight) is float and weight in (0.0, 1.0):
        return b if weight else a
    backend = current()
    rest = 1 - weight if type(weight) is float else backend.subtract(1.0, weight)
    return backend.add(backend.multiply(a, rest), backend.multiply(b, weight))


def _blended(a: Any, b: Any, weight: Any) -> Any:
    """Return `_between` of infinities too, of which 0 parts are NaN."""
    backend, y = current(), _between(a, b, weight)
    known = type(weight) is float
    return y if known else backend.where(backend.equal(weight, 0), a, y)


def _if_inside(fraction: Any, y: Any) -> Any:
    """Return y, NaN where a scalar tensor is outside of [0, 1]."""
    backend = current()
    inside = backend.equal(fraction, backend.clip(fraction, 0.0, 1.0))
    return backend.where(inside, y, math.nan)


def _nan_quantiles(x: Any, q: Any, axis: Any, method: str, keepdims: bool) -> Any:
    flat, kept = _rows("nanquantile", x, axis, method)
    backend, last = current(), len(shape_of(flat)) - 1
    dtype, (fractions, several) = backend.dtype(flat), q
    ordered = backend.sort(flat)  # NaN last
    present = backend.logical_not(backend.isnan(flat))
    count = backend.sum(backend.cast(present, "int32"), (last,), True)
    top = backend.cast(backend.maximum(backend.subtract(count, 1), 0), dtype)
    results = []
    for fraction in fractions:
        known = type(fraction) is float
        share = fraction if known else cast_tensor(fraction, dtype)
        low, high, weight = _neighbours(backend.multiply(top, share), method)
        a, b = (
            backend.take_along_axis(ordered, backend.cast(i, "int32"), last)
            for i in (low, high)
        )
        y = _blended(a, b, weight)
        y = y if known else _if_inside(share, y)
        results.append(backend.squeeze(y, (last,)))
    return _joined(results, kept if keepdims else None, several)
