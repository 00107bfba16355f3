"""Windows. Contracts are in `multinet.interface.program`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pytensor.tensor.type import TensorType

from multinet.interface import Backend
from multinet.interface.array import Shape
from multinet.interface.program import Pairs
from multinet_pytensor.control import Computed, filled
from multinet_pytensor.core import Array, Tensor, constant, settled


@settled
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
        shapes = x.type.shape, kernel.type.shape
        grid = Grid(*shapes, strides, padding, dilation, groups)
        return Convolution("y", grid)(x, kernel)

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
        channels = kernel.type.shape[-2] * groups
        source = (x.type.shape[0], *shape, channels)
        grid = Grid(source, kernel.type.shape, strides, padding, dilation, groups)
        return Convolution("x", grid)(kernel, x)

    def max_pool(
        self, x: Tensor, window: Shape, strides: Shape, padding: Pairs
    ) -> Tensor:
        winners = Winners(window, strides, padding)(x)
        return self.take(self.reshape(x, (math.prod(x.type.shape),)), winners, 0)

    def sum_pool(
        self, x: Tensor, window: Shape, strides: Shape, padding: Pairs
    ) -> Tensor:
        # A convolution with ones of each channel by itself.
        n, *spatial, c = x.type.shape
        last = len(spatial) + 1
        inward, outward = (0, last, *range(1, last)), (0, *range(2, last + 1), 1)
        planes = self.reshape(self.transpose(x, inward), (n * c, *spatial, 1))
        ones = constant(np.ones((*window, 1, 1), x.type.dtype))
        y = self.conv(planes, ones, strides, padding, (1,) * len(window), 1)
        y = self.reshape(y, (n, c, *y.type.shape[1:-1]))
        return self.transpose(y, outward)


class Grid:
    """Where the windows of a convolution lie."""

    def __init__(
        self,
        x: Shape,
        kernel: Shape,
        strides: Shape,
        padding: Pairs,
        dilation: Shape,
        groups: int,
    ) -> None:
        self.x, self.kernel, self.groups = x, kernel, groups
        self.strides, self.dilation = tuple(strides), tuple(dilation)
        self.padding = tuple((int(a), int(b)) for a, b in padding)
        window = kernel[:-2]
        self.spans = [(n - 1) * d + 1 for n, d in zip(window, dilation, strict=True)]
        self.padded = [n + a + b for n, (a, b) in zip(x[1:-1], self.padding)]
        sizes = zip(self.padded, self.spans, strides, strict=True)
        places = [(n - span) // stride + 1 for n, span, stride in sizes]
        self.y = (x[0], *places, kernel[-1])

    def key(self) -> tuple[Any, ...]:
        """Return what tells two grids apart."""
        return (
            *(self.x, self.kernel, self.strides),
            *(self.padding, self.dilation, self.groups),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grid) and self.key() == other.key()

    def __hash__(self) -> int:
        return hash(self.key())

    def columns(self, x: Array) -> Array:
        """Return what each window sees: (n, *places, *window, c)."""
        widths = [(0, 0), *self.padding, (0, 0)]
        axes = tuple(range(1, x.ndim - 1))
        seen = sliding_window_view(np.pad(x, widths), self.spans, axes)
        strided = tuple(slice(None, None, s) for s in self.strides)
        dilated = tuple(slice(None, None, d) for d in self.dilation)
        seen = seen[(slice(None), *strided, slice(None), *dilated)]
        return np.moveaxis(seen, x.ndim - 1, -1)

    def spread(self, columns: Array) -> Array:
        """Return the transpose of `columns`: each sight added where it was seen."""
        out = np.zeros((self.x[0], *self.padded, self.x[-1]), columns.dtype)
        places, axes = self.y[1:-1], len(self.spans)
        for offset in itertools.product(*map(range, self.kernel[:-2])):
            target = tuple(
                slice(o * d, o * d + (n - 1) * s + 1, s)
                for o, d, n, s in zip(offset, self.dilation, places, self.strides)
            )
            out[(slice(None), *target)] += columns[(slice(None),) * (axes + 1) + offset]
        inner = [slice(a, n - b) for n, (a, b) in zip(self.padded, self.padding)]
        return out[(slice(None), *inner)]


class Convolution(Computed):
    """One of x, kernel and y from the other two: <y, conv(x, kernel)> is linear in
    each, so the derivatives of a convolution are convolutions."""

    __props__ = ("wanted", "grid")

    def __init__(self, wanted: str, grid: Grid) -> None:
        self.wanted, self.grid = wanted, grid
        self.given = [name for name in ("x", "kernel", "y") if name != wanted]

    def types(self, inputs: Sequence[Tensor]) -> list[Any]:
        shape = getattr(self.grid, self.wanted)
        return [TensorType(inputs[0].type.dtype, shape)]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        values = dict(zip(self.given, inputs, strict=True))
        values[self.wanted] = filled(outputs, cotangents)[0]
        slopes = []
        for name in self.given:
            op = Convolution(name, self.grid)
            slopes.append(op(*(values[other] for other in op.given)))
        return slopes

    def compute(self, *inputs: Any) -> list[Array]:
        dtype = inputs[0].dtype
        wide = [np.asarray(v, np.float32) if dtype == "float16" else v for v in inputs]
        values = dict(zip(self.given, wide, strict=True))
        work = {"x": self._x, "kernel": self._kernel, "y": self._y}[self.wanted]
        groups = [self._part(values, group) for group in range(self.grid.groups)]
        results = [work(**part) for part in groups]
        joined = results[0] if len(results) == 1 else np.concatenate(results, -1)
        if self.wanted == "x":
            joined = self.grid.spread(joined)
        return [joined.astype(dtype, copy=False)]

    def _part(self, values: dict[str, Array], group: int) -> dict[str, Array]:
        """Return one group's share of the values: of x, of kernel and of y as rows."""
        grid, (own, out) = self.grid, self.grid.kernel[-2:]
        each, part = out // grid.groups, {}
        mine = slice(group * each, (group + 1) * each)
        if "x" in values:
            seen = grid.columns(values["x"][..., group * own : (group + 1) * own])
            part["x"] = seen.reshape(
                math.prod(grid.y[:-1]), math.prod(grid.kernel[:-1])
            )
        if "kernel" in values:
            part["kernel"] = values["kernel"][..., mine].reshape(-1, each)
        if "y" in values:
            part["y"] = values["y"][..., mine].reshape(-1, each)
        return part

    def _y(self, x: Array, kernel: Array) -> Array:
        return (x @ kernel).reshape(*self.grid.y[:-1], kernel.shape[-1])

    def _kernel(self, x: Array, y: Array) -> Array:
        return (x.T @ y).reshape(*self.grid.kernel[:-1], -1)

    def _x(self, kernel: Array, y: Array) -> Array:
        return (y @ kernel.T).reshape(*self.grid.y[:-1], *self.grid.kernel[:-1])


class Winners(Computed):
    """The places, in x made flat, of the first maximum of each window."""

    __props__ = ("window", "strides", "padding")

    def __init__(self, window: Shape, strides: Shape, padding: Pairs) -> None:
        self.window, self.strides = tuple(window), tuple(strides)
        self.padding = tuple((int(a), int(b)) for a, b in padding)

    def grid(self, shape: Shape) -> Grid:
        """Return the grid of the windows over one channel."""
        one, ones = (*self.window, 1, 1), (1,) * len(self.window)
        return Grid(shape, one, self.strides, self.padding, ones, 1)

    def types(self, inputs: Sequence[Tensor]) -> list[Any]:
        shape = inputs[0].type.shape
        return [TensorType("int64", (*self.grid(shape).y[:-1], shape[-1]))]

    def compute(self, *inputs: Any) -> list[Array]:
        x = inputs[0]
        grid = self.grid(x.shape)
        shape = (*grid.y[:-1], math.prod(self.window), x.shape[-1])
        # Padding has the place -1, and loses to everything, even to -inf.
        order = np.arange(x.size).reshape(x.shape) + 1
        places = grid.columns(order).reshape(shape) - 1
        values = np.where(places < 0, -np.inf, grid.columns(x).reshape(shape))
        best = np.argmax(values, -2, keepdims=True)
        found = np.take_along_axis(places, best, -2)
        first = np.argmax(places >= 0, -2, keepdims=True)
        lost = np.take_along_axis(places, first, -2)
        return [np.where(found < 0, lost, found)[..., 0, :]]
