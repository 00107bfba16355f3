"""Reductions over axes, and running sums and products."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

from multinet import dtypes
from multinet.errors import DTypeError, ShapeError
from multinet.ops.axes import axes_of, axis_of
from multinet.ops.checks import check_real, real_floats, real_numbers
from multinet.ops.core import (
    as_tensor,
    behind,
    boolean,
    cast_tensor,
    floating,
    numeric,
    op,
    operands,
    shape_of,
)
from multinet.ops.doors import domain
from multinet.ops.shapes import ravel
from multinet.ops.widening import in_float32, root, widened
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.typing import Axis, DType, Numbers, Tensor

_SUMMED = {"bool": "int32", "int8": "int32", "int16": "int32"} | {
    "uint8": "uint32",
    "uint16": "uint32",
}


def _reduction(name: str) -> Callable[..., Any]:
    """Return the door to a reduction that keeps the dtype."""
    ready = domain(name) - (_SUMMED.keys() if name == "sum" else set())

    def door(x: Any, axis: Any, keepdims: bool) -> Any:
        backend = current()
        if backend.common_dtype(x, x) not in ready:
            return None
        axes = axes_of(axis, len(backend.shape(x)))
        return getattr(backend, name)(x, axes, keepdims)

    return door


def _extremum(name: str) -> Callable[..., Any]:
    """Return the door to a maximum or minimum; of nothing there is none."""
    ready = domain(name)

    def door(x: Any, axis: Any, keepdims: bool, initial: Any = None) -> Any:
        backend = current()
        if initial is not None or backend.common_dtype(x, x) not in ready:
            return None
        shape = backend.shape(x)
        if 0 in shape:
            return None
        return getattr(backend, name)(x, axes_of(axis, len(shape)), keepdims)

    return door


def _along(name: str) -> Callable[..., Any]:
    """Return the door to what goes along one axis, without other options.

    Of an axis without elements there may be nothing to say.
    """
    ready = domain(name)

    def door(x: Any, axis: Any, option: Any) -> Any:
        backend = current()
        if option or type(axis) is not int or backend.common_dtype(x, x) not in ready:
            return None
        shape = backend.shape(x)
        if 0 in shape:
            return None
        return getattr(backend, name)(x, axis_of(axis, len(shape)))

    return door


def summed(dtype: str) -> str:
    """Return the dtype that sums and products of `dtype` have: 32 bits or more."""
    return _SUMMED.get(dtype, dtype)


@behind(_reduction("sum"))
def sum(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the sum over axes; bool and narrow integers add up in 32 bits."""
    backend = current()
    x = x if backend.is_tensor(x) else as_tensor(x)
    dtype = backend.dtype(x)
    if dtype in _SUMMED:
        x = backend.cast(x, _SUMMED[dtype])
    return backend.sum(x, axes_of(axis, len(backend.shape(x))), keepdims)


@op
def prod(
    x: Tensor,
    axis: Axis | None = None,
    keepdims: bool = False,
    dtype: DType | None = None,
) -> Tensor:
    """Return the product over axes; bool and narrow integers multiply in 32 bits."""
    x, backend = as_tensor(x), current()
    wanted = summed(backend.dtype(x)) if dtype is None else dtypes.standardize(dtype)
    x = cast_tensor(x, wanted)
    if dtypes.is_complex(wanted):
        raise DTypeError(f"ops.prod takes real numbers, got {wanted}.")
    return backend.prod(x, axes_of(axis, len(backend.shape(x))), keepdims)


@behind(_extremum("max"))
def max(
    x: Tensor,
    axis: Axis | None = None,
    keepdims: bool = False,
    initial: Numbers | None = None,
) -> Tensor:
    """Return the largest over axes; NaN wins; `initial` is at least returned."""
    return _extreme("max", x, axis, keepdims, initial)


@behind(_extremum("min"))
def min(
    x: Tensor,
    axis: Axis | None = None,
    keepdims: bool = False,
    initial: Numbers | None = None,
) -> Tensor:
    """Return the smallest over axes; NaN wins; `initial` is at most returned."""
    return _extreme("min", x, axis, keepdims, initial)


@behind(_extremum("max"))
def amax(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the largest over axes; NaN wins."""
    return _extreme("max", x, axis, keepdims, None)


@behind(_extremum("min"))
def amin(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the smallest over axes; NaN wins."""
    return _extreme("min", x, axis, keepdims, None)


def _extreme(name: str, x: Any, axis: Any, keepdims: bool, initial: Any) -> Any:
    x, backend = real_numbers(f"ops.{name}", x), current()
    shape = backend.shape(x)
    axes = axes_of(axis, len(shape))
    if backend.dtype(x) == "bool":
        function = backend.any if name == "max" else backend.all
        result = function(x, axes, keepdims)
    elif builtins.any(isinstance(shape[a], int) and shape[a] == 0 for a in axes):
        if initial is None:
            raise ShapeError(
                f"ops.{name} of an empty axis, in shape {shape}, has no value. Pass "
                "initial=."
            )
        kept = [
            1 if i in axes else n
            for i, n in enumerate(shape)
            if keepdims or i not in axes
        ]
        return backend.full(tuple(kept), initial, backend.dtype(x))
    else:
        result = getattr(backend, name)(x, axes, keepdims)
    if initial is None:
        return result
    return getattr(backend, name + "imum")(*operands(result, initial))


@behind(_reduction("any"))
def any(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return whether any element over axes is true (nonzero), as bool."""
    x, backend = boolean(x), current()
    return backend.any(x, axes_of(axis, len(backend.shape(x))), keepdims)


@behind(_reduction("all"))
def all(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return whether all elements over axes are true (nonzero), as bool."""
    x, backend = boolean(x), current()
    return backend.all(x, axes_of(axis, len(backend.shape(x))), keepdims)


@behind(_reduction("mean"))
def mean(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the mean over axes; integers and bool give floatx."""
    x, backend = floating(x), current()
    return backend.mean(x, axes_of(axis, len(backend.shape(x))), keepdims)


@op
def var(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the variance over axes, divided by the count; real for complex numbers."""
    x, backend = floating(x), current()
    axes = axes_of(axis, len(backend.shape(x)))
    if dtypes.is_complex(backend.dtype(x)):
        centred = backend.subtract(x, backend.mean(x, axes, True))
        return backend.mean(backend.square(backend.abs(centred)), axes, keepdims)
    return backend.moments(x, axes, keepdims)[1]


@op
@in_float32
def std(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over axes: sqrt(var), with gradient 0 at 0."""
    return root(var(x, axis, keepdims))


@behind(_reduction("logsumexp"))
def logsumexp(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return log(sum(e**x)) over axes without overflow."""
    x, backend = real_floats("ops.logsumexp", x), current()
    return backend.logsumexp(x, axes_of(axis, len(backend.shape(x))), keepdims)


@op
def count_nonzero(x: Tensor, axis: Axis | None = None) -> Tensor:
    """Return how many elements over axes are not zero, as int32."""
    x, backend = cast_tensor(boolean(x), "int32"), current()
    return backend.sum(x, axes_of(axis, len(backend.shape(x))), False)


@op
def ptp(x: Tensor, axis: Axis | None = None, keepdims: bool = False) -> Tensor:
    """Return the largest minus the smallest over axes."""
    x = numeric(x)
    return current().subtract(max(x, axis, keepdims), min(x, axis, keepdims))


@behind(_along("argmax"))
def argmax(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the int32 index of the first maximum along an axis, or of the flat
    tensor.
    """
    return _arg("argmax", x, axis, keepdims)


@behind(_along("argmin"))
def argmin(x: Tensor, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return the int32 index of the first minimum along an axis, or of the flat
    tensor.
    """
    return _arg("argmin", x, axis, keepdims)


def _arg(name: str, x: Any, axis: int | None, keepdims: bool) -> Any:
    x, backend = real_numbers(f"ops.{name}", x), current()
    shape = backend.shape(x)
    rank = len(shape)
    along = shape if axis is None else (shape[axis_of(axis, rank)],)
    if builtins.any(isinstance(n, int) and n == 0 for n in along):
        raise ShapeError(
            f"ops.{name} expects an axis that is not empty; got shape "
            f"{public_shape(shape)}."
        )
    if axis is None:
        result = getattr(backend, name)(ravel(x), 0)
        return backend.reshape(result, (1,) * rank) if keepdims else result
    axis = axis_of(axis, rank)
    result = getattr(backend, name)(x, axis)
    return backend.expand_dims(result, axis) if keepdims else result


@behind(_along("cumsum"))
def cumsum(x: Tensor, axis: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return running sums along an axis, or of the flat tensor; bool counts in
    int32.
    """
    return _running("cumsum", x, axis, dtype)


@behind(_along("cumprod"))
def cumprod(x: Tensor, axis: int | None = None, dtype: DType | None = None) -> Tensor:
    """Return running products along an axis, or of the flat tensor; bool is int32."""
    return _running("cumprod", x, axis, dtype)


def _running(name: str, x: Any, axis: int | None, dtype: Any) -> Any:
    x = numeric(x) if dtype is None else as_tensor(x, dtypes.standardize(dtype))
    check_real(f"ops.{name}", current().dtype(x))
    if axis is None:
        x, axis = ravel(x), 0
    return getattr(current(), name)(x, axis_of(axis, len(shape_of(x))))


@op
def average(
    x: Tensor, axis: Axis | None = None, weights: Tensor | None = None
) -> Tensor:
    """Return the mean over axes, weighted by `weights` of x's shape or of the axis."""
    if weights is None:
        return mean(x, axis)
    x, w = (
        as_tensor(v) for v in operands(as_tensor(x), as_tensor(weights), floating=True)
    )
    backend, shape, dtype = current(), shape_of(x), current().dtype(x)
    x, w = widened(x, w)
    if len(shape_of(w)) != len(shape):
        if not isinstance(axis, int) or len(shape_of(w)) != 1:
            raise ShapeError(
                f"ops.average expects weights of shape {shape}, or a vector with an "
                "int "
                f"axis, got weights of shape {shape_of(w)} and axis={axis}."
            )
        at = axis_of(axis, len(shape))
        w = backend.reshape(w, tuple(n if i == at else 1 for i, n in enumerate(shape)))
    axes = axes_of(axis, len(shape))
    w = backend.broadcast_to(w, shape)
    total = backend.sum(backend.multiply(x, w), axes, False)
    return cast_tensor(backend.divide(total, backend.sum(w, axes, False)), dtype)
