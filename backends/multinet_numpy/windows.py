"""Kernels: convolution by chunked im2col and GEMM, and pooling, channels last."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from multinet_numpy.dtypes import widened

_BUDGET = 1 << 20  # bytes of a chunk's columns: they stay in L2
Ints = Sequence[int]
Pairs = Sequence[tuple[int, int]]


def _pad(x: Any, padding: Pairs, value: float) -> Any:
    if not any(before or after for before, after in padding):
        return x
    spatial = [n + b + a for n, (b, a) in zip(x.shape[1:-1], padding)]
    out = np.full((x.shape[0], *spatial, x.shape[-1]), value, x.dtype)
    out[_inside(x.shape[1:-1], padding)] = x
    return out


def _inside(spatial: Ints, padding: Pairs) -> Any:
    return (slice(None), *[np.s_[b : b + n] for n, (b, _) in zip(spatial, padding)])


def _out_spatial(
    padded: Ints, window: Ints, strides: Ints, dilation: Ints
) -> list[int]:
    reach = [d * (w - 1) + 1 for w, d in zip(window, dilation)]
    return [(n - r) // s + 1 for n, r, s in zip(padded, reach, strides)]


def _taps(
    window: Ints, strides: Ints, dilation: Ints, out: Ints
) -> Iterator[tuple[Any, tuple[int, ...]]]:
    """Yield the strided slice of each window place, row-major, and the place."""
    for place in itertools.product(*map(range, window)):
        key = [
            np.s_[p * d : p * d + s * (n - 1) + 1 : s] if n else np.s_[:0]
            for p, d, s, n in zip(place, dilation, strides, out)
        ]
        yield (slice(None), *key), place


def _view(x: Any, window: Ints, strides: Ints, dilation: Ints, out: Ints) -> Any:
    """Return windows of padded x as a view (n, *out, *window, c)."""
    steps = x.strides[1:-1]
    return as_strided(
        x,
        (x.shape[0], *out, *window, x.shape[-1]),
        (
            x.strides[0],
            *[n * s for n, s in zip(steps, strides)],
            *[n * d for n, d in zip(steps, dilation)],
            x.strides[-1],
        ),
        writeable=False,
    )


def _columns(view: Any, groups: int) -> Any:
    """Return windows as matrices (groups, n * out, window * c // groups)."""
    spatial = (view.ndim - 2) // 2
    batch, c = view.shape[: spatial + 1], view.shape[-1]
    window = view.shape[spatial + 1 : -1]
    rows, width = math.prod(batch), math.prod(window) * (c // groups)
    if groups == 1:
        if c <= 2:  # long runs along the image, not runs of one channel
            order = (*range(spatial + 1, view.ndim), *range(spatial + 1))
            return view.transpose(order).reshape(1, width, rows).swapaxes(1, 2)
        return view.reshape(1, rows, width)
    split = view.reshape(*batch, *window, groups, c // groups)
    return np.moveaxis(split, -2, 0).reshape(groups, rows, width)


def _chunks(count: int, rows: int, width: int, size: int) -> Iterator[Any]:
    step = max(1, _BUDGET // max(1, rows * width * size))
    for start in range(0, count, step):
        yield slice(start, min(count, start + step))


def _matrices(kernel: Any, groups: int) -> Any:
    """Return the kernel as (groups, window * c // groups, out // groups)."""
    split = kernel.reshape(-1, groups, kernel.shape[-1] // groups)
    return split.transpose(1, 0, 2)


def _to_groups(x: Any, groups: int) -> Any:
    """Return (n, *spatial, c) as (groups, n * spatial, c // groups)."""
    return x.reshape(-1, groups, x.shape[-1] // groups).transpose(1, 0, 2)


def _depthwise(kernel: Any, groups: int) -> bool:
    return groups > 1 and kernel.shape[-2] == 1 and kernel.shape[-1] == groups


@widened
def conv(
    x: Any, kernel: Any, strides: Ints, padding: Pairs, dilation: Ints, groups: int
) -> Any:
    """Cross-correlate."""
    x, window = _pad(x, padding, 0), kernel.shape[:-2]
    out = _out_spatial(x.shape[1:-1], window, strides, dilation)
    y = np.zeros((x.shape[0], *out, kernel.shape[-1]), x.dtype)
    if _depthwise(kernel, groups):
        for key, place in _taps(window, strides, dilation, out):
            y += x[key] * kernel[place][0]
        return y
    matrices, rows = _matrices(kernel, groups), math.prod(out)
    view = _view(x, window, strides, dilation, out)
    width = math.prod(window) * x.shape[-1]
    for part in _chunks(len(x), rows, width, x.itemsize):
        result = np.matmul(_columns(view[part], groups), matrices)
        y[part] = result.transpose(1, 0, 2).reshape(y[part].shape)
    return y


@widened
def conv_transpose(
    x: Any,
    kernel: Any,
    shape: Ints,
    strides: Ints,
    padding: Pairs,
    dilation: Ints,
    groups: int,
) -> Any:
    """Apply the transpose of `conv` as a linear map of its input."""
    window, out = kernel.shape[:-2], x.shape[1:-1]
    c = kernel.shape[-2] * groups
    padded = [n + before + after for n, (before, after) in zip(shape, padding)]
    y = np.zeros((x.shape[0], *padded, c), x.dtype)
    taps = list(_taps(window, strides, dilation, out))
    if _depthwise(kernel, groups):
        for key, place in taps:
            y[key] += x * kernel[place][0]
        return y[_inside(shape, padding)]
    matrices = np.swapaxes(_matrices(kernel, groups), 1, 2)
    places, rows = math.prod(window), math.prod(out)
    for part in _chunks(len(x), rows, places * c, x.itemsize):
        columns = np.matmul(_to_groups(x[part], groups), matrices)
        columns = columns.reshape(groups, *x[part].shape[:-1], *window, c // groups)
        target = y[part].reshape(*y[part].shape[:-1], groups, c // groups)
        for key, place in taps:
            tap = columns[(slice(None), *[slice(None)] * (len(out) + 1), *place)]
            target[key] += np.moveaxis(tap, 0, -2)
    return y[_inside(shape, padding)]


@widened
def conv_kernel(
    x: Any,
    g: Any,
    window: Ints,
    strides: Ints,
    padding: Pairs,
    dilation: Ints,
    groups: int,
) -> Any:
    """Apply the transpose of `conv` as a linear map of its kernel."""
    x, out = _pad(x, padding, 0), g.shape[1:-1]
    c, features = x.shape[-1] // groups, g.shape[-1]
    if groups > 1 and c == 1 and features == groups:
        result = np.zeros((*window, 1, features), x.dtype)
        axes = "".join(chr(98 + i) for i in range(g.ndim - 1))
        for key, place in _taps(window, strides, dilation, out):
            product = f"{axes}a,{axes}a->a"
            result[place][0] = np.einsum(product, x[key], g)
        return result
    view = _view(x, window, strides, dilation, out)
    width = math.prod(window) * c
    total = np.zeros((groups, width, features // groups), x.dtype)
    for part in _chunks(len(x), math.prod(out), width * groups, x.itemsize):
        columns = _columns(view[part], groups)
        total += np.matmul(np.swapaxes(columns, 1, 2), _to_groups(g[part], groups))
    return total.transpose(1, 0, 2).reshape(*window, c, features)


# -- pooling ---------------------------------------------------------------------------


def _pool_taps(x: Any, window: Ints, strides: Ints) -> tuple[list[int], list[Any]]:
    ones = (1,) * len(window)
    out = _out_spatial(x.shape[1:-1], window, strides, ones)
    return out, [key for key, _ in _taps(window, strides, ones, out)]


def max_pool(x: Any, window: Ints, strides: Ints, padding: Pairs) -> Any:
    """Return the maximum of each window."""
    x = _pad(x, padding, -math.inf)
    _, taps = _pool_taps(x, window, strides)
    y = x[taps[0]].copy()
    for key in taps[1:]:
        np.maximum(y, x[key], out=y)
    return y


def _first_masks(x: Any, y: Any, taps: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Yield for each tap where it is the first that equals the maximum y."""
    free, has_nan = np.ones(y.shape, bool), np.isnan(y).any()
    for key in taps:
        mask = np.equal(x[key], y)
        if has_nan:
            mask |= np.isnan(x[key])
        mask &= free
        free ^= mask
        yield key, mask


def max_pool_adjoint(
    g: Any, x: Any, y: Any, window: Ints, strides: Ints, padding: Pairs
) -> Any:
    """Return zeros of x's shape with g added at the first maximum of each window."""
    padded = _pad(x, padding, -math.inf)
    _, taps = _pool_taps(padded, window, strides)
    out = np.zeros(padded.shape, g.dtype)
    for key, mask in _first_masks(padded, y, taps):
        out[key] += np.multiply(g, mask, dtype=g.dtype)
    return out[_inside(x.shape[1:-1], padding)]


def max_pool_select(
    v: Any, x: Any, y: Any, window: Ints, strides: Ints, padding: Pairs
) -> Any:
    """Return v at the first maximum of each window of x."""
    v, x = _pad(v, padding, 0), _pad(x, padding, -math.inf)
    _, taps = _pool_taps(x, window, strides)
    out = np.zeros(y.shape, v.dtype)
    for key, mask in _first_masks(x, y, taps):
        out += np.multiply(v[key], mask, dtype=v.dtype)
    return out


@widened
def sum_pool(x: Any, window: Ints, strides: Ints, padding: Pairs) -> Any:
    """Return the sum of each window."""
    x = _pad(x, padding, 0)
    _, taps = _pool_taps(x, window, strides)
    y = x[taps[0]].copy()
    for key in taps[1:]:
        y += x[key]
    return y


@widened
def sum_pool_adjoint(
    g: Any, spatial: Ints, window: Ints, strides: Ints, padding: Pairs
) -> Any:
    """Return x's cotangent: g added at every place of its window."""
    padded = [n + before + after for n, (before, after) in zip(spatial, padding)]
    out = np.zeros((g.shape[0], *padded, g.shape[-1]), g.dtype)
    _, taps = _pool_taps(out, window, strides)
    for key in taps:
        out[key] += g
    return out[_inside(spatial, padding)]
