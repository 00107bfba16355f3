"""Probes of linear algebra: properties of factors that are not unique."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from multinet.conformance.check import compare, expect, fetch
from multinet.conformance.probes_conversion import held
from multinet.conformance.row import Array, Probe
from multinet.interface import Backend

Anything = Backend[Any]
DTYPES = ("float32", "complex64")


def _matrix(dtype: str, *shape: int) -> Array:
    generator = np.random.default_rng(7)
    values = generator.uniform(-1, 1, shape)
    if dtype == "complex64":
        values = values + 1j * generator.uniform(-1, 1, shape)
    return values.astype(dtype)


def _adjoint(x: Array) -> Array:
    return np.conj(np.swapaxes(x, -1, -2))


def _near(got: Array, wanted: Array, what: str) -> None:
    dtype = str(got.dtype)
    compare(got, wanted, dtype, what=what, slack=10, floor=1.0)


def _lower_half(name: str) -> Probe:
    def probe(backend: Anything) -> None:
        for dtype in held(backend, DTYPES):
            x = _matrix(dtype, 3, 3)
            x = x @ _adjoint(x) + np.eye(3, dtype=dtype)
            half = np.tril(x) + np.triu(np.full((3, 3), 99, dtype), 1)
            outputs = getattr(backend, name)(backend.from_numpy(half))
            if name == "cholesky":
                factor = fetch(backend, outputs)
                _near(factor, np.linalg.cholesky(x), "L from the lower half")
                expect(not np.triu(factor, 1).any(), "upper half of L", 0, factor)
                continue
            values, vectors = (fetch(backend, y) for y in outputs)
            _near(values, np.linalg.eigvalsh(x), "eigenvalues from the lower half")
            _near(vectors * values @ _adjoint(vectors), x, "V diag(w) V^H")

    return probe


def _unitary(q: Array, what: str) -> None:
    eye = np.broadcast_to(
        np.eye(q.shape[-1]), (*q.shape[:-2], q.shape[-1], q.shape[-1])
    )
    _near(_adjoint(q) @ q, eye.astype(q.dtype), f"{what}^H {what}")


def _qr_factors(backend: Anything) -> None:
    for dtype in held(backend, DTYPES):
        for shape in ((4, 2), (2, 4), (2, 3, 3)):
            for full in (False, True):
                x = _matrix(dtype, *shape)
                outputs = backend.qr(backend.from_numpy(x), full)
                q, r = (fetch(backend, y) for y in outputs)
                n, m = shape[-2:]
                k = n if full else min(n, m)
                what = f"{shape} full={full}"
                expect(q.shape[-2:] == (n, k), f"shape of Q, {what}", (n, k), q.shape)
                expect(r.shape[-2:] == (k, m), f"shape of R, {what}", (k, m), r.shape)
                _unitary(q, "Q")
                _near(q @ r, x, f"Q R, {what}")
                expect(not np.tril(r, -1).any(), "lower half of R", 0, r)


def _svd_factors(backend: Anything) -> None:
    for dtype in held(backend, DTYPES):
        for shape in ((4, 2), (2, 4), (2, 3, 3)):
            for full in (False, True):
                x = _matrix(dtype, *shape)
                outputs = backend.svd(backend.from_numpy(x), full)
                u, s, vh = (fetch(backend, y) for y in outputs)
                n, m = shape[-2:]
                k = min(n, m)
                sizes = ((n, n), (m, m)) if full else ((n, k), (k, m))
                expect(u.shape[-2:] == sizes[0], "shape of U", sizes[0], u.shape)
                expect(vh.shape[-2:] == sizes[1], "shape of V^H", sizes[1], vh.shape)
                _unitary(u, "U")
                _unitary(_adjoint(vh), "V")
                _near(s, np.linalg.svd(x, compute_uv=False), "singular values")
                joined = u[..., :k] * s[..., None, :] @ vh[..., :k, :]
                _near(joined, x, f"U diag(S) V^H, {shape} full={full}")


def _eig(backend: Anything) -> None:
    for dtype in held(backend, DTYPES):
        for shape in ((3, 3), (2, 2, 2), (1, 1)):
            x = _matrix(dtype, *shape)
            outputs = backend.eig(backend.from_numpy(x))
            values, vectors = (fetch(backend, y) for y in outputs)
            expect(values.dtype == np.complex64, "dtype", "complex64", values.dtype)
            _near(x @ vectors, vectors * values[..., None, :], "A V = V diag(w)")
            lengths = np.linalg.norm(vectors, axis=-2)
            _near(lengths, np.ones_like(lengths), "lengths of eigenvectors")
            wanted = np.linalg.eigvals(x.astype(np.complex128))
            gaps = np.abs(values[..., :, None] - wanted[..., None, :])
            worst = max(gaps.min(-1).max(), gaps.min(-2).max())
            expect(bool(worst < 1e-3), "eigenvalues", wanted, values)


def _lu(backend: Anything) -> None:
    for dtype in held(backend, DTYPES):
        x = _matrix(dtype, 2, 4, 4)
        factors, pivots = (
            fetch(backend, y) for y in backend.lu_factor(backend.from_numpy(x))
        )
        expect(pivots.dtype == np.int32, "dtype of pivots", "int32", pivots.dtype)
        expect(pivots.shape == (2, 4), "shape of pivots", (2, 4), pivots.shape)
        for i in range(2):
            permuted = x[i].copy()
            for row, other in enumerate(pivots[i]):
                permuted[[row, other]] = permuted[[other, row]]
            lower = np.tril(factors[i], -1) + np.eye(4, dtype=dtype)
            _near(lower @ np.triu(factors[i]), permuted, "L U = P A")
            if dtype == "float32":
                wanted, rows = linalg.lu_factor(x[i].astype(np.float64))
                _near(factors[i], wanted, "packed LU")
                expect(np.array_equal(rows, pivots[i]), "pivots", rows, pivots[i])


def _singular(backend: Anything) -> None:
    x = np.array([[1, 2], [2, 4]], np.float32)
    sign, modulus = (fetch(backend, y) for y in backend.slogdet(backend.from_numpy(x)))
    expect(sign == 0, "sign of a singular matrix", 0, sign)
    expect(modulus == -np.inf, "log modulus of a singular matrix", -np.inf, modulus)


PROBES: dict[str, tuple[tuple[str, Probe], ...]] = {
    "cholesky": (("lower half", _lower_half("cholesky")),),
    "eigh": (("lower half", _lower_half("eigh")),),
    "qr": (("factors", _qr_factors),),
    "svd": (("factors", _svd_factors),),
    "eig": (("eigenpairs", _eig),),
    "lu_factor": (("factors", _lu),),
    "slogdet": (("singular", _singular),),
}
