"""Tensors made from shapes and numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, ShapeError
from multinet.ops.axes import axis_of
from multinet.ops.checks import at_least, number, whole
from multinet.ops.core import (
    as_tensor,
    both,
    cast_tensor,
    host,
    is_scalar,
    op,
    operands,
    shape_of,
)
from multinet.ops.refusals import shown
from multinet.registry import current
from multinet.symbolic.dims import Dim, public_shape
from multinet.typing import DType, Numbers, ShapeLike, Size, Tensor, Tensors


def shape_tuple(shape: ShapeLike | Numbers) -> tuple[Any, ...]:
    """Return a shape argument as a tuple of ints and Dims; a single size is a
    vector's.
    """
    if isinstance(shape, Dim | int | np.integer):
        shape = (shape,)
    elif current().is_tensor(shape):
        shape = host(shape)
    return tuple(n if isinstance(n, Dim) else _size(n) for n in shape)


def _size(n: Size) -> Size:
    """Return a size as an int, or as a graph of the framework's own has it."""
    if type(n) is int:
        return n
    unknown = current().unknown_size
    return n if unknown is not None and isinstance(n, unknown) else operator.index(n)


@op
def zeros(shape: ShapeLike, dtype: DType | None = None) -> Tensor:
    """Return zeros, of floatx unless `dtype` says otherwise."""
    return current().full(shape_tuple(shape), 0, dtypes.standardize(dtype))


@op
def ones(shape: ShapeLike, dtype: DType | None = None) -> Tensor:
    """Return ones, of floatx unless `dtype` says otherwise."""
    return current().full(shape_tuple(shape), 1, dtypes.standardize(dtype))


@op
def empty(shape: ShapeLike, dtype: DType | None = None) -> Tensor:
    """Return a tensor whose values are not to be relied on; they are zeros."""
    return zeros(shape, dtype)


@op
def full(shape: ShapeLike, fill_value: Numbers, dtype: DType | None = None) -> Tensor:
    """Return a number, or what broadcasts to the shape, in floatx unless `dtype`
    says.
    """
    name = dtypes.standardize(dtype)
    if is_scalar(fill_value):
        if isinstance(fill_value, complex) and not dtypes.is_complex(name):
            raise DTypeError(
                f"Expected a real fill_value for {name}, got {fill_value}."
            )
        return current().full(shape_tuple(shape), fill_value, name)
    value = as_tensor(fill_value, name)
    return current().broadcast_to(value, shape_tuple(shape))


@op
def zeros_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Return zeros in the shape, and by default the dtype, of `x`."""
    return _filled_like(x, 0, dtype)


@op
def ones_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Return ones in the shape, and by default the dtype, of `x`."""
    return _filled_like(x, 1, dtype)


@op
def empty_like(x: Tensor, dtype: DType | None = None) -> Tensor:
    """Return a tensor like `x` whose values are not to be relied on; they are zeros."""
    return _filled_like(x, 0, dtype)


@op
def full_like(x: Tensor, fill_value: Numbers, dtype: DType | None = None) -> Tensor:
    """Return a tensor in the shape, and by default the dtype, of `x`, filled."""
    x, backend = as_tensor(x), current()
    name = backend.dtype(x) if dtype is None else dtypes.standardize(dtype)
    return full(backend.shape(x), fill_value, name)


def _filled_like(x: Any, value: int, dtype: Any) -> Any:
    x, backend = as_tensor(x), current()
    name = backend.dtype(x) if dtype is None else dtypes.standardize(dtype)
    return backend.full(backend.shape(x), value, name)


@op
def arange(
    start: Numbers,
    stop: Numbers | None = None,
    step: Numbers | None = None,
    dtype: DType | None = None,
) -> Tensor:
    """Return start, start + step, ... below stop; `arange(n)` starts at 0.

    int32 where all are integers, otherwise floatx.
    """
    if stop is None:
        start, stop = 0, start
    numbers: Any = [
        n if isinstance(n, Dim) else _number(n) for n in (start, stop, step or 1)
    ]
    if step is not None and not isinstance(numbers[2], Dim) and _number(step) == 0:
        raise ArgumentError("ops.arange expects a step that is not 0.")
    kinds = [int if isinstance(n, Dim) else type(n) for n in numbers]
    name = dtypes.promote(*kinds) if dtype is None else dtypes.standardize(dtype)
    if name == "bool" or dtypes.is_complex(name):
        raise ArgumentError(f"ops.arange makes real numbers, got dtype={name!r}.")
    return current().arange(numbers[0], numbers[1], numbers[2], name)


def _number(x: Any) -> Any:
    """Return a number of the host, or the one of a tensor that holds one."""
    if is_scalar(x):
        return x
    value = host(x)
    if value.size != 1:
        raise ArgumentError(f"Expected a number, got {shown(x)}.")
    return value.item()


@op
def eye(
    N: Size, M: Size | None = None, k: int = 0, dtype: DType | None = None
) -> Tensor:
    """Return ones on diagonal `k` of an N x M matrix, zeros elsewhere."""
    rows, columns = _sides(N, M)
    return current().eye(rows, columns, whole(k, "k"), dtypes.standardize(dtype))


def _sides(N: Any, M: Any) -> tuple[Any, Any]:
    rows = at_least(N, 0, "N")
    return rows, rows if M is None else at_least(M, 0, "M")


@op
def identity(n: Size, dtype: DType | None = None) -> Tensor:
    """Return the n x n identity matrix."""
    return eye(at_least(n, 0, "n"), dtype=dtype)


@op
def tri(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> Tensor:
    """Return an N x M matrix of ones at and below diagonal `k`, zeros above."""
    return cast_tensor(_triangle(*_sides(N, M), k), dtypes.standardize(dtype))


def _triangle(rows: Any, columns: Any, k: int) -> Any:
    backend, k = current(), whole(k, "k")
    i = backend.reshape(backend.arange(0, rows, 1, "int32"), (rows, 1))
    j = backend.reshape(backend.arange(0, columns, 1, "int32"), (1, columns))
    return backend.less_equal(j, backend.add(i, k))


@op
def tril(x: Tensor, k: int = 0) -> Tensor:
    """Return the lower triangle of matrices: zeros above diagonal `k`."""
    x, backend = _matrices("tril", x), current()
    rows, columns = shape_of(x)[-2:]
    zero = False if backend.dtype(x) == "bool" else 0
    return backend.where(_triangle(rows, columns, k), x, zero)


def _matrices(name: str, x: Any) -> Any:
    x = as_tensor(x)
    if len(shape_of(x)) < 2:
        raise ShapeError(
            f"ops.{name} expects matrices (..., n, m), got shape "
            f"{public_shape(shape_of(x))}."
        )
    return x


@op
def triu(x: Tensor, k: int = 0) -> Tensor:
    """Return the upper triangle of matrices: zeros below diagonal `k`."""
    x, backend = _matrices("triu", x), current()
    rows, columns = shape_of(x)[-2:]
    zero = False if backend.dtype(x) == "bool" else 0
    below = _triangle(rows, columns, whole(k, "k") - 1)
    return backend.where(below, zero, x)


@op
def linspace(
    start: Numbers,
    stop: Numbers,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DType | None = None,
    axis: int = 0,
) -> Tensors:
    """Return `num` evenly spaced values from start to stop, along a new axis.

    `retstep` returns the spacing too; without `endpoint` the stop is left out.
    """
    backend, num = current(), at_least(num, 0, "num")
    start, stop = both(*operands(start, stop, floating=True))
    wanted = backend.dtype(start) if dtype is None else dtypes.standardize(dtype)
    steps = num - 1 if endpoint else num
    width = backend.divide(backend.subtract(stop, start), float(max(steps, 1)))
    rank = len(shape_of(width))
    place = backend.arange(0, num, 1, "int32")
    place = backend.reshape(place, (num,) + (1,) * rank)
    t = cast_tensor(place, backend.dtype(start))
    values = backend.add(start, backend.multiply(t, width))
    if endpoint and num > 1:  # rounding may miss the stop
        values = backend.where(backend.equal(place, num - 1), stop, values)
    if dtypes.is_integer(wanted):
        values = backend.floor(values)
    values = _move_first(cast_tensor(values, wanted), axis_of(axis, rank + 1))
    return (values, width) if retstep else values


def _move_first(x: Any, axis: int) -> Any:
    order = list(range(1, len(shape_of(x))))
    order.insert(axis, 0)
    return x if axis == 0 else current().transpose(x, tuple(order))


@op
def logspace(
    start: Numbers,
    stop: Numbers,
    num: int = 50,
    endpoint: bool = True,
    base: float = 10,
    dtype: DType | None = None,
    axis: int = 0,
) -> Tensor:
    """Return base**x for `num` evenly spaced x from start to stop, along a new axis."""
    backend = current()
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    powers = backend.power(float(base), exponents)
    return powers if dtype is None else cast_tensor(powers, dtypes.standardize(dtype))


@op
def geomspace(
    start: Numbers,
    stop: Numbers,
    num: int = 50,
    endpoint: bool = True,
    dtype: DType | None = None,
    axis: int = 0,
) -> Tensor:
    """Return `num` values from start to stop in equal ratios, along a new axis.

    Both ends have one sign and are not 0.
    """
    backend, num = current(), at_least(num, 0, "num")
    start, stop = both(*operands(start, stop, floating=True))
    sign = backend.sign(start)
    ends = [backend.log(backend.abs(x)) for x in (start, stop)]
    rank = max(len(shape_of(start)), len(shape_of(stop)))
    values = backend.exp(linspace(ends[0], ends[1], num, endpoint))
    place = backend.reshape(backend.arange(0, num, 1, "int32"), (num,) + (1,) * rank)
    values = backend.multiply(values, sign)
    values = backend.where(backend.equal(place, 0), start, values)
    if endpoint and num > 1:
        values = backend.where(backend.equal(place, num - 1), stop, values)
    values = _move_first(values, axis_of(axis, rank + 1))
    return values if dtype is None else cast_tensor(values, dtypes.standardize(dtype))


@op
def meshgrid(*x: Any, indexing: str = "xy") -> list[Tensor]:
    """Return one grid of coordinates per vector.

    `xy` puts the first vector along axis 1 and the second along axis 0; `ij` keeps
    order.
    """
    if indexing not in ("xy", "ij"):
        raise ArgumentError(f"Expected indexing 'xy' or 'ij', got {indexing!r}.")
    backend = current()
    vectors = [backend.reshape(v, (math.prod(shape_of(v)),)) for v in map(as_tensor, x)]
    order = list(range(len(vectors)))
    if indexing == "xy" and len(vectors) > 1:
        order[:2] = [1, 0]
    sizes = [0] * len(vectors)
    for vector, axis in zip(vectors, order):
        sizes[axis] = shape_of(vector)[0]
    grids = []
    for vector, axis in zip(vectors, order):
        form = [1] * len(vectors)
        form[axis] = shape_of(vector)[0]
        grids.append(
            backend.broadcast_to(backend.reshape(vector, tuple(form)), tuple(sizes))
        )
    return grids


@op
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the powers of a vector as columns, from the highest unless
    `increasing`.
    """
    x, backend = as_tensor(x), current()
    if len(shape_of(x)) != 1:
        raise ShapeError(
            f"ops.vander expects a vector, got shape {public_shape(shape_of(x))}."
        )
    count = shape_of(x)[0] if N is None else at_least(N, 0, "N")
    exponents = list(range(count)) if increasing else list(range(count - 1, -1, -1))
    powers = backend.from_numpy(
        np.asarray(exponents, dtypes.to_numpy(backend.dtype(x)))
    )
    return backend.power(backend.expand_dims(x, 1), powers)


# -- windows of signals ----------------------------------------------------------------


def _length(x: Any) -> int:
    """Return the length of a window."""
    length = _number(x)
    if isinstance(length, float) and length.is_integer():
        length = int(length)
    return at_least(length, 0, "the length of a window")


def _window(name: str, doc: str, terms: Sequence[float]) -> Any:
    """Return the op for the window sum(terms[k] * cos(2 pi k i / (n - 1)))."""

    def function(x: int) -> Tensor:
        n, backend = _length(x), current()
        if n == 1:
            return ones((1,))
        t = 2 * math.pi * np.arange(n) / max(n - 1, 1)
        values = sum(c * np.cos(k * t) for k, c in enumerate(terms))
        return backend.from_numpy(np.asarray(values, dtypes.to_numpy(dtypes.floatx())))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return op(function)


blackman = _window("blackman", "Return Blackman's window.", (0.42, -0.5, 0.08))
hamming = _window("hamming", "Return the Hamming window.", (0.54, -0.46))
hanning = _window("hanning", "Return the Hann window.", (0.5, -0.5))


@op
def bartlett(x: int) -> Tensor:
    """Return the triangular window of `x` values that is 0 at both ends."""
    values = np.bartlett(_length(x))
    return current().from_numpy(values.astype(dtypes.to_numpy(dtypes.floatx())))


@op
def kaiser(x: int, beta: float) -> Tensor:
    """Return Kaiser's window of `x` values; a larger `beta` narrows it."""
    values = np.kaiser(_length(x), number(_number(beta), "beta"))
    return current().from_numpy(values.astype(dtypes.to_numpy(dtypes.floatx())))
