"""Array primitives on TensorFlow: conversion to sorting, in the interface's order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from multinet import dtypes
from multinet.errors import DTypeError, TraceError
from multinet.interface import Backend, Scalar, in_program
from multinet_tensorflow import rules
from multinet_tensorflow.fast.gathers import at_hand, gathered
from multinet_tensorflow.fast.host import lendable, lent
from multinet_tensorflow.numerics import (
    accurate_sum,
    as_float32,
    as_int64,
    broadcast,
    constant,
    differentiable,
    dims,
    elementwise,
    floor_divide,
    native,
    order_key,
    pair,
    running_product,
    tree_product,
    widen,
)

Shape = tuple[int, ...]
Axes = tuple[int, ...]
_MASK = 2**64 - 1
# By identity: TensorFlow has one object of each, whose own name and hash take 0.5 us.
_NAMES = {id(tf.as_dtype(name)): name for name in dtypes.ALL}


def _raw(op: Any) -> Any:
    # An eager call of the public function takes twice as long as one of its kernel.
    return lambda x, y: op(x=x, y=y)


_ADD, _SUB, _MUL = map(_raw, (tf.raw_ops.AddV2, tf.raw_ops.Sub, tf.raw_ops.Mul))
_REALDIV, _FLOORMOD = map(_raw, (tf.raw_ops.RealDiv, tf.raw_ops.FloorMod))


class ArrayOps(Backend[Any]):
    """Conversion to sorting; `TensorflowBackend` is the complete class."""

    # -- conversion --------------------------------------------------------------------

    def from_numpy(self, array: np.ndarray[Any, Any]) -> Any:
        if lendable(array):
            return lent(array)
        try:
            return tf.constant(array)
        except (ValueError, TypeError) as error:
            raise DTypeError(f"TensorFlow cannot hold dtype {array.dtype}.") from error

    def to_numpy(self, x: Any) -> np.ndarray[Any, Any]:
        if tf.is_symbolic_tensor(x):
            raise TraceError(
                "A value was asked for while TensorFlow is compiling: there is none "
                "yet. Return the tensor from the compiled function instead."
            )
        return np.asarray(x.numpy())  # numpy() copies

    def is_tensor(self, x: object) -> bool:
        return isinstance(x, tf.Tensor)

    def shape(self, x: Any) -> Shape:
        return tuple(x.shape.as_list())

    def dtype(self, x: Any) -> str:
        return _NAMES.get(id(x.dtype)) or x.dtype.name

    def common_dtype(self, x: Any, y: Any) -> str | None:
        if type(x) is type(y) and isinstance(x, tf.Tensor):
            dtype = x.dtype
            return _NAMES.get(id(dtype)) if x is y or y.dtype is dtype else None
        return None

    def known(self, x: Any) -> np.ndarray[Any, Any] | None:
        return None if in_program() or tf.is_symbolic_tensor(x) else at_hand(x)

    def cast(self, x: Any, dtype: str) -> Any:
        if dtype == "bool" and x.dtype != tf.bool:
            return tf.not_equal(x, tf.zeros((), x.dtype))
        return widen(x, tf.as_dtype(dtype))

    def bitcast(self, x: Any, dtype: str) -> Any:
        x = tf.cast(x, tf.uint8) if x.dtype == tf.bool else x
        return tf.cast(x, dtype) if dtype == "bool" else tf.bitcast(x, dtype)

    make_complex = native(tf.complex)
    real = native(tf.math.real)
    imag = native(tf.math.imag)
    conj = native(tf.math.conj)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape: Shape, value: Scalar, dtype: str) -> Any:
        return tf.fill(shape, constant(value, tf.as_dtype(dtype)))

    def arange(self, start: Scalar, stop: Scalar, step: Scalar, dtype: str) -> Any:
        count = max(0, math.ceil((stop - start) / step))  # type: ignore[operator]
        if tf.as_dtype(dtype).is_integer:
            # Modulo 2**64, so that the far half of uint64 is reached as well.
            start, step = ((int(v.real) & _MASK) for v in (start, step))
            start, step = (v - (v >> 63 << 64) for v in (start, step))
            return tf.cast(tf.range(count, dtype=tf.int64) * step + start, dtype)
        return tf.cast(tf.cast(tf.range(count), tf.float64) * step + start, dtype)

    # -- elementwise, one operand ------------------------------------------------------

    def negative(self, x: Any) -> Any:
        return as_int64(tf.negative, x) if x.dtype.is_unsigned else tf.negative(x)

    def abs(self, x: Any) -> Any:
        return x if x.dtype.is_unsigned else tf.abs(x)

    def sign(self, x: Any) -> Any:
        return tf.cast(x != 0, x.dtype) if x.dtype.is_unsigned else tf.sign(x)

    sqrt = native(tf.sqrt)
    exp = native(tf.exp)
    expm1 = native(tf.math.expm1)
    log = native(tf.math.log)
    log1p = native(tf.math.log1p)
    sin = native(tf.sin)
    cos = native(tf.cos)
    tan = native(tf.tan)
    arcsin = native(tf.asin)
    arccos = native(tf.acos)
    arctan = native(tf.atan)
    sinh = native(tf.sinh)
    cosh = native(tf.cosh)
    tanh = native(tf.tanh)
    arcsinh = native(tf.asinh)
    arccosh = native(tf.acosh)
    arctanh = native(tf.atanh)
    sigmoid = native(tf.sigmoid)
    erf = native(rules.erf)
    erfinv = native(rules.erfinv)
    floor = native(tf.floor)
    ceil = native(tf.math.ceil)
    round = native(tf.round)

    # -- elementwise, two operands (broadcasting; either may be a Python scalar) -------

    def add(self, x: Any, y: Any) -> Any:
        return elementwise(_ADD, x, y)

    def subtract(self, x: Any, y: Any) -> Any:
        return elementwise(_SUB, x, y)

    def multiply(self, x: Any, y: Any) -> Any:
        return elementwise(_MUL, x, y)

    def divide(self, x: Any, y: Any) -> Any:
        return elementwise(_REALDIV, x, y)

    def floor_divide(self, x: Any, y: Any) -> Any:
        x, y = pair(x, y)
        return floor_divide(x, y) if differentiable(x) else tf.math.floordiv(x, y)

    def mod(self, x: Any, y: Any) -> Any:
        return elementwise(_FLOORMOD, x, y)

    def power(self, x: Any, y: Any) -> Any:
        x, y = pair(x, y)
        return (
            elementwise(rules.power, x, y)
            if differentiable(x)
            else as_int64(tf.pow, x, y)
        )

    def maximum(self, x: Any, y: Any) -> Any:
        return rules.choice(tf.maximum, tf.greater, *pair(x, y))

    def minimum(self, x: Any, y: Any) -> Any:
        return rules.choice(tf.minimum, tf.less, *pair(x, y))

    def arctan2(self, x: Any, y: Any) -> Any:
        return elementwise(tf.atan2, x, y)

    def logaddexp(self, x: Any, y: Any) -> Any:
        return elementwise(rules.logaddexp, x, y)

    def bitwise_and(self, x: Any, y: Any) -> Any:
        x, y = pair(x, y)
        return (tf.logical_and if x.dtype == tf.bool else tf.bitwise.bitwise_and)(x, y)

    def bitwise_or(self, x: Any, y: Any) -> Any:
        x, y = pair(x, y)
        return (tf.logical_or if x.dtype == tf.bool else tf.bitwise.bitwise_or)(x, y)

    def bitwise_xor(self, x: Any, y: Any) -> Any:
        x, y = pair(x, y)
        return (tf.not_equal if x.dtype == tf.bool else tf.bitwise.bitwise_xor)(x, y)

    def left_shift(self, x: Any, y: Any) -> Any:
        return tf.bitwise.left_shift(*pair(x, y))

    def right_shift(self, x: Any, y: Any) -> Any:
        return tf.bitwise.right_shift(*pair(x, y))

    # -- comparison and logic ----------------------------------------------------------

    def equal(self, x: Any, y: Any) -> Any:
        return tf.equal(*pair(x, y))

    def less(self, x: Any, y: Any) -> Any:
        return tf.less(*_comparable(*pair(x, y)))

    def less_equal(self, x: Any, y: Any) -> Any:
        return tf.less_equal(*_comparable(*pair(x, y)))

    logical_and = native(tf.logical_and)
    logical_or = native(tf.logical_or)
    logical_not = native(tf.logical_not)

    def isnan(self, x: Any) -> Any:
        return tf.not_equal(x, x) if x.dtype.is_complex else tf.math.is_nan(x)

    def isfinite(self, x: Any) -> Any:
        if x.dtype.is_complex:
            real, imag = tf.math.real(x), tf.math.imag(x)
            return tf.logical_and(tf.math.is_finite(real), tf.math.is_finite(imag))
        return tf.math.is_finite(x)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return elementwise(tf.where, condition, x, y)

    # -- reductions (`axes` sorted, unique, non-negative; () reduces nothing) ----------

    def sum(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        if not differentiable(x):
            return tf.reduce_sum(x, axes, keepdims)
        return as_float32(lambda x: accurate_sum(x, axes, keepdims), x)

    def prod(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        if not differentiable(x):
            return tf.reduce_prod(x, axes, keepdims)
        shape = dims(x)
        kept = [i for i in range(len(shape)) if i not in axes]
        count = math.prod(shape[i] for i in axes)
        x = tf.transpose(x, (*kept, *axes))
        x = tf.reshape(x, (*[shape[i] for i in kept], count))
        y = as_float32(tree_product, x)
        return (
            tf.reshape(y, [1 if i in axes else n for i, n in enumerate(shape)])
            if keepdims
            else y
        )

    max = native(tf.reduce_max)
    min = native(tf.reduce_min)
    any = native(tf.reduce_any)
    all = native(tf.reduce_all)

    def argmax(self, x: Any, axis: int) -> Any:
        return tf.argmax(order_key(x, "largest"), axis, tf.int32)

    def argmin(self, x: Any, axis: int) -> Any:
        return tf.argmin(order_key(x, "smallest"), axis, tf.int32)

    def cumsum(self, x: Any, axis: int) -> Any:
        return as_float32(lambda x: tf.cumsum(x, axis), x)

    def cumprod(self, x: Any, axis: int) -> Any:
        if not differentiable(x):
            return tf.math.cumprod(x, axis)
        swap = _swap_last(len(x.shape), axis)
        return tf.transpose(as_float32(running_product, tf.transpose(x, swap)), swap)

    # -- shape (all dtypes) ------------------------------------------------------------

    reshape = native(tf.reshape)
    transpose = native(tf.transpose)
    broadcast_to = native(broadcast)
    concatenate = native(tf.concat)

    def pad(self, x: Any, widths: Sequence[tuple[int, int]], value: Scalar) -> Any:
        if not widths:
            return x
        return tf.pad(x, widths, constant_values=constant(value, x.dtype))

    def slice(self, x: Any, start: Shape, stop: Shape, step: Shape) -> Any:
        if not start:
            return x
        if all(n == 1 for n in step):  # the gradient is a pad, of a strided one a copy
            return tf.slice(x, start, [b - a for a, b in zip(start, stop, strict=True)])
        return tf.strided_slice(x, start, stop, step)

    def flip(self, x: Any, axes: Axes) -> Any:
        return tf.reverse(x, axes) if axes else x

    # -- indexing ----------------------------------------------------------------------

    def take(self, x: Any, indices: Any, axis: int) -> Any:
        def gather(i: Any) -> Any:
            return tf.gather(x, i, axis=axis)

        rest = len(x.shape) - axis - 1
        return gathered(gather, indices, x.shape[axis], self.dtype(x), rest)

    def take_along_axis(self, x: Any, indices: Any, axis: int) -> Any:
        last = len(x.shape) - 1
        if axis != last:
            swap = _swap_last(last + 1, axis)
            x, indices = tf.transpose(x, swap), tf.transpose(indices, swap)

        def gather(i: Any) -> Any:
            return tf.gather(x, i, batch_dims=last)

        y = gathered(gather, indices, x.shape[last], self.dtype(x))
        return y if axis == last else tf.transpose(y, swap)

    def scatter(self, x: Any, indices: Any, updates: Any, mode: str) -> Any:
        if mode == "multiply":
            shape, depth = dims(x), indices.shape[1]
            strides = [math.prod(shape[i + 1 : depth]) for i in range(depth)]
            rows = tf.reduce_sum(tf.cast(indices, tf.int64) * strides, 1)
            size = math.prod(shape[:depth])
            factors = tf.math.unsorted_segment_prod(updates, rows, size)
            return x * tf.reshape(factors, shape)
        if mode == "add":
            return as_float32(
                lambda x, updates: tf.tensor_scatter_nd_add(x, indices, updates),
                x,
                updates,
            )
        scatters = {
            "set": tf.tensor_scatter_nd_update,
            "max": tf.tensor_scatter_nd_max,
            "min": tf.tensor_scatter_nd_min,
        }
        return scatters[mode](x, indices, updates)

    # -- sorting -----------------------------------------------------------------------

    def sort(self, x: Any) -> Any:
        if x.dtype.is_integer:
            return tf.sort(x)
        return tf.gather(x, self.argsort(x), batch_dims=len(x.shape) - 1)

    def argsort(self, x: Any) -> Any:
        return tf.argsort(order_key(x, "largest"), stable=True)

    def searchsorted(self, sorted: Any, values: Any, side: str) -> Any:
        flat = tf.reshape(values, (-1,))
        return tf.reshape(tf.searchsorted(sorted, flat, side), values.shape)


def _swap_last(rank: int, axis: int) -> list[int]:
    order = list(range(rank))
    order[axis], order[-1] = order[-1], order[axis]
    return order


def _comparable(x: Any, y: Any) -> tuple[Any, Any]:
    return (
        (tf.cast(x, tf.uint8), tf.cast(y, tf.uint8)) if x.dtype == tf.bool else (x, y)
    )
