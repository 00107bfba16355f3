"""Which derivatives a program needs: whether a formulation may have only a gradient.

A `jax.custom_vjp` has no forward-mode derivative. It is used where nothing can ask for
one: inside the outermost `value_and_grad` of a compiled step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# Derivatives around the code that is being traced; None outside of a program.
_depth: ContextVar[int | None] = ContextVar("depth", default=None)


def first_order() -> bool:
    """Return whether what is traced now is differentiated once, in reverse, at most."""
    depth = _depth.get()
    return depth is not None and depth < 2


@contextmanager
def program() -> Iterator[None]:
    """Trace a program: its outermost `value_and_grad` is of first order."""
    token = _depth.set(0)
    try:
        yield
    finally:
        _depth.reset(token)


@contextmanager
def derivative(levels: int) -> Iterator[None]:
    """Trace a function that is differentiated; 2 levels where not just in reverse."""
    depth = _depth.get()
    token = _depth.set(None if depth is None else depth + levels)
    try:
        yield
    finally:
        _depth.reset(token)


def by_order(
    transform: Callable[[Any], Callable[..., Any]], function: Callable[..., Any]
) -> Callable[..., Any]:
    """Return `transform(function)` with traces kept apart by what they may contain."""
    kept: dict[bool, Callable[..., Any]] = {}

    def call(*xs: Any) -> Any:
        order = first_order()
        if order not in kept:
            # A function of its own: JAX keeps traces by the function's identity.
            kept[order] = transform(lambda *xs: tuple(function(*xs)))
        return kept[order](*xs)

    return call
