"""Kernels: contraction, linear algebra and Fourier transforms, on plain arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet_numpy.dtypes import widened

# -- contraction -----------------------------------------------------------------------

matmul = widened(np.matmul)


def einsum(*args: Any) -> Any:
    """Contract the operands args[:-1] by the equation args[-1]."""
    return _einsum(*args)


@widened
def _einsum(*args: Any) -> Any:
    *operands, equation = args
    terms, result = equation.split("->")
    names = terms.split(",")
    if len(operands) == 2 and all(len(set(name)) == len(name) for name in names):
        return pairwise(operands[0], operands[1], names, result)
    return np.einsum(equation, *operands, optimize=len(operands) > 2)


def pairwise(x: Any, y: Any, names: Sequence[str], result: str) -> Any:
    """Contract two operands by one batched matmul: np.einsum does not reach BLAS."""
    x_names, y_names = names
    x, x_names = _sum_private(x, x_names, y_names + result)
    y, y_names = _sum_private(y, y_names, x_names + result)
    batch = [n for n in x_names if n in y_names and n in result]
    inner = [n for n in x_names if n in y_names and n not in result]
    rows = [n for n in x_names if n not in y_names]
    columns = [n for n in y_names if n not in x_names]
    sizes = dict(zip(x_names + y_names, x.shape + y.shape))
    x = _group(x, x_names, (batch, rows, inner), sizes)
    y = _group(y, y_names, (batch, inner, columns), sizes)
    order = batch + rows + columns
    out = np.matmul(x, y).reshape([sizes[n] for n in order])
    return out.transpose([order.index(n) for n in result])


def _sum_private(x: Any, names: str, others: str) -> tuple[Any, str]:
    private = tuple(i for i, n in enumerate(names) if n not in others)
    if not private:
        return x, names
    kept = "".join(n for n in names if n in others)
    return np.add.reduce(x, axis=private, dtype=x.dtype), kept


def _group(x: Any, names: str, groups: Sequence[list[str]], sizes: Any) -> Any:
    x = x.transpose([names.index(n) for group in groups for n in group])
    batch, *matrix = groups
    matrix = [math.prod(sizes[n] for n in group) for group in matrix]
    return x.reshape([*[sizes[n] for n in batch], *matrix])


# -- linear algebra --------------------------------------------------------------------


def cholesky(x: Any) -> Any:
    """Return the lower factor."""
    return np.linalg.cholesky(x)


def solve(a: Any, b: Any) -> Any:
    """Solve linear systems."""
    return np.linalg.solve(a, b)


def solve_triangular(a: Any, b: Any, lower: bool) -> Any:
    """Solve triangular systems by blocks of rows: the diagonal blocks, then GEMM."""
    size, step = a.shape[-1], 64
    x = np.array(b)
    starts = list(range(0, size, step))
    for start in starts if lower else reversed(starts):
        rows = np.s_[start : start + step]
        done = np.s_[:start] if lower else np.s_[start + step :]
        block = a[..., rows, rows]
        block = np.tril(block) if lower else np.triu(block)
        right = x[..., rows, :] - np.matmul(a[..., rows, done], x[..., done, :])
        x[..., rows, :] = np.linalg.solve(block, right)
    return x


def qr(x: Any, full_matrices: bool) -> Any:
    """Return Q and R."""
    return tuple(np.linalg.qr(x, "complete" if full_matrices else "reduced"))


def svd(x: Any, full_matrices: bool) -> Any:
    """Return U, S and V^H."""
    return tuple(np.linalg.svd(x, full_matrices))


def eigh(x: Any) -> Any:
    """Return eigenvalues and eigenvectors of a Hermitian matrix."""
    return tuple(np.linalg.eigh(x, "L"))


def eig(x: Any) -> Any:
    """Return complex eigenvalues and eigenvectors."""
    dtype = np.result_type(x.dtype, np.complex64)
    values, vectors = np.linalg.eig(x)
    return values.astype(dtype, copy=False), vectors.astype(dtype, copy=False)


def slogdet(x: Any) -> Any:
    """Return the sign and the log modulus of the determinant."""
    return tuple(np.linalg.slogdet(x))


def lu_factor(x: Any) -> tuple[Any, Any]:
    """Return packed L\\U and row pivots, by elimination with partial pivoting."""
    size = x.shape[-1]
    packed = np.array(x).reshape(-1, size, size)
    pivots = np.empty((len(packed), size), np.int32)
    batch = np.arange(len(packed))
    for k in range(size):
        best = k + np.argmax(np.abs(packed[:, k:, k]), axis=1)
        pivots[:, k] = best
        upper = packed[batch, best]
        packed[batch, best], packed[:, k] = packed[:, k].copy(), upper
        head = packed[:, k, k]
        below = packed[:, k + 1 :, k] / np.where(head == 0, 1, head)[:, None]
        packed[:, k + 1 :, k] = below
        packed[:, k + 1 :, k + 1 :] -= below[:, :, None] * packed[:, k, None, k + 1 :]
    return packed.reshape(x.shape), pivots.reshape(x.shape[:-1])


# -- Fourier transforms ----------------------------------------------------------------


def fft(x: Any) -> Any:
    """Transform the last axis."""
    return np.fft.fft(x)


def ifft(x: Any) -> Any:
    """Transform the last axis back."""
    return np.fft.ifft(x)


def rfft(x: Any) -> Any:
    """Transform real rows."""
    return np.fft.rfft(x)


def irfft(x: Any, n: int) -> Any:
    """Transform coefficients to real rows of length n."""
    return np.fft.irfft(x, n)
