"""Native operators of traced tensors, for programs that use them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np

from multinet import dtypes
from multinet.errors import TraceError
from multinet.interface.operands import stand_in
from multinet_numpy.dtypes import NAMES, SCALARS
from multinet_numpy.spaces import traced

_HINT = (
    "A value inside a differentiated function was asked for as {}, which would cut its "
    "gradient silently. Use the operations of the library, or stop_gradient(x) first."
)


def _operator(name: str) -> tuple[Any, Any]:
    """Return the methods of an operator and of its reflection."""

    def forward(self: Any, y: Any) -> Any:
        return _operate(name, self, y) if _is_operand(y) else NotImplemented

    def backward(self: Any, y: Any) -> Any:
        return _operate(name, y, self) if _is_operand(y) else NotImplemented

    return forward, backward


def _is_operand(y: Any) -> bool:
    return isinstance(y, Operators | np.ndarray | np.generic) or type(y) in SCALARS


def _operate(name: str, x: Any, y: Any) -> Any:
    """Apply a binary primitive after the promotion of the library's operations."""
    if name == "matmul":
        return _product(x, y)
    x, y = _promoted(x, y)
    return getattr(traced, name)(x, y)


def _promoted(x: Any, y: Any) -> tuple[Any, ...]:
    types = [type(v) if type(v) in SCALARS else NAMES[v.dtype.type] for v in (x, y)]
    common = dtypes.promote(*types)
    return tuple(_to(v, t, common) for v, t in zip((x, y), types))


def _to(value: Any, kind: Any, dtype: str) -> Any:
    return (
        value if kind == dtype or type(value) in SCALARS else traced.cast(value, dtype)
    )


def _plain(key: Any) -> Any:
    return key.plain() if isinstance(key, Operators) else key


class Operators:
    """The operators and attributes of NumPy arrays, recorded on the tape."""

    __slots__ = ()
    __array_ufunc__: Any = None  # `native.py` has them, and methods of arrays
    __hash__ = None  # type: ignore[assignment]
    value: Any

    # -- attributes --------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape."""
        return self.value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        return self.value.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.value.size

    @property
    def T(self) -> Any:
        """The tensor with its axes reversed."""
        return self.transpose()

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    # -- methods -----------------------------------------------------------------------

    def _call(self, name: str, *args: Any) -> Any:
        return getattr(traced, name)(self, *args)

    def astype(self, dtype: Any) -> Any:
        """Return the tensor in another dtype."""
        return self._call("cast", dtypes.standardize(dtype))

    def reshape(self, *shape: Any) -> Any:
        """Return the elements in another shape; one size may be -1."""
        sizes = shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape
        known = -int(np.prod(sizes))
        sizes = tuple(self.size // max(known, 1) if n == -1 else n for n in sizes)
        return self._call("reshape", sizes)

    def transpose(self, *axes: Any) -> Any:
        """Permute the axes, or reverse them."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        order = tuple(order) or tuple(reversed(range(self.ndim)))
        return self._call("transpose", tuple(i % self.ndim for i in order))

    def sum(
        self, axis: Any = None, dtype: None = None, out: None = None, keepdims: Any = 0
    ) -> Any:
        """Return the sum over axes; `np.sum` calls it with all arguments."""
        if dtype is not None or out is not None:
            raise TypeError("The sum of a traced tensor takes neither dtype nor out.")
        return self._call("sum", self._axes(axis), bool(keepdims))

    def mean(
        self, axis: Any = None, dtype: None = None, out: None = None, keepdims: Any = 0
    ) -> Any:
        """Return the mean over axes; `np.mean` calls it with all arguments."""
        count = float(np.prod([self.shape[i] for i in self._axes(axis)]))
        return self.sum(axis, dtype, out, keepdims) / count

    def _axes(self, axis: Any) -> tuple[int, ...]:
        if axis is None:
            return tuple(range(self.ndim))
        axes = (axis,) if isinstance(axis, int) else axis
        return tuple(sorted(i % self.ndim for i in axes))

    def __getitem__(self, key: Any) -> Any:
        other = stand_in(key)
        return self._item(key) if other is None else other.__rgetitem__(self, key)

    def _item(self, key: Any) -> Any:
        keys = tuple(map(_plain, key)) if isinstance(key, tuple) else _plain(key)
        return self._call("getitem", keys)

    def plain(self) -> Any:
        """Return what serves as an index: nothing of it is on a tape."""
        return self

    # -- operators ---------------------------------------------------------------------

    __add__, __radd__ = _operator("add")
    __sub__, __rsub__ = _operator("subtract")
    __mul__, __rmul__ = _operator("multiply")
    __truediv__, __rtruediv__ = _operator("divide")
    __floordiv__, __rfloordiv__ = _operator("floor_divide")
    __mod__, __rmod__ = _operator("mod")
    __pow__, __rpow__ = _operator("power")
    __matmul__, __rmatmul__ = _operator("matmul")
    __and__, __rand__ = _operator("bitwise_and")
    __or__, __ror__ = _operator("bitwise_or")
    __xor__, __rxor__ = _operator("bitwise_xor")
    __lt__, __le__ = _operator("less")[0], _operator("less_equal")[0]
    __gt__, __ge__ = _operator("greater")[0], _operator("greater_equal")[0]
    __eq__ = _operator("equal")[0]  # type: ignore[assignment]
    __ne__ = _operator("not_equal")[0]  # type: ignore[assignment]

    def __neg__(self) -> Any:
        return self._call("negative")

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return self._call("abs")

    # -- refusals ----------------------------------------------------------------------

    def __array__(self, dtype: Any = None, copy: Any = None) -> NoReturn:
        raise TraceError(_HINT.format("a NumPy array"))

    def numpy(self) -> NoReturn:
        """Refuse: the value is being differentiated."""
        raise TraceError(_HINT.format("a NumPy array"))

    def item(self) -> NoReturn:
        """Refuse: the value is being differentiated."""
        raise TraceError(_HINT.format("a Python number"))

    def __float__(self) -> NoReturn:
        raise TraceError(_HINT.format("a Python float"))

    def __int__(self) -> NoReturn:
        raise TraceError(_HINT.format("a Python int"))

    def __bool__(self) -> NoReturn:
        raise TraceError(_HINT.format("a Python bool"))

    def __repr__(self) -> str:
        return f"<traced {self.dtype} {self.shape}>"


def _product(x: Any, y: Any) -> Any:
    """Multiply matrices as `@` does: vectors gain an axis that the result drops."""
    x, y = _promoted(x, y)
    wide_x = traced.reshape(x, (1, *x.shape)) if x.ndim == 1 else x
    wide_y = traced.reshape(y, (*y.shape, 1)) if y.ndim == 1 else y
    out = traced.matmul(wide_x, wide_y)
    shape = list(out.shape)
    if y.ndim == 1:
        del shape[-1]
    if x.ndim == 1:
        del shape[-1 if y.ndim == 1 else -2]
    return traced.reshape(out, tuple(shape)) if len(shape) < out.ndim else out
