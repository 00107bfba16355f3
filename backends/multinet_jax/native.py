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
from jax._src import core, dtypes
from jax._src.array import ArrayImpl
from jax.core import Tracer

from multinet.interface import Native
from multinet.interface.native import Kind
from multinet.interface.operands import Valued, stand_in
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
    """Let `x[key]` ask what JAX refuses as a key, and Variables be arguments; once."""
    for kind in (ArrayImpl, Tracer):
        kind.__getitem__ = _deferring(kind.__getitem__)
    # Transforms and primitives look here, functions of jax.numpy for the method. So a
    # Variable stays a leaf of JAX's trees, as the node of a pytree would not.
    dtypes.register_canonicalize_value_handler(Valued, _value)
    core.pytype_aval_mappings[Valued] = lambda x: core.typeof(_value(x))
    setattr(Valued, "__jax_array__", _value)  # noqa: B010 - no attribute to checkers
    for name in ("sharding", "format", "_committed"):  # what each call of `jit` asks
        setattr(Valued, name, property(lambda x, name=name: getattr(_value(x), name)))


def _value(x: Valued) -> Any:
    return x.__multinet_tensor__()
