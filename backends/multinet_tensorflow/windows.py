"""Convolution and pooling for 1 to 3 spatial axes, out of TensorFlow's kernels."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from multinet_tensorflow.numerics import dims

Shape = tuple[int, ...]
Pairs = Sequence[tuple[int, int]]


def pad_spatial(x: Any, padding: Pairs, value: float) -> Any:
    """Pad the spatial axes of (n, *spatial, c) with a constant."""
    if not any(before or after for before, after in padding):
        return x
    filler = tf.constant(value, x.dtype)
    return tf.pad(x, [(0, 0), *padding, (0, 0)], constant_values=filler)


# -- convolution -----------------------------------------------------------------------


def convolve(
    x: Any, kernel: Any, strides: Shape, padding: Pairs, dilation: Shape, groups: int
) -> Any:
    """Cross-correlate, with the padding done by the kernel where it is its own."""
    # The kernels get the shape wrong where there are no images.
    dense = all(n == 1 for n in dilation) and x.shape[0] > 0
    if dense and groups == 1:
        layout = ("NWC", "NHWC", "NDHWC")[len(strides) - 1]  # the gradient needs it
        same = list(padding) == _same(dims(x)[1:-1], dims(kernel), strides)
        x = x if same else pad_spatial(x, padding, 0.0)
        name = "SAME" if same else "VALID"
        return tf.nn.convolution(x, kernel, strides, name, layout)
    x = pad_spatial(x, padding, 0.0)
    if dense and groups == x.shape[-1] and len(strides) < 3 and len(set(strides)) == 1:
        return _depthwise(x, kernel, max(strides))
    # The gradients of dilated and grouped kernels do not exist on the CPU.
    return _by_taps(x, kernel, strides, dilation, groups)


def _same(sizes: Shape, window: Shape, strides: Shape) -> list[tuple[int, int]]:
    totals = [
        max((math.ceil(n / s) - 1) * s + w - n, 0)
        for n, w, s in zip(sizes, window, strides)
    ]
    return [(total // 2, total - total // 2) for total in totals]


def _depthwise(x: Any, kernel: Any, stride: int) -> Any:
    channels, flat = x.shape[-1], len(x.shape) == 3
    if flat:
        x, kernel = tf.expand_dims(x, 1), tf.expand_dims(kernel, 0)
    window, out = dims(kernel)[:2], kernel.shape[-1]
    kernel = tf.reshape(kernel, (*window, channels, out // channels))
    y = tf.nn.depthwise_conv2d(x, kernel, (1, stride, stride, 1), "VALID")
    return tf.squeeze(y, 1) if flat else y


def _by_taps(x: Any, kernel: Any, strides: Shape, dilation: Shape, groups: int) -> Any:
    *window, inputs, outputs = dims(kernel)
    batch, *spatial, _ = dims(x)
    sizes = [
        (n - (w - 1) * d - 1) // s + 1
        for n, w, s, d in zip(spatial, window, strides, dilation, strict=True)
    ]
    total: Any = None
    for tap in itertools.product(*map(range, window)):
        start = [i * d for i, d in zip(tap, dilation, strict=True)]
        stop = [
            b + (n - 1) * s + 1 for b, n, s in zip(start, sizes, strides, strict=True)
        ]
        rows = tf.strided_slice(
            x, (0, *start, 0), (batch, *stop, groups * inputs), (1, *strides, 1)
        )
        rows = tf.reshape(rows, (batch * math.prod(sizes), groups, inputs))
        weights = tf.reshape(kernel[tap], (inputs, groups, outputs // groups))
        part = tf.einsum("ngc,cgo->ngo", rows, weights)
        total = part if total is None else total + part
    return tf.reshape(total, (batch, *sizes, outputs))


# -- pooling ---------------------------------------------------------------------------

Pool = Callable[[Any, Shape, Shape], Any]


def pool(kernel: Pool, x: Any, window: Shape, strides: Shape) -> Any:
    """Apply a pooling kernel of two axes to 1, 2 or 3 spatial axes, without padding.

    Three axes are pooled in two steps, the inner ones first, which keeps the first of
    equals in row-major order.
    """
    batch, *spatial, channels = dims(x)
    if all(n == 1 for n in window):
        # The compiled second gradient of the native kernel is 0 for such windows.
        return tf.strided_slice(x, (0,) * len(x.shape), dims(x), (1, *strides, 1))
    if len(window) == 1:
        y = kernel(tf.expand_dims(x, 1), (1, *window), (1, *strides))
        return tf.squeeze(y, 1)
    if len(window) == 2:
        return kernel(x, window, strides)
    x = tf.reshape(x, (batch * spatial[0], *spatial[1:], channels))
    x = pool(kernel, x, window[1:], strides[1:])
    inner = dims(x)[1:3]
    x = tf.reshape(x, (batch, spatial[0], math.prod(inner), channels))
    x = pool(kernel, x, (window[0], 1), (strides[0], 1))
    return tf.reshape(x, (batch, x.shape[1], *inner, channels))


def max_kernel(x: Any, window: Shape, strides: Shape) -> Any:
    """Return the maxima of windows over two axes; the native kernel ignores NaN."""

    @tf.custom_gradient
    def poison(y: Any) -> Any:
        def poisoned() -> Any:
            nan = tf.where(tf.math.is_nan(x), x, tf.zeros_like(x))
            return y + tf.nn.avg_pool2d(nan, window, strides, "VALID")

        # NaN is rare: a sum tells that there is none, in a fifth of the time.
        suspect = tf.math.is_nan(tf.reduce_sum(x))
        return tf.cond(suspect, poisoned, lambda: y), lambda g: g

    return poison(tf.nn.max_pool2d(x, window, strides, "VALID"))


def sum_kernel(x: Any, window: Shape, strides: Shape) -> Any:
    """Return the sums of windows over two axes."""
    return tf.nn.avg_pool2d(x, window, strides, "VALID") * math.prod(window)
