"""Array primitives on torch: conversion to sorting, in the order of the interface."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import Tensor

from multinet import dtypes
from multinet.errors import DTypeError, TraceError
from multinet.interface import Backend, Scalar
from multinet_torch.widening import (
    floor_divide,
    mod,
    modular,
    moved,
    ordered,
    right_shift,
)

Shape = tuple[int, ...]
Axes = tuple[int, ...]

DTYPES = {name: getattr(torch, name) for name in dtypes.ALL}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
LOW = (torch.float16, torch.bfloat16)

_first_device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
placement: ContextVar[torch.device] = ContextVar("placement", default=_first_device)


def unwrap(x: Tensor) -> Tensor:
    """Return the plain tensor inside the wrappers of vmap, jvp and the like."""
    while torch._C._functorch.is_functorch_wrapped_tensor(x):
        x = torch._C._functorch.get_unwrapped(x)
    return x


def is_batched(x: Tensor) -> bool:
    """Return whether a vmap under way maps over `x`."""
    while torch._C._functorch.is_functorch_wrapped_tensor(x):
        if torch._C._functorch.is_batchedtensor(x):
            return True
        x = torch._C._functorch.get_unwrapped(x)
    return False


def in_float32(function: Callable[..., Tensor], x: Tensor, *rest: Any) -> Tensor:
    """Apply a function whose kernels are missing or too narrow in the low floats."""
    if x.dtype not in LOW:
        return function(x, *rest)
    return function(x.float(), *rest).to(x.dtype)


class ArrayOps(Backend[Tensor]):
    """Conversion to sorting."""

    # -- conversion --------------------------------------------------------------------

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Tensor:
        name = array.dtype.name
        if name not in DTYPES:
            raise DTypeError(
                f"PyTorch tensors hold {', '.join(DTYPES)}; got an array of {name}. "
                "Convert it with array.astype first."
            )
        array = np.array(array, array.dtype.newbyteorder("="), order="C")
        if name == "bfloat16":
            tensor = torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
        else:
            tensor = torch.from_numpy(array)
        return tensor.to(placement.get())

    def to_numpy(self, x: Tensor) -> np.ndarray[Any, Any]:
        if is_batched(x):
            raise TraceError(
                "to_numpy needs one concrete value, got a tensor that vmap maps over. "
                "Return it from the mapped function and convert the result."
            )
        x = unwrap(x).detach().cpu().resolve_conj().resolve_neg()
        if x.dtype == torch.bfloat16:
            return x.view(torch.int16).numpy().copy().view(dtypes.to_numpy("bfloat16"))
        return x.numpy().copy()

    def is_tensor(self, x: object) -> bool:
        return isinstance(x, Tensor)

    def shape(self, x: Tensor) -> Shape:
        return tuple(x.shape)

    def dtype(self, x: Tensor) -> str:
        return NAMES[x.dtype]

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        return x.to(DTYPES[dtype])

    def bitcast(self, x: Tensor, dtype: str) -> Tensor:
        return x.detach().view(DTYPES[dtype])

    def make_complex(self, real: Tensor, imag: Tensor) -> Tensor:
        return torch.complex(real, imag)

    def real(self, x: Tensor) -> Tensor:
        return torch.real(x)

    def imag(self, x: Tensor) -> Tensor:
        return torch.imag(x)

    def conj(self, x: Tensor) -> Tensor:
        return torch.conj_physical(x)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape: Shape, value: Scalar, dtype: str) -> Tensor:
        return torch.full(shape, value, dtype=DTYPES[dtype], device=placement.get())

    def arange(self, start: Scalar, stop: Scalar, step: Scalar, dtype: str) -> Tensor:
        # Wide first: torch has no arange of unsigned 16 to 64, and rounds low floats.
        wide = torch.int64 if dtypes.is_integer(dtype) else torch.float64
        if (stop - start) / step <= 0:
            start = stop = 0
        values = torch.arange(start, stop, step, dtype=wide, device=placement.get())
        return values.to(DTYPES[dtype])

    # -- elementwise, one operand ------------------------------------------------------

    def negative(self, x: Tensor) -> Tensor:
        return modular(torch.neg, x)

    def abs(self, x: Tensor) -> Tensor:
        return torch.abs(x) if x.dtype.is_signed else x

    def sign(self, x: Tensor) -> Tensor:
        return torch.sgn(x) if x.dtype.is_signed else (x != 0).to(x.dtype)

    def sqrt(self, x: Tensor) -> Tensor:
        return torch.sqrt(x)

    def exp(self, x: Tensor) -> Tensor:
        return torch.exp(x)

    def expm1(self, x: Tensor) -> Tensor:
        return torch.expm1(x)

    def log(self, x: Tensor) -> Tensor:
        return torch.log(x)

    def log1p(self, x: Tensor) -> Tensor:
        return torch.log1p(x)

    def sin(self, x: Tensor) -> Tensor:
        return torch.sin(x)

    def cos(self, x: Tensor) -> Tensor:
        return torch.cos(x)

    def tan(self, x: Tensor) -> Tensor:
        return torch.tan(x)

    def arcsin(self, x: Tensor) -> Tensor:
        return torch.arcsin(x)

    def arccos(self, x: Tensor) -> Tensor:
        return torch.arccos(x)

    def arctan(self, x: Tensor) -> Tensor:
        return torch.arctan(x)

    def sinh(self, x: Tensor) -> Tensor:
        return torch.sinh(x)

    def cosh(self, x: Tensor) -> Tensor:
        return torch.cosh(x)

    def tanh(self, x: Tensor) -> Tensor:
        return torch.tanh(x)

    def arcsinh(self, x: Tensor) -> Tensor:
        return torch.arcsinh(x)

    def arccosh(self, x: Tensor) -> Tensor:
        return torch.arccosh(x)

    def arctanh(self, x: Tensor) -> Tensor:
        return torch.arctanh(x)

    def sigmoid(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x)

    def erf(self, x: Tensor) -> Tensor:
        return in_float32(torch.erf, x)

    def erfinv(self, x: Tensor) -> Tensor:
        return torch.erfinv(x)

    def floor(self, x: Tensor) -> Tensor:
        return torch.floor(x)

    def ceil(self, x: Tensor) -> Tensor:
        return torch.ceil(x)

    def round(self, x: Tensor) -> Tensor:
        return torch.round(x)

    # -- elementwise, two operands (broadcasting; either may be a Python scalar) -------

    def add(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(operator.add, x, y)

    def subtract(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(operator.sub, x, y)

    def multiply(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(operator.mul, x, y)

    def divide(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(torch.div, x, y)

    def floor_divide(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return floor_divide(x, y)

    def mod(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return mod(x, y)

    def power(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(torch.pow, x, y)

    def maximum(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return ordered(torch.maximum, *_tensors(x, y))

    def minimum(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return ordered(torch.minimum, *_tensors(x, y))

    def arctan2(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return torch.arctan2(*_tensors(x, y))

    def logaddexp(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return torch.logaddexp(*_tensors(x, y))

    def bitwise_and(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(operator.and_, x, y)

    def bitwise_or(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(operator.or_, x, y)

    def bitwise_xor(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(operator.xor, x, y)

    def left_shift(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return modular(operator.lshift, x, y)

    def right_shift(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return right_shift(x, y)

    # -- comparison and logic ----------------------------------------------------------

    def equal(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return ordered(operator.eq, x, y)

    def less(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return ordered(operator.lt, x, y)

    def less_equal(self, x: Tensor | Scalar, y: Tensor | Scalar) -> Tensor:
        return ordered(operator.le, x, y)

    def logical_and(self, x: Tensor, y: Tensor) -> Tensor:
        return x & y

    def logical_or(self, x: Tensor, y: Tensor) -> Tensor:
        return x | y

    def logical_not(self, x: Tensor) -> Tensor:
        return ~x

    def isnan(self, x: Tensor) -> Tensor:
        return torch.isnan(x)

    def isfinite(self, x: Tensor) -> Tensor:
        return torch.isfinite(x)

    def where(
        self, condition: Tensor, x: Tensor | Scalar, y: Tensor | Scalar
    ) -> Tensor:
        return torch.where(condition, x, y)

    # -- reductions (`axes` sorted, unique, non-negative; () reduces nothing) ----------

    def sum(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        if not axes:  # torch takes () as all of them
            return x
        return modular(lambda x: torch.sum(x, axes, keepdims, dtype=x.dtype), x)

    def prod(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        def product(x: Tensor) -> Tensor:
            for axis in reversed(axes):
                x = torch.prod(x, axis, keepdims, dtype=x.dtype)
            return x

        return modular(lambda x: in_float32(product, x), x)

    def max(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return ordered(lambda x: torch.amax(x, axes, keepdims), x) if axes else x

    def min(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return ordered(lambda x: torch.amin(x, axes, keepdims), x) if axes else x

    def any(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return torch.any(x, axes, keepdims) if axes else x

    def all(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return torch.all(x, axes, keepdims) if axes else x

    def argmax(self, x: Tensor, axis: int) -> Tensor:
        return ordered(lambda x: torch.argmax(x, axis).to(torch.int32), _number(x))

    def argmin(self, x: Tensor, axis: int) -> Tensor:
        return ordered(lambda x: torch.argmin(x, axis).to(torch.int32), _number(x))

    def cumsum(self, x: Tensor, axis: int) -> Tensor:
        return modular(lambda x: torch.cumsum(x, axis, dtype=x.dtype), x)

    def cumprod(self, x: Tensor, axis: int) -> Tensor:
        return in_float32(_cumprod, x, axis)

    # -- shape (all dtypes) ------------------------------------------------------------

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        return x.reshape(shape)

    def transpose(self, x: Tensor, permutation: Axes) -> Tensor:
        return x.permute(permutation)

    def broadcast_to(self, x: Tensor, shape: Shape) -> Tensor:
        return x.expand(shape)

    def concatenate(self, xs: Sequence[Tensor], axis: int) -> Tensor:
        return torch.cat(tuple(xs), axis)

    def pad(
        self, x: Tensor, widths: Sequence[tuple[int, int]], value: Scalar
    ) -> Tensor:
        flat = [width for pair in reversed(widths) for width in pair]
        return torch.constant_pad_nd(x, flat, value)

    def slice(self, x: Tensor, start: Shape, stop: Shape, step: Shape) -> Tensor:
        return x[tuple(map(slice, start, stop, step))]

    def flip(self, x: Tensor, axes: Axes) -> Tensor:
        return torch.flip(x, axes)

    # -- indexing ----------------------------------------------------------------------

    def take(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        rows = moved(lambda x: torch.index_select(x, axis, indices.reshape(-1)), x)
        if indices.dim() == 1:
            return rows
        return rows.reshape(*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])

    def take_along_axis(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        return moved(lambda x: torch.gather(x, axis, indices.to(torch.int64)), x)

    def scatter(self, x: Tensor, indices: Tensor, updates: Tensor, mode: str) -> Tensor:
        count, depth = indices.shape
        indexed, rest = x.shape[:depth], x.shape[depth:]
        place = torch.zeros(count, dtype=torch.int64, device=x.device)
        for axis, size in enumerate(indexed):
            place = place * size + indices[:, axis]
        rows = x.reshape(math.prod(indexed), *rest)
        return _scatter_rows(rows, place, updates, mode).reshape(x.shape)

    # -- sorting -----------------------------------------------------------------------

    def sort(self, x: Tensor) -> Tensor:
        return ordered(lambda x: torch.sort(x, stable=True).values, x)

    def argsort(self, x: Tensor) -> Tensor:
        return ordered(lambda x: torch.sort(x, stable=True).indices.to(torch.int32), x)

    def searchsorted(self, sorted: Tensor, values: Tensor, side: str) -> Tensor:
        right = side == "right"

        def search(sorted: Tensor, values: Tensor) -> Tensor:
            return torch.searchsorted(sorted, values, out_int32=True, right=right)

        return ordered(search, sorted, values)


def _tensors(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(x, Tensor):
        return torch.full((), x, dtype=y.dtype, device=y.device), y
    if not isinstance(y, Tensor):
        return x, torch.full((), y, dtype=x.dtype, device=x.device)
    return x, y


def _number(x: Tensor) -> Tensor:
    return x.to(torch.uint8) if x.dtype == torch.bool else x


def _cumprod(x: Tensor, axis: int) -> Tensor:
    # torch.cumprod is wrong at zeros in reverse over forward mode.
    shift, size = 1, x.shape[axis]
    while shift < size:
        head, tail = x.split((shift, size - shift), axis)
        x = torch.cat(
            (head, modular(torch.mul, tail, x.narrow(axis, 0, size - shift))), axis
        )
        shift *= 2
    return x


def _scatter_rows(x: Tensor, place: Tensor, updates: Tensor, mode: str) -> Tensor:
    if mode == "add":
        return modular(lambda x, y: in_float32(_add_rows, x, place, y), x, updates)
    index = place.reshape(-1, *[1] * (x.dim() - 1)).expand(updates.shape)
    if mode == "set":
        return moved(lambda x, y: torch.scatter(x, 0, index, y), x, updates)
    reduce = {"multiply": "prod", "max": "amax", "min": "amin"}[mode]

    def combine(x: Tensor, y: Tensor) -> Tensor:
        return torch.scatter_reduce(x, 0, index, y, reduce)

    if mode == "multiply":
        return modular(combine, x, updates)
    return ordered(combine, x, updates)


def _add_rows(x: Tensor, place: Tensor, updates: Tensor) -> Tensor:
    return torch.index_add(x, 0, place, updates.to(x.dtype))
