"""Conversion between tensors, host data and dtypes, and questions about tensors."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.checks import check_real
from multinet.ops.core import (
    as_tensor,
    behind,
    both,
    cast_tensor,
    float_max,
    host,
    op,
    operands,
    shape_of,
)
from multinet.ops.sparse_forms import is_sparse_tensor, parted
from multinet.registry import current
from multinet.symbolic.dims import Dim, public_shape
from multinet.symbolic.tensor import KerasTensor
from multinet.tracebacks import shorten, shortening
from multinet.typing import DType, Host, Shape, Tensor

_NAMES = frozenset(dtypes.ALL)
_REAL = _NAMES - frozenset(dtypes.COMPLEX)
_WIDTHS = {"bool": 8, "bfloat16": 16, "complex64": 64, "complex128": 128}


def _tensor_door(x: Any, dtype: Any, sparse: Any, ragged: Any) -> Any:
    backend = current()
    have = backend.common_dtype(x, x)
    if have is None or sparse or ragged or (dtype is not None and dtype != have):
        return None
    return x


@behind(_tensor_door)
def convert_to_tensor(
    x: Tensor,
    dtype: DType | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
) -> Tensor:
    """Return `x` as a tensor of the backend in use.

    NumPy arrays keep their dtype; Python numbers become int32, floatx or bool. A sparse
    tensor, or matrix of SciPy, stays sparse unless `sparse=False`, dense data dense.
    Ragged tensors do not exist here: asking for one is an `ArgumentError`.
    """
    if ragged:
        raise ArgumentError("Ragged tensors are not supported; pass dense data.")
    return as_tensor(x, None if dtype is None else dtypes.standardize(dtype))


@op
def array(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Return `x` as a tensor of the backend in use, as `convert_to_tensor` does."""
    return convert_to_tensor(x, dtype)


@shortening
def convert_to_numpy(x: Tensor) -> Host:
    """Return a tensor of any loaded backend, a Variable or host data as a NumPy
    array.
    """
    if isinstance(x, KerasTensor):
        x._refuse()
    return host(x)


def is_tensor(x: object) -> bool:
    """Return whether `x` is a tensor of the backend in use, or a KerasTensor."""
    if isinstance(x, KerasTensor) or current().is_tensor(x):
        return True
    return is_sparse_tensor(x) and not hasattr(x, "tocoo")


def shape(x: Tensor) -> Shape:
    """Return the shape as a tuple of ints; unknown sizes of symbolic tensors are
    `Dim`s.

    Sizes add, multiply and floor-divide, so `reshape(x, (shape(x)[0] * 2, -1))` works
    on symbolic tensors too.
    """
    try:
        backend = current()
        return tuple(backend.shape(x)) if backend.is_tensor(x) else _shape(x)
    except Exception as error:
        shorten(error)
        raise


def _shape(x: Any) -> Shape:
    """Return the shape of what is no tensor of the backend."""
    if isinstance(x, KerasTensor):
        return tuple(x.array.shape)
    if is_sparse_tensor(x):
        return parted(x).shape
    known = getattr(x, "shape", None)
    return tuple(known) if isinstance(known, tuple) else tuple(shape_of(as_tensor(x)))


@shortening
def dtype(x: Tensor) -> str:
    """Return the name of the dtype."""
    if isinstance(x, KerasTensor):
        return x.dtype
    return parted(x).dtype if is_sparse_tensor(x) else current().dtype(as_tensor(x))


@shortening
def ndim(x: Tensor) -> int:
    """Return the number of axes."""
    return len(shape(x))


@shortening
def size(x: Tensor) -> Tensor:
    """Return the number of elements."""
    return math.prod(shape(x))


def _cast_door(x: Any, dtype: Any) -> Any:
    backend = current()
    have = backend.common_dtype(x, x)
    if have == dtype:
        return x
    # The real part of complex numbers is the general path's.
    return backend.cast(x, dtype) if have in _REAL and dtype in _NAMES else None


@behind(_cast_door)
def cast(x: Tensor, dtype: DType) -> Tensor:
    """Return `x` in another dtype: float to integer truncates, to bool is x != 0."""
    return cast_tensor(as_tensor(x), dtypes.standardize(dtype))


@op
def saturate_cast(x: Tensor, dtype: DType) -> Tensor:
    """Return `x` in another dtype, values outside its range taking the nearest
    bound.
    """
    x, backend = as_tensor(x), current()
    have, want = backend.dtype(x), dtypes.standardize(dtype)
    if "bool" in (have, want) or dtypes.is_complex(have) or dtypes.is_complex(want):
        return cast_tensor(x, want)
    low, high = (
        max(a, b) if i == 0 else min(a, b)
        for i, (a, b) in enumerate(zip(_range(have), _range(want)))
    )
    if dtypes.is_integer(want) and dtypes.is_float(have):
        return _clamped(x, have, want)
    if dtypes.is_integer(have):
        return cast_tensor(backend.clip(x, int(low), int(high)), want)
    return cast_tensor(backend.clip(x, float(low), float(high)), want)


def _clamped(x: Any, have: str, want: str) -> Any:
    """Saturate floats to integers; a float rarely holds an integer dtype's maximum."""
    backend, (low, high) = current(), _range(want)
    below, above = backend.less_equal(x, float(low)), backend.less_equal(float(high), x)
    inside = backend.logical_not(backend.logical_or(below, above))
    result = cast_tensor(backend.where(inside, x, 0), want)
    result = backend.where(above, backend.full((), int(high), want), result)
    return backend.where(below, backend.full((), int(low), want), result)


def _range(dtype: str) -> tuple[Any, Any]:
    if dtypes.is_float(dtype):
        return -float_max(dtype), float_max(dtype)
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


@op
def view(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Return the bits of `x` as another dtype; the last axis grows or shrinks to
    fit.

    Of several narrow numbers that make a wide one, the first is the least.
    """
    x, backend = as_tensor(x), current()
    have = backend.dtype(x)
    want = have if dtype is None else dtypes.standardize(dtype)
    if want == have:
        return x
    if _width(have) == _width(want):
        return backend.bitcast(x, want)
    if any(d == "bool" or dtypes.is_complex(d) for d in (have, want)):
        raise DTypeError(
            f"ops.view expects a dtype as wide as {have} ({_width(have)} bits), got "
            f"{want}. Only integers and floats are cut into narrower ones, or joined."
        )
    if not shape_of(x):
        raise ShapeError("ops.view of another width expects an axis, got a scalar.")
    cut = _width(have) > _width(want)
    return _cut(x, have, want) if cut else _joined(x, have, want)


def _cut(x: Any, have: str, want: str) -> Any:
    """Return a tensor with each number as several narrower ones."""
    backend, wide, narrow = current(), _width(have), _width(want)
    whole, shape = f"uint{wide}", shape_of(x)
    words = x if have == whole else backend.bitcast(x, whole)
    places = np.arange(0, wide, narrow).astype(whole)
    words = backend.expand_dims(words, len(shape))
    parts = backend.right_shift(words, backend.from_numpy(places))
    least = backend.from_numpy(np.array(2**narrow - 1, whole))
    parts = backend.cast(backend.bitwise_and(parts, least), f"uint{narrow}")
    parts = backend.reshape(parts, (*shape[:-1], shape[-1] * len(places)))
    return parts if want == f"uint{narrow}" else backend.bitcast(parts, want)


def _joined(x: Any, have: str, want: str) -> Any:
    """Return a tensor with several neighbours as one wider number."""
    backend, wide, narrow = current(), _width(want), _width(have)
    whole, shape, count = f"uint{wide}", shape_of(x), wide // narrow
    if not isinstance(shape[-1], Dim) and shape[-1] % count:
        raise ShapeError(
            f"ops.view joins {count} numbers of {have} to one of {want}, so it expects "
            f"a last axis that is a multiple of {count}, got {public_shape(shape)}."
        )
    parts = x if have == f"uint{narrow}" else backend.bitcast(x, f"uint{narrow}")
    parts = backend.reshape(parts, (*shape[:-1], shape[-1] // count, count))
    places = np.arange(0, wide, narrow).astype(whole)
    places = backend.from_numpy(places)
    parts = backend.left_shift(backend.cast(parts, whole), places)
    ones = backend.split(parts, (1,) * count, len(shape))
    words = functools.reduce(backend.bitwise_or, ones)
    words = backend.squeeze(words, (len(shape),))
    return words if want == whole else backend.bitcast(words, want)


def _width(dtype: str) -> int:
    return _WIDTHS.get(dtype) or int("".join(filter(str.isdigit, dtype)))


@op
def stop_gradient(variable: Tensor) -> Tensor:
    """Return the tensor as a constant: gradients do not flow through."""
    return current().stop_gradient(as_tensor(variable))


@op
def copy(x: Tensor) -> Tensor:
    """Return a tensor of equal values in memory of its own."""
    return current().copy(as_tensor(x))


@op
def view_as_complex(x: Tensor) -> Tensor:
    """Return the complex numbers whose parts are the two entries of the last axis."""
    x, backend = as_tensor(x), current()
    dtype = backend.dtype(x)
    if dtypes.is_complex(dtype):
        return x
    x = cast_tensor(x, dtypes.real_of(dtypes.complex_of(dtype)))
    form = shape_of(x)
    if not form or isinstance(form[-1], Dim) or form[-1] != 2:
        raise ShapeError(
            f"ops.view_as_complex expects a last axis of 2, got {public_shape(form)}."
        )
    last = len(form) - 1
    parts = backend.split(x, (1, 1), last)
    return backend.make_complex(*(backend.squeeze(part, (last,)) for part in parts))


@op
def view_as_real(x: Tensor) -> Tensor:
    """Return real and imaginary part as a new last axis of 2; real numbers
    unchanged.
    """
    x, backend = as_tensor(x), current()
    if not dtypes.is_complex(backend.dtype(x)):
        return x
    return backend.stack([backend.real(x), backend.imag(x)], len(shape_of(x)))


@op
def polar(abs_: Tensor, angle: Tensor) -> Tensor:
    """Return the complex numbers of a modulus and a phase in radians."""
    backend = current()
    radius, phase = both(*operands(abs_, angle, floating=True))
    check_real("ops.polar", backend.dtype(radius))
    part = dtypes.real_of(dtypes.complex_of(backend.dtype(radius)))
    radius, phase = cast_tensor(radius, part), cast_tensor(phase, part)
    return backend.make_complex(
        backend.multiply(radius, backend.cos(phase)),
        backend.multiply(radius, backend.sin(phase)),
    )
