"""Edges: elementwise methods and reductions at NaN, infinities, zeros, huge and tiny.

The oracle is rounded to the dtype, so what overflows there must be inf here. Subnormal
results may be 0, and so may a subnormal reciprocal inside a division; quotients that
overflow are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from ml_dtypes import finfo

from multinet import dtypes
from multinet.conformance.check import TOLERANCE, Mismatch, fetch
from multinet.conformance.plan import Check, Options
from multinet.conformance.row import Array, Case, Row
from multinet.interface import Backend
from multinet.interface.signatures import FLOATS, Form

LEVEL = "special values"
DIVISIONS = ("divide", "floor_divide", "mod")
#: Where frameworks disagree on the sign of a zero, and nothing depends on it.
UNSIGNED_ZERO = tuple(
    "sign erfinv floor_divide mod maximum minimum sort max min relu sum cumsum".split()
)


def edges(dtype: str) -> Array:
    """Return the edge values of a float dtype, shape (11,).

    >>> edges("float32")[1:5]
    array([1.1754944e-38, 1.0000000e+00, 3.4028235e+38,           inf], dtype=float32)
    """
    info = finfo(dtypes.to_numpy(dtype))
    ascending = [0.0, float(info.tiny), 1.0, float(info.max), np.inf]
    values = [*ascending, *(-x for x in ascending), np.nan]
    return np.array(values).astype(dtypes.to_numpy(dtype))


def rows_of_three(dtype: str) -> Array:
    """Return one row an edge value, with two ordinary neighbours, shape (13, 3).

    Opposite infinities and overflow have a row each.
    """
    x = edges(dtype)
    ones = np.ones_like(x)
    mixed = np.array([[np.inf, 1, -np.inf], [x[3], x[3], 1]]).astype(x.dtype)
    return np.concatenate([np.stack([ones, x, -2 * ones], 1), mixed])


def edge_checks(row: Row, options: Options) -> Iterator[Check]:
    """Yield the checks of a row that has a form, at the edges of each float dtype."""
    if row.facts.form:
        for dtype in row.dtypes:
            if dtype in FLOATS and dtype in options.dtypes:
                yield _check(row, dtype)


def _check(row: Row, dtype: str) -> Check:
    def run(backend: Backend[Any]) -> None:
        inputs, arguments = _inputs(row.facts.form, dtype)
        case = Case("edge values", (), arguments)
        (got,) = row.apply(backend, [backend.from_numpy(x) for x in inputs], case)
        got = fetch(backend, got)
        with np.errstate(all="ignore"):
            (wanted,) = row.expected(inputs, case)
            wanted = np.asarray(wanted).astype(got.dtype)
            wrong = _differs(got, wanted, TOLERANCE[dtype] * row.slack)
            if row.name in DIVISIONS:
                wrong &= _divisible(*inputs)
        if row.name not in UNSIGNED_ZERO and got.dtype.kind not in "biu":
            zero = np.logical_and(got == 0, wanted == 0)
            wrong |= zero & (np.signbit(got) != np.signbit(wanted))
        if wrong.any():
            raise Mismatch("edge values", *_first(wrong, wanted, got, inputs))

    return Check(LEVEL, row.name, "edge values", dtype, run)


def _divisible(x: Array, y: Array) -> Array:
    """Whether 1 / y is normal and x / y does not overflow, if x and y are finite."""
    normal = np.abs(1 / y) >= finfo(y.dtype).tiny
    return normal & (np.isfinite(x / y) | np.isinf(x) | (y == 0))


def _inputs(form: Form, dtype: str) -> tuple[list[Array], tuple[Any, ...]]:
    if form == "one":
        return [edges(dtype)], ()
    if form == "two":
        x = edges(dtype)
        return [np.repeat(x, len(x)), np.tile(x, len(x))], ()
    x = rows_of_three(dtype)
    if form == "over":
        return [x], ((1,), False)
    return [x], (1,) if form == "along" else ()


def _differs(got: Array, wanted: Array, tolerance: float) -> Array:
    if got.shape != wanted.shape or got.dtype.kind in "biu":
        return np.not_equal(got, wanted)
    tiny = float(finfo(got.dtype).tiny)
    x, y = got.astype(np.float64), wanted.astype(np.float64)
    near = np.abs(x - y) <= tolerance * np.abs(y) + tiny
    return ~(np.equal(x, y) | (np.isnan(x) & np.isnan(y)) | near)


def _first(
    wrong: Array, wanted: Array, got: Array, inputs: list[Array]
) -> tuple[str, str, str]:
    place = tuple(np.argwhere(wrong)[0])
    at = ", ".join(str(x[place[:1]]) for x in inputs)
    count = int(wrong.sum())
    distance = f"{count} of {wrong.size} results differ"
    return f"{wanted[place]}", f"{got[place]} for {at}", distance
