"""Elementwise operators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from multinet import dtypes, ops
from multinet.onnx.values import narrow, numbers, tensor
from multinet.typing import Tensor

_ONE = {
    "Abs": ops.absolute,
    "Neg": ops.negative,
    "Exp": ops.exp,
    "Log": ops.log,
    "Sqrt": ops.sqrt,
    "Reciprocal": ops.reciprocal,
    "Sin": ops.sin,
    "Cos": ops.cos,
    "Tan": ops.tan,
    "Asin": ops.arcsin,
    "Acos": ops.arccos,
    "Atan": ops.arctan,
    "Sinh": ops.sinh,
    "Cosh": ops.cosh,
    "Tanh": ops.tanh,
    "Asinh": ops.arcsinh,
    "Acosh": ops.arccosh,
    "Atanh": ops.arctanh,
    "Erf": ops.erf,
    "Sign": ops.sign,
    "Floor": ops.floor,
    "Ceil": ops.ceil,
    "Round": ops.round,
    "Not": ops.logical_not,
    "IsNaN": ops.isnan,
    "Relu": ops.relu,
    "Sigmoid": ops.sigmoid,
    "Softplus": ops.softplus,
    "Softsign": ops.softsign,
    "BitwiseNot": ops.bitwise_not,
}
_TWO = {
    "Sub": ops.subtract,
    "Equal": ops.equal,
    "Less": ops.less,
    "LessOrEqual": ops.less_equal,
    "Greater": ops.greater,
    "GreaterOrEqual": ops.greater_equal,
    "And": ops.logical_and,
    "Or": ops.logical_or,
    "Xor": ops.logical_xor,
    "BitwiseAnd": ops.bitwise_and,
    "BitwiseOr": ops.bitwise_or,
    "BitwiseXor": ops.bitwise_xor,
}
_MANY = {
    "Add": ops.add,
    "Mul": ops.multiply,
    "Max": ops.maximum,
    "Min": ops.minimum,
    "Sum": ops.add,
}


def _whole(*tensors: Tensor) -> bool:
    return all(dtypes.is_integer(ops.dtype(x)) for x in tensors)


def _divide(call: Any, x: Tensor, y: Tensor) -> Tensor:
    if not _whole(x, y):
        return ops.divide(x, y)
    count = ops.floor_divide(ops.absolute(x), ops.absolute(y))  # rounds to zero
    return ops.multiply(count, ops.multiply(ops.sign(x), ops.sign(y)))


def _mod(call: Any, x: Tensor, y: Tensor) -> Tensor:
    if not call.get("fmod", 0):
        return ops.mod(x, y)
    return ops.multiply(ops.mod(ops.absolute(x), ops.absolute(y)), ops.sign(x))


def _power(call: Any, x: Tensor, y: Tensor) -> Tensor:
    return ops.power(x, ops.cast(y, ops.dtype(x)))


def _shift(call: Any, x: Tensor, y: Tensor) -> Tensor:
    left = call.get("direction") == "LEFT"
    return ops.left_shift(x, y) if left else ops.right_shift(x, y)


def _mean(call: Any, *xs: Tensor) -> Tensor:
    return ops.divide(functools.reduce(ops.add, xs), len(xs))


def _cast(call: Any, x: Tensor) -> Tensor:
    return ops.cast(x, narrow(call.dtype("to")))


def _is_inf(call: Any, x: Tensor) -> Tensor:
    found = ops.isinf(x)
    if not call.get("detect_positive", 1):
        found = ops.logical_and(found, ops.less(x, 0))
    if not call.get("detect_negative", 1):
        found = ops.logical_and(found, ops.greater(x, 0))
    return found


def _clip(call: Any, x: Tensor, low: Any = None, high: Any = None) -> Tensor:
    if low is not None:
        x = ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


# -- activations -----------------------------------------------------------------------


def _leaky(call: Any, x: Tensor) -> Tensor:
    return ops.leaky_relu(x, call.get("alpha", 0.01))


def _prelu(call: Any, x: Tensor, slope: Tensor) -> Tensor:
    return ops.where(ops.less(x, 0), ops.multiply(slope, x), x)


def _elu(call: Any, x: Tensor) -> Tensor:
    return ops.elu(x, call.get("alpha", 1.0))


def _celu(call: Any, x: Tensor) -> Tensor:
    alpha = call.get("alpha", 1.0)
    below = ops.multiply(alpha, ops.expm1(ops.divide(ops.minimum(x, 0), alpha)))
    return ops.add(ops.relu(x), below)


def _selu(call: Any, x: Tensor) -> Tensor:
    alpha, gamma = call.get("alpha", 1.67326319), call.get("gamma", 1.05070102)
    below = ops.multiply(alpha, ops.expm1(ops.minimum(x, 0)))
    return ops.multiply(gamma, ops.add(ops.relu(x), below))


def _hard_sigmoid(call: Any, x: Tensor) -> Tensor:
    slope, middle = call.get("alpha", 0.2), call.get("beta", 0.5)
    return ops.clip(ops.add(ops.multiply(x, slope), middle), 0.0, 1.0)


def _hard_swish(call: Any, x: Tensor) -> Tensor:
    return ops.multiply(x, ops.clip(ops.add(ops.divide(x, 6.0), 0.5), 0.0, 1.0))


def _thresholded(call: Any, x: Tensor) -> Tensor:
    above = ops.greater(x, call.get("alpha", 1.0))
    return ops.where(above, x, ops.zeros_like(x))


def _gelu(call: Any, x: Tensor) -> Tensor:
    return ops.gelu(x, approximate=call.get("approximate", "none") == "tanh")


def _swish(call: Any, x: Tensor) -> Tensor:
    return ops.multiply(x, ops.sigmoid(ops.multiply(x, call.get("alpha", 1.0))))


def _mish(call: Any, x: Tensor) -> Tensor:
    return ops.multiply(x, ops.tanh(ops.softplus(x)))


def _dropout(call: Any, x: Tensor, ratio: Any = None, training: Any = None) -> Any:
    """Drop in training; a file of inference says the ratio, and computes x."""
    call.alone(1)
    rate = call.get("ratio", 0.5)
    if ratio is not None:
        (rate,) = numbers(ratio, call.name, "the ratio")
    x = tensor(x)
    return call.dropped(x, float(rate)) if call.training and rate else x


def _one(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, x: function(x)


def _two(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, x, y: function(x, y)


def _many(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda call, *xs: functools.reduce(function, xs)


#: Operators whose inputs are tensors.
TENSORS: dict[str, Callable[..., Any]] = {
    **{name: _one(function) for name, function in _ONE.items()},
    **{name: _two(function) for name, function in _TWO.items()},
    **{name: _many(function) for name, function in _MANY.items()},
    "Identity": lambda call, x: x,
    "Where": lambda call, c, x, y: ops.where(c, x, y),
    "Div": _divide,
    "Mod": _mod,
    "Pow": _power,
    "BitShift": _shift,
    "Mean": _mean,
    "Cast": _cast,
    "CastLike": lambda call, x, like: ops.cast(x, ops.dtype(like)),
    "IsInf": _is_inf,
    "Clip": _clip,
    "LeakyRelu": _leaky,
    "PRelu": _prelu,
    "Elu": _elu,
    "Celu": _celu,
    "Selu": _selu,
    "HardSigmoid": _hard_sigmoid,
    "HardSwish": _hard_swish,
    "ThresholdedRelu": _thresholded,
    "Gelu": _gelu,
    "Swish": _swish,
    "Mish": _mish,
}
#: Operators some of whose inputs say what to do, by numbers or sizes.
MIXED: dict[str, Callable[..., Any]] = {"Dropout": _dropout}
