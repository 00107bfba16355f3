"""What JAX's own functions and operators need of objects that stand for tensors.

Operators of an array defer to such objects by themselves; for `x[key]` Python has no
reflection, and JAX no hook.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
from jax._src.array import ArrayImpl
from jax.core import Tracer

from multinet.interface import Native
from multinet.interface.native import Kind
from multinet.interface.operands import stand_in
from multinet_jax.array import native


class JaxNative(Native):
    """Shapes by `jax.eval_shape`, which computes nothing."""

    by_values = False

    def kinds(
        self,
        backend: Any,
        function: Callable[..., Sequence[Any]],
        kinds: Sequence[Kind],
        make: Callable[..., Any],
    ) -> list[Kind]:
        """Return the kinds of function(*tensors) for tensors of the kinds given."""
        given = [jax.ShapeDtypeStruct(shape, native(dtype)) for shape, dtype in kinds]
        found = jax.eval_shape(lambda *xs: tuple(function(*xs)), *given)
        return [(tuple(y.shape), backend.dtype(y)) for y in found]

    def outside(self) -> AbstractContextManager[Any]:
        """Return a block whose arrays have values, although a trace is in progress."""
        return jax.ensure_compile_time_eval()


def _deferring(native: Any) -> Any:
    @functools.wraps(native)
    def getitem(self: Any, key: Any) -> Any:
        try:
            return native(self, key)
        except (IndexError, TypeError, ValueError):  # so what JAX knows costs nothing
            other = stand_in(key)
            if other is None:
                raise
        return other.__rgetitem__(self, key)

    return getitem


@functools.cache
def install() -> None:
    """Let `x[key]` of arrays and tracers ask what JAX refuses as a key; once."""
    for kind in (ArrayImpl, Tracer):
        kind.__getitem__ = _deferring(kind.__getitem__)
