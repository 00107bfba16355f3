"""Statistics of float16 and bfloat16 in float32, and roots whose slope at 0 is 0."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from multinet.ops.core import cast_tensor, floating
from multinet.registry import current
from multinet.typing import Tensor

F = TypeVar("F", bound=Callable[..., Any])

LOW = frozenset(("float16", "bfloat16"))


def in_float32(function: F) -> F:
    """Return a function of one tensor that computes low floats in float32.

    Squares of numbers beyond 255 overflow in float16, and those below 2e-4 vanish.
    """

    @functools.wraps(function)
    def wide(x: Any, *args: Any, **kwargs: Any) -> Any:
        x = floating(x)
        dtype = current().dtype(x)
        if dtype not in LOW:
            return function(x, *args, **kwargs)
        y = function(cast_tensor(x, "float32"), *args, **kwargs)
        return cast_tensor(y, dtype)

    return wide  # type: ignore[return-value]


def widened(*xs: Tensor) -> list[Any]:
    """Return tensors of one dtype, low floats in float32."""
    return [cast_tensor(x, "float32") if current().dtype(x) in LOW else x for x in xs]


def root(x: Tensor) -> Tensor:
    """Return the square root of what is not negative; its slope at 0 is 0."""
    backend = current()
    zero = backend.equal(x, 0)
    return backend.where(zero, 0, backend.sqrt(backend.where(zero, 1, x)))
