"""Gradient rules of linear algebra and Fourier transforms, real and complex.

Sources: Giles, "Collected matrix derivative results for forward and reverse mode
algorithmic differentiation", 2008; Murray, "Differentiation of the Cholesky
decomposition", 2016; Wan and Zhang, "Automatic differentiation for complex valued SVD",
2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet.errors import ArgumentError
from multinet_numpy.rules_elementwise import name_of
from multinet_numpy.tape import conj, rule, strip


def _h(F: Any, x: Any) -> Any:
    """Return the conjugate transpose."""
    return F.swap(conj(F, x))


def _symmetric(F: Any, x: Any) -> Any:
    return F.multiply(F.add(x, _h(F, x)), 0.5)


def _product(F: Any, *xs: Any) -> Any:
    result = xs[0]
    for x in xs[1:]:
        result = F.matmul(result, x)
    return result


def _eye(x: Any) -> Any:
    n = x.shape[-1]
    return np.broadcast_to(np.eye(n, dtype=x.dtype), (*x.shape[:-1], n))


def _column(F: Any, x: Any) -> Any:
    return F.reshape(x, (*x.shape, 1))


def _row(F: Any, x: Any) -> Any:
    return F.reshape(x, (*x.shape[:-1], 1, x.shape[-1]))


def _as(F: Any, x: Any, like: Any) -> Any:
    return x if x.dtype == like.dtype else F.cast(x, name_of(like))


def _inverse_gaps(F: Any, values: Any) -> Any:
    """Return 1 / (v_j - v_i), 0 on the diagonal."""
    gaps = F.subtract(_row(F, values), _column(F, values))
    eye = np.eye(values.shape[-1], dtype=bool)
    return F.where(eye, 0.0, F.divide(1.0, F.where(eye, 1.0, gaps)))


def _lower_half(F: Any, x: Any) -> Any:
    """Return the lower triangle with the diagonal halved."""
    n = x.shape[-1]
    return F.multiply(x, (np.tril(np.ones((n, n))) - np.eye(n) / 2).astype(x.dtype))


@rule("cholesky", conjugates=True)
def _(F, g, need, out, x):
    inner = _lower_half(F, F.matmul(_h(F, out), g))
    right = F.solve_triangular(_h(F, out), _symmetric(F, inner), False)
    # right @ out^-1 is the conjugate transpose of out^-H @ right^H
    return (_h(F, F.solve_triangular(_h(F, out), _h(F, right), False)),)


@rule("solve")
def _(F, g, need, out, a, b):
    gb = F.solve(F.swap(a), g)
    return need[0] and F.negative(F.matmul(gb, F.swap(out))), gb


@rule("solve_triangular")
def _(F, g, need, out, a, b, lower):
    gb = F.solve_triangular(F.swap(a), g, not lower)
    if not need[0]:
        return False, gb
    ga = F.negative(F.matmul(gb, F.swap(out)))
    half = np.tril if lower else np.triu
    return F.multiply(ga, half(np.ones(a.shape[-2:], a.dtype))), gb


@rule("qr", conjugates=True)
def _(F, g, need, out, x, full_matrices):
    q, r = out
    if x.shape[-2] < x.shape[-1] or (full_matrices and x.shape[-2] != x.shape[-1]):
        raise ArgumentError(
            f"The gradient of qr needs reduced factors and rows >= columns: {x.shape}."
        )
    gq, gr = g
    middle: Any = 0
    if gr is not None:
        middle = F.matmul(r, _h(F, gr))
    if gq is not None:
        product = F.matmul(_h(F, gq), q)
        middle = F.negative(product) if gr is None else F.subtract(middle, product)
    half = _lower_half(F, middle)
    total = F.matmul(q, F.add(half, _h(F, half)))
    if gq is not None:
        total = F.add(total, gq)
    return (_h(F, F.solve_triangular(r, _h(F, total), False)), False)


@rule("svd", conjugates=True)
def _(F, g, need, out, x, full_matrices):
    u, s, vh = out
    gu, gs, gvh = g
    vectors = gu is not None or gvh is not None
    if full_matrices and x.shape[-2] != x.shape[-1] and vectors:
        raise ArgumentError(
            "The gradient of svd needs reduced factors: pass full_matrices=False."
        )
    k = s.shape[-1]
    if full_matrices:
        u, vh = F.getitem(u, np.s_[..., :k]), F.getitem(vh, np.s_[..., :k, :])
    v, sizes = _h(F, vh), _as(F, s, x)
    weights = _as(F, _inverse_gaps(F, F.multiply(s, s)), x)
    inner = _as(F, _diagonal(F, gs, s), x)
    if gu is not None:
        projected = F.matmul(_h(F, u), gu)
        j = F.multiply(weights, projected)
        inner = F.add(inner, F.multiply(F.add(j, _h(F, j)), _row(F, sizes)))
        if x.dtype.kind == "c":  # the gauge of the phases
            inner = F.add(inner, _phase(F, projected, sizes))
    if gvh is not None:
        gv = _h(F, gvh)
        j = F.multiply(weights, F.matmul(vh, gv))
        inner = F.add(inner, F.multiply(_column(F, sizes), F.add(j, _h(F, j))))
    gx = _product(F, u, inner, vh)
    if gu is not None and x.shape[-2] > k:
        scaled = F.divide(gu, _row(F, sizes))
        outside = F.subtract(scaled, _product(F, u, _h(F, u), scaled))
        gx = F.add(gx, F.matmul(outside, vh))
    if gvh is not None and x.shape[-1] > k:
        scaled = F.divide(gvh, _column(F, sizes))
        outside = F.subtract(scaled, _product(F, scaled, v, vh))
        gx = F.add(gx, F.matmul(u, outside))
    return (gx, False)


def _diagonal(F: Any, gs: Any, s: Any) -> Any:
    eye = np.eye(s.shape[-1], dtype=s.dtype)
    return F.multiply(_row(F, s if gs is None else gs), eye * (0 if gs is None else 1))


def _phase(F: Any, projected: Any, sizes: Any) -> Any:
    eye = np.eye(sizes.shape[-1], dtype=projected.dtype)
    skew = F.multiply(F.subtract(projected, conj(F, projected)), 0.5)
    return F.divide(F.multiply(skew, eye), _row(F, sizes))


@rule("eigh", conjugates=True)
def _(F, g, need, out, x):
    values, vectors = out
    gw, gv = g
    inner = _as(F, _diagonal(F, gw, values), x)
    if gv is not None:
        weights = _as(F, _inverse_gaps(F, values), x)
        inner = F.add(inner, F.multiply(weights, F.matmul(_h(F, vectors), gv)))
    return (_symmetric(F, _product(F, vectors, inner, _h(F, vectors))),)


@rule("slogdet", conjugates=True)
def _(F, g, need, out, x):
    gsign, glog = g
    sign = out[0]
    singular = np.equal(strip(sign), 0)[..., None, None]
    inverse = _h(F, F.solve(F.where(singular, _eye(x), x), _eye(x)))
    if glog is None:
        glog = np.zeros(sign.shape, x.dtype)
    factor = _as(F, glog, x)
    if gsign is not None and x.dtype.kind == "c":
        turn = F.imag(F.multiply(gsign, F.conj(sign)))
        factor = F.add(factor, F.make_complex(F.multiply(turn, 0.0), turn))
    factor = F.reshape(factor, (*sign.shape, 1, 1))
    return (F.multiply(inverse, F.where(singular, float("nan"), factor)),)


# -- Fourier transforms ----------------------------------------------------------------


@rule("fft")
def _(F, g, need, out, x):
    return (F.fft(g),)  # the matrix is symmetric


@rule("ifft")
def _(F, g, need, out, x):
    return (F.ifft(g),)


@rule("rfft", conjugates=True)
def _(F, g, need, out, x):
    n, k = x.shape[-1], g.shape[-1]
    widths = (*[(0, 0)] * (g.ndim - 1), (0, n - k))
    return (F.multiply(F.real(F.ifft(F.pad(g, widths, 0))), float(n)),)


@rule("irfft", conjugates=True)
def _(F, g, need, out, x, n):
    weights = np.full(x.shape[-1], 2.0 / n)
    weights[0] = 1.0 / n
    if n % 2 == 0:
        weights[-1] = 1.0 / n
    return (F.multiply(F.rfft(g), weights.astype(x.dtype)), False)
