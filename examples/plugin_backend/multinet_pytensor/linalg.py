"""Contraction, linear algebra and FFT. Contracts are in `multinet.interface.program`.

PyTensor contracts. NumPy and SciPy factor and transform, with rules that hold for
complex matrices and to any order. Sources: Giles, "Collected matrix derivative results
for forward and reverse mode algorithmic differentiation", 2008; Murray,
"Differentiation of the Cholesky decomposition", 2016; Wan and Zhang, "Automatic
differentiation for complex valued SVD", 2019.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg
from pytensor.tensor.type import TensorType

from multinet import dtypes
from multinet.errors import ArgumentError
from multinet.interface import Backend
from multinet_pytensor.arrays import wide
from multinet_pytensor.control import Computed, Rule
from multinet_pytensor.core import Array, Tensor, Tensors, constant, pt
from multinet_pytensor.elementwise import plain
from multinet_pytensor.graph import Graph
from multinet_pytensor.slopes import conj, transposed


def stacked(
    function: Callable[..., Any], rule: Rule | None = None, rank: int = 2
) -> Callable[..., Any]:
    """Return a function of stacks of `rank`-dimensional arrays as one of tensors."""

    def compute(*arrays: Array) -> Sequence[Array]:
        results = function(*arrays)
        return results if isinstance(results, tuple) else (results,)

    def apply(*inputs: Tensor) -> Any:
        """Apply the function, which itself tells the shapes for an empty stack."""
        types = [x.type for x in inputs]
        stacks = [np.empty((0, *x.shape[-rank:]), x.dtype) for x in types]
        shapes = [(y.dtype.name, y.shape[1:]) for y in compute(*stacks)]
        batch = types[0].shape[:-rank]
        kinds = [TensorType(dtype, (*batch, *shape)) for dtype, shape in shapes]
        results = Computed(compute, kinds, rule).of(*inputs)
        return results if len(results) > 1 else results[0]

    return apply


# -- rules -----------------------------------------------------------------------------


def _half(x: Tensor) -> Tensor:
    """Return the lower triangle with the diagonal halved."""
    ones = np.ones(x.type.shape[-2:], dtypes.real_of(x.type.dtype))
    return x * (np.tril(ones) + np.tril(ones, -1)) * 0.5


def _diagonal(x: Tensor) -> Tensor:
    return np.eye(x.type.shape[-1], dtype=x.dtype) * pt.expand_dims(x, -1)


def _inverse_gaps(values: Tensor) -> Tensor:
    """Return 1 / (v_j - v_i), 0 on the diagonal."""
    eye = np.eye(values.type.shape[-1], dtype=values.dtype)
    gaps = pt.expand_dims(values, -2) - pt.expand_dims(values, -1)
    return (1 - eye) / (gaps + eye)


def _cholesky(_: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    upper = transposed(ys[0])
    half = _half(upper @ gs[0])
    left = solve(upper, (half + transposed(half)) * 0.5)
    return [transposed(solve(upper, transposed(left)))]


def _solve(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    for_b = solve(transposed(xs[0]), gs[0])
    return -(for_b @ transposed(ys[0])), for_b


def _qr(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    (q, r), (for_q, for_r) = ys, gs
    if q.type.shape != xs[0].type.shape:
        raise ArgumentError(
            "The gradient of qr needs rows >= columns and reduced factors, got x of "
            f"{xs[0].type.shape}. Transpose it, or pass full_matrices=False."
        )
    half = _half(r @ transposed(for_r) - transposed(for_q) @ q)
    total = for_q + q @ (half + transposed(half))
    return [transposed(solve(r, transposed(total)))]


def _svd(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    (u, s, vh), (for_u, for_s, for_vh) = ys, gs
    if u.type.shape[-1] != vh.type.shape[-2]:
        raise ArgumentError(
            "The gradient of svd needs reduced factors: pass full_matrices=False."
        )
    column, row = pt.expand_dims(s, -1), pt.expand_dims(s, -2)
    inner_u, inner_v = transposed(u) @ for_u, vh @ transposed(for_vh)
    skew_u, skew_v = (x - transposed(x) for x in (inner_u, inner_v))
    core = (skew_u * row + skew_v * column) * _inverse_gaps(s * s)
    core = core + _diagonal(for_s) + skew_u * _diagonal(0.5 / s)
    left = u @ core + (for_u - u @ inner_u) / row
    right = (for_vh - transposed(inner_v) @ vh) / column
    return [left @ vh + u @ right]


def _eigh(_: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    (values, vectors), (for_values, for_vectors) = ys, gs
    core = (transposed(vectors) @ for_vectors) * _inverse_gaps(values)
    whole = vectors @ (core + _diagonal(for_values)) @ transposed(vectors)
    return [(whole + transposed(whole)) * 0.5]


def _slogdet(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    (x,), (sign, _), (for_sign, slope) = xs, ys, gs
    singular = pt.eq(sign, 0)
    slope = pt.switch(singular, np.float32(np.nan), slope)
    if dtypes.is_complex(x.type.dtype):  # the phase of the sign turns with x
        slope = pt.complex(slope, pt.imag(for_sign * conj(sign)))
    eye = np.broadcast_to(np.eye(x.type.shape[-1], dtype=x.dtype), x.type.shape)
    regular = pt.switch(pt.expand_dims(singular, (-1, -2)), eye, x)
    inverse = solve(transposed(regular), constant(eye))
    return [pt.expand_dims(slope, (-1, -2)) * inverse]


def _eig(x: Array) -> tuple[Array, ...]:
    dtype = np.result_type(x.dtype, np.complex64)
    return tuple(y.astype(dtype) for y in np.linalg.eig(x))


def _lu(x: Array) -> tuple[Array, Array]:
    packed, pivots = x.copy(), np.empty(x.shape[:-1], np.int32)
    for i in np.ndindex(x.shape[:-2]):
        packed[i], pivots[i] = scipy.linalg.lu_factor(x[i], check_finite=False)
    return packed, pivots


solve = stacked(np.linalg.solve, _solve)
fft = stacked(np.fft.fft, lambda xs, ys, gs: [pt.conj(fft(pt.conj(gs[0])))], 1)


class LinalgOps(Backend[Tensor]):
    """Contraction, linear algebra and FFT."""

    # -- contraction -------------------------------------------------------------------

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        return wide(pt.matmul, x, y)

    def einsum(self, equation: str, *operands: Tensor) -> Tensor:
        def compute(*operands: Tensor) -> Tensor:
            node = pt.einsum(equation, *operands).owner
            inner = node.op.fgraph  # one Op would have to be compiled by PyTensor
            return Graph(inner.inputs, inner.outputs).apply(node.inputs)[0]

        return pt.cast(wide(compute, *operands), operands[0].dtype)

    # -- linear algebra (floats 32 and 64, complex; leading axes are batches) ----------

    cholesky = plain(stacked(np.linalg.cholesky, _cholesky))
    solve = plain(solve)

    def solve_triangular(self, a: Tensor, b: Tensor, lower: bool) -> Tensor:
        ones = np.ones(a.type.shape[-2:], bool)
        return solve(pt.switch(np.tril(ones) if lower else np.triu(ones), a, 0), b)

    def qr(self, x: Tensor, full_matrices: bool) -> tuple[Tensor, ...]:
        mode: Any = "complete" if full_matrices else "reduced"
        return stacked(lambda x: tuple(np.linalg.qr(x, mode)), _qr)(x)

    def svd(self, x: Tensor, full_matrices: bool) -> tuple[Tensor, ...]:
        return stacked(lambda x: tuple(np.linalg.svd(x, full_matrices)), _svd)(x)

    eigh = plain(stacked(lambda x: tuple(np.linalg.eigh(x)), _eigh))
    eig = plain(stacked(_eig))
    lu_factor = plain(stacked(_lu))
    slogdet = plain(stacked(lambda x: tuple(np.linalg.slogdet(x)), _slogdet))

    # -- FFT (last axis; float32 or float64 <-> complex64 or complex128) ---------------

    fft = plain(fft)

    def ifft(self, x: Tensor) -> Tensor:
        return pt.conj(fft(pt.conj(x))) / np.float32(x.type.shape[-1])

    def rfft(self, x: Tensor) -> Tensor:
        whole = fft(pt.cast(x, dtypes.complex_of(x.type.dtype)))
        return whole[..., : x.type.shape[-1] // 2 + 1]

    def irfft(self, x: Tensor, n: int) -> Tensor:
        mirrored = pt.conj(x[..., 1 : (n + 1) // 2][..., ::-1])
        return pt.real(self.ifft(pt.concatenate([x, mirrored], -1)))
