"""Rows: convolution and pooling."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from multinet.conformance.row import Array, Case, Row, t


def _sizes(spatial: Any, window: Any, strides: Any, padding: Any, dilation: Any) -> Any:
    return tuple(
        (n + a + b - d * (k - 1) - 1) // s + 1
        for n, k, s, (a, b), d in zip(
            spatial, window, strides, padding, dilation, strict=True
        )
    )


def _place(offset: Any, sizes: Any, strides: Any, dilation: Any) -> tuple[Any, ...]:
    """Return the index of the elements that `offset` of the windows falls on."""
    spatial = (
        slice(o * d, o * d + (n - 1) * s + 1, s)
        for o, n, s, d in zip(offset, sizes, strides, dilation, strict=True)
    )
    return (slice(None), *spatial)


def _offsets(window: Any) -> Iterator[tuple[int, ...]]:
    return itertools.product(*(range(k) for k in window))


def _padded(x: Array, padding: Any, value: float = 0.0) -> Array:
    return np.pad(x, ((0, 0), *padding, (0, 0)), constant_values=value)


def convolve(
    x: Any, w: Any, strides: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """Return the cross-correlation of x (n, *spatial, c), offset by offset."""
    window, out = w.shape[:-2], w.shape[-1]
    sizes = _sizes(x.shape[1:-1], window, strides, padding, dilation)
    x = _padded(x, padding)
    y = np.zeros((x.shape[0], *sizes, out))
    width, share = w.shape[-2], out // groups
    for offset in _offsets(window):
        part = x[_place(offset, sizes, strides, dilation)]
        for g in range(groups):
            columns = slice(g * share, (g + 1) * share)
            rows = part[..., g * width : (g + 1) * width]
            y[..., columns] += rows @ w[offset][:, columns]
    return y


def transposed(
    x: Any, w: Any, shape: Any, strides: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    """Return the transpose of `convolve`: elements go back to where they came from."""
    window, out = w.shape[:-2], w.shape[-1]
    sizes, width, share = x.shape[1:-1], w.shape[-2], out // groups
    full = tuple(n + a + b for n, (a, b) in zip(shape, padding, strict=True))
    y = np.zeros((x.shape[0], *full, width * groups))
    for offset in _offsets(window):
        place = _place(offset, sizes, strides, dilation)
        for g in range(groups):
            columns = slice(g * share, (g + 1) * share)
            channels = slice(g * width, (g + 1) * width)
            y[(*place, channels)] += x[..., columns] @ w[offset][:, columns].T
    inner = (slice(a, a + n) for n, (a, _) in zip(shape, padding, strict=True))
    return y[(slice(None), *inner)]


def pooled(reduce: Any, empty: float) -> Any:
    """Return the oracle of a pool: `reduce` over windows padded with `empty`."""

    def oracle(x: Any, window: Any, strides: Any, padding: Any) -> Any:
        ones = (1,) * len(window)
        sizes = _sizes(x.shape[1:-1], window, strides, padding, ones)
        x = _padded(x, padding, empty)
        parts = [x[_place(o, sizes, strides, ones)] for o in _offsets(window)]
        return reduce(np.stack(parts), axis=0)

    return oracle


_1D = ((1,), ((0, 0),), (1,), 1)
_2D = ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)
_SAME = ((1, 1), ((1, 1), (1, 1)), (1, 1), 1)
_UNEVEN = ((2, 1), ((0, 1), (1, 0)), (1, 1), 1)
_DILATED = ((1, 1), ((0, 0), (1, 1)), (2, 1), 1)
_BOTH = ((2, 2), ((2, 2), (2, 1)), (2, 2), 1)
_GROUPS = ((1, 1), ((0, 0), (0, 0)), (1, 1), 2)
_DEEP = ((2, 1), ((1, 0), (0, 0)), (1, 1), 3)
_3D = ((1, 2, 1), ((0, 0), (1, 1), (0, 1)), (1, 1, 1), 1)


def _settings() -> Iterator[tuple[str, Any, Any, Any]]:
    yield "2-D", (1, 3, 3, 2), (2, 2, 2, 2), _2D
    yield "1-D", (2, 5, 2), (3, 2, 2), _1D
    yield "same", (1, 3, 3, 1), (3, 3, 1, 2), _SAME
    yield "strides and uneven padding", (1, 4, 3, 1), (2, 2, 1, 2), _UNEVEN
    yield "strides that leave a rest", (1, 6, 1), (2, 1, 1), ((4,), ((0, 0),), (1,), 1)
    yield "dilation", (1, 5, 3, 1), (2, 2, 1, 2), _DILATED
    yield "strides and dilation", (1, 5, 4, 1), (2, 2, 1, 1), _BOTH
    yield "groups", (1, 3, 3, 4), (2, 2, 2, 2), _GROUPS
    yield "depthwise", (1, 3, 3, 3), (2, 2, 1, 6), _DEEP
    yield "3-D", (1, 2, 3, 2, 1), (2, 2, 2, 1, 2), _3D
    yield "1 by 1", (2, 2, 2, 3), (1, 1, 3, 2), _2D
    yield "padding wider", (1, 3, 1), (1, 1, 2), ((1,), ((1, 2),), (1,), 1)
    yield "stride wider than the window", (1, 5, 5, 1), (1, 1, 1, 2), ((2, 2), *_2D[1:])
    yield "1 by 1 with strides", (1, 4, 4, 3), (1, 1, 3, 5), ((2, 2), *_2D[1:])


def convolution_rows() -> Iterator[Row]:
    """Yield conv and conv_transpose."""
    forward, backward = [], []
    for label, x, kernel, setting in _settings():
        forward.append(Case(label, (t(*x), t(*kernel)), setting))
        strides, padding, dilation, _ = setting
        sizes = _sizes(x[1:-1], kernel[:-2], strides, padding, dilation)
        y = (x[0], *sizes, kernel[-1])
        backward.append(Case(label, (t(*y), t(*kernel)), (x[1:-1], *setting)))
    none = (t(0, 3, 3, 2), t(2, 2, 2, 2))
    forward.append(Case("no images", none, _2D, gradient=False))
    yield Row("conv", convolve, tuple(forward), floor=1.0, slack=2)
    yield Row("conv_transpose", transposed, tuple(backward), floor=1.0, slack=2)


def pool_cases() -> Iterator[Case]:
    """Yield the cases of the pools."""
    flat = ((0, 0), (0, 0))
    image = t(1, 4, 4, 2, distinct=True)
    yield Case("2-D", (image,), ((2, 2), (2, 2), flat))
    yield Case("1-D", (t(2, 5, 1, distinct=True),), ((2,), (1,), ((0, 0),)))
    yield Case("overlapping", (image,), ((3, 2), (1, 1), flat))
    uneven = ((0, 1), (1, 0))
    yield Case("padded", (t(1, 3, 3, 2, distinct=True),), ((2, 2), (2, 2), uneven))
    yield Case("a rest", (t(1, 5, 1, distinct=True),), ((2,), (2,), ((0, 0),)))
    negative = t(1, 3, 3, 1, distinct=True, low=-3, high=-1)
    yield Case("below zero", (negative,), ((2, 2), (1, 1), ((1, 1), (1, 1))))
    cube = t(1, 2, 2, 4, 1, distinct=True)
    yield Case("3-D", (cube,), ((1, 2, 2), (1, 1, 2), ((0, 0), (0, 1), (0, 0))))
    yield Case("stride wider", (t(1, 5, 1, distinct=True),), ((2,), (3,), ((0, 0),)))
    wide = ((5, 5, 5), (1, 1, 1), ((2, 2), (2, 2), (2, 2)))
    yield Case("window wider", (t(1, 2, 2, 2, 1, distinct=True),), wide)


def pooling_rows() -> Iterator[Row]:
    """Yield max_pool and sum_pool."""
    cases = tuple(pool_cases())
    yield Row("max_pool", pooled(np.max, -np.inf), cases)
    yield Row("sum_pool", pooled(np.sum, 0.0), cases, floor=1.0)


ROWS = (*convolution_rows(), *pooling_rows())
