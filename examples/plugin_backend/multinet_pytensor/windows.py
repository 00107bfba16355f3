"""Windows. Contracts are in `multinet.interface.program`.

Two Ops, each the transpose of the other: one copies what windows see, one adds it up
where it was seen. All else is composed of them and of other primitives.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from math import prod

import numpy as np
from pytensor.tensor.type import TensorType

from multinet.interface import Backend
from multinet.interface.array import Shape
from multinet.interface.program import Pairs
from multinet_pytensor.arrays import pad, wide
from multinet_pytensor.control import Computed
from multinet_pytensor.core import Array, Tensor, pt


class Grid:
    """Where the windows on images (n, *size, c) lie."""

    def __init__(self, size: Shape, window: Shape, strides: Shape, dilation: Shape):
        self.size, self.window = size, window
        self.strides, self.dilation = strides, dilation
        sides = zip(size, window, strides, dilation, strict=True)
        self.places = [(n - d * (w - 1) - 1) // s + 1 for n, w, s, d in sides]

    def keys(self) -> Iterator[tuple[slice, ...]]:
        """Yield where each element of a window lies, in row-major order."""
        for offset in itertools.product(*map(range, self.window)):
            sides = zip(offset, self.places, self.strides, self.dilation, strict=True)
            spans = (slice(o * d, o * d + s * (n - 1) + 1, s) for o, n, s, d in sides)
            yield (slice(None), *spans)

    def see(self, x: Tensor) -> Tensor:
        """Return what each window sees: (n, *places, prod(window), c)."""

        def compute(x: Array) -> list[Array]:
            return [np.stack([x[key] for key in self.keys()], -2)]

        n, *_, c = x.type.shape
        kind = TensorType(x.type.dtype, (n, *self.places, prod(self.window), c))
        return Computed(compute, [kind], lambda xs, ys, gs: [self.spread(*gs)]).of(x)[0]

    def spread(self, x: Tensor) -> Tensor:
        """Return the transpose of `see`: all added up where it was seen."""

        def compute(x: Array) -> list[Array]:
            result = np.zeros((len(x), *self.size, x.shape[-1]), x.dtype)
            for i, key in enumerate(self.keys()):
                result[key] += x[..., i, :]
            return [result]

        n, *_, c = x.type.shape
        kind = TensorType(x.type.dtype, (n, *self.size, c))
        return Computed(compute, [kind], lambda xs, ys, gs: [self.see(*gs)]).of(x)[0]


class WindowOps(Backend[Tensor]):
    """Windows (channels last, 1 to 3 spatial axes; floats)."""

    def conv(
        self,
        x: Tensor,
        kernel: Tensor,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> Tensor:
        share, out = kernel.type.shape[-2:]

        def compute(x: Tensor, kernel: Tensor) -> Tensor:
            window = kernel.type.shape[:-2]
            seen = _seen(x, window, strides, padding, dilation)
            *places, k, c = seen.type.shape
            rows = pt.reshape(seen, (prod(places), k, groups, share))
            rows = pt.transpose(rows, (2, 0, 1, 3))
            rows = pt.reshape(rows, (groups, prod(places), k * share))
            y = pt.matmul(rows, _matrices(kernel, groups))
            return pt.reshape(pt.transpose(y, (1, 0, 2)), (*places, out))

        return wide(compute, x, kernel)

    def conv_transpose(
        self,
        x: Tensor,
        kernel: Tensor,
        shape: Shape,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> Tensor:
        n, *places, out = x.type.shape
        window, share = kernel.type.shape[:-2], kernel.type.shape[-2]
        size = tuple(k + a + b for k, (a, b) in zip(shape, padding, strict=True))
        inside = [slice(a, a + k) for k, (a, _) in zip(shape, padding, strict=True)]

        def compute(x: Tensor, kernel: Tensor) -> Tensor:
            rows = pt.reshape(x, (-1, groups, out // groups))
            matrices = pt.swapaxes(_matrices(kernel, groups), 1, 2)
            y = pt.matmul(pt.transpose(rows, (1, 0, 2)), matrices)
            y = pt.reshape(y, (groups, n * prod(places), prod(window), share))
            y = pt.transpose(y, (1, 2, 0, 3))
            y = pt.reshape(y, (n, *places, prod(window), groups * share))
            whole = Grid(size, window, strides, dilation).spread(y)
            return whole[(slice(None), *inside)]

        return wide(compute, x, kernel)

    def max_pool(
        self, x: Tensor, window: Shape, strides: Shape, padding: Pairs
    ) -> Tensor:
        ones = (1,) * len(window)
        seen = _seen(x, window, strides, padding, ones, -np.inf)
        wins = pt.eq(seen, pt.max(seen, -2, keepdims=True)) | pt.isnan(seen)
        if any(map(any, padding)):  # which loses, even to an equal -inf
            real = _seen(pt.ones_like(x), window, strides, padding, ones)
            wins = wins & pt.gt(real, 0)
        first = pt.argmax(wins, -2, keepdims=True)
        chosen = pt.eq(first, np.arange(prod(window))[:, None])
        return pt.sum(pt.switch(chosen, seen, 0), -2, x.dtype, acc_dtype=x.dtype)

    def sum_pool(
        self, x: Tensor, window: Shape, strides: Shape, padding: Pairs
    ) -> Tensor:
        seen = _seen(x, window, strides, padding, (1,) * len(window))
        return pt.sum(seen, -2, x.dtype)


def _matrices(kernel: Tensor, groups: int) -> Tensor:
    """Return the kernel as (groups, window * c // groups, out // groups)."""
    rows, out = prod(kernel.type.shape[:-1]), kernel.type.shape[-1]
    return pt.transpose(pt.reshape(kernel, (rows, groups, out // groups)), (1, 0, 2))


def _seen(
    x: Tensor,
    window: Shape,
    strides: Shape,
    padding: Pairs,
    dilation: Shape,
    value: float = 0,
) -> Tensor:
    padded = pad(x, ((0, 0), *padding, (0, 0)), value)
    return Grid(padded.type.shape[1:-1], window, strides, dilation).see(padded)
