"""Reductions, shape, indexing and sorting. Contracts are in `multinet.interface.array`.

Products and running sums are trees of PyTensor's own functions, and sorted elements are
taken by their places: so their exact gradients of all orders follow from the parts'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pytensor.tensor.variable import TensorConstant

from multinet.interface import Backend, Scalar, gathered, in_program
from multinet.interface.array import Axes, Shape
from multinet_pytensor.control import Computed
from multinet_pytensor.core import Tensor, constant, pt
from multinet_pytensor.elementwise import plain

_SCATTERS = {"multiply": np.multiply, "max": np.maximum, "min": np.minimum}


def wide(function: Callable[..., Tensor], x: Tensor, *others: Tensor) -> Tensor:
    """Apply a function in float32 to float16 tensors, and round once."""
    if x.type.dtype != "float16":
        return function(x, *others)
    return pt.cast(function(*(pt.cast(v, "float32") for v in (x, *others))), "float16")


def _kept(y: Tensor, axes: Axes, keepdims: bool) -> Tensor:
    return pt.expand_dims(y, axes) if keepdims and axes else y


def _product(x: Tensor) -> Tensor:
    """Return the product over the first axis."""
    while (count := x.type.shape[0]) > 1:
        half = count // 2
        pairs = x[:half] * x[half : 2 * half]
        x = pt.concatenate([pairs, x[2 * half :]]) if count % 2 else pairs
    return x[0] if count else pt.ones(x.type.shape[1:], x.dtype)


def _along(x: Tensor, indices: Tensor, axis: int) -> Tensor:
    """Pick along an axis; PyTensor's own finds the other places anew in each run."""
    places: list[Any] = list(np.ogrid[tuple(map(slice, x.type.shape))])
    places[axis] = indices
    return x[tuple(places)]


def _scatter(ufunc: np.ufunc) -> Callable[..., Sequence[Any]]:
    def compute(x: Any, indices: Any, updates: Any) -> Sequence[Any]:
        result = x.copy()
        ufunc.at(result, tuple(indices.T), updates)
        return [result]

    return compute


def _running(combine: Callable[..., Any], x: Tensor, axis: int) -> Tensor:
    """Return the running sums or products along an axis, in steps that double."""
    x, step = pt.swapaxes(x, 0, axis), 1
    while step < x.type.shape[0]:
        x = pt.concatenate([x[:step], combine(x[step:], x[:-step])])
        step *= 2
    return pt.swapaxes(x, 0, axis)


def pad(x: Tensor, widths: Sequence[tuple[int, int]], value: Scalar) -> Tensor:
    """Surround with a scalar: (before, after) for each axis."""
    if not any(map(any, widths)):
        return x
    sides = list(zip(widths, x.type.shape, strict=True))
    around = np.full([n + a + b for (a, b), n in sides], value, x.dtype)
    inside = tuple(slice(a, a + n) for (a, _), n in sides)
    return pt.set_subtensor(constant(around)[inside], x)


class ArrayOps(Backend[Tensor]):
    """Reductions, shape, indexing and sorting."""

    # -- reductions (`axes` sorted, unique, non-negative; () reduces nothing) ----------

    def sum(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return pt.sum(x, axes, x.dtype, keepdims)  # in float64, or float32 of float16

    def prod(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        rest = [i for i in range(x.ndim) if i not in axes]
        shape = (math.prod(_sizes(x, axes)), *_sizes(x, rest))
        rows = pt.reshape(pt.transpose(x, [*axes, *rest]), shape)
        return _kept(wide(_product, rows), axes, keepdims)

    def max(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return pt.max(x, axes, keepdims) if axes else x

    def min(self, x: Tensor, axes: Axes, keepdims: bool) -> Tensor:
        return pt.min(x, axes, keepdims) if axes else x

    any = plain(pt.any)
    all = plain(pt.all)

    def argmax(self, x: Tensor, axis: int) -> Tensor:
        return pt.cast(pt.argmax(x, axis), "int32")

    def argmin(self, x: Tensor, axis: int) -> Tensor:
        """Find the first of the least: the argmax of -x would wrap in integers."""
        wins = pt.eq(x, pt.min(x, axis, keepdims=True)) | pt.isnan(x)
        return pt.cast(pt.argmax(wins, axis), "int32")

    def cumsum(self, x: Tensor, axis: int) -> Tensor:
        return wide(lambda x: _running(pt.add, x, axis), x)

    def cumprod(self, x: Tensor, axis: int) -> Tensor:
        return wide(lambda x: _running(pt.mul, x, axis), x)

    # -- shape (all dtypes) ------------------------------------------------------------

    def reshape(self, x: Tensor, shape: Shape) -> Tensor:
        return pt.reshape(x, shape, ndim=len(shape))

    transpose = plain(pt.transpose)
    broadcast_to = plain(pt.broadcast_to)
    concatenate = plain(pt.concatenate)
    pad = plain(pad)

    def slice(self, x: Tensor, start: Shape, stop: Shape, step: Shape) -> Tensor:
        return x[tuple(map(slice, start, stop, step))]

    def flip(self, x: Tensor, axes: Axes) -> Tensor:
        return x[
            tuple(slice(None, None, -1 if i in axes else 1) for i in range(x.ndim))
        ]

    # -- indexing ----------------------------------------------------------------------

    def known(self, x: Tensor) -> Any:
        return x.data if isinstance(x, TensorConstant) and not in_program() else None

    def take(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        def gather(i: Tensor) -> Tensor:
            return wide(lambda x: x[(*[slice(None)] * axis, i)], x)

        return gathered(self, gather, x, indices, axis)

    def take_along_axis(self, x: Tensor, indices: Tensor, axis: int) -> Tensor:
        def gather(i: Tensor) -> Tensor:
            return wide(lambda x: _along(x, i, axis), x)

        return gathered(self, gather, x, indices, axis)

    def scatter(self, x: Tensor, indices: Tensor, updates: Tensor, mode: str) -> Tensor:
        if mode in _SCATTERS:  # PyTensor lacks these
            op = Computed(_scatter(_SCATTERS[mode]), [x.type], None)
            return op.of(x, indices, updates)[0]
        place = tuple(indices[:, i] for i in range(indices.type.shape[1]))
        change = pt.set_subtensor if mode == "set" else pt.inc_subtensor
        return wide(lambda x, updates: change(x[place], updates), x, updates)

    # -- sorting -----------------------------------------------------------------------

    def sort(self, x: Tensor) -> Tensor:
        return _along(x, pt.argsort(x, -1, "stable"), -1)

    def argsort(self, x: Tensor) -> Tensor:
        return pt.cast(pt.argsort(x, -1, "stable"), "int32")

    def searchsorted(self, sorted: Tensor, values: Tensor, side: str) -> Tensor:
        return pt.cast(pt.searchsorted(sorted, values, side), "int32")


def _sizes(x: Tensor, axes: Sequence[int]) -> list[int]:
    return [x.type.shape[i] for i in axes]
