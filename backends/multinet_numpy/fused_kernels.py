"""Kernels of the fused methods that have a rule of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet_numpy import arrays
from multinet_numpy.dtypes import widened


def relu(x: Any) -> Any:
    """Return x where positive, else 0."""
    return np.maximum(x, x.dtype.type(0))


def _exponentials(x: Any, axis: int) -> tuple[Any, Any]:
    """Return x less its maximum along the axis, and the sum of its exponentials."""
    shifted = np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True))
    powers = np.exp(shifted)
    return (shifted, powers), arrays.sum(powers, (axis,), True)


@widened
def softmax(x: Any, axis: int) -> Any:
    """Return e**x / sum(e**x) along an axis."""
    (_, powers), total = _exponentials(x, axis)
    return np.divide(powers, total, out=powers) if powers.ndim else powers / total


@widened
def log_softmax(x: Any, axis: int) -> Any:
    """Return x - log(sum(e**x)) along an axis."""
    (shifted, _), total = _exponentials(x, axis)
    return np.subtract(shifted, np.log(total))


def cross_entropy(logits: Any, labels: Any) -> tuple[Any, Any]:
    """Return -log_softmax(logits)[label] and the probabilities."""
    dtype, last = logits.dtype, logits.ndim - 1
    wide = logits.astype(np.float32) if dtype.itemsize == 2 else logits
    (shifted, powers), total = _exponentials(wide, last)
    picked = np.take_along_axis(shifted, np.expand_dims(labels, last), last)
    loss = np.subtract(np.log(total), picked)[..., 0]
    powers /= total
    return loss.astype(dtype, copy=False), powers.astype(dtype, copy=False)


@widened
def dense(x: Any, kernel: Any, bias: Any) -> Any:
    """Return x @ kernel + bias of matrices and a vector."""
    y = np.matmul(x, kernel)
    y += bias
    return y
