"""Autocast: inside a call of a mixed layer, Variables of floats are read in half."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from multinet import dtypes
from multinet.registry import current
from multinet.scope import active_scope
from multinet.typing import AnyVariable, Tensor


class Autocast:
    """The dtype in which the floats among Variables are read; None: as they are.

    A value is cast once for as long as this holds, which is at most one step. What an
    inner function computes (a branch, a turn of a loop) may not leave it, so each scope
    and each trace of the framework has casts of its own.
    """

    __slots__ = ("dtype", "_casts")

    def __init__(self, dtype: str | None) -> None:
        self.dtype = dtype
        #: By the identities of value and scope, which are held so that these stay
        #: theirs: the two, then trace and cast.
        self._casts: dict[tuple[int, int], tuple[Any, Any, Any, Any]] = {}

    def of(self, variable: AnyVariable, value: Tensor) -> Tensor:
        """Return the value of a Variable as it is to be read."""
        dtype = self.dtype
        if dtype is None or not dtypes.is_float(variable.dtype):
            return value
        backend, scope = current(), active_scope()
        if backend.dtype(value) == dtype:
            return value
        if backend.symbolic:
            return backend.cast(value, dtype)
        key, trace = (id(value), id(scope)), backend.trace
        known = self._casts.get(key)
        if known is None or known[2] != trace:
            known = value, scope, trace, backend.cast(value, dtype)
            self._casts[key] = known
        return known[3]


#: What holds in the call in progress; None outside of calls of mixed layers.
autocasting: ContextVar[Autocast | None] = ContextVar("autocasting", default=None)
