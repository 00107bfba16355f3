"""Contraction, linear algebra and FFT. Contracts are in `multinet.interface.program`.

Each method is one Op: a function of NumPy, and a rule for its gradient, which is written
with the methods of the backend, so that it holds for complex tensors and to any order.

Sources of the rules: Giles, "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation", 2008; Murray, "Differentiation of the Cholesky
decomposition", 2016; Wan and Zhang, "Automatic differentiation for complex valued SVD",
2019.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.tensor.type import TensorType
from scipy.linalg import lu_factor

from multinet import dtypes
from multinet.errors import ArgumentError
from multinet.interface import Backend
from multinet_pytensor.control import Computed
from multinet_pytensor.core import Array, Tensor, constant, settled

Gradient = Callable[..., Sequence[Any]]


class Ruled(Computed):
    """A function of arrays with leading batch axes, and the rule of its gradient.

    `rule(F, cotangents, outputs, *inputs)` gets None for an output without influence
    and returns one cotangent per input; F is the backend.
    """

    def __init__(
        self, F: Backend[Tensor], compute: Callable[..., Any], rule: Gradient | None
    ) -> None:
        self.F, self.function, self.rule = F, compute, rule

    def compute(self, *inputs: Any) -> Sequence[Any]:
        dtype = inputs[0].dtype
        if dtype == "float16":  # sums are wider inside
            inputs = tuple(x.astype(np.float32) for x in inputs)
        results = self.function(*inputs)
        results = results if isinstance(results, tuple) else (results,)
        narrow = dtype == "float16"
        return [np.asarray(y, dtype if narrow else None) for y in results]

    def types(self, inputs: Sequence[Tensor]) -> list[Any]:
        rank = 1 if self.function.__name__ in _ON_VECTORS else 2
        batch = inputs[0].type.shape[:-rank]
        # With no matrices in the batch it costs nothing to ask the function itself.
        empty = [np.empty((0, *x.type.shape[-rank:]), x.type.dtype) for x in inputs]
        return [
            TensorType(y.dtype.name, (*batch, *y.shape[1:])) for y in self.compute(*empty)
        ]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        if self.rule is None:
            return super().pullback(inputs, outputs, cotangents)
        given = [None if isinstance(g.type, DisconnectedType) else g for g in cotangents]
        return list(self.rule(self.F, given, outputs, *inputs))


class MatMul(Ruled):
    """The product of matrices, whose batches broadcast."""

    def types(self, inputs: Sequence[Tensor]) -> list[Any]:
        x, y = (v.type.shape for v in inputs)
        batch = np.broadcast_shapes(x[:-2], y[:-2])
        return [TensorType(inputs[0].type.dtype, (*batch, x[-2], y[-1]))]


class Einsum(Ruled):
    """The contraction by an equation, whose gradient is one by another equation."""

    __props__ = ("equation",)

    def __init__(self, equation: str) -> None:
        self.equation = equation
        terms, self.result = equation.split("->")
        self.terms = terms.split(",")

    def types(self, inputs: Sequence[Tensor]) -> list[Any]:
        sizes = self.sizes(inputs)
        return [TensorType(inputs[0].type.dtype, tuple(sizes[n] for n in self.result))]

    def sizes(self, inputs: Sequence[Tensor]) -> dict[str, int]:
        """Return the size of each letter."""
        pairs = zip(self.terms, inputs, strict=True)
        return {n: k for term, x in pairs for n, k in zip(term, x.type.shape)}

    def function(self, *operands: Array) -> Array:
        """Contract arrays."""
        return np.einsum(self.equation, *operands, optimize=len(operands) > 1)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        sizes, spare = self.sizes(inputs), iter(set(_LETTERS) - set(self.equation))
        slopes, dtype = [], outputs[0].type.dtype
        for i, term in enumerate(self.terms):
            others = [t for j, t in enumerate(self.terms) if j != i]
            values = [_conj(x) for j, x in enumerate(inputs) if j != i]
            names, target = [self.result, *others], ""
            for n in term:
                if n in target:  # a diagonal: times the identity
                    twin = next(spare)
                    names.append(n + twin)
                    values.append(constant(np.eye(sizes[n], dtype=dtype)))
                    n = twin
                elif not any(n in name for name in names):  # summed by itself
                    names.append(n)
                    values.append(constant(np.ones(sizes[n], dtype)))
                target += n
            slope = Einsum(f"{','.join(names)}->{target}")
            slopes.append(slope(cotangents[0], *values))
        return slopes


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@settled
class LinalgOps(Backend[Tensor]):
    """Contraction, linear algebra and FFT."""

    # -- contraction -------------------------------------------------------------------

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        return MatMul(self, np.matmul, _matmul)(x, y)

    def einsum(self, equation: str, *operands: Tensor) -> Tensor:
        return Einsum(equation)(*operands)

    # -- linear algebra (floats 32 and 64, complex; leading axes are batches) ----------

    def cholesky(self, x: Tensor) -> Tensor:
        return Ruled(self, np.linalg.cholesky, _cholesky)(x)

    def solve(self, a: Tensor, b: Tensor) -> Tensor:
        return Ruled(self, np.linalg.solve, _solve)(a, b)

    def solve_triangular(self, a: Tensor, b: Tensor, lower: bool) -> Tensor:
        half = np.tril if lower else np.triu

        def compute(a: Array, b: Array) -> Array:
            return np.linalg.solve(half(a), b)

        def rule(F: Any, g: Any, out: Any, a: Tensor, b: Tensor) -> Any:
            slope = F.solve_triangular(_h(F, a), g[0], not lower)
            outer = F.negative(F.matmul(slope, _h(F, out[0])))
            ones = np.ones(a.type.shape[-2:], a.type.dtype)
            return F.multiply(outer, constant(half(ones))), slope

        return Ruled(self, compute, rule)(a, b)

    def qr(self, x: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor]:
        mode: Any = "complete" if full_matrices else "reduced"

        def compute(x: Array) -> Any:
            return tuple(np.linalg.qr(x, mode))

        q, r = Ruled(self, compute, _qr).of(x)
        return q, r

    def svd(self, x: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor, Tensor]:
        def compute(x: Array) -> Any:
            return tuple(np.linalg.svd(x, full_matrices))

        u, s, vh = Ruled(self, compute, _svd).of(x)
        return u, s, vh

    def eigh(self, x: Tensor) -> tuple[Tensor, Tensor]:
        def compute(x: Array) -> Any:
            return tuple(np.linalg.eigh(x, "L"))

        values, vectors = Ruled(self, compute, _eigh).of(x)
        return values, vectors

    def eig(self, x: Tensor) -> tuple[Tensor, Tensor]:
        dtype = dtypes.complex_of(x.type.dtype)

        def compute(x: Array) -> Any:
            return tuple(y.astype(dtype) for y in np.linalg.eig(x))

        values, vectors = Ruled(self, compute, None).of(x)
        return values, vectors

    def lu_factor(self, x: Tensor) -> tuple[Tensor, Tensor]:
        packed, pivots = Ruled(self, _lu, None).of(x)
        return packed, pivots

    def slogdet(self, x: Tensor) -> tuple[Tensor, Tensor]:
        def compute(x: Array) -> Any:
            return tuple(np.linalg.slogdet(x))

        sign, modulus = Ruled(self, compute, _slogdet).of(x)
        return sign, modulus

    # -- FFT (last axis; float32 or float64 <-> complex64 or complex128) ---------------

    def fft(self, x: Tensor) -> Tensor:
        return Ruled(self, np.fft.fft, _fft)(x)

    def ifft(self, x: Tensor) -> Tensor:
        return Ruled(self, np.fft.ifft, _ifft)(x)

    def rfft(self, x: Tensor) -> Tensor:
        return Ruled(self, np.fft.rfft, _rfft)(x)

    def irfft(self, x: Tensor, n: int) -> Tensor:
        def irfft(x: Array) -> Array:
            return np.fft.irfft(x, n)

        return Ruled(self, irfft, _irfft)(x)


_ON_VECTORS = ("fft", "ifft", "rfft", "irfft")


def _lu(x: Array) -> tuple[Array, Array]:
    packed = np.array(x)
    pivots = np.empty(x.shape[:-1], np.int32)
    for i in np.ndindex(x.shape[:-2]):
        packed[i], pivots[i] = lu_factor(x[i], check_finite=False)
    return packed, pivots


# -- what the rules are made of --------------------------------------------------------


def _conj(x: Tensor) -> Tensor:
    return x.conj() if dtypes.is_complex(x.type.dtype) else x


def _h(F: Any, x: Tensor) -> Tensor:
    """Return the conjugate transpose."""
    n = len(F.shape(x))
    turned = F.transpose(x, (*range(n - 2), n - 1, n - 2))
    return F.conj(turned) if dtypes.is_complex(F.dtype(x)) else turned


def _product(F: Any, *xs: Tensor) -> Tensor:
    result = xs[0]
    for x in xs[1:]:
        result = F.matmul(result, x)
    return result


def _hermitian(F: Any, x: Tensor) -> Tensor:
    return F.multiply(F.add(x, _h(F, x)), 0.5)


def _eye(x: Tensor) -> Tensor:
    return constant(np.eye(x.type.shape[-1], dtype=x.type.dtype))


def _column(F: Any, x: Tensor) -> Tensor:
    return F.reshape(x, (*F.shape(x), 1))


def _row(F: Any, x: Tensor) -> Tensor:
    return F.reshape(x, (*F.shape(x)[:-1], 1, F.shape(x)[-1]))


def _diagonal(F: Any, x: Tensor, dtype: str) -> Tensor:
    return F.cast(F.multiply(_row(F, x), _eye(x)), dtype)


def _inverse_gaps(F: Any, values: Tensor, dtype: str) -> Tensor:
    """Return 1 / (v_j - v_i), 0 on the diagonal."""
    gaps = F.subtract(_row(F, values), _column(F, values))
    eye = constant(np.eye(F.shape(values)[-1], dtype=bool))
    inverse = F.divide(1.0, F.where(eye, 1.0, gaps))
    return F.cast(F.where(eye, 0.0, inverse), dtype)


def _lower_half(F: Any, x: Tensor) -> Tensor:
    """Return the lower triangle with the diagonal halved."""
    n = F.shape(x)[-1]
    half = np.tril(np.ones((n, n))) - np.eye(n) / 2
    return F.multiply(x, constant(half.astype(F.dtype(x))))


# -- the rules -------------------------------------------------------------------------


def _matmul(F: Any, g: Any, out: Any, x: Tensor, y: Tensor) -> Any:
    return (
        _unbroadcast(F, F.matmul(g[0], _h(F, y)), x),
        _unbroadcast(F, F.matmul(_h(F, x), g[0]), y),
    )


def _unbroadcast(F: Any, g: Tensor, like: Tensor) -> Tensor:
    shape, wanted = F.shape(g), F.shape(like)
    extra = len(shape) - len(wanted)
    padded = (*(1,) * extra, *wanted)
    axes = tuple(i for i, (n, k) in enumerate(zip(shape, padded)) if n != k)
    axes = tuple(sorted({*range(extra), *axes}))
    return F.reshape(F.sum(g, axes, False), wanted) if axes else g


def _cholesky(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    upper = _h(F, out[0])
    inner = _hermitian(F, _lower_half(F, F.matmul(upper, g[0])))
    right = F.solve_triangular(upper, inner, False)
    # right @ out^-1 is the conjugate transpose of out^-H @ right^H
    return (_h(F, F.solve_triangular(upper, _h(F, right), False)),)


def _solve(F: Any, g: Any, out: Any, a: Tensor, b: Tensor) -> Any:
    slope = F.solve(_h(F, a), g[0])
    return F.negative(F.matmul(slope, _h(F, out[0]))), slope


def _qr(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    q, r = out
    rows, columns = F.shape(x)[-2:]
    if rows < columns or F.shape(q)[-1] != columns:
        raise ArgumentError(
            "The gradient of qr needs reduced factors and rows >= columns, got "
            f"{F.shape(x)}. Pass full_matrices=False, or transpose."
        )
    gq, gr = (F.multiply(y, 0.0) if s is None else s for s, y in zip(g, out))
    middle = F.subtract(F.matmul(r, _h(F, gr)), F.matmul(_h(F, gq), q))
    half = _lower_half(F, middle)
    total = F.add(gq, F.matmul(q, F.add(half, _h(F, half))))
    return (_h(F, F.solve_triangular(r, _h(F, total), False)),)


def _svd(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    (u, s, vh), (gu, gs, gvh) = out, g
    dtype, k = F.dtype(x), F.shape(s)[-1]
    (rows, columns), vectors = F.shape(x)[-2:], gu is not None or gvh is not None
    if (F.shape(u)[-1], F.shape(vh)[-2]) != (k, k):
        if vectors:
            raise ArgumentError(
                "The gradient of svd needs reduced factors: pass full_matrices=False."
            )
        u, vh = u[..., :k], vh[..., :k, :]
    sizes = F.cast(s, dtype)
    inner = F.multiply(_diagonal(F, s, dtype), 0.0)
    if gs is not None:
        inner = _diagonal(F, gs, dtype)
    weights = _inverse_gaps(F, F.multiply(s, s), dtype) if vectors else None
    if gu is not None:
        projected = F.matmul(_h(F, u), gu)
        j = F.multiply(weights, projected)
        inner = F.add(inner, F.multiply(F.add(j, _h(F, j)), _row(F, sizes)))
        if dtypes.is_complex(dtype):  # the gauge of the phases
            skew = F.multiply(F.subtract(projected, F.conj(projected)), 0.5)
            phase = F.divide(F.multiply(skew, _eye(skew)), _row(F, sizes))
            inner = F.add(inner, phase)
    if gvh is not None:
        j = F.multiply(weights, F.matmul(vh, _h(F, gvh)))
        inner = F.add(inner, F.multiply(_column(F, sizes), F.add(j, _h(F, j))))
    slope = _product(F, u, inner, vh)
    if gu is not None and rows > k:
        scaled = F.divide(gu, _row(F, sizes))
        outside = F.subtract(scaled, _product(F, u, _h(F, u), scaled))
        slope = F.add(slope, F.matmul(outside, vh))
    if gvh is not None and columns > k:
        scaled = F.divide(gvh, _column(F, sizes))
        outside = F.subtract(scaled, _product(F, scaled, _h(F, vh), vh))
        slope = F.add(slope, F.matmul(u, outside))
    return (slope,)


def _eigh(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    (values, vectors), (gw, gv) = out, g
    dtype = F.dtype(x)
    inner = _diagonal(F, F.multiply(values, 0.0) if gw is None else gw, dtype)
    if gv is not None:
        weights = _inverse_gaps(F, values, dtype)
        inner = F.add(inner, F.multiply(weights, F.matmul(_h(F, vectors), gv)))
    return (_hermitian(F, _product(F, vectors, inner, _h(F, vectors))),)


def _slogdet(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    sign, (gsign, glog) = out[0], g
    dtype, shape = F.dtype(x), (*F.shape(sign), 1, 1)
    singular = F.reshape(F.equal(F.abs(sign), 0.0), shape)
    inverse = _h(F, F.solve(F.where(singular, _eye(x), x), F.add(_eye(x), x * 0)))
    factor = F.multiply(sign, 0.0) if glog is None else F.cast(glog, dtype)
    if gsign is not None and dtypes.is_complex(dtype):
        turn = F.imag(F.multiply(gsign, F.conj(sign)))
        factor = F.add(factor, F.make_complex(F.multiply(turn, 0.0), turn))
    factor = F.where(singular, math.nan, F.reshape(factor, shape))
    return (F.multiply(inverse, factor),)


def _fft(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    n = F.shape(x)[-1]  # the conjugate of the matrix is that of the inverse times n
    return (F.multiply(F.ifft(g[0]), float(n)),)


def _ifft(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    return (F.divide(F.fft(g[0]), float(F.shape(x)[-1])),)


def _rfft(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    n, shape = F.shape(x)[-1], F.shape(g[0])
    widths = (*[(0, 0)] * (len(shape) - 1), (0, n - shape[-1]))
    return (F.multiply(F.real(F.ifft(F.pad(g[0], widths, 0.0))), float(n)),)


def _irfft(F: Any, g: Any, out: Any, x: Tensor) -> Any:
    n = F.shape(out[0])[-1]
    weights = np.full(F.shape(x)[-1], 2.0 / n)
    weights[0] = 1.0 / n
    if n % 2 == 0:
        weights[-1] = 1.0 / n
    return (F.multiply(F.rfft(g[0]), constant(weights.astype(F.dtype(x)))),)
