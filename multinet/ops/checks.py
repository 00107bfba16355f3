"""Checks of arguments that frameworks would let pass, each in its own way."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from multinet import dtypes
from multinet.errors import (
    ArgumentError,
    DTypeError,
    OutOfRange,
    ShapeError,
    WrongType,
)
from multinet.interface import refused
from multinet.ops.core import as_tensor, floating, read
from multinet.ops.refusals import shown
from multinet.registry import current
from multinet.symbolic.dims import Dim, differ, public_shape
from multinet.typing import Numbers, Size, Tensor

_FLOATS = frozenset(dtypes.FLOATS)


def at_least(value: Numbers, least: int, what: str) -> Numbers:
    """Return an int of at least `least`, or an unknown size; else `ArgumentError`,
    `WrongType` for what is no int.
    """
    if type(value) is int and value >= least:
        return value
    if isinstance(value, Dim):
        return value
    try:
        number = operator.index(value)
    except TypeError as error:
        raise WrongType(
            f"Expected {what} as an int of at least {least}, got {shown(value)}."
        ) from error
    if number < least:
        raise ArgumentError(
            f"Expected {what} as an int of at least {least}, got {shown(value)}."
        )
    return number


def sizes_at_least(shape: tuple[Any, ...], least: int, what: str) -> tuple[Any, ...]:
    """Return a tuple of sizes after checking each; `ShapeError` if one is less."""
    if any(not isinstance(n, Dim) and n < least for n in shape):
        raise ShapeError(
            f"Expected {what} with sizes of at least {least}, got "
            f"{public_shape(shape)}."
        )
    return shape


def within(shape: tuple[Any, ...], limit: tuple[Any, ...], what: str) -> None:
    """Refuse a shape that would broadcast others than itself to more than `limit`."""
    rest = limit[len(limit) - len(shape) :] if len(shape) <= len(limit) else None
    if rest is None or any(differ(n, m) and differ(n, 1) for n, m in zip(shape, rest)):
        raise ShapeError(
            f"Expected {what} to broadcast to shape {public_shape(limit)}, got shape "
            f"{public_shape(shape)}."
        )


def in_range(indices: Tensor, size: Size, what: str) -> None:
    """Refuse integers that the host knows to lie outside of [0, size)."""
    if isinstance(size, Dim):
        return
    values = current().known(indices)
    error = None if values is None else refused(values, int(size), 0, what)
    if error is not None:
        raise error


def in_axis(indices: Tensor, size: Size) -> None:
    """Refuse integers that the host knows to lie outside of an axis."""
    if isinstance(size, Dim) or hasattr(indices, "__multinet_tensor__"):
        return
    backend = current()
    if backend.is_tensor(indices):
        whole = dtypes.is_integer(backend.dtype(indices))
        values = backend.known(indices) if whole else None
        error = None if values is None else refused(values, size, -size)
        if error is not None:
            raise error
        return
    values = read(indices)
    if values.dtype.kind in "iu" and values.size:
        if values.min() < -size or values.max() >= size:
            raise OutOfRange(
                f"Expected indices in [{-size}, {size}) for an axis of {size}, got "
                f"{shown(indices)}."
            )


def function(value: Callable[..., Any], what: str) -> Callable[..., Any]:
    """Return a function; `ArgumentError` if it cannot be called."""
    if not callable(value):
        raise WrongType(f"Expected {what} as a function, got {shown(value)}.")
    return value


def whole(value: Numbers, what: str) -> int:
    """Return an int of the host; else `ArgumentError`."""
    try:
        return operator.index(value)
    except TypeError as error:
        raise ArgumentError(
            f"Expected {what} as an int, got {shown(value)}."
        ) from error


def number(value: Numbers, what: str) -> float:
    """Return a number of the host as a float; else `ArgumentError`."""
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        text = f"Expected {what} as a number, got {shown(value)}."
        raise ArgumentError(text) from error


def real_floats(name: str, x: Tensor) -> Numbers:
    """Return x as a float tensor, integers as floatx; `DTypeError` if it is complex.

    `name` is the op's, for the error.
    """
    x = floating(x)
    check_real(name, current().dtype(x))
    return x


def real_numbers(name: str, x: Tensor) -> Numbers:
    """Return x as a tensor; `DTypeError` if it is complex."""
    x = as_tensor(x)
    check_real(name, current().dtype(x))
    return x


def check_real(name: str, dtype: str) -> None:
    """Refuse complex numbers, which some frameworks would order or round."""
    if dtype not in _FLOATS and dtypes.is_complex(dtype):
        raise not_complex(name, dtype)


def not_complex(name: str, dtype: str) -> DTypeError:
    """Return the error of an op that takes real numbers only."""
    return DTypeError(
        f"{name} takes real numbers, got {dtype}. Apply it to ops.real(x) and "
        "ops.imag(x), or to ops.abs(x)."
    )
