"""Derivatives: of the oracle by finite differences, of a backend by its transforms.

Complex numbers count as pairs of reals, (dL/dx, dL/dy) for z = x + iy, which is the
interface's convention for their gradients.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.conformance.check import compare, fetch
from multinet.conformance.row import Array, Case, Row
from multinet.interface import Backend

FIRST, SECOND = 1e-3, 4e-3  # steps of the five-point stencil, for the two orders
#: Relative error allowed: first order, second order.
ALLOWED = {
    "float16": (1e-2, 1e-2),
    "bfloat16": (2e-2, 2e-2),
    "float32": (5e-5, 5e-4),
    "float64": (1e-8, 2e-6),
    "complex64": (5e-5, 5e-4),
    "complex128": (1e-8, 2e-6),
}

Vector = Array


def pack(arrays: Any) -> Vector:
    """Return the arrays as one vector of float64, complex ones as pairs."""
    parts = [np.zeros(0)]
    for x in arrays:
        x = np.ascontiguousarray(x).reshape(-1)
        wide = x.astype(np.complex128 if x.dtype.kind == "c" else np.float64)
        parts.append(wide.view(np.float64))
    return np.concatenate(parts)


def unpack(vector: Vector, like: Any) -> list[Array]:
    """Return the arrays of a vector, with the shapes and kinds of `like`."""
    arrays, start = [], 0
    for x in like:
        width = 2 if x.dtype.kind == "c" else 1
        part = vector[start : start + x.size * width]
        start += x.size * width
        part = np.ascontiguousarray(part)
        arrays.append(
            (part.view(np.complex128) if width == 2 else part).reshape(x.shape)
        )
    return arrays


def along(
    function: Callable[[Vector], Vector], x: Vector, d: Vector, h: float
) -> Vector:
    """Return the derivative of function at x along d, to fourth order in h."""
    near = function(x + h * d) - function(x - h * d)
    far = function(x + 2 * h * d) - function(x - 2 * h * d)
    return (8 * near - far) / (12 * h)


@dataclass(frozen=True)
class Expected:
    """Inputs, directions and the derivatives that the oracle has there."""

    inputs: list[Any]  # arrays and scalars, as drawn
    active: list[int]  # the positions that are differentiated
    outputs: list[int]  # the outputs that are differentiated
    cotangents: list[Array]
    tangents: list[Array]
    gradients: list[Array]  # cotangents pulled back
    forward: list[Array]  # tangents pushed forward
    curvature: list[Array]  # gradient of <gradients, tangents>


_cache: dict[tuple[str, str, bool], Expected] = {}


def expected_derivatives(row: Row, case: Case, dtype: str, order: int) -> Expected:
    """Return the oracle's derivatives for a case, computed once for both precisions."""
    wide = dtypes.is_complex(dtype)
    key = (row.name, case.label, wide)
    if key not in _cache:
        _cache[key] = _differentiate(
            row, case, "complex128" if wide else "float64", order
        )
    return _cache[key]


def _differentiate(row: Row, case: Case, dtype: str, order: int) -> Expected:
    inputs = case.draw(row.name, dtype)
    active = [i for i, x in enumerate(inputs) if is_inexact(x)]
    primals = [inputs[i] for i in active]

    def function(vector: Vector) -> Vector:
        values = list(inputs)
        for i, x in zip(active, unpack(vector, primals), strict=True):
            values[i] = x
        return pack(y for y in row.expected(values, case) if is_inexact(y))

    generator = np.random.default_rng(zlib.crc32(f"d{row.name}/{case.label}".encode()))
    results = row.expected(inputs, case)
    places = [i for i, y in enumerate(results) if is_inexact(y)]
    outputs = [results[i] for i in places]
    x = pack(primals)
    d = generator.uniform(-1, 1, x.shape).astype(np.float32).astype(np.float64)
    c = generator.uniform(0.5, 1.5, pack(outputs).shape).astype(np.float32)
    c = c.astype(np.float64)
    units = np.eye(x.size)
    gradient = np.array([c @ along(function, x, unit, FIRST) for unit in units])
    curvature = np.zeros(x.shape)
    if order > 1:

        def slope(at: Vector) -> Vector:
            return np.asarray(c @ along(function, at, d, SECOND))

        curvature = np.array([along(slope, x, unit, SECOND) for unit in units])
    return Expected(
        inputs,
        active,
        places,
        cotangents=unpack(c, outputs),
        tangents=unpack(d, primals),
        gradients=unpack(_clean(gradient.reshape(x.shape), 1e-10), primals),
        forward=unpack(_clean(along(function, x, d, FIRST), 1e-10), outputs),
        curvature=unpack(_clean(curvature.reshape(x.shape), 1e-8), primals),
    )


def _clean(x: Vector, noise: float) -> Vector:
    """Return x with what is only rounding of the differences set to 0."""
    return np.where(np.abs(x) < noise, 0.0, x)


def is_inexact(x: Any) -> bool:
    """Return whether x is an array of floats or complex numbers."""
    return isinstance(x, np.ndarray) and x.dtype.kind not in "biu"


def program(
    backend: Backend[Any], function: Callable[..., Any], primals: int, order: int
) -> Callable[..., tuple[Any, ...]]:
    """Return the function of (primals, cotangents, tangents) that differentiates.

    Its outputs are the gradients, from order 1 the forward derivatives, and at order 2
    the gradients of <gradients, tangents> for primals and for cotangents.
    """

    def pulled(*values: Any) -> tuple[Any, ...]:
        _, pullback = backend.vjp(function, values[:primals])
        return tuple(pullback(values[primals:]))

    def derivatives(*values: Any) -> tuple[Any, ...]:
        at, rest = values[:primals], values[primals:]
        cotangents, tangents = rest[:-primals], rest[-primals:]
        if order == 0:
            return pulled(*at, *cotangents)
        _, pushed = backend.jvp(function, at, tangents)
        if order == 1:
            return (*pulled(*at, *cotangents), *pushed)
        gradients, pullback = backend.vjp(pulled, (*at, *cotangents))
        return (*gradients, *pushed, *pullback(tangents))

    return derivatives


def check_derivatives(
    backend: Backend[Any],
    row: Row,
    case: Case,
    dtype: str,
    compiled: bool,
) -> float:
    """Check vjp, jvp and second order of one case; return the first-order error."""
    order = row.order
    oracle = expected_derivatives(row, case, dtype, row.order)
    results = _run(backend, row, case, dtype, oracle, order, compiled)
    wanted = _wanted(oracle, row, case, dtype, order)
    names = _output_dtypes(row, case, dtype, oracle)
    return max(_compare_all(results, wanted, names, row, backend))


def compare_with_body(backend: Backend[Any], row: Row, case: Case, dtype: str) -> float:
    """Compare the derivatives of an override with those of the interface's body."""
    oracle = expected_derivatives(row, case, dtype, row.order)
    setting = (backend, row, case, dtype, oracle, row.order)
    own = _run(*setting, compiled=False)
    body = _run(*setting, compiled=False, default=True)
    places = _wanted(oracle, row, case, dtype, row.order)
    wanted = [
        (f"{what} of the override", level, backend.to_numpy(value), name)
        for (what, level, _, name), value in zip(places, body, strict=True)
    ]
    names = _output_dtypes(row, case, dtype, oracle)
    return max(_compare_all(own, wanted, names, row, backend))


def _run(
    backend: Backend[Any],
    row: Row,
    case: Case,
    dtype: str,
    oracle: Expected,
    order: int,
    compiled: bool,
    default: bool = False,
) -> tuple[Any, ...]:
    """Return the backend's derivatives at the point of the oracle's."""
    run, values = _prepare(backend, row, case, dtype, oracle, order, default)
    return backend.jit(run, ())(*values) if compiled else run(*values)


def _prepare(
    backend: Backend[Any],
    row: Row,
    case: Case,
    dtype: str,
    oracle: Expected,
    order: int,
    default: bool = False,
) -> tuple[Callable[..., tuple[Any, ...]], tuple[Any, ...]]:
    """Return the function that differentiates a case, and its arguments."""
    inputs = [
        backend.from_numpy(narrow(x, dtype)) if isinstance(x, np.ndarray) else x
        for x in oracle.inputs
    ]

    def function(*primals: Any) -> tuple[Any, ...]:
        values = list(inputs)
        for i, x in zip(oracle.active, primals, strict=True):
            values[i] = x
        outputs = row.apply(backend, values, case, default)
        return tuple(y for y in outputs if dtypes.is_differentiable(backend.dtype(y)))

    seeds = [
        backend.from_numpy(_like(c, row.result_dtype(case, i, dtype)))
        for i, c in zip(oracle.outputs, oracle.cotangents, strict=True)
    ]
    tangents = [backend.from_numpy(narrow(d, dtype)) for d in oracle.tangents]
    values = (*(inputs[i] for i in oracle.active), *seeds, *tangents)
    return program(backend, function, len(oracle.active), order), values


def check_gradients(
    backend: Backend[Any], row: Row, cases: list[Case], dtype: str
) -> float:
    """Check the vjp of many cases in one program: compiling is what costs."""
    oracles = [expected_derivatives(row, case, dtype, row.order) for case in cases]
    parts = [
        _prepare(backend, row, case, dtype, oracle, 0)
        for case, oracle in zip(cases, oracles, strict=True)
    ]

    def joint(*values: Any) -> tuple[Any, ...]:
        results: list[Any] = []
        for run, own in parts:
            results += run(*values[: len(own)])
            values = values[len(own) :]
        return tuple(results)

    compiled = backend.jit(joint, ())
    results = list(compiled(*(x for _, own in parts for x in own)))
    worst = 0.0
    for case, oracle in zip(cases, oracles, strict=True):
        wanted = _wanted(oracle, row, case, dtype, 0)
        wanted = [(f"vjp of {case.label!r}", *rest) for _, *rest in wanted]
        own, results = results[: len(wanted)], results[len(wanted) :]
        names = _output_dtypes(row, case, dtype, oracle)
        worst = max(worst, *_compare_all(own, wanted, names, row, backend))
    return worst


def _wanted(
    oracle: Expected, row: Row, case: Case, dtype: str, order: int
) -> list[tuple[str, int, Array, str]]:
    """Return what each output must be: its name, order, value and dtype."""
    names = _output_dtypes(row, case, dtype, oracle)
    pushed = list(zip(oracle.forward, names, strict=True))
    wanted = [("vjp", 0, g, str(narrow(g, dtype).dtype)) for g in oracle.gradients]
    if order > 0:
        wanted += [("jvp", 0, y, name) for y, name in pushed]
    if order > 1:
        wanted += [
            ("second order", 1, h, str(narrow(h, dtype).dtype))
            for h in oracle.curvature
        ]
        what = "second order, of the cotangent"
        wanted += [(what, 1, y, name) for y, name in pushed]
    return wanted


def _output_dtypes(row: Row, case: Case, dtype: str, oracle: Expected) -> list[str]:
    return [row.result_dtype(case, i, dtype) for i in oracle.outputs]


def _compare_all(
    results: Any, wanted: Any, names: list[str], row: Row, backend: Backend[Any]
) -> Iterator[float]:
    # A cast to a narrower dtype rounds what flows through it, in both directions.
    allowed = max(ALLOWED[name] for name in (*names, *(name for *_, name in wanted)))
    yield 0.0
    for got, (what, level, value, name) in zip(results, wanted, strict=True):
        array = fetch(backend, got, what)
        error = compare(
            array,
            value,
            name,
            what=what,
            slack=row.slack,
            floor=1.0,
            tolerance=allowed[level],
        )
        yield error if level == 0 else 0.0


def _like(x: Array, dtype: str) -> Array:
    return narrow(x, dtype).astype(dtypes.to_numpy(dtype))


def narrow(x: Array, dtype: str) -> Array:
    """Return a float or complex array in the precision of `dtype`; others unchanged."""
    if not is_inexact(x):
        return x
    real = dtypes.real_of(dtype)
    if x.dtype.kind == "c":
        return x.astype(dtypes.to_numpy(dtypes.complex_of(real)))
    return x.astype(dtypes.to_numpy(real))
