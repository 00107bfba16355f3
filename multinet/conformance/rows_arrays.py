"""Rows: conversion, creation, shape and indexing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from multinet import dtypes
from multinet.conformance import probes_conversion as probes
from multinet.conformance import probes_indices
from multinet.conformance.row import Case, Row, fixed, t
from multinet.interface.signatures import COMPLEX, FLOATS, NUMBERS, REAL

NONE = ("bool", "int32")  # what no gradient comes back from


def conversion_rows() -> Iterator[Row]:
    """Yield from_numpy to conj."""
    for name in ("from_numpy", "to_numpy", "is_tensor", "shape", "dtype"):
        yield Row(name, probes=probes.PROBES[name])
    yield _cast()
    yield Row("bitcast", probes=probes.PROBES["bitcast"])
    parts = (t(2, 3), t(2, 3))
    yield Row(
        "make_complex",
        lambda real, imag: real + 1j * imag,
        (Case("matrices", parts), Case("0-d", (t(), t()))),
    )
    cases = (
        Case("matrix", (t(2, 3),)),
        Case("0-d", (t(),)),
        Case("empty", (t(0, 2),), gradient=False),
    )
    yield Row("real", np.real, cases)
    yield Row("imag", np.imag, cases)
    yield Row("conj", np.conj, cases)


def _convert(x: Any, dtype: str) -> Any:
    if dtype == "bool":
        return np.asarray(x) != 0
    if dtypes.is_integer(dtype):
        return np.trunc(x).astype(dtype)
    return x.astype(np.complex128 if dtypes.is_complex(dtype) else np.float64)


def _cast() -> Row:
    cases = [
        Case(f"to {to}", (t(2, 3, low=0, high=3),), (to,), REAL, to not in NONE, to)
        for to in ("float32", "bool", "int32", "float16", "bfloat16", "complex64")
    ]
    negative = (t(2, 3, low=-100, high=100),)
    numbers = ("int8", "int16", "int32", *FLOATS)
    cases.append(Case("negative", negative, ("int32",), numbers, False, "int32"))
    cases.append(Case("of bool", (t(2, 3),), ("float32",), ("bool",), False, "float32"))
    nan = (fixed([np.nan, 0.0, -0.0, np.inf]),)
    cases.append(Case("NaN to bool", nan, ("bool",), FLOATS, False, "bool"))
    cases.append(
        Case("complex", (t(2, 3),), ("complex64",), COMPLEX, True, "complex64")
    )
    return Row("cast", _convert, tuple(cases), slack=10, probes=probes.CAST)


def shape_rows() -> Iterator[Row]:
    """Yield reshape to flip."""
    box = t(2, 3, 2)
    yield Row(
        "reshape",
        np.reshape,
        (
            Case("box", (box,), ((3, 4),)),
            Case("to 0-d", (t(1, 1),), ((),)),
            Case("from 0-d", (t(),), ((1, 1),)),
            Case("empty", (t(0, 3),), ((3, 0, 2),), gradient=False),
        ),
    )
    yield Row(
        "transpose",
        np.transpose,
        (
            Case("matrix", (t(2, 3),), ((1, 0),)),
            Case("cycle", (box,), ((2, 0, 1),)),
            Case("0-d", (t(),), ((),)),
        ),
    )
    yield Row(
        "broadcast_to",
        np.broadcast_to,
        (
            Case("row", (t(3),), ((2, 3),)),
            Case("ones", (t(2, 1, 1),), ((2, 2, 3),)),
            Case("0-d", (t(),), ((2, 2),)),
            Case("to empty", (t(1, 3),), ((0, 3),), gradient=False),
        ),
    )
    yield _concatenate()
    yield from _cutting_rows()


def _concatenate() -> Row:
    cases = (
        Case("rows", (t(2, 3), t(1, 3), t(2, 3)), (0,)),
        Case("columns", (t(2, 1), t(2, 3)), (1,)),
        Case("one", (t(2, 3),), (0,)),
        Case("an empty one", (t(2, 0), t(2, 3)), (1,)),
    )

    def oracle(*values: Any) -> Any:
        return np.concatenate(values[:-1], values[-1])

    def call(backend: Any, method: Any, *values: Any) -> Any:
        return method(list(values[:-1]), values[-1])

    return Row("concatenate", oracle, cases, call=call)


def _cut(x: Any, start: Any, stop: Any, step: Any) -> Any:
    return x[tuple(slice(*edges) for edges in zip(start, stop, step, strict=True))]


def _cutting_rows() -> Iterator[Row]:
    box = t(3, 4)
    widths = ((1, 0), (0, 2))
    yield Row(
        "pad",
        lambda x, widths, value: np.pad(x, widths, constant_values=value),
        (
            Case("zeros", (box,), (widths, 0), NUMBERS),
            Case("value", (box,), (widths, 3), NUMBERS),
            Case("false", (box,), (widths, False), ("bool",)),
            Case("nothing", (box,), (((0, 0), (0, 0)), 0), NUMBERS),
            Case("-inf", (box,), (widths, -np.inf), FLOATS, False),
            Case("empty", (t(0, 2),), (((1, 1), (0, 0)), 1), NUMBERS, False),
        ),
    )
    yield Row(
        "slice",
        _cut,
        (
            Case("inside", (box,), ((1, 1), (3, 3), (1, 1))),
            Case("steps", (box,), ((0, 1), (3, 4), (2, 2))),
            Case("uneven step", (t(7),), ((1,), (7,), (4,))),
            Case("nothing", (box,), ((2, 0), (2, 4), (1, 1)), gradient=False),
            Case("0-d", (t(),), ((), (), ())),
        ),
    )
    yield Row(
        "flip",
        np.flip,
        (
            Case("first", (box,), ((0,),)),
            Case("both", (box,), ((0, 1),)),
            Case("none", (box,), ((),)),
        ),
    )


def _scatter(x: Any, indices: Any, updates: Any, mode: str) -> Any:
    result = np.array(x)
    place = tuple(np.moveaxis(indices, -1, 0))
    if mode == "set":
        result[place] = updates
        return result
    names = {"add": "add", "multiply": "multiply", "max": "maximum", "min": "minimum"}
    getattr(np, names[mode]).at(result, place, updates)
    return result


def indexing_rows() -> Iterator[Row]:
    """Yield take, take_along_axis, scatter."""
    x = t(4, 3)
    some = fixed([[0, 2], [3, 3]], "int32")
    yield Row(
        "take",
        np.take,
        (
            Case("rows", (x, some), (0,)),
            Case("columns", (x, fixed([2, 0, 2], "int32")), (1,)),
            Case("0-d index", (x, fixed(1, "int32")), (0,)),
            Case("no index", (x, fixed([], "int32")), (0,), gradient=False),
            Case("middle", (t(2, 3, 2), fixed([1], "int32")), (1,)),
        ),
        probes=probes_indices.PROBES["take"],
    )
    yield Row(
        "take_along_axis",
        np.take_along_axis,
        (
            Case("last", (t(2, 3), fixed([[0, 0], [2, 1]], "int32")), (1,)),
            Case("first", (t(2, 3), fixed([[1, 0, 1]], "int32")), (0,)),
            Case("vector", (t(4), fixed([3, 3, 0], "int32")), (0,)),
        ),
        probes=probes_indices.PROBES["take_along_axis"],
    )
    apart, again = fixed([[0], [3]], "int32"), fixed([[1], [3], [1]], "int32")
    cells = fixed([[0, 1], [3, 2], [0, 1]], "int32")
    yield Row(
        "scatter",
        _scatter,
        (
            Case("set rows", (x, apart, t(2, 3)), ("set",)),
            Case("add rows", (x, again, t(3, 3)), ("add",), NUMBERS),
            Case("add cells", (x, cells, t(3)), ("add",), NUMBERS),
            Case("set cells", (x, fixed([[0, 1], [3, 2]], "int32"), t(2)), ("set",)),
            Case("add to vector", (t(5), again, t(3)), ("add",), NUMBERS),
            Case("multiply", (x, again, t(3, 3)), ("multiply",), NUMBERS, False),
            Case("max", (x, again, t(3, 3)), ("max",), REAL, False),
            Case("min", (x, cells, t(3)), ("min",), REAL, False),
            Case(
                "nothing",
                (x, t(0, 1, dtype="int32"), t(0, 3)),
                ("add",),
                NUMBERS,
                False,
            ),
        ),
    )


def creation_rows() -> Iterator[Row]:
    """Yield full and arange."""
    for name in ("full", "arange"):
        yield Row(name, probes=probes.PROBES[name])


ROWS = (*conversion_rows(), *creation_rows(), *shape_rows(), *indexing_rows())
