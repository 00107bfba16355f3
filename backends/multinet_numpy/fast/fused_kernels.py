"""Kernels of the fused methods that have a rule of their own."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet_numpy import arrays
from multinet_numpy.dtypes import widened


def relu(x: Any) -> Any:
    """Return x where positive, else 0."""
    return np.maximum(x, x.dtype.type(0))


def relu_adjoint(g: Any, y: Any) -> Any:
    """Return g where y, a result of relu, is not 0."""
    return np.multiply(g, np.not_equal(y, 0), dtype=g.dtype)


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
    dtype = logits.dtype
    wide = logits.astype(np.float32) if dtype.itemsize == 2 else logits
    loss, powers = (
        np.empty(wide.shape[:-1], wide.dtype),
        np.empty(wide.shape, wide.dtype),
    )
    cross_entropy_into(wide, labels, loss, powers)
    return loss.astype(dtype, copy=False), powers.astype(dtype, copy=False)


def cross_entropy_into(logits: Any, labels: Any, loss: Any, powers: Any) -> None:
    """Fill what `cross_entropy` returns."""
    np.subtract(logits, np.maximum.reduce(logits, -1, keepdims=True), powers)
    index = np.expand_dims(labels, -1)
    picked = arrays.take_along_axis(powers, index, powers.ndim - 1)[..., 0]
    np.exp(powers, powers)
    total = arrays.sum(powers, (logits.ndim - 1,), True)
    np.subtract(np.log(total[..., 0]), picked, loss)
    np.divide(powers, total, powers)


def cross_entropy_adjoint(g: Any, powers: Any, labels: Any) -> Any:
    """Return the cotangent of logits: g times the probabilities, less g at labels."""
    out = np.empty(powers.shape, powers.dtype)
    cross_entropy_adjoint_into(g, powers, labels, out)
    return out


def cross_entropy_adjoint_into(g: Any, powers: Any, labels: Any, out: Any) -> None:
    """Fill what `cross_entropy_adjoint` returns."""
    np.multiply(powers, g[..., None], out)
    rows, labels, g = out.reshape(-1, out.shape[-1]), labels.reshape(-1), g.reshape(-1)
    wrong = arrays.outside(labels, rows.shape[1])
    if wrong is not None:
        rows[wrong], g = 0, np.where(wrong, g.dtype.type(0), g)
        labels = np.where(wrong, 0, labels)
    rows[np.arange(len(rows)), labels] -= g


@widened
def dense(x: Any, kernel: Any, bias: Any) -> Any:
    """Return x @ kernel + bias of matrices and a vector."""
    y = np.matmul(x, kernel)
    y += bias
    return y
