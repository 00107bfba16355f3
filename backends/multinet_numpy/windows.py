"""Kernels: convolution by chunked im2col and GEMM, and pooling, channels last."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from multinet_numpy.dtypes import widened
from multinet_numpy.fast import bands
from multinet_numpy.scratch import scratch

_BUDGET = 1 << 20  # bytes of a chunk's columns: they stay in L2
_BAND_PRODUCTS = 100_000  # an image, at least
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


def out_spatial(padded: Ints, window: Ints, strides: Ints, dilation: Ints) -> list[int]:
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


class _Windows:
    """The geometry of a convolution of images (n, *spatial, c), and its chunks."""

    def __init__(
        self,
        x: Any,
        window: Ints,
        strides: Ints,
        padding: Pairs,
        dilation: Ints,
        groups: int,
    ) -> None:
        sizes = [n + before + after for n, (before, after) in zip(x.shape[1:], padding)]
        self.x, self.window, self.steps = x, tuple(window), (strides, dilation)
        self.out = out_spatial(sizes, window, strides, dilation)
        self.padded, self.padding, self.groups = sizes, padding, groups
        self.c, self.rows = x.shape[-1], math.prod(self.out)
        self.width = math.prod(window) * self.c
        self.pads = any(before or after for before, after in padding)
        # Long runs along the image where there are few channels, else runs of channels.
        self.tall = groups == 1 and self.c <= 2

    def taps(self) -> list[tuple[Any, tuple[int, ...]]]:
        """Return the strided slice of each window place, row-major, and the place."""
        return list(_taps(self.window, *self.steps, self.out))

    def chunks(self) -> Iterator[slice]:
        """Yield slices of images whose columns stay in L2."""
        count, step = len(self.x), self.rows * self.width * self.x.itemsize
        step = max(1, _BUDGET // max(1, step))
        for start in range(0, count, step):
            yield slice(start, min(count, start + step))

    def image(self, part: slice) -> Any:
        """Return images with zeros around them."""
        x = self.x[part]
        if not self.pads:
            return x
        out = scratch("image", (len(x), *self.padded, self.c), x.dtype)
        out.fill(0)
        out[_inside(x.shape[1:-1], self.padding)] = x
        return out

    def columns(self, part: slice) -> Any:
        """Return windows as matrices (groups, n * out, window * c // groups)."""
        x, groups = self.image(part), self.groups
        view = _view(x, self.window, *self.steps, self.out)
        n, spatial, places = len(x), len(self.out), math.prod(self.window)
        if groups > 1:
            split = view.reshape(*view.shape[:-1], groups, self.c // groups)
            split = np.moveaxis(split, -2, 0)
            return split.reshape(groups, n * self.rows, self.width // groups)
        if places == 1 and view.flags.c_contiguous:
            return view.reshape(1, n * self.rows, self.c)
        if self.tall:
            axes = (*range(spatial + 1, view.ndim), *range(spatial + 1))
            view = view.transpose(axes)
        out = scratch("columns", view.shape, x.dtype)
        np.copyto(out, view)
        if self.tall:
            return out.reshape(1, self.width, n * self.rows).swapaxes(1, 2)
        return out.reshape(1, n * self.rows, self.width)


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
def conv(x: Any, kernel: Any, *geometry: Any) -> Any:
    """Cross-correlate."""
    windows = _Windows(x, kernel.shape[:-2], *geometry)
    y = np.empty((len(x), *windows.out, kernel.shape[-1]), x.dtype)
    conv_into(x, kernel, geometry, None, False, y)
    return y


def conv_into(
    x: Any, kernel: Any, geometry: Any, bias: Any, relu: bool, y: Any
) -> None:
    """Fill y with the convolution, plus a bias, and 0 where negative with `relu`."""
    if _has_bands(kernel.shape, geometry, y):
        pieces = bands.convolved(x, kernel, geometry[1], y)
    else:
        pieces = _convolved(x, kernel, geometry, y)
    for piece in pieces:
        if bias is not None:
            np.add(piece, bias, piece)
        if relu:
            np.maximum(piece, 0, out=piece)


def _has_bands(window: Ints, geometry: Any, y: Any) -> bool:
    """Return whether bands are faster: 1.1 times with 64 channels, 1.7 with 16."""
    strides, _, dilation, groups = geometry
    if groups > 1 or (*strides, *dilation) != (1, 1, 1, 1):
        return False
    height, width, c, _ = window
    products = y.size * width * c  # for few, columns of many images are faster
    return height > 1 and c > 2 and products > _BAND_PRODUCTS * len(y)


def _convolved(x: Any, kernel: Any, geometry: Any, y: Any) -> Iterator[Any]:
    """Fill y with the convolution; yield it in pieces."""
    windows = _Windows(x, kernel.shape[:-2], *geometry)
    depthwise = _depthwise(kernel, windows.groups)
    matrices = _matrices(kernel, windows.groups)
    for part in windows.chunks():
        piece = y[part]
        if depthwise:
            image = windows.image(part)
            piece.fill(0)
            for key, place in windows.taps():
                piece += image[key] * kernel[place][0]
        elif windows.groups == 1:
            target = piece.reshape(-1, kernel.shape[-1])
            np.matmul(windows.columns(part)[0], matrices[0], target)
        else:
            result = np.matmul(windows.columns(part), matrices)
            piece[...] = result.transpose(1, 0, 2).reshape(piece.shape)
        yield piece


@widened
def conv_transpose(x: Any, kernel: Any, shape: Ints, *geometry: Any) -> Any:
    """Apply the transpose of `conv` as a linear map of its input."""
    y = np.empty((len(x), *shape, kernel.shape[-2] * geometry[-1]), x.dtype)
    conv_transpose_into(x, kernel, geometry, y)
    return y


def conv_transpose_into(x: Any, kernel: Any, geometry: Any, y: Any) -> None:
    """Fill y with `conv_transpose`."""
    windows = _Windows(y, kernel.shape[:-2], *geometry)
    groups, taps = windows.groups, windows.taps()
    if (
        groups == 1
        and max(geometry[0]) == 1
        and _reaches_over(kernel.shape, *geometry[1:3])
        and y.size <= 2 * len(y) * math.prod((*windows.out, windows.c))
    ):
        return _full_convolution(x, kernel, geometry, y)
    depthwise = _depthwise(kernel, groups)
    matrices = np.ascontiguousarray(np.swapaxes(_matrices(kernel, groups), 1, 2))
    for part in windows.chunks():
        target = y[part]
        if windows.pads:
            shape = (len(target), *windows.padded, windows.c)
            target = scratch("image", shape, x.dtype)
        target.fill(0)
        if depthwise:
            for key, place in taps:
                target[key] += x[part] * kernel[place][0]
        else:
            columns = _scratched_product(_to_groups(x[part], groups), matrices)
            split = (*x[part].shape[:-1], *windows.window, windows.c // groups)
            columns = columns.reshape(groups, *split)
            wide = target.reshape(*target.shape[:-1], groups, windows.c // groups)
            for key, place in taps:
                tap = columns[(slice(None), *[slice(None)] * (x.ndim - 1), *place)]
                here = wide[key]
                np.add(here, np.moveaxis(tap, 0, -2), here)
        if windows.pads:
            y[part] = target[_inside(y.shape[1:-1], windows.padding)]


def _reaches_over(window: Ints, padding: Pairs, dilation: Ints) -> bool:
    """Return whether no window lies in the padding alone."""
    sides = zip(window, padding, dilation)
    return all(d * (n - 1) >= max(pair) for n, pair, d in sides)


def _full_convolution(x: Any, kernel: Any, geometry: Any, y: Any) -> None:
    """Fill y by the kernel reversed on x with zeros around: no sums over windows."""
    strides, padding, dilation, _ = geometry
    spatial = tuple(range(len(dilation)))
    reach = [d * (n - 1) for d, n in zip(dilation, kernel.shape)]
    around = [(r - before, r - after) for r, (before, after) in zip(reach, padding)]
    turned = np.ascontiguousarray(np.swapaxes(np.flip(kernel, spatial), -1, -2))
    conv_into(x, turned, (strides, around, dilation, 1), None, False, y)


def _scratched_product(x: Any, y: Any) -> Any:
    out = scratch("columns", (*x.shape[:-1], y.shape[-1]), x.dtype)
    return np.matmul(x, y, out)


@widened
def conv_kernel(x: Any, g: Any, window: Ints, *geometry: Any) -> Any:
    """Apply the transpose of `conv` as a linear map of its kernel."""
    shape = (*window, x.shape[-1] // geometry[-1], g.shape[-1])
    out = np.empty(shape, x.dtype)
    conv_kernel_into(x, g, geometry, out)
    return out


def conv_kernel_into(x: Any, g: Any, geometry: Any, out: Any) -> None:
    """Fill `out` with `conv_kernel`."""
    if _has_bands(out.shape, geometry, g):
        return bands.conv_kernel_into(x, g, geometry[1], out)
    windows = _Windows(x, out.shape[:-2], *geometry)
    groups = windows.groups
    out.fill(0)
    if _depthwise(out, groups):
        axes = "".join(chr(98 + i) for i in range(g.ndim - 1))
        for part in windows.chunks():
            image = windows.image(part)
            for key, place in windows.taps():
                product = np.einsum(f"{axes}a,{axes}a->a", image[key], g[part])
                out[place][0] += product
        return
    features = g.shape[-1] // groups
    total = np.zeros((groups, windows.width // groups, features), x.dtype)
    for part in windows.chunks():
        columns = np.swapaxes(windows.columns(part), 1, 2)
        total += np.matmul(columns, _to_groups(g[part], groups))
    out.reshape(-1, groups, features)[...] = total.transpose(1, 0, 2)


# -- pooling ---------------------------------------------------------------------------


def _pool_taps(x: Any, window: Ints, strides: Ints) -> tuple[list[int], list[Any]]:
    ones = (1,) * len(window)
    out = out_spatial(x.shape[1:-1], window, strides, ones)
    return out, [key for key, _ in _taps(window, strides, ones, out)]


def _pairs(x: Any, window: Ints, strides: Ints, padding: Pairs) -> Any:
    """Return (n, h, 2, w, 2, c) of images, or None where the windows are not 2 x 2."""
    if tuple(window) != (2, 2) or tuple(strides) != (2, 2) or np.any(padding):
        return None
    n, h, w, c = x.shape
    even = x[:, : h // 2 * 2, : w // 2 * 2]
    a, b, d, e = even.strides
    shape = (n, h // 2, 2, w // 2, 2, c)
    return as_strided(even, shape, (a, 2 * b, b, 2 * d, d, e))


def max_pool(x: Any, window: Ints, strides: Ints, padding: Pairs) -> Any:
    """Return the maximum of each window."""
    sizes = [n + before + after for n, (before, after) in zip(x.shape[1:], padding)]
    out = out_spatial(sizes, window, strides, (1,) * len(window))
    y = np.empty((len(x), *out, x.shape[-1]), x.dtype)
    max_pool_into(x, window, strides, padding, y)
    return y


def max_pool_into(x: Any, window: Ints, strides: Ints, padding: Pairs, y: Any) -> None:
    """Fill y with the maximum of each window."""
    pairs = _pairs(x, window, strides, padding)
    if pairs is not None:
        rows = scratch("rows", (pairs.shape[1], *pairs.shape[3:]), x.dtype)
        for image, best in zip(pairs, y):
            np.maximum(image[:, 0], image[:, 1], out=rows)
            np.maximum(rows[..., 0, :], rows[..., 1, :], out=best)
        return
    x = _pad(x, padding, -math.inf)
    _, taps = _pool_taps(x, window, strides)
    np.copyto(y, x[taps[0]])
    for key in taps[1:]:
        np.maximum(y, x[key], out=y)


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
    out = np.empty(x.shape, g.dtype)
    max_pool_adjoint_into(g, x, y, window, strides, padding, out)
    return out


def max_pool_adjoint_into(
    g: Any, x: Any, y: Any, window: Ints, strides: Ints, padding: Pairs, out: Any
) -> None:
    """Fill what `max_pool_adjoint` returns."""
    pairs = _pairs(x, window, strides, padding)
    if pairs is not None and not np.isnan(np.max(y, initial=-math.inf)):
        out[:, y.shape[1] * 2 :] = 0
        out[:, :, y.shape[2] * 2 :] = 0
        shape = (2, *y.shape[1:])
        halves = [scratch(p, shape, x.dtype) for p in ("left", "right", "share")]
        wins = scratch("wins", shape, "bool")
        rows = zip(g, pairs, y, _pairs(out, window, strides, padding))
        for above, images, best, result in rows:
            _adjoint_of_pairs(above, images, best, result, *halves, wins)
        return
    padded = _pad(x, padding, -math.inf)
    _, taps = _pool_taps(padded, window, strides)
    total = np.zeros(padded.shape, g.dtype)
    for key, mask in _first_masks(padded, y, taps):
        total[key] += np.multiply(g, mask, dtype=g.dtype)
    out[...] = total[_inside(x.shape[1:-1], padding)]


def _adjoint_of_pairs(g: Any, pairs: Any, y: Any, out: Any, *scratch: Any) -> None:
    """Give g to the first row that has the maximum, and there to the first column.

    On copies: ufuncs are twice as fast on them, which pays from the second use on.
    """
    left, right, share, wins = scratch
    np.copyto(left, pairs[..., 0, :].swapaxes(0, 1))
    np.copyto(right, pairs[..., 1, :].swapaxes(0, 1))
    np.maximum(left, right, out=right)
    np.equal(right[0], y, wins[0])
    np.multiply(g, wins[0], share[0])
    np.subtract(g, share[0], share[1])
    np.equal(left, right, wins)
    np.multiply(share, wins, left)
    np.subtract(share, left, right)
    np.copyto(out[..., 0, :].swapaxes(0, 1), left)
    np.copyto(out[..., 1, :].swapaxes(0, 1), right)


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
