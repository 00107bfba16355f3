"""Elementwise functions of two tensors, which broadcast and promote."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from multinet import dtypes
from multinet.errors import DTypeError
from multinet.ops.checks import check_real, not_complex
from multinet.ops.core import (
    as_tensor,
    behind,
    boolean,
    both,
    broadcast_shapes,
    cast_tensor,
    dtype_of,
    op,
    operands,
    pair,
    shape_of,
)
from multinet.ops.doors import domain, plain_dtype
from multinet.registry import current
from multinet.typing import Tensor

_INEXACT = frozenset(dtypes.FLOATS + dtypes.COMPLEX)


class Binary(Protocol):
    """A public op of two tensors that broadcast."""

    __name__: str

    def __call__(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Apply the op to two tensors, or to anything that converts to one."""
        ...


def _arithmetic(name: str, doc: str, on_bool: str | None) -> Binary:
    """Return the op for a primitive on numbers; `on_bool` is what serves two bools.

    That is the name of a logical primitive, "int32" to count, or None to refuse.
    """
    ready = domain(name)

    def function(x1: Tensor, x2: Tensor) -> Tensor:
        backend = current()
        x1, x2, dtype = pair(backend, x1, x2)
        if dtype == "bool":
            x1, x2, logical = _on_bool(name, x1, x2, on_bool)
            return getattr(backend, logical)(x1, x2)
        if dtype not in ready:
            raise not_complex(f"ops.{name}", dtype)
        return _apply(backend, name, x1, x2)

    return _public(name, doc, function)


def _floating(name: str, doc: str) -> Binary:
    """Return the op for a primitive on floats; integers and bool become floatx."""
    ready = domain(name)

    def function(x1: Tensor, x2: Tensor) -> Tensor:
        backend = current()
        x1, x2, dtype = pair(backend, x1, x2)
        if dtype not in _INEXACT:
            x1, x2 = operands(x1, x2, floating=True)
        elif dtype not in ready:
            raise not_complex(f"ops.{name}", dtype)
        return _apply(backend, name, x1, x2)

    return _public(name, doc, function)


def _comparison(name: str, doc: str) -> Binary:
    ready = domain(name)

    def function(x1: Tensor, x2: Tensor) -> Tensor:
        backend = current()
        x1, x2, dtype = pair(backend, x1, x2)
        if dtype not in ready:
            raise not_complex(f"ops.{name}", dtype)
        return _apply(backend, name, x1, x2)

    return _public(name, doc, function)


def _bits(name: str, doc: str, primitive: str) -> Binary:
    def function(x: Tensor, y: Tensor) -> Tensor:
        x, y = operands(x, y)
        backend = current()
        dtype = dtype_of(x, y)
        if dtype == "bool":
            x, y = as_tensor(x), as_tensor(y)
            if primitive in ("left_shift", "right_shift"):
                x, y = cast_tensor(x, "int32"), cast_tensor(y, "int32")
        elif not dtypes.is_integer(dtype):
            raise DTypeError(f"ops.{name} takes integers or bool, got {dtype}.")
        return getattr(backend, primitive)(x, y)

    return _public(name, doc, function, primitive)


def _logical(name: str, doc: str) -> Binary:
    def function(x1: Tensor, x2: Tensor) -> Tensor:
        return getattr(current(), name)(boolean(x1), boolean(x2))

    return _public(name, doc, function)


def _named(name: str, doc: str, function: Callable[..., Any]) -> Callable[..., Any]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _public(
    name: str, doc: str, function: Callable[..., Any], primitive: str = ""
) -> Binary:
    """Return the public op, by which two tensors of one dtype go straight through."""
    primitive = primitive or name
    ready = domain(primitive)

    def door(x1: Tensor, x2: Tensor) -> Tensor:
        backend = current()
        if plain_dtype(backend, x1, x2) in ready:
            return getattr(backend, primitive)(x1, x2)
        return None

    return behind(door)(_named(name, doc, function))  # type: ignore[return-value]


def _apply(backend: Any, name: str, x1: Any, x2: Any) -> Any:
    try:
        return getattr(backend, name)(x1, x2)
    except Exception as error:
        _explain(name, x1, x2, error)
        raise


def _on_bool(name: str, x1: Any, x2: Any, served_by: str | None) -> Any:
    if served_by is None:
        raise DTypeError(
            f"ops.{name} takes numbers, got bool. Cast to 'int32' first, or use "
            "ops.logical_xor."
        )
    x1, x2 = as_tensor(x1), as_tensor(x2)
    if served_by == "int32":
        return cast_tensor(x1, "int32"), cast_tensor(x2, "int32"), name
    return x1, x2, served_by


def _explain(name: str, x1: Any, x2: Any, error: Exception) -> None:
    """Raise a ShapeError if the shapes are what made a primitive fail."""
    shapes = [shape_of(as_tensor(x)) for x in (x1, x2)]
    broadcast_shapes(*shapes, what=f"ops.{name}", cause=error)


# fmt: off
add = _arithmetic("add", "Return x1 + x2; `or` on bool.", "logical_or")
subtract = _arithmetic("subtract", "Return x1 - x2.", None)
multiply = _arithmetic("multiply", "Return x1 * x2; `and` on bool.", "logical_and")
maximum = _arithmetic("maximum", "Return the larger; NaN if either is.", "logical_or")
minimum = _arithmetic("minimum", "Return the smaller; NaN if either is.", "logical_and")
floor_divide = _arithmetic("floor_divide", "Return x1 / x2 rounded down.", "int32")
mod = _arithmetic("mod", "Return the remainder with the sign of x2.", "int32")
power = _arithmetic("power", "Return x1**x2.", "int32")
divide = _floating("divide", "Return x1 / x2; integers divide to floatx.")
arctan2 = _floating("arctan2", "Return the angle of the point (x2, x1), in [-pi, pi].")
logaddexp = _floating("logaddexp", "Return log(e**x1 + e**x2) without overflow.")
equal = _comparison("equal", "Return x1 == x2 as bool.")
not_equal = _comparison("not_equal", "Return x1 != x2 as bool.")
less = _comparison("less", "Return x1 < x2 as bool.")
less_equal = _comparison("less_equal", "Return x1 <= x2 as bool.")
greater = _comparison("greater", "Return x1 > x2 as bool.")
greater_equal = _comparison("greater_equal", "Return x1 >= x2 as bool.")
logical_and = _logical("logical_and", "Return x1 and x2 as bool; nonzero is true.")
logical_or = _logical("logical_or", "Return x1 or x2 as bool; nonzero is true.")
bitwise_and = _bits("bitwise_and", "Return x & y, of integers or bool.", "bitwise_and")
bitwise_or = _bits("bitwise_or", "Return x | y, of integers or bool.", "bitwise_or")
bitwise_xor = _bits("bitwise_xor", "Return x ^ y, of integers or bool.", "bitwise_xor")
bitwise_left_shift = _bits("bitwise_left_shift", "Return x << y.", "left_shift")
bitwise_right_shift = _bits("bitwise_right_shift", "Return x >> y.", "right_shift")
# fmt: on


@op
def logical_xor(x1: Tensor, x2: Tensor) -> Tensor:
    """Return whether exactly one is true (nonzero), as bool."""
    return current().not_equal(boolean(x1), boolean(x2))


@op
def logical_not(x: Tensor) -> Tensor:
    """Return not x as bool; nonzero is true."""
    return current().logical_not(boolean(x))


@op
def bitwise_not(x: Tensor) -> Tensor:
    """Return ~x, of integers; not x of bool."""
    x, backend = as_tensor(x), current()
    dtype = backend.dtype(x)
    if dtype == "bool":
        return backend.logical_not(x)
    if not dtypes.is_integer(dtype):
        raise DTypeError(f"ops.bitwise_not takes integers or bool, got {dtype}.")
    if dtype in dtypes.SIGNED:
        return backend.bitwise_xor(x, -1)
    return backend.bitwise_xor(x, backend.full((), (1 << int(dtype[4:])) - 1, dtype))


@op
def divide_no_nan(x1: Tensor, x2: Tensor) -> Tensor:
    """Return x1 / x2, 0 where x2 is 0."""
    x1, x2 = both(*operands(x1, x2, floating=True))
    backend = current()
    zero = backend.equal(x2, 0)
    return backend.where(zero, 0, backend.divide(x1, backend.where(zero, 1, x2)))


@op
def fmod(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the remainder with the sign of x1."""
    x1, x2 = operands(x1, x2)
    backend = current()
    if dtype_of(x1, x2) == "bool":
        x1, x2 = (
            cast_tensor(as_tensor(x1), "int32"),
            cast_tensor(as_tensor(x2), "int32"),
        )
    x1, x2 = both(x1, x2)
    check_real("ops.fmod", dtype_of(x1, x2))
    if dtype_of(x1, x2) in dtypes.UNSIGNED:
        return backend.mod(x1, x2)
    below = backend.less(x1, 0)
    size = backend.where(below, backend.negative(x1), x1)
    rest = backend.mod(size, backend.abs(x2))
    return backend.where(below, backend.negative(rest), rest)


@op
def fmax(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the larger; the other one where one is NaN."""
    return _without_nan(maximum, x1, x2)


@op
def fmin(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the smaller; the other one where one is NaN."""
    return _without_nan(minimum, x1, x2)


def _without_nan(function: Binary, x1: Any, x2: Any) -> Any:
    x1, x2 = both(*operands(x1, x2))
    result, backend = function(x1, x2), current()
    if not dtypes.is_float(backend.dtype(result)):
        return result
    result = backend.where(backend.isnan(x1), x2, result)
    return backend.where(backend.isnan(x2), x1, result)


@op
def hypot(x1: Tensor, x2: Tensor) -> Tensor:
    """Return sqrt(x1**2 + x2**2) without overflow."""
    x1, x2 = both(*operands(x1, x2, floating=True))
    backend = current()
    check_real("ops.hypot", backend.dtype(x1))
    x1, x2 = backend.abs(x1), backend.abs(x2)
    large, small = backend.maximum(x1, x2), backend.minimum(x1, x2)
    zero = backend.equal(large, 0)
    ratio = backend.divide(small, backend.where(zero, 1, large))
    ratio = backend.where(backend.equal(small, large), 1, ratio)  # inf / inf
    length = backend.multiply(
        large, backend.sqrt(backend.add(backend.square(ratio), 1))
    )
    return backend.where(zero, large, length)


@op
def heaviside(x1: Tensor, x2: Tensor) -> Tensor:
    """Return 0 where x1 < 0, x2 where it is 0, 1 where it is positive."""
    x1, x2 = both(*operands(x1, x2, floating=True))
    backend = current()
    check_real("ops.heaviside", backend.dtype(x1))
    step = backend.where(
        backend.less(x1, 0), 0, backend.where(backend.isnan(x1), x1, 1)
    )
    return backend.where(backend.equal(x1, 0), x2, step)


@op
def logaddexp2(x1: Tensor, x2: Tensor) -> Tensor:
    """Return log2(2**x1 + 2**x2) without overflow."""
    x1, x2 = both(*operands(x1, x2, floating=True))
    check_real("ops.logaddexp2", current().dtype(x1))
    backend, log_2 = current(), math.log(2.0)
    total = backend.logaddexp(backend.multiply(x1, log_2), backend.multiply(x2, log_2))
    return backend.multiply(total, 1 / log_2)


@op
def ldexp(x1: Tensor, x2: Tensor) -> Tensor:
    """Return x1 * 2**x2; x2 holds integers."""
    x1, x2 = as_tensor(x1), as_tensor(x2)
    backend = current()
    if not dtypes.is_integer(backend.dtype(x2)):
        raise DTypeError(f"ops.ldexp takes integer x2, got {backend.dtype(x2)}.")
    x1 = cast_tensor(x1, dtypes.to_float(backend.dtype(x1)))
    if backend.dtype(x2) in ("uint32", "uint64", "int64"):
        x2 = backend.minimum(x2, 10_000)
    dtype, left = backend.dtype(x1), cast_tensor(x2, "int32")
    most = 1000 if dtype == "float64" else 14 if dtype == "float16" else 100
    for _ in range(3):  # 2**x2 alone may overflow where the product does not
        step = backend.clip(left, -most, most)
        x1 = backend.multiply(x1, backend.power(2.0, cast_tensor(step, dtype)))
        left = backend.subtract(left, step)
    return x1


@op
def gcd(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the greatest common divisor of integers, not negative."""
    x1, x2 = _integers("gcd", x1, x2)
    backend = current()
    shape = broadcast_shapes(shape_of(x1), shape_of(x2), what="ops.gcd")
    state = [backend.broadcast_to(backend.abs(x), shape) for x in (x1, x2)]

    def running(a: Tensor, b: Tensor) -> Tensor:
        axes = tuple(range(len(shape)))
        return backend.any(backend.not_equal(b, 0), axes, False)

    def step(a: Tensor, b: Tensor) -> tuple[Any, Any]:
        done = backend.equal(b, 0)
        rest = backend.mod(a, backend.where(done, 1, b))
        return backend.where(done, a, b), backend.where(done, 0, rest)

    return backend.while_loop(running, step, state)[0]


@op
def lcm(x1: Tensor, x2: Tensor) -> Tensor:
    """Return the least common multiple of integers, not negative."""
    x1, x2 = _integers("lcm", x1, x2)
    backend = current()
    divisor = gcd(x1, x2)
    divisor = backend.where(backend.equal(divisor, 0), 1, divisor)
    return backend.abs(backend.multiply(backend.floor_divide(x1, divisor), x2))


def _integers(name: str, x1: Any, x2: Any) -> tuple[Any, Any]:
    x1, x2 = both(*operands(x1, x2))
    if not dtypes.is_integer(dtype_of(x1, x2)):
        raise DTypeError(f"ops.{name} takes integers, got {dtype_of(x1, x2)}.")
    return x1, x2


@op
def isclose(
    x1: Tensor,
    x2: Tensor,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Tensor:
    """Return where |x1 - x2| <= atol + rtol * |x2|, as bool."""
    x1, x2 = both(*operands(x1, x2, floating=True))
    backend = current()
    gap = backend.abs(backend.subtract(x1, x2))
    limit = backend.add(backend.multiply(backend.abs(x2), rtol), atol)
    near = backend.logical_and(backend.less_equal(gap, limit), backend.isfinite(limit))
    near = backend.logical_or(near, backend.equal(x1, x2))
    if equal_nan:
        near = backend.logical_or(
            near, backend.logical_and(backend.isnan(x1), backend.isnan(x2))
        )
    return near


@op
def allclose(
    x1: Tensor,
    x2: Tensor,
    rtol: float = 1e-5,
    atol: float = 1e-8,
    equal_nan: bool = False,
) -> Tensor:
    """Return whether |x1 - x2| <= atol + rtol * |x2| everywhere, as a bool scalar."""
    near, backend = isclose(x1, x2, rtol, atol, equal_nan), current()
    return backend.all(near, tuple(range(len(backend.shape(near)))), False)
