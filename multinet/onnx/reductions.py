"""Reductions, products of matrices and what is made of them, as operators."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from multinet.graph.values import Value
from multinet.onnx.writer import Named, Writer

_OVER = {"sum": "Sum", "prod": "Prod", "max": "Max", "min": "Min", "mean": "Mean"}
_PLACES = {"argmax": "ArgMax", "argmin": "ArgMin"}


def _over(kind: str, w: Writer, out: Any, x: Value, axes: Any, keepdims: bool) -> str:
    if not axes:
        return w.name(x)
    return w.add(kind, x, w.ints(*axes), keepdims=int(keepdims))


def _all(w: Writer, out: Any, x: Value, axes: Any, keepdims: bool) -> str:
    return _least(w, w.name(x), axes, keepdims)


def _any(w: Writer, out: Any, x: Value, axes: Any, keepdims: bool) -> str:
    return w.add("Not", _least(w, w.add("Not", x), axes, keepdims))


def _least(w: Writer, x: str, axes: Any, keepdims: bool) -> str:
    """Return whether all are true: of none they are."""
    if not axes:
        return x
    numbers = w.cast(x, "int32")
    found = w.add("ReduceMin", numbers, w.ints(*axes), keepdims=int(keepdims))
    return w.cast(found, "bool")


def _place(kind: str, w: Writer, out: Any, x: Value, axis: int) -> str:
    name = w.cast(x, "int32") if x.dtype == "bool" else w.name(x)
    return w.cast(w.add(kind, name, axis=axis, keepdims=0), "int32")


def _cumsum(w: Writer, out: Any, x: Value, axis: int) -> str:
    return w.add("CumSum", x, w.scalar(axis, "int64"))


def _along(kind: str, w: Writer, out: Any, x: Value, axis: int) -> str:
    return w.add(kind, x, axis=axis)


def _matmul(w: Writer, out: Any, x: Named, y: Named) -> str:
    return w.add("MatMul", x, y)


def _einsum(w: Writer, out: Any, equation: str, operands: Sequence[Named]) -> str:
    return w.add("Einsum", *operands, equation=equation)


def _dense(w: Writer, out: Any, x: Value, kernel: Named, bias: Any) -> str:
    if bias is not None and len(x.shape) == 2:
        return w.add("Gemm", x, kernel, bias)
    y = w.add("MatMul", x, kernel)
    return y if bias is None else w.add("Add", y, bias)


def _det(w: Writer, out: Any, x: Named) -> str:
    return w.add("Det", x)


RULES = {
    **{op: partial(_over, f"Reduce{kind}") for op, kind in _OVER.items()},
    **{op: partial(_place, kind) for op, kind in _PLACES.items()},
    "all": _all,
    "any": _any,
    "cumsum": _cumsum,
    "softmax": partial(_along, "Softmax"),
    "log_softmax": partial(_along, "LogSoftmax"),
    "matmul": _matmul,
    "einsum": _einsum,
    "dense": _dense,
    "det": _det,
}
SUITS = {
    "mean": lambda opset, x, **_: x.dtype in ("float32", "float64"),
    "softmax": lambda opset, x, **_: len(x.shape) > 0,
}
