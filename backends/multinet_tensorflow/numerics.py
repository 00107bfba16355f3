"""What TensorFlow's kernels lack: accurate sums, wider integers, an order with NaN."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record

LOW = (tf.float16, tf.bfloat16)
# Sums of up to this many terms are accurate to 2e-7 by TensorFlow's own kernels.
_SHORT = 256


def native(function: Callable[..., Any]) -> Any:
    """Return TensorFlow's own function as a method: it takes the same arguments."""
    return staticmethod(function)


def recording() -> bool:
    """Return whether a gradient may be asked of what is computed now."""
    return not tf.executing_eagerly() or record.could_possibly_record()


def dims(x: Any) -> tuple[int, ...]:
    """Return the static shape as ints."""
    return tuple(x.shape.as_list())


def differentiable(x: Any) -> bool:
    """Return whether x has a floating or complex dtype."""
    return x.dtype.is_floating or x.dtype.is_complex


def constant(value: Any, dtype: Any) -> Any:
    """Return a tensor as it is, a Python scalar as a tensor of `dtype`."""
    if isinstance(value, tf.Tensor):
        return value
    if dtype == tf.bool:
        value = bool(value)
    elif isinstance(value, bool):
        value = int(value)
    return tf.constant(value, dtype)


def pair(x: Any, y: Any) -> tuple[Any, Any]:
    """Return two operands as tensors; one of them may be a Python scalar."""
    if not isinstance(y, tf.Tensor):
        return x, constant(y, x.dtype)
    return constant(x, y.dtype), y


def widen(x: Any, dtype: Any) -> Any:
    """Cast; a real tensor becomes complex without a warning in its gradient."""
    if not dtype.is_complex or x.dtype.is_complex:
        return tf.cast(x, dtype)
    real = tf.cast(x, dtype.real_dtype)
    return tf.complex(real, tf.zeros_like(real))


def as_int64(op: Callable[..., Any], *xs: Any) -> Any:
    """Apply an integer op in int64: its low bits are the result in any width."""
    if xs[0].dtype == tf.int64:
        return op(*xs)
    return tf.cast(op(*[tf.cast(x, tf.int64) for x in xs]), xs[0].dtype)


def as_float32(op: Callable[..., Any], *xs: Any) -> Any:
    """Apply an op, float16 and bfloat16 in float32."""
    if xs[0].dtype not in LOW:
        return op(*xs)
    return tf.cast(op(*[tf.cast(x, tf.float32) for x in xs]), xs[0].dtype)


def floor_divide(x: Any, y: Any) -> Any:
    """Return the floor of the exact quotient of floats: 1 // 0.1 is 9, not 10."""
    x, y = tf.stop_gradient(x), tf.stop_gradient(y)
    quotient = tf.round((x - tf.math.floormod(x, y)) / y)
    below = tf.cast(tf.less(x, 0) != tf.less(y, 0), x.dtype) * -tf.abs(tf.sign(x))
    quotient = tf.where(tf.math.is_inf(y) & tf.math.is_finite(x), below, quotient)
    return tf.where(tf.equal(y, 0), x / y, quotient)


# -- sums ------------------------------------------------------------------------------


def accurate_sum(x: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """Return the sum over axes, in blocks where TensorFlow adds many terms in a row.

    Its kernels add the terms of a column one after another: (10**6, 8) over axis 0 is
    off by 6e-6. Products with 64 ones, repeated, are off by 6e-7 and cost less.
    """
    shape = dims(x)
    count = math.prod([shape[axis] for axis in axes])
    if count <= _SHORT or x.dtype in (tf.float64, tf.complex128):
        axis = axes if len(axes) != 1 else axes[0]  # a tuple takes longer
        return tf.reduce_sum(x, axis, keepdims)
    kept = [1 if i in axes else n for i, n in enumerate(shape)]

    @tf.custom_gradient
    def rule(x: Any) -> Any:
        y = x
        for last in reversed(axes):
            if last + 1 in axes:
                continue  # of a run of neighbouring axes, which are summed as one
            first = last
            while first - 1 in axes:
                first -= 1
            y = _sum_run(y, first, last)
        return tf.reshape(y, kept), lambda g: broadcast(g, shape)

    y = rule(x)
    return y if keepdims else tf.squeeze(y, list(axes))


def _sum_run(x: Any, first: int, last: int) -> Any:
    shape = dims(x)
    outer, rows = math.prod(shape[:first]), math.prod(shape[first : last + 1])
    columns = math.prod(shape[last + 1 :])
    x = tf.reshape(x, (outer, rows, columns))
    while rows > _SHORT and columns > 1:  # single columns are summed as a tree already
        block = next((n for n in range(64, 15, -1) if rows % n == 0), 64)
        left = rows // block
        head = x if rows == left * block else x[:, : left * block]
        head = tf.reshape(head, (outer * left, block, columns))
        head = tf.matmul(tf.ones((1, 1, block), x.dtype), head)
        head, tail = tf.reshape(head, (outer, left, columns)), x[:, left * block :]
        x = head if rows == left * block else tf.concat([head, tail], 1)
        rows = x.shape[1]
    ones = (1,) * (last + 1 - first)
    return tf.reshape(tf.reduce_sum(x, 1), (*shape[:first], *ones, *shape[last + 1 :]))


def broadcast(x: Any, shape: Sequence[int]) -> Any:
    """Broadcast to `shape`, with an accurate sum as the gradient."""
    if not _long(x, shape):
        return tf.broadcast_to(x, shape)
    rule = tf.custom_gradient(
        lambda x: (tf.broadcast_to(x, shape), lambda g: sum_to(g, dims(x)))
    )
    return rule(x)


def sum_to(x: Any, shape: Sequence[int]) -> Any:
    """Sum away what broadcasting from `shape` has repeated."""
    extra = len(x.shape) - len(shape)
    padded = (1,) * extra + tuple(shape)
    axes = [i for i, n in enumerate(padded) if i < extra or n != x.shape[i]]
    return tf.reshape(accurate_sum(x, axes, True), shape) if axes else x


def elementwise(op: Callable[..., Any], *xs: Any) -> Any:
    """Apply a broadcasting op; gradients of much repeated operands are accurate.

    The last two operands may be Python scalars.
    """
    if not recording():  # spares an eager call half of its time
        return op(*xs[:-2], *pair(*xs[-2:]))
    scalar = not (isinstance(xs[-1], tf.Tensor) and isinstance(xs[-2], tf.Tensor))
    if scalar:
        xs = (*xs[:-2], *pair(*xs[-2:]))
    shapes = [dims(x) for x in xs]
    if scalar and len(xs) == 2 or all(shape == shapes[0] for shape in shapes[1:]):
        return op(*xs)
    shape = np.broadcast_shapes(*shapes)
    if not any(_long(x, shape) for x in xs):
        return op(*xs)

    @tf.custom_gradient
    def rule(*xs: Any) -> Any:
        def gradient(g: Any) -> list[Any]:
            return [_partial(op, xs, i, shape, g) for i in range(len(xs))]

        return op(*xs), gradient

    return rule(*xs)


def _partial(op: Any, xs: tuple[Any, ...], i: int, shape: Any, g: Any) -> Any:
    """Return the gradient for operand i; it alone is broadcast, to spare memory."""
    if not differentiable(xs[i]):
        return None
    wide = broadcast(xs[i], shape) if _long(xs[i], shape) else xs[i]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(wide)
        y = op(*xs[:i], wide, *xs[i + 1 :])
    found = tape.gradient(y, wide, g, tf.UnconnectedGradients.ZERO)
    return found if wide is xs[i] else sum_to(found, dims(xs[i]))


def _long(x: Any, shape: Sequence[int]) -> bool:
    size = math.prod(x.shape)
    return differentiable(x) and size > 0 and math.prod(shape) > _SHORT * size


# -- products --------------------------------------------------------------------------


def tree_product(x: Any) -> Any:
    """Return the product over the last axis in halves: exact gradients at zeros."""
    while (n := x.shape[-1]) > 1:
        odd = x[..., n - n % 2 :]
        x = x[..., : n // 2] * x[..., n // 2 : n - n % 2]
        x = tf.concat([x, odd], -1) if n % 2 else x
    return x[..., 0] if n else tf.ones(x.shape[:-1], x.dtype)


def running_product(x: Any) -> Any:
    """Return running products over the last axis by doubling: zeros are exact."""
    reach, n = 1, x.shape[-1]
    while reach < n:
        x = tf.concat([x[..., :reach], x[..., reach:] * x[..., : n - reach]], -1)
        reach *= 2
    return x


# -- order -----------------------------------------------------------------------------


def order_key(x: Any, nan_is: str) -> Any:
    """Return integers ordered as x; NaN is the `"largest"` or the `"smallest"`."""
    if x.dtype == tf.bool:
        return tf.cast(x, tf.int32)
    if not x.dtype.is_floating:
        return x
    x = tf.cast(x, tf.float32) if x.dtype in LOW else x
    integer = tf.int32 if x.dtype == tf.float32 else tf.int64
    bits = tf.bitcast(tf.where(x == 0, tf.zeros_like(x), x), integer)
    sign = tf.bitwise.right_shift(bits, tf.constant(integer.size * 8 - 1, integer))
    # A negative float's bits grow with its modulus: flip all but the sign.
    bits = tf.bitwise.bitwise_xor(bits, tf.bitwise.bitwise_and(sign, integer.max))
    extreme = integer.max if nan_is == "largest" else integer.min
    return tf.where(tf.math.is_nan(x), tf.constant(extreme, integer), bits)
