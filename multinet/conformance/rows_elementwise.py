"""Rows: elementwise functions of one and two operands, comparison and logic."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import special

from multinet.conformance.row import Case, Row, Shape, fixed, t
from multinet.interface.signatures import COMPLEX, INEXACT, INTEGERS, REAL, WIDE

TINY = (-1e-3, -1e-5, -1e-20, 1e-20, 1e-6, 1e-4)


def unary(
    name: str,
    oracle: Callable[..., Any],
    low: float = -2.0,
    high: float = 2.0,
    wide: tuple[float, ...] = (),
    **options: Any,
) -> Row:
    """Return the row of a function of one operand, drawn from [low, high].

    `wide` values are checked forward only, in float32 and float64, relative to each.
    """
    distinct = options.pop("distinct", False)
    domain = {"low": low, "high": high, "distinct": distinct}
    cases = [
        Case("matrix", (t(2, 3, **domain),)),
        Case("0-d", (t(**domain),)),
        Case("empty", (t(0, 3, **domain),), gradient=False),
    ]
    if wide:
        case = Case("range", (fixed(wide),), dtypes=WIDE, gradient=False, relative=True)
        cases.append(case)
    return Row(name, oracle, tuple(cases), **options)


def _step(name: str, oracle: Callable[..., Any]) -> Row:
    wide = (-0.5, 0.5, 1.5, 2.5, -2.5, 1e6, 8388609.0, -0.25)
    return unary(name, oracle, -2.2, 2.3, wide, distinct=True)


def _negative(x: Any) -> Any:
    return np.negative(x)


def unary_rows() -> Iterator[Row]:
    """Yield the rows of one operand."""
    far = (-80.0, -20.0, -1.5, 0.0, 3.0, 30.0, 80.0)
    near = (-5.0, -1.0, *TINY, 1.0, 5.0)
    angles = (-100.0, -10.0, *TINY, 1.0, 31.0, 1000.0)
    yield unary("negative", _negative, wide=(-1e30, 1e-30))
    yield unary("abs", np.abs, -1.8, 2.2, (-1e30, 1e-30), distinct=True)
    yield _step("sign", np.sign)
    yield unary("sqrt", np.sqrt, 0.2, 4, (0.0, 1e-30, 1e30, -1.0))
    yield unary("exp", np.exp, wide=far)
    yield unary("expm1", np.expm1, wide=(*far, *TINY))
    yield unary("log", np.log, 0.2, 4, (0.0, 1e-30, 0.999, 1.001, 1e30, -1.0))
    yield unary("log1p", np.log1p, -0.7, 3, (-1.0, -0.999, *TINY, 1e10, -2.0))
    yield unary("sin", np.sin, wide=angles)
    yield unary("cos", np.cos, wide=angles)
    yield unary("tan", np.tan, -1.2, 1.2, (-1.5, *TINY, 10.0))
    yield unary("arcsin", np.arcsin, -0.8, 0.8, (-1.0, *TINY, 1.0, 1.5))
    yield unary("arccos", np.arccos, -0.8, 0.8, (-1.0, 0.99, 1.0, 1.5))
    yield unary("arctan", np.arctan, wide=(-1e10, *TINY, 50.0))
    yield unary("sinh", np.sinh, wide=(-80.0, *TINY, 80.0))
    yield unary("cosh", np.cosh, wide=(-80.0, *TINY, 80.0))
    yield unary("tanh", np.tanh, -1.3, 1.3, (-100.0, *TINY, 8.0, 100.0))
    yield unary("arcsinh", np.arcsinh, wide=(-1e10, -100.0, *TINY, 1e10))
    yield unary("arccosh", np.arccosh, 1.3, 4, (1.0, 1.001, 1e10, 0.5))
    yield unary("arctanh", np.arctanh, -0.8, 0.8, (-1.0, *TINY, 1.0, 2.0))
    yield unary("sigmoid", special.expit, -4, 4, (-80.0, -20.0, 0.0, 20.0, 80.0))
    yield unary("erf", special.erf, wide=near)
    yield unary(
        "erfinv",
        special.erfinv,
        -0.8,
        0.8,
        (-1.0, -0.9999, 0.99, *TINY, 1.0, 2.0),
        slack=2.0,
    )
    yield _step("floor", np.floor)
    yield _step("ceil", np.ceil)
    yield _step("round", np.round)


def binary(
    name: str,
    oracle: Callable[..., Any],
    x: dict[str, Any] | None = None,
    y: dict[str, Any] | None = None,
    scalars: tuple[Any, ...] = (2, 2),
    extra: tuple[Case, ...] = (),
    **options: Any,
) -> Row:
    """Return the row of a function of two operands.

    `x` and `y` are options of the operands, `scalars` a Python value for each side.
    """
    x, y = x or {}, y or {}

    def pair(first: Shape, second: Shape) -> tuple[Any, Any]:
        return t(*first, **x), t(*second, **y)

    cases = [
        Case("matrices", pair((2, 3), (2, 3))),
        Case("row", pair((2, 3), (3,))),
        Case("outer", pair((2, 1), (1, 3))),
        Case("0-d and matrix", pair((), (2, 3))),
        Case("0-d", pair((), ())),
        Case("empty", pair((0, 3), (3,)), gradient=False),
    ]
    if scalars:
        cases.append(Case("scalar right", (t(2, 3, **x), scalars[1])))
        cases.append(Case("scalar left", (scalars[0], t(2, 3, **y))))
    return Row(name, oracle, (*cases, *extra), **options)


def _floats(label: str, x: Any, y: Any) -> Case:
    return Case(label, (fixed(x), fixed(y)), dtypes=WIDE, gradient=False)


def _fraction(x: Any, y: Any) -> Case:
    return Case("fraction", (x, y), dtypes=("float16", "bfloat16", *WIDE))


def _wrap(function: Callable[..., Any]) -> Callable[..., Any]:
    # NumPy promotes an array with a Python integer by value; the waist never does.
    def oracle(x: Any, y: Any) -> Any:
        like = x if isinstance(x, np.ndarray) else y
        x, y = (np.asarray(v, like.dtype) for v in (x, y))
        return function(x, y)

    return oracle


def arithmetic_rows() -> Iterator[Row]:
    """Yield the rows of arithmetic on two operands."""
    positive = {"low": 1.1, "high": 3.3}
    whole = {"low": -7.4, "high": 7.6, "distinct": True}
    divisor = {"low": 1.2, "high": 3.9, "distinct": True}
    grid = {"distinct": True}
    shifted = {"distinct": True, "low": -1.8, "high": 2.2}
    half = (_fraction(t(2, 3), 0.5),)
    sides = ([7.0, -7.0, 7.0, -7.0, 1e10], [3.0, 3.0, -3.0, -3.0, 7.0])
    yield binary("add", _wrap(np.add), extra=half)
    yield binary("subtract", _wrap(np.subtract), extra=half)
    yield binary("multiply", _wrap(np.multiply), extra=half)
    yield binary("divide", _wrap(np.divide), y=positive, extra=half)
    tenths = _floats("tenths", [1.0, 0.3, 6.0, -1.0], [0.1, 0.1, 0.1, 0.1])
    signs = (_floats("signs", *sides), tenths)
    yield binary("floor_divide", _wrap(np.floor_divide), whole, divisor, (12, 2), signs)
    yield binary("mod", _wrap(np.mod), whole, divisor, (12, 2), signs)
    yield binary(
        "power",
        _wrap(np.power),
        {"low": 0.4, "high": 3.0},
        {"low": 0.2, "high": 3.0},
        extra=(
            Case("negative y", (t(2, 3, low=0.4), t(2, 3)), dtypes=WIDE),
            _floats("corners", [0, 0, -2, -2, 2, 1e4], [0, 2, 3, 0.5, -2, 3]),
            _fraction(t(2, 3, low=0.4), 0.5),
        ),
    )
    yield binary("maximum", _wrap(np.maximum), grid, shifted, (0, 0))
    yield binary("minimum", _wrap(np.minimum), grid, shifted, (0, 0))
    corners = _floats("quadrants", [1, -1, -1, 1, 0, 0], [-2, -2, 2, 2, -1, 1])
    yield binary("arctan2", _wrap(np.arctan2), {}, positive, extra=(corners,))
    far = _floats("far", [1000.0, -1000, 0.0, 0.0], [1000.0, -1000, 200.0, -30.0])
    yield binary("logaddexp", _wrap(np.logaddexp), extra=(far,))


def bit_rows() -> Iterator[Row]:
    """Yield the rows of bit operations."""
    wide, shift = {"low": -100, "high": 100}, {"low": 0, "high": 7}
    scalar: tuple[Any, ...] = (Case("integer", (t(2, 3, **wide), 5), dtypes=INTEGERS),)
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        function = _wrap(getattr(np, name))
        yield binary(name, function, wide, wide, (), scalar)
    for name in ("left_shift", "right_shift"):
        function = _wrap(getattr(np, name))
        yield binary(name, function, wide, shift, (5, 3))


def comparison_rows() -> Iterator[Row]:
    """Yield the rows of comparison and logic."""
    whole = {"whole": True}
    nans = np.array([np.nan, 1.0, np.nan, np.inf, -np.inf, 0.0])
    others = np.array([np.nan, np.nan, 1.0, np.inf, np.inf, -0.0])
    extra = (_floats("NaN and inf", nans, others),)
    scalars = ((Case("numbers", (t(2, 3, **whole), 1), dtypes=REAL)), *extra)
    left = (Case("scalar first", (1, t(2, 3, **whole)), dtypes=REAL), *scalars)
    yield binary("equal", _wrap(np.equal), whole, whole, (), scalars)
    yield binary("less", _wrap(np.less), whole, whole, (), left)
    yield binary("less_equal", _wrap(np.less_equal), whole, whole, (), left)
    for name in ("logical_and", "logical_or"):
        yield binary(name, getattr(np, name), scalars=())
    yield unary("logical_not", np.logical_not)
    for name in ("isnan", "isfinite"):
        specials = Case("NaN and inf", (fixed(nans),), dtypes=INEXACT, gradient=False)
        row = unary(name, getattr(np, name))
        yield Row(name, row.oracle, (*row.cases, specials))
    yield _where()


def _where() -> Row:
    condition = {"dtype": "bool", "whole": True}
    mask = fixed([[True, False, True], [False, True, False]], "bool")
    cases = (
        Case("matrices", (mask, t(2, 3), t(2, 3))),
        Case("broadcast", (fixed([True, False, False], "bool"), t(2, 1), t(2, 3))),
        Case("0-d condition", (t(**condition), t(2, 3), t(3))),
        Case("scalar x", (mask, 1, t(2, 3)), dtypes=REAL + COMPLEX),
        Case("scalar y", (mask, t(2, 3), 0), dtypes=REAL + COMPLEX),
        Case("empty", (t(0, 3, **condition), t(0, 3), t(3)), gradient=False),
    )

    def oracle(condition: Any, x: Any, y: Any) -> Any:
        like = x if isinstance(x, np.ndarray) else y
        return np.where(condition, np.asarray(x, like.dtype), np.asarray(y, like.dtype))

    return Row("where", oracle, cases)


ROWS = (*unary_rows(), *arithmetic_rows(), *bit_rows(), *comparison_rows())
