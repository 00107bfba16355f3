"""Elementwise functions of one tensor."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from multinet import dtypes
from multinet.errors import DTypeError
from multinet.ops.checks import not_complex, real_numbers, whole
from multinet.ops.core import (
    as_tensor,
    behind,
    float_max,
    floating,
    is_scalar,
    numeric,
    op,
    operands,
)
from multinet.ops.doors import unary
from multinet.ops.widening import in_float32
from multinet.registry import current
from multinet.typing import Numbers, Tensor

_FLOATS = frozenset(dtypes.FLOATS)
_INEXACT = frozenset(dtypes.FLOATS + dtypes.COMPLEX)


class Unary(Protocol):
    """A public op of one tensor."""

    __name__: str

    def __call__(self, x: Tensor) -> Tensor:
        """Apply the op to a tensor, or to anything that converts to one."""
        ...


def _inexact(name: str, doc: str, accepted: frozenset[str] = _FLOATS) -> Unary:
    """Return the op for a primitive on floats; integers and bool become floatx."""

    def function(x: Tensor) -> Tensor:
        backend = current()
        x = x if backend.is_tensor(x) else as_tensor(x)
        dtype = backend.dtype(x)
        if dtype not in accepted:
            if dtypes.is_complex(dtype):
                raise _not_complex(name, dtype)
            x = backend.cast(x, dtypes.floatx())
        return getattr(backend, name)(x)

    return _public(name, doc, function)


def _exact(name: str, doc: str) -> Unary:
    """Return the op for a primitive on floats that leaves integers and bool as they
    are.
    """

    def function(x: Tensor) -> Tensor:
        backend = current()
        x = x if backend.is_tensor(x) else as_tensor(x)
        dtype = backend.dtype(x)
        if dtype in _FLOATS:
            return getattr(backend, name)(x)
        if dtypes.is_complex(dtype):
            raise _not_complex(name, dtype)
        return x

    return _public(name, doc, function)


def _public(name: str, doc: str, function: Callable[[Any], Any]) -> Unary:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return behind(unary(name))(function)  # type: ignore[return-value]


def _not_complex(name: str, dtype: str) -> DTypeError:
    return not_complex(f"ops.{name}", dtype)


# fmt: off
sqrt = _inexact("sqrt", "Return the square root; NaN below zero.", _INEXACT)
exp = _inexact("exp", "Return e**x.", _INEXACT)
log = _inexact("log", "Return the natural logarithm: -inf at 0, NaN below.", _INEXACT)
sin = _inexact("sin", "Return the sine of radians.", _INEXACT)
cos = _inexact("cos", "Return the cosine of radians.", _INEXACT)
tanh = _inexact("tanh", "Return the hyperbolic tangent.", _INEXACT)
expm1 = _inexact("expm1", "Return e**x - 1, accurate near zero.")
log1p = _inexact("log1p", "Return log(1 + x), accurate near zero.")
tan = _inexact("tan", "Return the tangent of radians.")
arcsin = _inexact("arcsin", "Return the inverse sine, in radians.")
arccos = _inexact("arccos", "Return the inverse cosine, in radians.")
arctan = _inexact("arctan", "Return the inverse tangent, in radians.")
sinh = _inexact("sinh", "Return the hyperbolic sine.")
cosh = _inexact("cosh", "Return the hyperbolic cosine.")
arcsinh = _inexact("arcsinh", "Return the inverse hyperbolic sine.")
arccosh = _inexact("arccosh", "Return the inverse hyperbolic cosine; NaN below 1.")
arctanh = _inexact("arctanh", "Return the inverse hyperbolic tangent.")
sigmoid = _inexact("sigmoid", "Return 1 / (1 + e**-x).")
erf = _inexact("erf", "Return the error function.")
erfinv = _inexact("erfinv", "Return the inverse error function: +-inf at +-1.")
rsqrt = _inexact("rsqrt", "Return 1 / sqrt(x).")
floor = _inexact("floor", "Round down; integers become floatx. Gradient zero.")
ceil = _inexact("ceil", "Round up; integers become floatx. Gradient zero.")
_round = _exact("round", "Round to the nearest integer, halves to even.")
# fmt: on


@behind(unary("negative"))
def negative(x: Tensor) -> Tensor:
    """Return -x; unsigned integers wrap."""
    return current().negative(_no_bool("negative", x))


@behind(unary("abs"))
def abs(x: Tensor) -> Tensor:
    """Return |x|: the modulus, in the real dtype, of complex numbers."""
    x, backend = as_tensor(x), current()
    return x if backend.dtype(x) == "bool" else backend.abs(x)


@op
def sign(x: Tensor) -> Tensor:
    """Return -1, 0 or 1; x / |x| for complex numbers. Gradient zero."""
    x, backend = _no_bool("sign", x), current()
    if not dtypes.is_complex(backend.dtype(x)):
        return backend.sign(x)
    modulus = backend.cast(backend.abs(x), backend.dtype(x))
    safe = backend.where(backend.equal(modulus, 0.0), 1.0, modulus)
    return backend.stop_gradient(backend.divide(x, safe))


def _no_bool(name: str, x: Any) -> Any:
    x = as_tensor(x)
    if current().dtype(x) == "bool":
        raise DTypeError(
            f"ops.{name} takes numbers, got bool. Use ops.logical_not or "
            "ops.logical_xor, "
            "or ops.cast(x, 'int32') first."
        )
    return x


@behind(unary("square"))
def square(x: Tensor) -> Tensor:
    """Return x * x; bool becomes int32."""
    return current().square(numeric(x))


@op
def reciprocal(x: Tensor) -> Tensor:
    """Return 1 / x."""
    return current().divide(1.0, floating(x))


@op
def exp2(x: Tensor) -> Tensor:
    """Return 2**x."""
    x, backend = floating(x), current()
    if dtypes.is_complex(backend.dtype(x)):
        return backend.exp(backend.multiply(x, math.log(2.0)))
    return backend.power(2.0, x)  # exact at integers, unlike exp(x log 2)


@op
def log2(x: Tensor) -> Tensor:
    """Return the logarithm to base 2."""
    return _scaled_log(x, 1 / math.log(2.0))


@op
def log10(x: Tensor) -> Tensor:
    """Return the logarithm to base 10."""
    return _scaled_log(x, 1 / math.log(10.0))


def _scaled_log(x: Any, scale: float) -> Any:
    x, backend = floating(x), current()
    return backend.multiply(backend.log(x), scale)


@op
@in_float32  # a third in bfloat16 makes the root of 1e20 3% too large
def cbrt(x: Tensor) -> Tensor:
    """Return the real cube root, negative for negative x."""
    x, backend = _real("cbrt", x), current()
    zero = backend.equal(x, 0)
    # The slope at 0 is infinite, and infinity times 0 would make the gradient NaN.
    size = backend.where(zero, 1, backend.abs(x))
    root = backend.multiply(backend.sign(x), backend.power(size, 1 / 3))
    return backend.where(zero, x, root)


def _real(name: str, x: Any) -> Any:
    x = floating(x)
    if dtypes.is_complex(current().dtype(x)):
        raise _not_complex(name, current().dtype(x))
    return x


@op
def fabs(x: Tensor) -> Tensor:
    """Return |x| as a float."""
    return current().abs(_real("fabs", x))


@op
def erfc(x: Tensor) -> Tensor:
    """Return 1 - erf(x)."""
    return current().subtract(1.0, current().erf(_real("erfc", x)))


@op
def sinc(x: Tensor) -> Tensor:
    """Return sin(pi x) / (pi x), 1 at 0."""
    x, backend = floating(x), current()
    near = backend.less(backend.abs(x), 0.08)
    angle = backend.multiply(backend.where(near, 1.0, x), math.pi)
    ratio = backend.divide(backend.sin(angle), angle)
    # Near 0 by the series: the slope of the ratio is a difference of large numbers.
    inner = backend.multiply(backend.where(near, x, 0.0), math.pi)
    square = backend.square(inner)
    series: Any = 1.0
    for n in (10, 8, 6, 4, 2):
        part = backend.multiply(backend.multiply(square, 1 / (n * n + n)), series)
        series = backend.subtract(1.0, part)
    return backend.where(near, series, ratio)


@op
def deg2rad(x: Tensor) -> Tensor:
    """Convert degrees to radians."""
    return current().multiply(_real("deg2rad", x), math.pi / 180)


@op
def rad2deg(x: Tensor) -> Tensor:
    """Convert radians to degrees."""
    return current().multiply(_real("rad2deg", x), 180 / math.pi)


@op
def trunc(x: Tensor) -> Tensor:
    """Round towards zero; integers and bool stay. Gradient zero."""
    x, backend = as_tensor(x), current()
    if not dtypes.is_float(backend.dtype(x)):
        return x
    return backend.where(backend.less(x, 0), backend.ceil(x), backend.floor(x))


@op
def round(x: Tensor, decimals: int = 0) -> Tensor:
    """Round to `decimals` places, halves to even. Gradient zero."""
    x, backend = _no_bool("round", x), current()
    decimals = whole(decimals, "decimals")
    if decimals == 0:
        return _round(x)
    if dtypes.is_integer(backend.dtype(x)):
        return x if decimals > 0 else _rounded(x, -decimals)
    scale = 10.0 ** builtins.abs(decimals)
    if decimals > 0:
        return backend.divide(backend.round(backend.multiply(x, scale)), scale)
    return backend.multiply(backend.round(backend.divide(x, scale)), scale)


def _rounded(x: Any, places: int) -> Any:
    """Round integers to a power of ten, halves to even."""
    backend, dtype, unit = current(), current().dtype(x), 10**places
    if unit > np.iinfo(dtype).max:
        return backend.multiply(x, 0)
    tens = backend.floor_divide(x, unit)
    low = backend.multiply(tens, unit)
    rest = backend.subtract(x, low)  # in [0, unit)
    odd = backend.not_equal(backend.mod(tens, 2), 0)
    up = backend.logical_or(
        backend.less(unit // 2, rest),
        backend.logical_and(backend.equal(unit // 2, rest), odd),
    )
    return backend.where(up, backend.add(low, unit), low)


@op
def clip(x: Tensor, x_min: Numbers, x_max: Numbers) -> Tensor:
    """Return minimum(maximum(x, x_min), x_max); bool becomes int32."""
    x, low, high = operands(real_numbers("ops.clip", x), x_min, x_max)
    return current().clip(numeric(x), _number(low), _number(high))


def _number(x: Any) -> Any:
    return int(x) if isinstance(x, bool) else x if is_scalar(x) else numeric(x)


@op
def nan_to_num(
    x: Tensor,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Tensor:
    """Replace NaN and infinities; by default with 0 and the dtype's extremes."""
    x, backend = as_tensor(x), current()
    dtype = backend.dtype(x)
    if dtypes.is_complex(dtype):
        parts = [nan_to_num(p, nan, posinf, neginf) for p in (real(x), imag(x))]
        return backend.make_complex(*parts)
    if not dtypes.is_float(dtype):
        return x
    top = float_max(dtype)
    x = backend.where(backend.isnan(x), nan, x)
    x = backend.where(backend.equal(x, math.inf), top if posinf is None else posinf, x)
    return backend.where(
        backend.equal(x, -math.inf), -top if neginf is None else neginf, x
    )


# -- complex numbers -------------------------------------------------------------------


@op
def real(x: Tensor) -> Tensor:
    """Return the real part; real numbers themselves."""
    x, backend = as_tensor(x), current()
    return backend.real(x) if dtypes.is_complex(backend.dtype(x)) else x


@op
def imag(x: Tensor) -> Tensor:
    """Return the imaginary part; zeros for real numbers."""
    x, backend = as_tensor(x), current()
    dtype = backend.dtype(x)
    if dtypes.is_complex(dtype):
        return backend.imag(x)
    return backend.full(backend.shape(x), 0, dtype)


@op
def conj(x: Tensor) -> Tensor:
    """Return the complex conjugate; real numbers themselves."""
    x, backend = as_tensor(x), current()
    return backend.conj(x) if dtypes.is_complex(backend.dtype(x)) else x


@op
def angle(x: Tensor) -> Tensor:
    """Return the phase in radians, in [-pi, pi]."""
    x, backend = floating(x), current()
    if not dtypes.is_complex(backend.dtype(x)):  # steps from pi to 0, with no slope
        x = backend.stop_gradient(x)
    return backend.arctan2(imag(x), real(x))


# -- tests of values -------------------------------------------------------------------


def _test(name: str, doc: str, otherwise: bool) -> Unary:
    """Return the op for a test of floats that integers all fail or pass."""

    def function(x: Tensor) -> Tensor:
        x, backend = as_tensor(x), current()
        dtype = backend.dtype(x)
        if dtype in _FLOATS or (dtype in _INEXACT and name != "isinf"):
            return getattr(backend, name)(x)
        if dtype in _INEXACT:
            return backend.logical_or(backend.isinf(real(x)), backend.isinf(imag(x)))
        return backend.full(backend.shape(x), otherwise, "bool")

    return _public(name, doc, function)


isnan = _test("isnan", "Return where x is NaN, as bool.", False)
isfinite = _test(
    "isfinite", "Return where x is neither infinite nor NaN, as bool.", True
)
isinf = _test("isinf", "Return where x is inf or -inf, as bool.", False)


@op
def isposinf(x: Tensor) -> Tensor:
    """Return where x is +inf, as bool."""
    return _is_value("isposinf", x, math.inf)


@op
def isneginf(x: Tensor) -> Tensor:
    """Return where x is -inf, as bool."""
    return _is_value("isneginf", x, -math.inf)


def _is_value(name: str, x: Any, value: float) -> Any:
    x, backend = as_tensor(x), current()
    dtype = backend.dtype(x)
    if dtypes.is_complex(dtype):
        raise _not_complex(name, dtype)
    if dtype in _FLOATS:
        return backend.equal(x, value)
    return backend.full(backend.shape(x), False, "bool")


@op
def isreal(x: Tensor) -> Tensor:
    """Return where the imaginary part is 0, as bool."""
    x, backend = as_tensor(x), current()
    if dtypes.is_complex(backend.dtype(x)):
        return backend.equal(backend.imag(x), 0)
    return backend.full(backend.shape(x), True, "bool")


@op
def signbit(x: Tensor) -> Tensor:
    """Return where the sign bit is set, as bool: true for -0.0."""
    x, backend = as_tensor(x), current()
    dtype = backend.dtype(x)
    if dtype == "bool" or dtype in dtypes.UNSIGNED:
        return backend.full(backend.shape(x), False, "bool")
    if dtypes.is_complex(dtype):
        raise _not_complex("signbit", dtype)
    if dtypes.is_float(dtype):
        width = {"float16": "int16", "bfloat16": "int16", "float32": "int32"}
        x = backend.bitcast(x, width.get(dtype, "int64"))
    return backend.less(x, 0)
