"""Indexing of JAX's arrays by objects that stand for tensors.

Operators of an array defer to such objects by themselves; for `x[key]` Python has no
reflection, and JAX no hook.
"""

from __future__ import annotations

import functools
from typing import Any

from jax._src.array import ArrayImpl
from jax.core import Tracer

from multinet.interface.operands import stand_in


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
