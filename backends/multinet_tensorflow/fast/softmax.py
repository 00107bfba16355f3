"""softmax by TensorFlow's kernel, where that of oneDNN has no answer."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

from multinet_tensorflow.numerics import dims

# With oneDNN, which is on where the CPU has AVX512, NaN leaves the others of its row 0.
with tf.init_scope():  # a graph may be in the making where this is imported
    _LOSES_NAN = bool(tf.nn.softmax(tf.constant([1.0, math.nan]))[0] == 0)


def softmax(x: Any, axis: int) -> Any:
    """Return e**x / sum(e**x) along an axis."""
    shape = dims(x)
    if len(shape) > 5 and axis == len(shape) - 1:  # more than the kernel may have
        flat = tf.reshape(x, (math.prod(shape[:-1]), shape[-1]))
        return tf.reshape(softmax(flat, 1), shape)
    if len(shape) > 5:
        order = [*range(axis), *range(axis + 1, len(shape)), axis]
        y = softmax(tf.transpose(x, order), len(shape) - 1)
        return tf.transpose(y, [order.index(i) for i in range(len(shape))])
    y = tf.nn.softmax(x, axis)
    return _with_nan(y, x, axis) if _LOSES_NAN else y


def _with_nan(y: Any, x: Any, axis: int) -> Any:
    """Return y, and NaN in all of a row that has one."""

    def poisoned() -> Any:
        top = tf.stop_gradient(tf.reduce_max(x, axis, True))
        return y + (top - top)

    # NaN is rare: a sum tells that there is none, in one pass.
    every = tf.constant(list(range(len(x.shape))), tf.int32)
    suspect = tf.raw_ops.IsNan(x=tf.raw_ops.Sum(input=y, axis=every))
    if tf.executing_eagerly():
        return poisoned() if suspect else y
    return tf.cond(suspect, poisoned, lambda: y)
