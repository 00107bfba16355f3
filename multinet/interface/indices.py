"""Indices out of range: the one rule, for those who write a backend.

Where the host knows the indices, in an eager call on the CPU, they are refused. In a
program, and on other devices, what they pick is filled: nobody waits for a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, TypeVar

from multinet import dtypes
from multinet.errors import OutOfRange
from multinet.typing import Host

if TYPE_CHECKING:  # which imports this module
    from multinet.interface import Backend

T = TypeVar("T")

_running: ContextVar[bool] = ContextVar("running", default=False)


class Running:
    """A block that is a program, though its framework may run it call by call.

    >>> with Running():
    ...     results = function(*arguments)
    """

    # A class: entered for each run of a program, where a generator takes 1 us more.
    __slots__ = ("_token",)
    _token: Token[bool]

    def __enter__(self) -> None:
        self._token = _running.set(True)

    def __exit__(self, *exc: object) -> None:
        _running.reset(self._token)


def in_program() -> bool:
    """Return whether a program runs, or is being made."""
    return _running.get()


def filling(dtype: str) -> bool | int | float:
    """Return what stands where an index is out of range: NaN, the least integer, False.

    >>> filling("uint8"), filling("float16")
    (0, nan)
    """
    if dtype == "bool":
        return False
    if dtype in dtypes.INTEGERS:
        bits = int(dtype.lstrip("uint"))
        return 0 if dtype in dtypes.UNSIGNED else -(2 ** (bits - 1))
    return math.nan


def refused(
    values: Host, size: int, least: int = 0, what: str = "indices"
) -> OutOfRange | None:
    """Return the error for integers outside of [least, size), None if all are inside.

    >>> refused(np.array([0, 3]), 3)
    OutOfRange('Expected indices in [0, 3), got 3 at position 1.')
    """
    if not values.size or (values.min() >= least and values.max() < size):
        return None
    first = int(((values < least) | (values >= size)).argmax())
    place = ""
    if values.ndim:
        where = [int(i) for i in _unraveled(first, values.shape)]
        place = f" at position {where[0] if len(where) == 1 else tuple(where)}"
    got = values.reshape(-1)[first]
    return OutOfRange(f"Expected {what} in [{least}, {size}), got {got}{place}.")


def _unraveled(place: int, shape: tuple[int, ...]) -> list[int]:
    found: list[int] = []
    for size in reversed(shape):
        found.append(place % size)
        place //= size
    return found[::-1]


def gathered(
    backend: Backend[T], gather: Callable[[T], T], x: T, indices: T, axis: int
) -> T:
    """Return gather(indices), and what stands for those out of range, by primitives.

    For a framework that has nothing of its own. `gather` picks along `axis` of `x`, by
    indices that are all inside; those take the place of the axis, or are as many as `x`
    has axes.

    >>> gathered(self, lambda i: x[i], x, indices, 0)
    """
    size, known = backend.shape(x)[axis], backend.known(indices)
    if known is not None:
        error = refused(known, size)
        if error is None:
            return gather(indices)
        raise error
    dtype, kind = backend.dtype(x), backend.dtype(indices)
    zero, limit = (backend.full((), n, kind) for n in (0, size))
    inside = backend.logical_and(
        backend.greater_equal(indices, zero), backend.less(indices, limit)
    )
    picked = gather(backend.where(inside, indices, zero))
    shape = backend.shape(indices)
    missing = len(backend.shape(picked)) - axis - len(shape)
    if missing > 0:
        inside = backend.reshape(inside, (*shape, *[1] * missing))
    return backend.where(inside, picked, backend.full((), filling(dtype), dtype))
