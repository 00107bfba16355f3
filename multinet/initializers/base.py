"""Initializers without randomness, and what all have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from multinet import dtypes
from multinet.configurable import Configurable
from multinet.errors import ShapeError
from multinet.ops.core import host
from multinet.random import host as draw
from multinet.registry import current
from multinet.typing import DType, Numbers, Tensor


class Initializer(Configurable):
    """The base of initializers: subclass it and write `__call__(shape, dtype=None)`."""

    _doors = Configurable._doors | {"__call__"}

    def __call__(self, shape: Sequence[int], dtype: DType | None = None) -> Tensor:
        raise NotImplementedError(
            f"{type(self).__name__} must define __call__(self, shape, dtype=None)."
        )

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that makes the value when it is wanted, or None.

        What can go wrong goes wrong here, and random draws are counted here.
        """
        return None

    def clone(self) -> Self:
        """Return a new initializer of the same configuration."""
        return type(self).from_config(self.get_config())


def tensor_of(values: draw.Array, dtype: DType) -> Tensor:
    """Return values of the host as a tensor."""
    name = dtypes.standardize(dtype)
    return current().from_numpy(np.ascontiguousarray(values, dtypes.to_numpy(name)))


def _later(
    initializer: Any, cls: type, shape: tuple[int, ...], dtype: str
) -> Callable[[], Any] | None:
    """Return a call of an initializer of a class that no subclass has replaced."""
    own = type(initializer).__call__ is cls.__call__  # type: ignore[attr-defined]
    return (lambda: initializer(shape, dtype)) if own and not is_wide(dtype) else None


def is_wide(dtype: str) -> bool:
    """Return whether a backend may refuse the dtype, which must be known at once."""
    return dtypes.to_numpy(dtype).itemsize > 4


def _fill(shape: Sequence[int], value: Any, dtype: Any) -> Any:
    return current().full(tuple(shape), value, dtypes.standardize(dtype))


class Zeros(Initializer):
    """All zeros."""

    def __call__(self, shape: Sequence[int], dtype: DType | None = None) -> Tensor:
        return _fill(shape, 0, dtype)

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that makes the value when it is wanted, or None."""
        return _later(self, Zeros, shape, dtype)


class Ones(Initializer):
    """All ones."""

    def __call__(self, shape: Sequence[int], dtype: DType | None = None) -> Tensor:
        return _fill(shape, 1, dtype)

    def later(self, shape: tuple[int, ...], dtype: str) -> Callable[[], Any] | None:
        """Return a function that makes the value when it is wanted, or None."""
        return _later(self, Ones, shape, dtype)


class Constant(Initializer):
    """A number everywhere, or an array that broadcasts to the shape."""

    def __init__(self, value: Numbers = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Sequence[int], dtype: DType | None = None) -> Tensor:
        return tensor_of(np.broadcast_to(host(self.value), tuple(shape)), dtype)


class Identity(Initializer):
    """`gain` on the diagonal of a matrix, zeros elsewhere."""

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Sequence[int], dtype: DType | None = None) -> Tensor:
        if len(shape) != 2:
            raise ShapeError(
                f"Identity expects the shape of a matrix, got {tuple(shape)}."
            )
        rows, columns = shape
        return tensor_of(self.gain * np.eye(rows, columns), dtype)
