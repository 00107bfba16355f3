"""Python's operators, by the public ops, for objects that stand for tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from multinet.errors import MultinetError

_ops: Mapping[str, Callable[..., Any]] = {}


def install(ops: Mapping[str, Callable[..., Any]]) -> None:
    """Give the operators their functions; `multinet.ops` does, being a floor above."""
    global _ops
    _ops = ops


def _binary(name: str) -> Callable[[Any, Any], Any]:
    def forward(self: Any, other: Any) -> Any:
        return _ops[name](self, other)

    return forward


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    def backward(self: Any, other: Any) -> Any:
        return _ops[name](other, self)

    return backward


def _unary(name: str) -> Callable[[Any], Any]:
    def apply(self: Any) -> Any:
        return _ops[name](self)

    return apply


class Operators:
    """Arithmetic, comparison, logic and indexing by the functions of `multinet.ops`.

    `==` compares elements, so objects hash and are found in lists by identity only.
    """

    __slots__ = ()

    __add__, __radd__ = _binary("add"), _reflected("add")
    __sub__, __rsub__ = _binary("subtract"), _reflected("subtract")
    __mul__, __rmul__ = _binary("multiply"), _reflected("multiply")
    __truediv__, __rtruediv__ = _binary("divide"), _reflected("divide")
    __floordiv__, __rfloordiv__ = _binary("floor_divide"), _reflected("floor_divide")
    __mod__, __rmod__ = _binary("mod"), _reflected("mod")
    __pow__, __rpow__ = _binary("power"), _reflected("power")
    __matmul__, __rmatmul__ = _binary("matmul"), _reflected("matmul")
    __and__, __rand__ = _binary("bitwise_and"), _reflected("bitwise_and")
    __or__, __ror__ = _binary("bitwise_or"), _reflected("bitwise_or")
    __xor__, __rxor__ = _binary("bitwise_xor"), _reflected("bitwise_xor")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __eq__ = _binary("equal")  # type: ignore[assignment]
    __ne__ = _binary("not_equal")  # type: ignore[assignment]
    __neg__, __abs__ = _unary("negative"), _unary("abs")
    __invert__ = _unary("logical_not")
    __hash__ = object.__hash__

    def __getitem__(self, index: Any) -> Any:
        return _ops["get_item"](self, index)

    def __iter__(self) -> Any:
        size = self.shape[0] if self.shape else None  # type: ignore[attr-defined]
        if size is None:
            raise MultinetError(
                f"Cannot iterate over {self!r}: its first axis is unknown."
            )
        return (self[i] for i in range(size))
