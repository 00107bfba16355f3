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
    binary,
    floor_divide,
    mod,
    modular,
    moved,
    on_tensors,
    ordered,
    right_shift,
)

Shape = tuple[int, ...]
Axes = tuple[int, ...]

DTYPES = {name: getattr(torch, name) for name in dtypes.ALL}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
_functorch: Any = torch._C._functorch  # type: ignore[attr-defined]
LOW = (torch.float16, torch.bfloat16)

_first_device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
placement: ContextVar[torch.device] = ContextVar("placement", default=_first_device)


def direct(function: Callable[..., Any]) -> Any:
    """Return the method that is just this function of its arguments."""
    return staticmethod(function)


def unwrap(x: Tensor) -> Tensor:
    """Return the plain tensor inside the wrappers of vmap, jvp and the like."""
    while _functorch.is_functorch_wrapped_tensor(x):
        x = _functorch.get_unwrapped(x)
    return x


def is_batched(x: Tensor) -> bool:
    """Return whether a vmap under way maps over `x`."""
    while _functorch.is_functorch_wrapped_tensor(x):
        if _functorch.is_batchedtensor(x):
            return True
        x = _functorch.get_unwrapped(x)
    return False


def in_float32(function: Callable[..., Tensor], x: Tensor, *rest: Any) -> Tensor:
    """Apply a function whose kernels are missing or too narrow in the low floats."""
    if x.dtype not in LOW:
        return function(x, *rest)
    return function(x.float(), *rest).to(x.dtype)


def share(array: np.ndarray[Any, Any]) -> Tensor:
    """Return a tensor in the memory of an array, or of a copy where torch needs one."""
    flags = array.flags
    if not (flags.writeable and flags.c_contiguous):
        array = array.copy()
    if array.dtype == dtypes.to_numpy("bfloat16"):
        return torch.from_numpy(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def placed(x: np.ndarray[Any, Any] | Tensor, device: Any) -> Tensor:
    """Return a tensor on a device, which the memory of host data may be."""
    if isinstance(x, Tensor):
        return x.detach().to(device).contiguous()
    return share(x).to(device)


class ArrayOps(Backend[Tensor]):
    """Conversion to sorting."""

    # -- conversion --------------------------------------------------------------------

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Tensor:
        if array.dtype.name not in DTYPES:
            raise DTypeError(
                f"PyTorch tensors hold {', '.join(DTYPES)}; got an array of "
                f"{array.dtype.name}. Convert it with array.astype first."
            )
        array = np.array(array, array.dtype.newbyteorder("="), order="C")
        return share(array).to(placement.get())

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

    def common_dtype(self, x: Any, y: Any) -> str | None:
        if type(x) is type(y) is Tensor and (dtype := x.dtype) is y.dtype:
            return NAMES[dtype]
        return None

    def cast(self, x: Tensor, dtype: str) -> Tensor:
        return x.to(DTYPES[dtype])

    def bitcast(self, x: Tensor, dtype: str) -> Tensor:
        return x.detach().view(DTYPES[dtype])

    make_complex = direct(torch.complex)
    real = direct(torch.real)
    imag = direct(torch.imag)
    conj = direct(torch.conj_physical)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape: Shape, value: Scalar, dtype: str) -> Tensor:
        return torch.full(shape, value, dtype=DTYPES[dtype], device=placement.get())

    def arange(self, start: Scalar, stop: Scalar, step: Scalar, dtype: str) -> Tensor:
        # Wide first: torch has no arange of unsigned 16 to 64, and rounds low floats.
        wide = torch.int64 if dtypes.is_integer(dtype) else torch.float64
        if (stop > start) != (step > 0):  # type: ignore[operator]
            start = stop = 0
        values = torch.arange(start, stop, step, dtype=wide, device=placement.get())
        return values.to(DTYPES[dtype])

    # -- elementwise, one operand ------------------------------------------------------

    def negative(self, x: Tensor) -> Tensor:
        return modular(torch.neg, x)

    def abs(self, x: Tensor) -> Tensor:
        return torch.abs(x) if x.dtype.is_signed else x

    def sign(self, x: Tensor) -> Tensor:
        if x.is_floating_point():
            return torch.where(torch.isnan(x), x.detach(), torch.sign(x))
        return torch.sign(x) if x.dtype.is_signed else (x != 0).to(x.dtype)

    sqrt = direct(torch.sqrt)
    exp = direct(torch.exp)
    expm1 = direct(torch.expm1)
    log = direct(torch.log)
    log1p = direct(torch.log1p)
    sin = direct(torch.sin)
    cos = direct(torch.cos)
    tan = direct(torch.tan)
    arcsin = direct(torch.arcsin)
    arccos = direct(torch.arccos)
    arctan = direct(torch.arctan)
    sinh = direct(torch.sinh)
    cosh = direct(torch.cosh)
    tanh = direct(torch.tanh)

    def arcsinh(self, x: Tensor) -> Tensor:
        return in_float32(torch.arcsinh, x)

    def arccosh(self, x: Tensor) -> Tensor:
        return in_float32(torch.arccosh, x)

    arctanh = direct(torch.arctanh)
    sigmoid = direct(torch.sigmoid)

    def erf(self, x: Tensor) -> Tensor:
        return in_float32(torch.erf, x)

    erfinv = direct(torch.erfinv)
    floor = direct(torch.floor)
    ceil = direct(torch.ceil)
    round = direct(torch.round)

    # -- elementwise, two operands (broadcasting; either may be a Python scalar) -------

    add = binary(operator.add)
    subtract = binary(operator.sub)
    multiply = binary(operator.mul)
    divide = binary(torch.div)
    floor_divide = direct(floor_divide)
    mod = direct(mod)
    power = binary(torch.pow)
    maximum = binary(on_tensors(torch.maximum), ordered)
    minimum = binary(on_tensors(torch.minimum), ordered)
    arctan2 = binary(on_tensors(torch.arctan2))
    logaddexp = binary(on_tensors(torch.logaddexp))
    bitwise_and = binary(operator.and_)
    bitwise_or = binary(operator.or_)
    bitwise_xor = binary(operator.xor)
    left_shift = binary(operator.lshift)
    right_shift = direct(right_shift)

    # -- comparison and logic ----------------------------------------------------------

    equal = binary(operator.eq, ordered)
    less = binary(operator.lt, ordered)
    less_equal = binary(operator.le, ordered)
    logical_and = direct(torch.logical_and)
    logical_or = direct(torch.logical_or)
    logical_not = direct(torch.logical_not)
    isnan = direct(torch.isnan)
    isfinite = direct(torch.isfinite)
    where = direct(torch.where)

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
        return moved(lambda x: torch.flip(x, axes), x)

    # -- indexing ----------------------------------------------------------------------

    def take(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        rows = moved(lambda x: torch.index_select(x, axis, indices.reshape(-1)), x)
        if indices.dim() == 1:
            return rows
        return rows.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))

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
