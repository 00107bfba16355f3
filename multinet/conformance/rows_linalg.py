"""Rows: contraction, linear algebra and FFT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from multinet.conformance import probes_linalg as probes
from multinet.conformance.row import Case, Row, t


def contraction_rows() -> Iterator[Row]:
    """Yield matmul and einsum."""
    yield Row(
        "matmul",
        np.matmul,
        (
            Case("matrices", (t(2, 3), t(3, 4))),
            Case("batches", (t(2, 2, 3), t(2, 3, 1))),
            Case("batches broadcast", (t(2, 1, 2, 2), t(3, 2, 1))),
            Case("one batched", (t(2, 2, 3), t(3, 2))),
            Case("inner axis empty", (t(2, 0), t(0, 3)), gradient=False),
            Case("no rows", (t(0, 3), t(3, 2)), gradient=False),
        ),
        floor=1.0,
    )
    yield Row(
        "einsum",
        _einsum,
        tuple(_einsum_cases()),
        call=_call_einsum,
        floor=1.0,
    )


def _einsum(*values: Any) -> Any:
    return np.einsum(values[-1], *values[:-1])


def _call_einsum(backend: Any, method: Any, *values: Any) -> Any:
    return method(values[-1], *values[:-1])


def _einsum_cases() -> Iterator[Case]:
    square, box = t(3, 3), t(2, 2, 3)
    yield Case("matmul", (box, t(2, 3, 2)), ("bij,bjk->bik",))
    yield Case("attention", (t(1, 2, 2, 3), t(1, 3, 2, 3)), ("bthd,bshd->bhts",))
    yield Case("transpose", (t(2, 3),), ("ij->ji",))
    yield Case("total", (t(2, 3),), ("ij->",))
    yield Case("sum out", (box,), ("ijk->k",))
    yield Case("diagonal", (square,), ("ii->i",))
    yield Case("trace", (square,), ("ii->",))
    yield Case("outer", (t(2), t(3)), ("i,j->ij",))
    yield Case("hadamard", (t(2, 3), t(2, 3)), ("ij,ij->ij",))
    yield Case("inner", (t(2, 3), t(2, 3)), ("ij,ij->",))
    yield Case("only in one", (t(2, 3), t(3, 2)), ("ij,jk->k",))
    yield Case("three", (t(2, 3), t(3, 2), t(2, 2)), ("ij,jk,kl->il",))
    yield Case("diagonal times", (t(2, 2, 3), t(3)), ("iij,j->i",))


def _adjoint(backend: Any, x: Any) -> Any:
    n = len(backend.shape(x))
    turned = backend.transpose(x, (*range(n - 2), n - 1, n - 2))
    return backend.conj(turned) if "complex" in backend.dtype(x) else turned


def _np_adjoint(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


def _hermitian(backend: Any, x: Any) -> Any:
    return backend.add(x, _adjoint(backend, x))


def _weights(backend: Any, like: Any, count: int) -> Any:
    return backend.cast(backend.arange(1, count + 1, 1, "float32"), backend.dtype(like))


def _call_cholesky(backend: Any, method: Any, x: Any) -> Any:
    return method(backend.matmul(x, _adjoint(backend, x)))


def _call_qr(backend: Any, method: Any, x: Any, full: bool) -> Any:
    # Signs cancel in Q diag(w) Q^H and in Q diag(w) R.
    q, r = method(x, full)
    count = min(backend.shape(r)[-2:]) if not full else backend.shape(q)[-1]
    weighted = backend.multiply(q, _weights(backend, q, count))
    if full:
        return backend.matmul(q, r), backend.matmul(q, _adjoint(backend, q))
    return backend.matmul(weighted, _adjoint(backend, q)), backend.matmul(weighted, r)


def _qr(x: Any, full: bool) -> Any:
    if full:
        eye = np.broadcast_to(np.eye(x.shape[-2]), (*x.shape[:-1], x.shape[-2]))
        return x, eye.astype(x.dtype)
    q, r = np.linalg.qr(x)
    weighted = q * np.arange(1, q.shape[-1] + 1)
    return weighted @ _np_adjoint(q), weighted @ r


def _call_svd(backend: Any, method: Any, x: Any, full: bool) -> Any:
    u, s, vh = method(x, full)
    count = backend.shape(s)[-1]
    left = u
    if full:
        shape = backend.shape(u)
        ends = (*shape[:-1], count)
        left = backend.slice(u, (0,) * len(shape), ends, (1,) * len(shape))
        shape = backend.shape(vh)
        ends = (*shape[:-2], count, shape[-1])
        vh = backend.slice(vh, (0,) * len(shape), ends, (1,) * len(shape))
    weights = _weights(backend, u, count)
    projector = backend.matmul(backend.multiply(left, weights), _adjoint(backend, left))
    joined = backend.matmul(backend.multiply(left, weights), vh)
    return projector, s, joined


def _svd(x: Any, full: bool) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    weighted = u * np.arange(1, s.shape[-1] + 1)
    return weighted @ _np_adjoint(u), s, weighted @ vh


def _call_eigh(backend: Any, method: Any, x: Any) -> Any:
    values, vectors = method(_hermitian(backend, x))
    weights = _weights(backend, vectors, backend.shape(x)[-1])
    weighted = backend.multiply(vectors, weights)
    return values, backend.matmul(weighted, _adjoint(backend, vectors))


def _eigh(x: Any) -> Any:
    values, vectors = np.linalg.eigh(x + _np_adjoint(x))
    weighted = vectors * np.arange(1, x.shape[-1] + 1)
    return values, weighted @ _np_adjoint(vectors)


def _triangular(a: Any, b: Any, lower: bool) -> Any:
    return np.linalg.solve(np.tril(a) if lower else np.triu(a), b)


def decomposition_rows() -> Iterator[Row]:
    """Yield cholesky to slogdet."""
    square = t(3, 3, diagonal=4.0)
    batch = t(2, 2, 2, diagonal=4.0)
    spread = t(3, 3, low=-0.4, high=0.4, diagonal=2.0)
    options: dict[str, Any] = {"slack": 10.0, "floor": 1.0}
    cases = (Case("matrix", (square,)), Case("batch", (batch,)))
    spd = lambda x: np.linalg.cholesky(x @ _np_adjoint(x))  # noqa: E731
    yield Row(
        "cholesky",
        spd,
        cases,
        call=_call_cholesky,
        probes=probes.PROBES["cholesky"],
        **options,
    )
    cases = (
        Case("matrix", (square, t(3, 2))),
        Case("batch", (batch, t(2, 2, 1))),
        Case("no columns", (square, t(3, 0)), gradient=False),
    )
    yield Row("solve", np.linalg.solve, cases, **options)
    cases = tuple(
        Case(f"{label} {kind}", operands, (kind == "lower",))
        for kind in ("lower", "upper")
        for label, operands in (
            ("matrix", (square, t(3, 2))),
            ("batch", (batch, t(2, 2, 1))),
        )
    )
    yield Row("solve_triangular", _triangular, cases, **options)
    cases = (
        Case("square", (spread,), (False,)),
        Case("tall", (t(4, 2),), (False,)),
        Case("batch", (batch,), (False,)),
        Case("wide", (t(2, 3),), (False,), gradient=False),
        Case("tall, full", (t(4, 2),), (True,), gradient=False),
    )
    yield Row(
        "qr",
        _qr,
        cases,
        call=_call_qr,
        probes=probes.PROBES["qr"],
        **options,
    )
    yield from _spectral_rows(options)


def _spectral_rows(options: dict[str, Any]) -> Iterator[Row]:
    square, tall = t(3, 3), t(4, 2)
    cases = (
        Case("tall", (tall,), (False,)),
        Case("square", (square,), (False,)),
        Case("wide", (t(2, 3),), (False,)),
        Case("tall, full", (tall,), (True,), gradient=False),
        Case("batch", (t(2, 3, 2),), (False,), gradient=False),
    )
    yield Row(
        "svd",
        _svd,
        cases,
        call=_call_svd,
        probes=probes.PROBES["svd"],
        **options,
    )
    cases = (Case("matrix", (square,)), Case("batch", (t(2, 2, 2),)))
    yield Row(
        "eigh",
        _eigh,
        cases,
        call=_call_eigh,
        probes=probes.PROBES["eigh"],
        **options,
    )
    yield Row("eig", probes=probes.PROBES["eig"])
    yield Row("lu_factor", probes=probes.PROBES["lu_factor"])
    square = t(3, 3, diagonal=4.0)
    cases = (
        Case("matrix", (square,)),
        Case("batch", (t(2, 2, 2, diagonal=-4.0),)),
        Case("one", (t(1, 1, low=1.0),)),
    )
    yield Row(
        "slogdet",
        _slogdet,
        cases,
        probes=probes.PROBES["slogdet"],
        **options,
    )


def _slogdet(x: Any) -> Any:
    return tuple(np.linalg.slogdet(x))


def fft_rows() -> Iterator[Row]:
    """Yield fft, ifft, rfft, irfft."""
    options: dict[str, Any] = {"floor": 1.0}
    cases = (
        Case("rows of 4", (t(2, 4),)),
        Case("rows of 5", (t(2, 5),)),
        Case("vector of 1", (t(1),)),
        Case("batch", (t(2, 1, 3),)),
        Case("long", (t(2, 60),), gradient=False),
    )
    yield Row("fft", np.fft.fft, cases, **options)
    yield Row("ifft", np.fft.ifft, cases, **options)
    yield Row("rfft", np.fft.rfft, cases, **options)
    cases = (
        Case("to 4", (t(2, 3),), (4,)),
        Case("to 5", (t(2, 3),), (5,)),
        Case("to 1", (t(2, 1),), (1,)),
        Case("to 2", (t(2),), (2,)),
    )
    oracle = lambda x, n: np.fft.irfft(x, n)  # noqa: E731
    yield Row("irfft", oracle, cases, **options)


ROWS = (*contraction_rows(), *decomposition_rows(), *fft_rows())
