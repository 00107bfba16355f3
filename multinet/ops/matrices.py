"""Linear algebra on matrices (..., n, m); float16 and bfloat16 must be cast first."""

from __future__ import annotations

import math
from typing import Any

from multinet import dtypes
from multinet.errors import ArgumentError, DTypeError, NoNorm, ShapeError
from multinet.ops.axes import axes_of, axis_of
from multinet.ops.core import (
    as_tensor,
    both,
    broadcast_shapes,
    cast_tensor,
    floating,
    op,
    operands,
    shape_of,
)
from multinet.ops.indexing import diagonal
from multinet.ops.widening import in_float32, root
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, larger, public_shape
from multinet.typing import Axis, Tensor, Tensors


def _matrix(x: Any, what: str, square: bool = True) -> Any:
    """Return x as a float or complex tensor of (square) matrices."""
    x = floating(x)
    _no_low(current().dtype(x), what)
    shape = shape_of(x)
    if len(shape) < 2 or (square and differ(shape[-1], shape[-2])):
        kind = "square matrices (..., n, n)" if square else "matrices (..., n, m)"
        raise ShapeError(f"ops.{what} expects {kind}, got shape {public_shape(shape)}.")
    return x


def _no_low(dtype: str, what: str) -> None:
    if dtype in ("float16", "bfloat16"):
        raise DTypeError(
            f"ops.{what} takes float32, float64 or complex numbers, got {dtype}. Cast "
            "to "
            "'float32' first."
        )


def _turned(x: Any) -> Any:
    """Return the conjugate transpose of matrices."""
    backend, rank = current(), len(shape_of(x))
    y = backend.transpose(x, (*range(rank - 2), rank - 1, rank - 2))
    return backend.conj(y) if dtypes.is_complex(backend.dtype(x)) else y


@op
def cholesky(x: Tensor, upper: bool = False) -> Tensor:
    """Return lower L with L L^H = x, or its transpose if `upper`, for positive x."""
    lower = current().cholesky(_matrix(x, "cholesky"))
    return _turned(lower) if upper else lower


@op
def cholesky_inverse(x: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of the matrix whose Cholesky factor is x."""
    x, backend = _matrix(x, "cholesky_inverse"), current()
    lower = _turned(x) if upper else x
    inverse = backend.solve_triangular(lower, _eye_like(lower), True)
    return backend.matmul(_turned(inverse), inverse)


def _eye_like(x: Any) -> Any:
    backend, shape = current(), shape_of(x)
    eye = backend.eye(shape[-1], shape[-1], 0, backend.dtype(x))
    return backend.broadcast_to(eye, shape)


@op
def det(x: Tensor) -> Tensor:
    """Return the determinant."""
    return current().det(_matrix(x, "det"))


@op
def slogdet(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sign and the log of the modulus of the determinant."""
    return current().slogdet(_matrix(x, "slogdet"))


@op
def logdet(x: Tensor) -> Tensor:
    """Return the log of the determinant of positive definite matrices."""
    backend = current()
    lower = backend.cholesky(_matrix(x, "logdet"))
    roots = diagonal(lower, 0, -2, -1)
    if dtypes.is_complex(backend.dtype(roots)):
        roots = backend.real(roots)
    last = len(shape_of(roots)) - 1
    return backend.multiply(backend.sum(backend.log(roots), (last,), False), 2.0)


@op
def inv(x: Tensor) -> Tensor:
    """Return the inverse."""
    return current().inv(_matrix(x, "inv"))


@op
def pinv(x: Tensor, rcond: float | None = None) -> Tensor:
    """Return the pseudo-inverse; singular values below rcond * largest count as 0."""
    x, backend = _matrix(x, "pinv", square=False), current()
    rows, columns = shape_of(x)[-2:]
    u, s, vh = backend.svd(x, False)
    last = len(shape_of(s)) - 1
    limit = _cut(backend.dtype(s), rows, columns) if rcond is None else rcond
    large = backend.less(backend.multiply(backend.max(s, (last,), True), limit), s)
    inverse = backend.where(
        large, backend.divide(1.0, backend.where(large, s, 1.0)), 0.0
    )
    inverse = cast_tensor(inverse, backend.dtype(x))
    scaled = backend.multiply(_turned(vh), backend.expand_dims(inverse, last))
    return backend.matmul(scaled, _turned(u))


def _cut(dtype: str, rows: Any, columns: Any, factor: float = 10.0) -> Any:
    """Return the relative size under which singular values are rounding noise."""
    backend = current()
    epsilon = 2.0**-52 if dtype == "float64" else 2.0**-23
    size = larger(rows, columns)
    if isinstance(size, Dim):
        number: Any = size
        return backend.multiply(backend.full((), number, dtype), factor * epsilon)
    return factor * size * epsilon


@op
def matrix_rank(x: Tensor, tol: float | None = None) -> Tensor:
    """Return how many singular values are above `tol`, as int32."""
    x, backend = _matrix(x, "matrix_rank", square=False), current()
    rows, columns = shape_of(x)[-2:]
    _, s, _ = backend.svd(x, False)
    last = len(shape_of(s)) - 1
    limit: Any = tol
    if tol is None:
        largest = backend.max(s, (last,), True)
        limit = backend.multiply(largest, _cut(backend.dtype(s), rows, columns, 1.0))
    above = backend.cast(backend.less(limit, s), "int32")
    return backend.sum(above, (last,), False)


@op
def qr(x: Tensor, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """Return Q and R with Q R = x; `mode` is reduced or complete."""
    if mode not in ("reduced", "complete"):
        raise ArgumentError(f"Expected mode 'reduced' or 'complete', got {mode!r}.")
    return current().qr(_matrix(x, "qr", square=False), mode == "complete")


@op
def svd(x: Tensor, full_matrices: bool = True, compute_uv: bool = True) -> Tensors:
    """Return U, S, V^H with S descending, or S alone."""
    x = _matrix(x, "svd", square=False)
    u, s, vh = current().svd(x, full_matrices and compute_uv)
    return (u, s, vh) if compute_uv else s


@op
def eig(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return complex eigenvalues and unit eigenvectors. No gradient."""
    return current().eig(_matrix(x, "eig"))


@op
def eigh(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return eigenvalues, ascending, and eigenvectors of Hermitian matrices."""
    return current().eigh(_matrix(x, "eigh"))


@op
def lu_factor(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return packed L\\U and int32 row pivots, LAPACK's, from 0."""
    return current().lu_factor(_matrix(x, "lu_factor"))


@op
def solve(a: Tensor, b: Tensor) -> Tensor:
    """Return x with a x = b: a (..., n, n), b (..., n, m) or a vector (n,)."""
    return _solved("solve", a, b, lambda a, b: current().solve(a, b))


@op
def solve_triangular(a: Tensor, b: Tensor, lower: bool = False) -> Tensor:
    """Return x with a x = b, reading the upper, or the `lower`, triangle of a."""
    return _solved(
        "solve_triangular", a, b, lambda a, b: current().solve_triangular(a, b, lower)
    )


def _solved(name: str, a: Any, b: Any, function: Any) -> Any:
    a, b = both(*operands(as_tensor(a), as_tensor(b), floating=True))
    a, backend = _matrix(a, name), current()
    vector = len(shape_of(b)) == len(shape_of(a)) - 1
    if vector:
        b = backend.expand_dims(b, len(shape_of(b)))
    left, right = shape_of(a), shape_of(b)
    if len(right) < 2 or differ(left[-1], right[-2]):
        raise ShapeError(
            f"ops.{name} expects b (..., {left[-1]}, m) for a {public_shape(left)}, "
            "got "
            f"{public_shape(right)}."
        )
    batch = broadcast_shapes(left[:-2], right[:-2], what=f"ops.{name}")
    a = backend.broadcast_to(a, (*batch, *left[-2:]))
    b = backend.broadcast_to(b, (*batch, *right[-2:]))
    y = function(a, b)
    return backend.squeeze(y, (len(shape_of(y)) - 1,)) if vector else y


@op
def lstsq(a: Tensor, b: Tensor, rcond: float | None = None) -> Tensor:
    """Return the shortest x that minimizes |a x - b|: a (n, m), b (n,) or (n, k)."""
    a, b = both(*operands(as_tensor(a), as_tensor(b), floating=True))
    vector, backend = len(shape_of(b)) == 1, current()
    if vector:
        b = backend.expand_dims(b, 1)
    rows, columns = shape_of(a)[-2:]
    kind = dtypes.real_of(backend.dtype(a))
    cut = _cut(kind, rows, columns, 1.0) if rcond is None else rcond
    x = backend.matmul(pinv(a, cut), b)
    return backend.squeeze(x, (1,)) if vector else x


@op
def norm(
    x: Tensor,
    ord: int | float | str | None = None,
    axis: Axis | None = None,
    keepdims: bool = False,
) -> Tensor:
    """Return the norm of vectors (one axis) or of matrices (two axes).

    Without `ord` the Euclidean norm over the axes. Vectors take any number, inf, -inf;
    matrices 1, -1, 2, -2, inf, -inf, "fro" and "nuc". The gradient at 0 is 0. `NoNorm`
    for another `ord`, or for other axes than those it is defined over.
    """
    x = floating(x)
    rank = len(shape_of(x))
    if ord is None:
        return _root_sum(x, axes_of(axis, rank), keepdims)
    if axis is None:
        axis = tuple(range(rank))
    chosen = [axis] if isinstance(axis, int) else list(axis)
    if len(chosen) not in (1, 2):
        raise NoNorm(f"ops.norm with ord={ord!r} expects 1 or 2 axes, got {axis}.")
    if len(chosen) == 2 and rank < 2:
        raise NoNorm(
            f"A matrix norm, over axis={axis}, expects a tensor of 2 axes or more, got "
            f"shape {shape_of(x)}. Vectors have axis=None or an int."
        )
    if len(chosen) == 1 and not isinstance(ord, int | float):
        raise NoNorm(f"A vector norm has ord as a number, got {ord!r}.")
    axes = [axis_of(a, rank) for a in chosen]
    if len(axes) == 1:
        return _vector_norm(x, ord, axes[0], keepdims)
    return _matrix_norm(x, ord, axes[0], axes[1], keepdims)


@in_float32
def _root_sum(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    backend = current()
    size = backend.abs(x) if dtypes.is_complex(backend.dtype(x)) else x
    return root(backend.sum(backend.square(size), axes, keepdims))


@in_float32
def _vector_norm(x: Any, ord: Any, axis: int, keepdims: bool) -> Any:
    backend, axes = current(), (axis,)
    size = backend.abs(x)
    if ord == math.inf:
        return backend.max(size, axes, keepdims)
    if ord == -math.inf:
        return backend.min(size, axes, keepdims)
    if ord == 0:
        count = backend.cast(backend.not_equal(size, 0), backend.dtype(size))
        return backend.sum(count, axes, keepdims)
    if ord == 1:
        return backend.sum(size, axes, keepdims)
    if ord == 2:
        return _root_sum(x, axes, keepdims)
    if ord < 0:
        total = backend.sum(backend.power(size, float(ord)), axes, keepdims)
        return backend.power(total, 1 / float(ord))
    return _power_mean(size, float(ord), axes, keepdims)


def _power_mean(size: Any, ord: float, axes: tuple[int, ...], keepdims: bool) -> Any:
    """Return sum(size**ord)**(1 / ord) by the largest, so that no power overflows.

    The gradient at elements of 0 is 0.
    """
    backend = current()
    most = backend.stop_gradient(backend.max(size, axes, True))
    usual = backend.logical_and(backend.less(0, most), backend.isfinite(most))
    most = backend.where(usual, most, 1)
    zero = backend.equal(size, 0)
    share = backend.where(zero, 1, backend.divide(size, most))
    powers = backend.where(zero, 0, backend.power(share, ord))
    total = backend.sum(powers, axes, True)
    none = backend.equal(total, 0)
    length = backend.power(backend.where(none, 1, total), 1 / ord)
    length = backend.where(none, 0, backend.multiply(length, most))
    return length if keepdims else backend.squeeze(length, axes)


def _matrix_norm(x: Any, ord: Any, row: int, column: int, keepdims: bool) -> Any:
    backend, pair = current(), tuple(sorted((row, column)))
    if ord == "fro":
        return _root_sum(x, pair, keepdims)
    if ord in (1, -1, math.inf, -math.inf):
        added, left = (row, column) if abs(ord) == 1 else (column, row)
        sums = backend.sum(backend.abs(x), (added,), True)
        function = backend.max if ord > 0 else backend.min
        y = function(sums, (left,), True)
        return y if keepdims else backend.squeeze(y, pair)
    if ord not in (2, -2, "nuc"):
        raise NoNorm(
            "A matrix norm has ord 1, -1, 2, -2, inf, -inf, 'fro' or 'nuc', got "
            f"{ord!r}."
        )
    rest = [a for a in range(len(shape_of(x))) if a not in pair]
    moved = _matrix(backend.transpose(x, (*rest, row, column)), "norm", square=False)
    s = backend.svd(moved, False)[1]
    last = (len(shape_of(s)) - 1,)
    reduce = {2: backend.max, -2: backend.min, "nuc": backend.sum}[ord]
    y = reduce(s, last, False)
    if not keepdims:
        return y
    shape = tuple(1 if i in pair else n for i, n in enumerate(shape_of(x)))
    return backend.reshape(y, shape)
