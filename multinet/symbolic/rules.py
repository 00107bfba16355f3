"""The rules that many array primitives share, made from the method's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multinet.errors import ShapeError
from multinet.interface.array import Axes, Scalar
from multinet.symbolic.dims import Dim
from multinet.symbolic.spec import (
    SymbolicArray,
    check_axis,
    check_domain,
    kept,
    show,
)

X = SymbolicArray


def unary(method: str) -> Callable[[Any, X], X]:
    """Return the rule of a method of one tensor that keeps shape and dtype."""

    def rule(self: Any, x: X) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        return SymbolicArray(x.shape, x.dtype)

    return _named(rule, method)


def test(method: str) -> Callable[[Any, X], X]:
    """Return the rule of a method of one tensor that answers in bool."""

    def rule(self: Any, x: X) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        return SymbolicArray(x.shape, "bool")

    return _named(rule, method)


def binary(method: str) -> Callable[[Any, X | Scalar, X | Scalar], X]:
    """Return the rule of a broadcasting method of two operands of one dtype."""

    def rule(self: Any, x: X | Scalar, y: X | Scalar) -> X:
        shape, dtype = self.operands(method, x, y)
        check_domain(method, dtype)
        return SymbolicArray(shape, dtype)

    return _named(rule, method)


def comparison(method: str) -> Callable[[Any, X | Scalar, X | Scalar], X]:
    """Return the rule of a broadcasting method that answers in bool."""

    def rule(self: Any, x: X | Scalar, y: X | Scalar) -> X:
        shape, dtype = self.operands(method, x, y)
        check_domain(method, dtype)
        return SymbolicArray(shape, "bool")

    return _named(rule, method)


def reduction(method: str) -> Callable[[Any, X, Axes, bool], X]:
    """Return the rule of a reduction that keeps the dtype."""

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
        return SymbolicArray(kept(x.shape, axes, keepdims), x.dtype)

    return _named(rule, method)


def position(method: str) -> Callable[[Any, X, int], X]:
    """Return the rule of argmax and argmin."""

    def rule(self: Any, x: X, axis: int) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        check_axis(method, axis, len(x.shape))
        if x.shape[axis] == 0 and not isinstance(x.shape[axis], Dim):
            raise ShapeError(
                f"{method} expects an axis that is not empty; got shape "
                f"{show(x.shape)} and axis {axis}. An empty set has no place."
            )
        return SymbolicArray(kept(x.shape, (axis,), False), "int32")

    return _named(rule, method)


def running(method: str) -> Callable[[Any, X, int], X]:
    """Return the rule of a method along one axis that keeps shape and dtype."""

    def rule(self: Any, x: X, axis: int) -> X:
        x = self.spec(x)
        check_domain(method, x.dtype)
        check_axis(method, axis, len(x.shape))
        return SymbolicArray(x.shape, x.dtype)

    return _named(rule, method)


def _named(rule: Any, method: str) -> Any:
    rule.__name__ = method
    return rule
