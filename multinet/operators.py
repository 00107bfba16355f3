"""Python's operators, by the public ops, for objects that stand for tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import numpy as np

from multinet import dtypes
from multinet.errors import DTypeError, MultinetError, NotScalar
from multinet.typing import DType, Host, Tensor

_ops: Mapping[str, Callable[..., Any]] = {}

# The ufuncs by which NumPy serves the operators of an array, and the ops that they are.
_UFUNCS: dict[np.ufunc, str] = {
    np.add: "add",
    np.subtract: "subtract",
    np.multiply: "multiply",
    np.divide: "divide",
    np.floor_divide: "floor_divide",
    np.remainder: "mod",
    np.power: "power",
    np.matmul: "matmul",
    np.bitwise_and: "logical_and",
    np.bitwise_or: "logical_or",
    np.bitwise_xor: "logical_xor",
    np.less: "less",
    np.less_equal: "less_equal",
    np.greater: "greater",
    np.greater_equal: "greater_equal",
    np.equal: "equal",
    np.not_equal: "not_equal",
}

# The methods of a native tensor that are Python's operators, by their native names.
NATIVE = frozenset(
    f"{name}{in_place}"
    for name in (
        *("add", "sub", "mul", "div", "__floordiv__", "floor_divide", "remainder"),
        *("pow", "matmul", "__and__", "__or__", "__xor__"),
        *("lt", "le", "gt", "ge", "eq", "ne"),
    )
    for in_place in ("", "_")
)


def install(ops: Mapping[str, Callable[..., Any]]) -> None:
    """Give the operators their functions; `multinet.ops` does, being a floor above."""
    global _ops
    _ops = ops


def _binary(name: str) -> Callable[[Any, Tensor], Tensor]:
    def forward(self: Any, other: Tensor) -> Tensor:
        return _ops[name](self, other)

    return forward


def _reflected(name: str) -> Callable[[Any, Tensor], Tensor]:
    def backward(self: Any, other: Tensor) -> Tensor:
        return _ops[name](other, self)

    return backward


def _unary(name: str) -> Callable[[Any], Tensor]:
    def apply(self: Any) -> Tensor:
        return _ops[name](self)

    return apply


class Operators:
    """Arithmetic, comparison, logic and indexing by the functions of `multinet.ops`.

    `==` compares elements, so objects hash and are found in lists by identity only. As
    in Keras `&`, `|`, `^` and `~` are of truth values; `ops.bitwise_and` is of bits. A
    native tensor on the left defers to the object on the right; `x += object` binds x
    to a new tensor.
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
    __and__, __rand__ = _binary("logical_and"), _reflected("logical_and")
    __or__, __ror__ = _binary("logical_or"), _reflected("logical_or")
    __xor__, __rxor__ = _binary("logical_xor"), _reflected("logical_xor")
    __lt__, __le__ = _binary("less"), _binary("less_equal")
    __gt__, __ge__ = _binary("greater"), _binary("greater_equal")
    __eq__ = _binary("equal")  # type: ignore[assignment]
    __ne__ = _binary("not_equal")  # type: ignore[assignment]
    __neg__, __abs__ = _unary("negative"), _unary("abs")
    __pos__ = _unary("convert_to_tensor")
    __invert__ = _unary("logical_not")
    __hash__ = object.__hash__

    def __getitem__(self, index: object) -> Tensor:
        return _ops["get_item"](self, index)

    def __rgetitem__(self, tensor: Tensor, key: object) -> Tensor:
        """Return tensor[key], where `key` is or holds this object.

        Backends call it, since Python has no such reflection.
        """
        return _ops["get_item"](tensor, key)

    def __tf_tensor__(
        self, dtype: DType | None = None, name: str | None = None
    ) -> NoReturn:
        """Refuse, so that a native operator or function asks the backend what to do."""
        raise TypeError(f"{self!r} stands for a tensor, and is none of the framework.")

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any
    ) -> Tensor:
        """Serve `array + object`, `array += object`, and ufuncs such as `np.sin`."""
        name = _UFUNCS.get(ufunc) if method == "__call__" else None
        out = kwargs.get("out", (None,))[0]
        in_place = set(kwargs) <= {"out", "axes"} and out is inputs[0]  # axes: of `@=`
        if name is None or kwargs and not in_place:
            return getattr(ufunc, method)(*map(_array_of, inputs), **kwargs)
        # `array += object` binds the name to a new tensor, on NumPy too: an array that
        # a layer was given is the caller's.
        return _ops[name](*inputs)

    def __iter__(self) -> Iterator[Tensor]:
        size = self.shape[0] if self.shape else None  # type: ignore[attr-defined]
        if size is None:
            raise MultinetError(
                f"Cannot iterate over {self!r}: its first axis is unknown."
            )
        return (self[i] for i in range(size))


class AsNumber:
    """What makes an object of one element a Python number."""

    __slots__ = ()
    shape: tuple[int, ...]
    dtype: str

    def label(self) -> str:
        """Return what an error says of the object."""
        raise NotImplementedError

    def numpy(self) -> Host:
        """Return the value."""
        raise NotImplementedError

    def _number(self, kind: str) -> Any:
        if self.shape:
            raise NotScalar(
                f"{kind}(variable) expects a Variable of shape (), got {self.label()}. "
                "Index it first, or take variable.numpy()."
            )
        return self.numpy()[()]

    def __float__(self) -> float:
        return float(self._number("float"))

    def __int__(self) -> int:
        return int(self._number("int"))

    def __index__(self) -> int:
        if not dtypes.is_integer(self.dtype):
            raise DTypeError(
                f"Expected an integer Variable as an index, got {self.label()}. Cast "
                "it with ops.cast(variable, 'int32')."
            )
        return int(self._number("index"))

    def __bool__(self) -> bool:
        return bool(self._number("bool"))

    def __round__(self, digits: int | None = None) -> Tensor:
        if self.shape:
            return _ops["round"](self, digits or 0)
        return round(self._number("round").item(), digits)

    def __format__(self, spec: str) -> str:
        return format(self._number("format").item(), spec) if spec else str(self)


def _array_of(x: Any) -> Any:
    """Return an input of a ufunc as NumPy can take it."""
    return np.asarray(x) if isinstance(x, Operators) else x
