"""Rows: reductions, running reductions and sorting."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from multinet.conformance.row import Case, Row, fixed, t
from multinet.interface.signatures import FLOATS


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    def oracle(x: Any, axes: Any, keepdims: bool) -> Any:
        return function(x, axis=axes, keepdims=keepdims)

    return oracle


def reduction(
    name: str,
    oracle: Callable[..., Any],
    empty: bool = True,
    domain: dict[str, Any] | None = None,
    **options: Any,
) -> Row:
    """Return the row of a reduction over axes; `empty` ones have a neutral element."""
    domain = domain or {}
    box = t(2, 3, 2, **domain)
    cases = [
        Case("last axis", (box,), ((2,), False)),
        Case("first axis", (box,), ((0,), False)),
        Case("two axes, kept", (box,), ((0, 2), True)),
        Case("all axes", (box,), ((0, 1, 2), False)),
        Case("no axes", (t(2, 3, **domain),), ((), False)),
        Case("0-d", (t(**domain),), ((), True)),
        Case("no rows left", (t(3, 0, **domain),), ((0,), False), gradient=False),
    ]
    if empty:
        cases.append(Case("empty", (t(0, 3, **domain),), ((0,), False), gradient=False))
    return Row(name, oracle, tuple(cases), **options)


def reduction_rows() -> Iterator[Row]:
    """Yield sum, prod, max, min, any, all."""
    distinct = {"distinct": True}
    yield reduction("sum", _over(np.sum), floor=0.3)
    factor = {"low": 0.3, "high": 2.0}
    yield reduction("prod", _over(np.prod), True, factor)
    for name in ("max", "min"):
        oracle = _over(getattr(np, name))
        yield reduction(name, oracle, False, distinct)
    for name in ("any", "all"):
        yield reduction(name, _over(getattr(np, name)))


def running_rows() -> Iterator[Row]:
    """Yield argmax, argmin, cumsum, cumprod."""
    box, distinct = t(2, 3, 2), t(2, 3, 2, distinct=True)
    ties = fixed([[1, 3, 3, 0], [2, 0, 0, 2]])
    for name in ("argmax", "argmin"):
        cases = (
            Case("last axis", (distinct,), (2,)),
            Case("first axis", (distinct,), (0,)),
            Case("ties", (ties,), (1,)),
            Case("vector", (t(5, distinct=True),), (0,)),
            Case("no rows", (t(0, 3),), (1,)),
        )
        yield Row(name, getattr(np, name), cases)
    for name in ("cumsum", "cumprod"):
        operand = box if name == "cumsum" else t(2, 3, 2, low=0.3)
        cases = (
            Case("last axis", (operand,), (2,)),
            Case("middle axis", (operand,), (1,)),
            Case("first axis", (operand,), (0,)),
            Case("empty", (t(2, 0),), (1,), gradient=False),
        )
        yield Row(name, getattr(np, name), cases, floor=0.3)


def _argsort(x: Any) -> Any:
    return np.argsort(x, axis=-1, kind="stable")


def sorting_rows() -> Iterator[Row]:
    """Yield sort, argsort, searchsorted."""
    nan = fixed([[np.nan, 1.0, -np.inf, 0.5], [3.0, np.nan, np.nan, -1.0]])
    cases = (
        Case("rows", (t(2, 5, distinct=True),)),
        Case("ties", (t(3, 6, whole=True),), gradient=False),
        Case("NaN last", (nan,), dtypes=FLOATS, gradient=False),
        Case("vector", (t(4, distinct=True),)),
        Case("empty", (t(2, 0),), gradient=False),
    )
    yield Row("sort", lambda x: np.sort(x, axis=-1), cases)
    yield Row("argsort", _argsort, cases)
    edges = fixed([-2, 0, 0, 1, 3])
    values = fixed([[-3, 0, 1], [2, 3, 4]])
    unsigned = fixed([1, 2, 2, 5, 7])
    cases = (
        Case("left", (fixed([0, 2, 2, 4]), fixed([[0, 1, 2], [3, 4, 5]])), ("left",)),
        Case("right", (unsigned, fixed([[0, 1, 2], [5, 7, 8]])), ("right",)),
        Case("signed left", (edges, values), ("left",), dtypes=("int32", *FLOATS)),
        Case("signed right", (edges, values), ("right",), dtypes=("int32", *FLOATS)),
        Case("one value", (unsigned, fixed(5)), ("left",)),
        Case("no values", (unsigned, t(0)), ("left",)),
        Case("empty vector", (t(0), values), ("left",), dtypes=("int32", *FLOATS)),
    )
    yield Row("searchsorted", np.searchsorted, cases)


ROWS = (*reduction_rows(), *running_rows(), *sorting_rows())
