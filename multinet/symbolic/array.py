"""Shapes and dtypes of the array primitives: conversion to sorting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError, TraceError
from multinet.interface.array import Axes, Scalar
from multinet.symbolic.dims import Dim, Size
from multinet.symbolic.rules import by_form
from multinet.symbolic.spec import (
    Shape,
    SymbolicArray,
    agree,
    broadcast,
    check_axis,
    check_domain,
    check_fill,
    check_shape,
    common_dtype,
    count,
    is_scalar,
    known,
    made,
    merge,
    operand_dtype,
    shapes,
    show,
)
from multinet.typing import Host, Numbers

X = SymbolicArray


@by_form
class SymbolicArrayPart:
    """Conversion to sorting, but for methods that have a form; mixed into
    `SymbolicBackend`.
    """

    concrete: Any

    def spec(self, x: object) -> X:
        """Return x, or the spec of a tensor of the concrete backend (a weight, say)."""
        if isinstance(x, SymbolicArray):
            return x
        if self.concrete.is_tensor(x):
            return SymbolicArray(self.concrete.shape(x), self.concrete.dtype(x))
        raise DTypeError(
            f"Expected a tensor or a number, got {type(x).__name__} {x!r}. Convert it "
            "to a tensor first."
        )

    # -- conversion --------------------------------------------------------------------

    def from_numpy(self, array: Host) -> X:
        return SymbolicArray(array.shape, dtypes.standardize(array.dtype))

    def to_numpy(self, x: X) -> Host:
        raise TraceError(
            f"A tensor with values is expected here; got {x!r}, which has a shape and "
            "a dtype only, because the program is being traced. Keep the computation "
            "in ops, or call the model on data."
        )

    def is_tensor(self, x: object) -> bool:
        # A layer may hold constants of the concrete backend; `spec` reads them.
        return isinstance(x, SymbolicArray) or self.concrete.is_tensor(x)

    def shape(self, x: X) -> Shape:
        return self.spec(x).shape

    def dtype(self, x: X) -> str:
        return self.spec(x).dtype

    def cast(self, x: X, dtype: str) -> X:
        x = self.spec(x)
        if dtypes.is_complex(x.dtype) and not dtypes.is_complex(dtype):
            raise DTypeError(
                "cast goes from any dtype to any but from complex to real; got "
                f"{x.dtype} to {dtype}. Take ops.real or ops.abs instead."
            )
        return SymbolicArray(x.shape, dtypes.standardize(dtype))

    def bitcast(self, x: X, dtype: str) -> X:
        x = self.spec(x)
        old, new = (dtypes.to_numpy(name).itemsize for name in (x.dtype, dtype))
        if old != new:
            raise DTypeError(
                f"bitcast keeps the width; got {x.dtype} ({8 * old} bits) to {dtype} "
                f"({8 * new} bits). Choose a dtype of {8 * old} bits."
            )
        return SymbolicArray(x.shape, dtype)

    def make_complex(self, real: X, imag: X) -> X:
        real, imag = self.spec(real), self.spec(imag)
        dtype = common_dtype("make_complex", real, imag)
        shape = merge("make_complex", real.shape, imag.shape)
        return made("make_complex", dtype, shape)

    # -- creation ----------------------------------------------------------------------

    def full(self, shape: Shape, value: Scalar, dtype: str) -> X:
        check_fill("full", value, dtype)
        return SymbolicArray(check_shape("full", shape), dtypes.standardize(dtype))

    def arange(self, start: Numbers, stop: Numbers, step: Numbers, dtype: str) -> X:
        check_domain("arange", dtype)
        span = stop - start
        if not isinstance(step, Dim) and step == 0:
            raise ArgumentError("arange expects a step that is not 0; got 0.")
        if not isinstance(span, Dim) and not isinstance(step, Dim):
            return SymbolicArray((max(0, int(np.ceil(span / step))),), dtype)
        if isinstance(step, float):
            return SymbolicArray((Dim(),), dtype)  # a count that is no whole expression
        return SymbolicArray((-(-span // step),), dtype)

    # -- comparison and logic ----------------------------------------------------------

    def where(self, condition: X, x: X | Scalar, y: X | Scalar) -> X:
        condition = self.spec(condition)
        if condition.dtype != "bool":
            raise DTypeError(
                f"where expects a bool condition; got {condition.dtype}. Compare it "
                "with something, or cast it to bool."
            )
        operands = [v if is_scalar(v) else self.spec(v) for v in (x, y)]
        dtype = operand_dtype("where", operands)
        return SymbolicArray(broadcast("where", *shapes(condition, *operands)), dtype)

    # -- shape -------------------------------------------------------------------------

    def reshape(self, x: X, shape: Shape) -> X:
        x, shape = self.spec(x), check_shape("reshape", shape)
        if not agree(count(x.shape), count(shape)):
            raise ShapeError(
                f"reshape keeps the number of elements; got {show(x.shape)} "
                f"({count(x.shape)}) to {show(shape)} ({count(shape)}). "
                "Choose sizes with the same product."
            )
        return SymbolicArray(shape, x.dtype)

    def transpose(self, x: X, permutation: Axes) -> X:
        x = self.spec(x)
        if sorted(permutation) != list(range(len(x.shape))):
            raise ShapeError(
                f"transpose expects each of the axes 0 to {len(x.shape) - 1} once, for "
                f"shape {show(x.shape)}; got {tuple(permutation)}. Name every axis "
                "once."
            )
        return SymbolicArray((x.shape[axis] for axis in permutation), x.dtype)

    def broadcast_to(self, x: X, shape: Shape) -> X:
        x, shape = self.spec(x), check_shape("broadcast_to", shape)
        extra = len(shape) - len(x.shape)
        pairs = zip(x.shape, shape[max(extra, 0) :])
        fits = (isinstance(m, Dim) or m == 1 or agree(m, n) for m, n in pairs)
        if extra < 0 or not all(fits):
            raise ShapeError(
                f"broadcast_to expands axes of size 1 and adds leading ones; got "
                f"{show(x.shape)} to {show(shape)}. Reshape the tensor first."
            )
        return SymbolicArray(shape, x.dtype)

    def concatenate(self, xs: Sequence[X], axis: int) -> X:
        parts = [self.spec(x) for x in xs]
        if not parts:
            raise ShapeError("concatenate expects at least one tensor; got none.")
        dtype = common_dtype("concatenate", *parts)
        rank = len(parts[0].shape)
        check_axis("concatenate", axis, rank)
        joined: Any = parts[0].shape
        for x in parts[1:]:
            others = [
                (m, n) for i, (m, n) in enumerate(zip(joined, x.shape)) if i != axis
            ]
            if len(x.shape) != rank or not all(agree(m, n) for m, n in others):
                raise ShapeError(
                    f"concatenate expects shapes that are equal but on axis {axis}; "
                    f"got {show(*(x.shape for x in parts))}. Reshape or pad them first."
                )
            joined = tuple(
                m + n if i == axis else known(m, n)
                for i, (m, n) in enumerate(zip(joined, x.shape))
            )
        return SymbolicArray(joined, dtype)

    def pad(self, x: X, widths: Sequence[tuple[int, int]], value: Scalar) -> X:
        x = self.spec(x)
        check_fill("pad", value, x.dtype)
        widths = [tuple(pair) for pair in widths]  # type: ignore[misc]
        wrong = [w for pair in widths for w in pair if not isinstance(w, Dim) and w < 0]
        if len(widths) != len(x.shape) or wrong:
            raise ShapeError(
                "pad expects a pair (before, after) of non-negative widths for each "
                f"axis of shape {show(x.shape)}; got {widths}."
            )
        sizes = (before + n + after for n, (before, after) in zip(x.shape, widths))
        return SymbolicArray(sizes, x.dtype)

    def slice(self, x: X, start: Shape, stop: Shape, step: Shape) -> X:
        x = self.spec(x)
        rank = len(x.shape)
        given = (tuple(start), tuple(stop), tuple(step))
        if any(len(part) != rank for part in given):
            raise ShapeError(
                f"slice expects a start, stop and step for each axis of shape "
                f"{show(x.shape)}; got {start}, {stop} and {step}."
            )
        sizes = [_cut(x.shape, *cut) for cut in zip(x.shape, *given)]
        return SymbolicArray(sizes, x.dtype)

    def flip(self, x: X, axes: Axes) -> X:
        x = self.spec(x)
        for axis in axes:
            check_axis("flip", axis, len(x.shape))
        return SymbolicArray(x.shape, x.dtype)

    # -- indexing ----------------------------------------------------------------------

    def take(self, x: X, indices: X, axis: int) -> X:
        x, indices = self.spec(x), _indices("take", self.spec(indices))
        check_axis("take", axis, len(x.shape))
        if x.shape[axis] == 0 and not isinstance(x.shape[axis], Dim):
            _refuse_empty(x.shape, indices.shape, axis)
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        return SymbolicArray(shape, x.dtype)

    def pick(self, x: X, indices: X, axis: int) -> X:
        return self.take(x, indices, axis)  # the size may be unknown

    def one_hot(self, indices: X, size: Size, dtype: str) -> X:
        return SymbolicArray((*self.spec(indices).shape, size), dtype)

    def take_along_axis(self, x: X, indices: X, axis: int) -> X:
        x, indices = self.spec(x), _indices("take_along_axis", self.spec(indices))
        check_axis("take_along_axis", axis, len(x.shape))
        pairs = [
            (m, n) for i, (m, n) in enumerate(zip(x.shape, indices.shape)) if i != axis
        ]
        if len(x.shape) != len(indices.shape) or not all(agree(m, n) for m, n in pairs):
            raise ShapeError(
                f"take_along_axis expects indices of x's shape but on axis {axis}; got "
                f"x {show(x.shape)} and indices {show(indices.shape)}. Reshape the "
                "indices."
            )
        return SymbolicArray(indices.shape, x.dtype)

    def scatter(self, x: X, indices: X, updates: X, mode: str) -> X:
        x, updates = self.spec(x), self.spec(updates)
        indices = _indices("scatter", self.spec(indices))
        if mode not in ("set", "add", "multiply", "max", "min"):
            raise ArgumentError(
                f"scatter expects a mode set, add, multiply, max or min; got {mode!r}."
            )
        if mode != "set" and x.dtype == "bool":
            raise DTypeError(f"scatter with mode {mode!r} expects numbers; got bool.")
        common_dtype("scatter", x, updates)
        depth = indices.shape[1] if len(indices.shape) == 2 else len(x.shape) + 1
        expected = (indices.shape[0], *x.shape[depth:]) if indices.shape else ()
        fits = len(expected) == len(updates.shape) and all(
            agree(m, n) for m, n in zip(expected, updates.shape)
        )
        if depth > len(x.shape) or not fits:
            raise ShapeError(
                f"scatter expects indices (n, k) and updates (n, *x.shape[k:]) for x "
                f"{show(x.shape)}; got indices {show(indices.shape)} and updates "
                f"{show(updates.shape)}. Reshape them."
            )
        return SymbolicArray(x.shape, x.dtype)

    # -- sorting -----------------------------------------------------------------------

    def searchsorted(self, sorted: X, values: X, side: str) -> X:
        sorted, values = self.spec(sorted), self.spec(values)
        dtype = common_dtype("searchsorted", sorted, values)
        if len(sorted.shape) != 1 or side not in ("left", "right"):
            raise ShapeError(
                f"searchsorted expects an ascending vector and side left or right; got "
                f"shape {show(sorted.shape)} and side {side!r}."
            )
        return made("searchsorted", dtype, values.shape)


def _indices(method: str, indices: X) -> X:
    if indices.dtype not in ("int32", "int64"):
        raise DTypeError(
            f"{method} expects int32 or int64 indices; got {indices.dtype}. Cast them."
        )
    return indices


def _cut(shape: Shape, size: Size, start: Size, stop: Size, step: int) -> Size:
    fixed = [n for n in (0, start, stop, size) if not isinstance(n, Dim)]
    if fixed != sorted(fixed) or step < 1:  # type: ignore[type-var]
        raise ShapeError(
            f"slice expects 0 <= start <= stop <= size and step >= 1 on every axis of "
            f"shape {show(shape)}; got start {start}, stop {stop}, step {step}."
        )
    return (stop - start + step - 1) // step


def _refuse_empty(shape: Shape, picks: Shape, axis: int) -> None:
    """Refuse to pick elements of an axis that has none."""
    if all(isinstance(n, Dim) or n for n in picks):
        raise ShapeError(
            f"take expects an axis that is not empty; got shape {show(shape)} and "
            f"axis {axis}. There is nothing to pick."
        )
