"""Elementwise methods as operators."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from multinet import dtypes
from multinet.graph.values import Value
from multinet.onnx.writer import Named, Names, Writer

Rule = Callable[..., Names]

#: Methods of one operand that are operators.
_ONE = {
    "negative": "Neg",
    "abs": "Abs",
    "sign": "Sign",
    "sqrt": "Sqrt",
    "exp": "Exp",
    "log": "Log",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "arcsin": "Asin",
    "arccos": "Acos",
    "arctan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "tanh": "Tanh",
    "arcsinh": "Asinh",
    "arccosh": "Acosh",
    "arctanh": "Atanh",
    "sigmoid": "Sigmoid",
    "erf": "Erf",
    "floor": "Floor",
    "ceil": "Ceil",
    "round": "Round",
    "logical_not": "Not",
    "isnan": "IsNaN",
    "softplus": "Softplus",
}
#: Methods of two operands that are operators.
_TWO = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "maximum": "Max",
    "minimum": "Min",
    "equal": "Equal",
    "logical_and": "And",
    "logical_or": "Or",
}
_BITS = {"bitwise_and": "And", "bitwise_or": "Or", "bitwise_xor": "Xor"}


def _dtype(*operands: Any) -> str:
    return next(x.dtype for x in operands if isinstance(x, Value))


def _one(kind: str, w: Writer, out: Any, x: Value) -> str:
    return w.add(kind, x)


def _pair(w: Writer, x: Any, y: Any) -> tuple[str, str]:
    dtype = _dtype(x, y)
    return w.tensor(x, dtype), w.tensor(y, dtype)


def _two(kind: str, w: Writer, out: Any, x: Any, y: Any) -> str:
    return w.add(kind, *_pair(w, x, y))


def _bits(kind: str, w: Writer, out: Any, x: Any, y: Any) -> str:
    prefix = "" if _dtype(x, y) == "bool" else "Bitwise"
    return w.add(prefix + kind, *_pair(w, x, y))


def _order(kind: str, w: Writer, out: Any, x: Any, y: Any) -> str:
    one, other = _pair(w, x, y)
    if _dtype(x, y) == "bool":
        one, other = w.cast(one, "int32"), w.cast(other, "int32")
    return w.add(kind, one, other)


def _cast(w: Writer, out: Any, x: Value, dtype: str) -> str:
    return w.name(x) if x.dtype == dtype else w.cast(x, dtype)


def _same(w: Writer, out: Any, x: Value) -> str:
    return w.name(x)


def _where(w: Writer, out: Any, condition: Named, x: Any, y: Any) -> str:
    dtype = _dtype(x, y)
    one, other = _pair(w, x, y)
    if dtype != "bool":
        return w.add("Where", condition, one, other)
    rest = w.add("And", w.add("Not", condition), other)
    return w.add("Or", w.add("And", condition, one), rest)


def _isfinite(w: Writer, out: Any, x: Value) -> str:
    return w.add("Not", w.add("Or", w.add("IsNaN", x), w.add("IsInf", x)))


# -- what has no operator that is exact near 0 -----------------------------------------


def _expm1(w: Writer, out: Any, x: Value) -> str:
    """Return tanh(x / 2) * (e**x + 1), which has all digits near 0."""
    half = w.add("Tanh", w.add("Mul", x, w.scalar(0.5, x.dtype)))
    return w.add("Mul", half, w.add("Add", w.add("Exp", x), w.scalar(1, x.dtype)))


def _log1p(w: Writer, out: Any, x: Value) -> str:
    return log1p(w, w.name(x), x.dtype)


def log1p(w: Writer, x: str, dtype: str) -> str:
    """Return 2 * atanh(x / (x + 2)) near 0, which has all digits, else log(x + 1)."""
    half, one, two = (w.scalar(n, dtype) for n in (0.5, 1, 2))
    near = w.add("Less", w.add("Abs", x), half)
    small = w.add("Where", near, x, w.scalar(0, dtype))
    ratio = w.add("Div", small, w.add("Add", small, two))
    exact = w.add("Mul", w.add("Atanh", ratio), two)
    return w.add("Where", near, exact, w.add("Log", w.add("Add", x, one)))


def _logaddexp(w: Writer, out: Any, x: Any, y: Any) -> str:
    dtype = _dtype(x, y)
    one, other = _pair(w, x, y)
    apart = w.add("Sub", one, other)
    apart = w.add("Where", w.add("Equal", one, other), w.scalar(0, dtype), apart)
    power = w.add("Exp", w.add("Neg", w.add("Abs", apart)))
    return w.add("Add", w.add("Max", one, other), log1p(w, power, dtype))


def _arctan2(w: Writer, out: Any, x: Any, y: Any) -> str:
    dtype = _dtype(x, y)
    up, right = _pair(w, x, y)
    zero, pi, half = (w.scalar(v, dtype) for v in (0, math.pi, math.pi / 2))
    angle = w.add("Atan", w.add("Div", up, right))
    turn = w.add("Where", w.add("Less", up, zero), w.add("Neg", pi), pi)
    left = w.add("Where", w.add("Less", right, zero), w.add("Add", angle, turn), angle)
    upright = w.add("Mul", w.add("Sign", up), half)
    return w.add("Where", w.add("Equal", right, zero), upright, left)


# -- division of integers and bits -----------------------------------------------------


def _mod(w: Writer, out: Any, x: Any, y: Any) -> str:
    return mod(w, *_pair(w, x, y), _dtype(x, y))


def mod(w: Writer, x: str, y: str, dtype: str) -> str:
    """Return the remainder with the sign of y."""
    if dtypes.is_integer(dtype):
        return w.add("Mod", x, y)
    rest = w.add("Mod", x, y, fmod=1)  # with the sign of x
    zero = w.scalar(0, dtype)
    signs = w.add("Xor", w.add("Less", rest, zero), w.add("Less", y, zero))
    wrong = w.add("And", signs, w.add("Not", w.add("Equal", rest, zero)))
    return w.add("Where", wrong, w.add("Add", rest, y), rest)


def _floor_divide(w: Writer, out: Any, x: Any, y: Any) -> str:
    dtype = _dtype(x, y)
    one, other = _pair(w, x, y)
    return floor_divide(w, one, other, dtype)


def floor_divide(w: Writer, x: str, y: str, dtype: str) -> str:
    """Return x / y rounded down."""
    whole = w.add("Div", w.add("Sub", x, mod(w, x, y, dtype)), y)
    return whole if dtypes.is_integer(dtype) else w.add("Round", whole)


def _left_shift(w: Writer, out: Any, x: Any, y: Any) -> str:
    dtype = _dtype(x, y)
    one, other = _pair(w, x, y)
    if dtype.startswith("u"):
        return w.add("BitShift", one, other, direction="LEFT")
    return w.add("Mul", one, w.add("Pow", w.scalar(2, dtype), other))


def _right_shift(w: Writer, out: Any, x: Any, y: Any) -> str:
    dtype = _dtype(x, y)
    one, other = _pair(w, x, y)
    if dtype.startswith("u"):
        return w.add("BitShift", one, other, direction="RIGHT")
    return floor_divide(w, one, w.add("Pow", w.scalar(2, dtype), other), dtype)


# -- activations -----------------------------------------------------------------------


def _leaky_relu(w: Writer, out: Any, x: Value, slope: float) -> str:
    return w.add("LeakyRelu", x, alpha=float(slope))


def _elu(w: Writer, out: Any, x: Value, alpha: float) -> str:
    return w.add("Elu", x, alpha=float(alpha))


def _gelu(w: Writer, out: Any, x: Value, approximate: bool) -> str:
    return w.add("Gelu", x, approximate="tanh" if approximate else "none")


def _relu(w: Writer, out: Any, x: Value) -> str:
    return w.add("Relu", x)


RULES: dict[str, Rule] = {
    **{op: partial(_one, kind) for op, kind in _ONE.items()},
    **{op: partial(_two, kind) for op, kind in _TWO.items()},
    **{op: partial(_bits, kind) for op, kind in _BITS.items()},
    "less": partial(_order, "Less"),
    "less_equal": partial(_order, "LessOrEqual"),
    "cast": _cast,
    "stop_gradient": _same,
    "where": _where,
    "isfinite": _isfinite,
    "expm1": _expm1,
    "log1p": _log1p,
    "logaddexp": _logaddexp,
    "arctan2": _arctan2,
    "mod": _mod,
    "floor_divide": _floor_divide,
    "left_shift": _left_shift,
    "right_shift": _right_shift,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "relu": _relu,
}


def _float(opset: int, x: Value, **_: Any) -> bool:
    return dtypes.is_float(x.dtype)


#: Where a fused method has its operator; elsewhere it is written as its body.
SUITS: dict[str, Callable[..., bool]] = {
    "gelu": lambda opset, **_: opset >= 20,
    "relu": _float,
    "leaky_relu": _float,
    "elu": _float,
}
