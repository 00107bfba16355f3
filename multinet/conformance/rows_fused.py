"""Rows: fused methods that stand alone: comparison, elementwise, reductions, shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

from multinet.conformance import probes_fused as probes
from multinet.conformance import probes_indices, probes_machine, probes_step
from multinet.conformance.row import Case, Row, fixed, t
from multinet.conformance.rows_elementwise import TINY, binary, unary
from multinet.interface.signatures import FLOATS, REAL, WIDE


def comparison_rows() -> Iterator[Row]:
    """Yield not_equal to isinf."""
    whole = {"whole": True}
    nans = fixed([np.nan, 1.0, np.nan, np.inf, -np.inf, 0.0])
    others = fixed([np.nan, np.nan, 1.0, np.inf, np.inf, -0.0])
    extra = (
        Case("NaN and inf", (nans, others), dtypes=WIDE),
        Case("scalar", (t(2, 3, **whole), 1), dtypes=REAL),
    )
    yield binary("not_equal", np.not_equal, whole, whole, (), extra)
    yield binary("greater", np.greater, whole, whole, (), extra)
    yield binary("greater_equal", np.greater_equal, whole, whole, (), extra)
    cases = (Case("NaN and inf", (nans,)), Case("matrix", (t(2, 3),)))
    yield Row("isinf", np.isinf, cases)


def elementwise_rows() -> Iterator[Row]:
    """Yield square to gelu."""
    grid: Any = {"distinct": True}
    far = (-80.0, -20.0, 0.0, 20.0, 80.0)
    yield unary("square", np.square, wide=(-1e10, 0.0, 1e-10))
    yield unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.3, 4, (1e-10, 1e10))
    yield Row("clip", _clip, tuple(_clip_cases()))
    wide = (*far, np.nan)
    yield unary("relu", lambda x: np.maximum(x, 0), -1.8, 2.2, wide, **grid)
    for name, oracle, setting in (
        ("leaky_relu", lambda x, slope: np.where(x > 0, x, slope * x), 0.2),
        ("elu", lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)), 1.5),
    ):
        cases = tuple(
            Case(
                label, (operand,), (setting,), gradient=label != "range", relative=True
            )
            for label, operand in (
                ("matrix", t(2, 3, distinct=True)),
                ("0-d", t(low=0.5)),
                ("range", fixed([*far, 1000.0])),
            )
        )
        yield Row(name, oracle, cases)
    softplus = lambda x: np.logaddexp(x, 0)  # noqa: E731
    yield unary("softplus", softplus, wide=(*far, 1000.0))
    yield unary("silu", lambda x: x * special.expit(x), wide=(*far, *TINY))
    cases = tuple(
        Case(
            f"{label}, {kind}", (operand,), (kind == "tanh",), gradient=label != "range"
        )
        for kind in ("exact", "tanh")
        for label, operand in (
            ("matrix", t(2, 3)),
            ("0-d", t()),
            ("range", fixed([-10.0, -5.0, 5.0, 100.0, 0.0])),
        )
    )
    yield Row("gelu", _gelu, cases)


def _gelu(x: Any, approximate: bool) -> Any:
    if approximate:
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    return x * special.ndtr(x)


def _clip(x: Any, low: Any, high: Any) -> Any:
    low, high = np.asarray(low, x.dtype), np.asarray(high, x.dtype)
    return np.minimum(np.maximum(x, low), high)


def _clip_cases() -> Iterator[Case]:
    x = t(2, 3, distinct=True)
    low, high = t(2, 3, low=-1.3, high=-1.1), t(3, low=0.5, high=0.9)
    yield Case("scalars", (x, 0, 1.5), dtypes=FLOATS)
    yield Case("integers", (x, 0, 1), gradient=False)
    yield Case("tensors", (x, low, high), dtypes=FLOATS)
    yield Case("low above high", (x, 3, 2), gradient=False)
    yield Case("inf", (x, -np.inf, 1.5), dtypes=FLOATS)
    yield Case("NaN", (fixed([np.nan, 3.0]), 0.0, 1.0), dtypes=FLOATS, gradient=False)


def _moments(x: Any, axes: Any, keepdims: bool) -> Any:
    return np.mean(x, axis=axes, keepdims=keepdims), np.var(
        x, axis=axes, keepdims=keepdims
    )


def reduction_rows() -> Iterator[Row]:
    """Yield mean to log_softmax."""
    box = t(2, 3, 2)

    def over(*more: Case) -> tuple[Case, ...]:
        return (
            Case("last axis", (box,), ((2,), False)),
            Case("first axis", (box,), ((0,), True)),
            Case("two axes", (box,), ((0, 2), False)),
            Case("all axes", (box,), ((0, 1, 2), False)),
            *more,
        )

    mean = lambda x, axes, keepdims: np.mean(x, axis=axes, keepdims=keepdims)  # noqa: E731
    none = Case("0-d", (t(),), ((), False))
    yield Row("mean", mean, over(none), floor=1.0)
    offset = Case(
        "far from 0", (t(8, 2, low=1000, high=1001),), ((0,), False), WIDE, False
    )
    yield Row("moments", _moments, over(offset), floor=1.0, slack=40)
    infinite = fixed(
        [[-np.inf, -np.inf], [np.inf, 1.0], [-np.inf, 2.0], [1000.0, 999.0]]
    )
    extremes = Case("extremes", (infinite,), ((1,), False), WIDE, False)
    lse = lambda x, axes, keepdims: special.logsumexp(x, axes, keepdims=keepdims)  # noqa: E731
    yield Row("logsumexp", lse, over(extremes), floor=1.0)
    far = fixed([[1000.0, 999.0, -1000.0], [-88.0, -89.0, -95.0]])
    cases = (
        Case("last axis", (box,), (2,)),
        Case("middle axis", (box,), (1,)),
        Case("first axis", (box,), (0,)),
        Case("far rows", (far,), (1,), gradient=False),
        Case("masked", (fixed([[-np.inf, 0.0, 1.0]]),), (1,), gradient=False),
    )
    yield Row("softmax", special.softmax, cases, floor=1.0)
    yield Row("log_softmax", special.log_softmax, cases[:4], floor=1.0)


def shape_rows() -> Iterator[Row]:
    """Yield expand_dims to repeat."""
    box = t(2, 3)
    cases = tuple(Case(f"axis {i}", (box,), (i,)) for i in range(3))
    cases = (*cases, Case("0-d", (t(),), (0,)))
    yield Row("expand_dims", np.expand_dims, cases)
    cases = (
        Case("one", (t(1, 3),), ((0,),)),
        Case("two", (t(1, 2, 1),), ((0, 2),)),
        Case("none", (t(1, 2),), ((),)),
    )
    yield Row("squeeze", np.squeeze, cases)
    stack = lambda *values: np.stack(values[:-1], values[-1])  # noqa: E731
    call = lambda backend, method, *v: method(list(v[:-1]), v[-1])  # noqa: E731
    cases = tuple(Case(f"axis {i}", (box, box, box), (i,)) for i in range(3))
    cases = (*cases, Case("0-d", (t(), t()), (0,)))
    yield Row("stack", stack, cases, call=call)
    cases = (
        Case("columns", (t(2, 5),), ((1, 3, 1), 1)),
        Case("rows", (t(4, 2),), ((2, 2), 0)),
        Case("an empty one", (t(3),), ((0, 3), 0)),
    )
    yield Row("split", _split, cases)
    cases = (
        Case("both", (box,), ((2, 3),)),
        Case("none", (box,), ((1, 1),)),
        Case("to nothing", (t(3),), ((0,),), gradient=False),
        Case("0-d", (t(),), ((),)),
    )
    yield Row("tile", np.tile, cases)
    cases = tuple(Case(f"axis {i}", (box,), (3, i)) for i in range(2))
    yield Row("repeat", np.repeat, cases)
    copies = (
        Case("matrix", (box,)),
        Case("0-d", (t(),)),
        Case("empty", (t(0, 3),), gradient=False),
    )
    yield Row("copy", np.array, copies, probes=probes.PROBES["copy"])


def _split(x: Any, sizes: Any, axis: int) -> Any:
    return tuple(np.split(x, np.cumsum(sizes)[:-1], axis))


def _top_k(x: Any, k: int) -> Any:
    order = np.flip(np.argsort(np.flip(x, -1), -1, kind="stable"), -1)[..., :k]
    order = x.shape[-1] - 1 - order
    return np.take_along_axis(x, order, -1), order


def indexing_rows() -> Iterator[Row]:
    """Yield program, mesh, eye, known, one_hot, pick, embedding, top_k."""
    yield Row("program", probes=probes_step.PROBES)
    yield Row("mesh", probes=probes_machine.MESH)
    yield Row("eye", probes=probes.PROBES["eye"])
    wrong = probes_indices.PROBES
    yield Row("known", probes=wrong["known"])
    yield Row("one_hot", probes=(*probes.PROBES["one_hot"], *wrong["one_hot"]))
    table = t(4, 3)
    cases = (
        Case("matrix of indices", (table, fixed([[0, 2], [3, 3]], "int32"))),
        Case("vector", (table, fixed([1, 1, 1, 0], "int32"))),
        Case("0-d", (table, fixed(2, "int32"))),
        Case("none", (table, fixed([], "int32")), gradient=False),
        Case("int64", (table, fixed([1, 0], "int64")), dtypes=("float64",)),
    )
    signed = (
        Case("rows", (table, fixed([[0, -2], [-4, 3]], "int32")), (0,)),
        Case("columns", (table, fixed([-1, 1, 1], "int32")), (1,)),
        Case("0-d", (table, fixed(-1, "int32")), (0,)),
        Case("none", (table, fixed([], "int32")), (0,), gradient=False),
        Case("int64", (table, fixed([-1, 0], "int64")), (0,), dtypes=("float64",)),
    )
    yield Row("pick", np.take, signed, probes=wrong["pick"])
    rows = lambda x, i: x[i]  # noqa: E731
    yield Row("embedding", rows, cases, probes=wrong["embedding"])
    ties = fixed([[1, 3, 3, 0, 3], [2, 2, 2, 2, 2]])
    nan = fixed([[1.0, np.nan, 3.0, np.nan, np.inf]])
    cases = (
        Case("rows", (t(2, 5, distinct=True),), (2,)),
        Case("all", (t(2, 4, distinct=True),), (4,)),
        Case("ties", (ties,), (3,), gradient=False),
        Case("NaN", (nan,), (3,), dtypes=FLOATS, gradient=False),
        Case("vector", (t(4, distinct=True),), (1,)),
    )
    yield Row("top_k", _top_k, cases)


ROWS = (
    *comparison_rows(),
    *elementwise_rows(),
    *reduction_rows(),
    *shape_rows(),
    *indexing_rows(),
)
