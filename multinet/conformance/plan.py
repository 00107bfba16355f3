"""The plan of a run: every check as data, so that the command and pytest share them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.conformance.check import compare, fetch
from multinet.conformance.derivatives import (
    check_derivatives,
    check_gradients,
    compare_with_body,
)
from multinet.conformance.report import LEVELS
from multinet.conformance.row import LOW, USUAL, Case, Row
from multinet.interface import Backend
from multinet.interface.signatures import WIDE


@dataclass(frozen=True)
class Check:
    """One thing to verify: `run` returns the error (or None) or raises `Mismatch`."""

    level: str
    row: str
    case: str
    dtype: str
    run: Callable[[Backend[Any]], float | None]


@dataclass(frozen=True)
class Options:
    """What a run covers: the dtypes the backend holds, and how much of everything."""

    dtypes: tuple[str, ...]
    all_dtypes: bool = False
    gradients: bool = True
    level: str = LEVELS[-1]


def row_checks(row: Row, level: str, options: Options) -> Iterator[Check]:
    """Yield the checks of one row: probes, values, transforms, derivatives."""
    for label, probe in row.probes:
        yield Check(level, row.name, label, "", probe)
    primary = next((d for d in USUAL if d in row.dtypes), "")
    for dtype in row.dtypes:
        if dtype not in options.dtypes:
            continue
        cases = [c for c in row.cases if row.covers(c, dtype, options.dtypes)]
        if dtype == primary:
            if cases:
                yield _mapped(row, cases[0], dtype, level)
                yield _compiled(row, cases[0], dtype, level)
                yield _strided(row, cases[0], dtype, level)
        elif dtype in USUAL or options.all_dtypes:
            own = [c for c in cases[1:] if c.dtypes and primary not in c.dtypes]
            cases = [*cases[:1], *own]  # shapes were settled by the primary dtype
        else:
            continue
        for case in cases:
            yield _value(row, case, dtype, level)
    if options.gradients and row.differentiable:
        yield from _derivatives(row, options)


def _value(row: Row, case: Case, dtype: str, level: str) -> Check:
    def run(backend: Backend[Any]) -> float:
        return check_value(backend, row, case, dtype, case.draw(row.name, dtype))

    return Check(level, row.name, case.label, dtype, run)


def check_value(
    backend: Backend[Any], row: Row, case: Case, dtype: str, drawn: list[Any]
) -> float:
    """Compare one call with the oracle; return the largest error of its outputs."""
    tensors = [to_native(backend, x) for x in drawn]
    return _against_oracle(
        backend, row, case, dtype, drawn, row.apply(backend, tensors, case)
    )


def _against_oracle(
    backend: Backend[Any], row: Row, case: Case, dtype: str, drawn: Any, outputs: Any
) -> float:
    wanted = row.expected(drawn, case)
    floor = 0.0 if case.relative else row.floor
    worst = 0.0
    for i, (got, value) in enumerate(zip(outputs, wanted, strict=True)):
        name = row.result_dtype(case, i, dtype)
        slack = row.slack if dtype not in LOW else max(row.slack / 4, 1.0)
        what = "value" if len(wanted) == 1 else f"output {i}"
        array = fetch(backend, got, what)
        error = compare(array, value, name, what=what, slack=slack, floor=floor)
        if dtype in LOW or name not in LOW:  # a cast's rounding is no error of its own
            worst = max(worst, error)
    return worst


def to_native(backend: Backend[Any], x: Any) -> Any:
    """Return an array as a tensor; Python scalars unchanged."""
    return backend.from_numpy(x) if isinstance(x, np.ndarray) else x


def _compiled(row: Row, case: Case, dtype: str, level: str) -> Check:
    def run(backend: Backend[Any]) -> float:
        drawn = case.draw(row.name, dtype)
        places = [i for i, x in enumerate(drawn) if isinstance(x, np.ndarray)]

        def function(*tensors: Any) -> tuple[Any, ...]:
            values = list(drawn)
            for i, x in zip(places, tensors, strict=True):
                values[i] = x
            return row.apply(backend, values, case)

        compiled = backend.jit(function, ())
        tensors = [backend.from_numpy(drawn[i]) for i in places]
        compiled(*tensors)  # the second call runs what the first one built
        outputs = compiled(*tensors)
        return _against_oracle(backend, row, case, dtype, drawn, outputs)

    return Check(level, row.name, f"{case.label}, compiled", dtype, run)


def _strided(row: Row, case: Case, dtype: str, level: str) -> Check:
    def run(backend: Backend[Any]) -> float:
        drawn = case.draw(row.name, dtype)
        outputs = row.apply(backend, [strided(backend, x) for x in drawn], case)
        return _against_oracle(backend, row, case, dtype, drawn, outputs)

    return Check(level, row.name, f"{case.label}, strided", dtype, run)


def strided(backend: Backend[Any], x: Any) -> Any:
    """Return a tensor whose memory, where a framework has views, is not in order.

    Its axes lie in reverse, with a gap of one element between neighbours.
    """
    if not isinstance(x, np.ndarray) or x.ndim == 0:
        return to_native(backend, x)
    gaps = np.repeat(np.ascontiguousarray(x.T), 2, axis=-1)
    gaps[..., 1::2] = 77
    steps = tuple(1 for _ in x.shape[1:]) + (2,)
    view = backend.slice(backend.from_numpy(gaps), (0,) * x.ndim, gaps.shape, steps)
    return backend.transpose(view, tuple(reversed(range(x.ndim))))


def _mapped(row: Row, case: Case, dtype: str, level: str) -> Check:
    def run(backend: Backend[Any]) -> float:
        first = case.draw(row.name, dtype)
        second = case.draw(row.name + "'", dtype)
        places = [i for i, x in enumerate(first) if isinstance(x, np.ndarray)]

        def function(*tensors: Any) -> tuple[Any, ...]:
            values = list(first)
            for i, x in zip(places, tensors, strict=True):
                values[i] = x
            return row.apply(backend, values, case)

        stacked = [backend.from_numpy(np.stack([first[i], second[i]])) for i in places]
        outputs = backend.vmap(function, (0,) * len(places))(*stacked)
        worst = 0.0
        wanted = zip(row.expected(first, case), row.expected(second, case), strict=True)
        for i, (got, pair) in enumerate(zip(outputs, wanted, strict=True)):
            name = row.result_dtype(case, i, dtype)
            array = fetch(backend, got)
            error = compare(
                array, np.stack(pair), name, slack=row.slack, floor=row.floor
            )
            worst = max(worst, error)
        return worst

    return Check(level, row.name, f"{case.label}, mapped", dtype, run)


def _derivatives(row: Row, options: Options) -> Iterator[Check]:
    wanted = ["complex64", "complex128"] if "complex64" in row.dtypes else []
    if "float32" in row.dtypes:
        wanted = [*WIDE, *wanted]
    for dtype in wanted:
        if dtype not in options.dtypes:
            continue
        cases = [
            case
            for case in row.cases
            if case.gradient and row.covers(case, dtype, options.dtypes)
        ]
        narrow = dtype in ("float32", "complex64")
        if narrow and "float64" in options.dtypes or dtypes.is_complex(dtype):
            cases = cases[:1]  # the wide dtype, or the real one, takes the other cases
        for i, case in enumerate(cases):
            if i == 0 and not dtypes.is_complex(dtype):
                yield _derivative(row, case, dtype, compiled=False)
            if i == 0 or options.all_dtypes:
                yield _derivative(row, case, dtype, compiled=True)
        if cases[1:] and not options.all_dtypes:
            yield _gradients(row, cases[1:], dtype)


def _gradients(row: Row, cases: list[Case], dtype: str) -> Check:
    def run(backend: Backend[Any]) -> float:
        return check_gradients(backend, row, cases, dtype)

    label = f"{len(cases)} more cases, compiled"
    return Check("gradients", row.name, label, dtype, run)


def _derivative(row: Row, case: Case, dtype: str, compiled: bool) -> Check:
    def run(backend: Backend[Any]) -> float:
        return check_derivatives(backend, row, case, dtype, compiled)

    label = f"{case.label}, compiled" if compiled else case.label
    return Check("gradients", row.name, label, dtype, run)


def override_checks(row: Row, options: Options) -> Iterator[Check]:
    """Yield the checks of an override against the interface's own body."""
    wide = "float64" if "float64" in options.dtypes else "float32"
    for dtype in (wide, *(USUAL if options.all_dtypes else ())):
        cases = [c for c in row.cases if row.covers(c, dtype, options.dtypes)]
        if dtype in row.dtypes and dtype in options.dtypes:
            for case in cases:
                yield _against_body(row, case, dtype)
    if not (options.gradients and row.differentiable and wide in row.dtypes):
        return
    cases = [c for c in row.cases if c.gradient and row.covers(c, wide, options.dtypes)]
    for case in cases[:2]:
        yield _derivatives_against_body(row, case, wide)


def _against_body(row: Row, case: Case, dtype: str) -> Check:
    def run(backend: Backend[Any]) -> float:
        tensors = [to_native(backend, x) for x in case.draw(row.name, dtype)]
        own = row.apply(backend, tensors, case)
        body = row.apply(backend, tensors, case, default=True)
        worst = 0.0
        for i, (got, wanted) in enumerate(zip(own, body, strict=True)):
            name = row.result_dtype(case, i, dtype)
            what = f"override against body, output {i}"
            error = compare(
                fetch(backend, got, what),
                fetch(backend, wanted, what),
                name,
                what=what,
                slack=2 * row.slack,
                floor=max(row.floor, 0.1),
            )
            worst = max(worst, error)
        return worst

    return Check("fused", row.name, f"{case.label}, against the body", dtype, run)


def _derivatives_against_body(row: Row, case: Case, dtype: str) -> Check:
    def run(backend: Backend[Any]) -> float:
        return compare_with_body(backend, row, case, dtype)

    label = f"{case.label}, derivatives against the body"
    return Check("fused", row.name, label, dtype, run)
