"""The rules that many primitives share, made from the table of facts.

Methods of one form differ in their dtypes only, which `SIGNATURES` knows; so a class of
shape rules gets them all by `by_form`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from multinet.errors import ShapeError
from multinet.interface import primitives
from multinet.interface.array import Axes, Scalar
from multinet.interface.signatures import SIGNATURES
from multinet.symbolic.dims import Dim
from multinet.symbolic.spec import (
    SymbolicArray,
    broadcast,
    check_axis,
    check_domain,
    is_scalar,
    kept,
    made,
    operand_dtype,
    shapes,
    show,
)

X = SymbolicArray
C = TypeVar("C", bound=type)


def one(method: str) -> Callable[[Any, X], X]:
    """Return the rule of a method of one tensor that keeps the shape."""

    def rule(self: Any, x: X) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        return made(method, x.dtype, x.shape)

    return rule


def two(method: str) -> Callable[[Any, X | Scalar, X | Scalar], X]:
    """Return the rule of a broadcasting method of two operands of one dtype."""

    def rule(self: Any, x: X | Scalar, y: X | Scalar) -> X:
        operands = [v if is_scalar(v) else self.spec(v) for v in (x, y)]
        dtype = operand_dtype(method, operands)
        return made(method, dtype, broadcast(method, *shapes(*operands)))

    return rule


def over(method: str) -> Callable[[Any, X, Axes, bool], X]:
    """Return the rule of a reduction over axes."""

    def rule(self: Any, x: X, axes: Axes, keepdims: bool) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        for axis in axes:
            check_axis(method, axis, len(x.shape))
        empty = [a for a in axes if not isinstance(x.shape[a], Dim) and x.shape[a] == 0]
        if method in ("max", "min") and empty:
            raise ShapeError(
                f"{method} expects axes that are not empty; got shape {show(x.shape)} "
                f"and axes {axes}. An empty set has no {method}imum."
            )
        return made(method, x.dtype, kept(x.shape, axes, keepdims))

    return rule


def along(method: str) -> Callable[[Any, X, int], X]:
    """Return the rule of a walk along an axis, which an index into it drops."""
    index = SIGNATURES[method].result == "int32"

    def rule(self: Any, x: X, axis: int) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        check_axis(method, axis, len(x.shape))
        if index and x.shape[axis] == 0 and not isinstance(x.shape[axis], Dim):
            raise ShapeError(
                f"{method} expects an axis that is not empty; got shape "
                f"{show(x.shape)} and axis {axis}. An empty set has no place."
            )
        shape = kept(x.shape, (axis,), False) if index else x.shape
        return made(method, x.dtype, shape)

    return rule


def last(method: str) -> Callable[[Any, X], X]:
    """Return the rule of a method that orders the last axis."""

    def rule(self: Any, x: X) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        check_axis(method, len(x.shape) - 1, len(x.shape))
        return made(method, x.dtype, x.shape)

    return rule


_MAKERS: dict[str, Callable[[str], Callable[..., X]]] = {
    "one": one,
    "two": two,
    "over": over,
    "along": along,
    "last": last,
}


def by_form(cls: C) -> C:
    """Give a class the rule of each primitive that has a form."""
    for name in primitives():
        form = SIGNATURES[name].form
        if form:
            rule = _MAKERS[form](name)
            rule.__name__ = name
            setattr(cls, name, rule)
    return cls
