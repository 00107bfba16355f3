"""The distribution that holds: one for the process, or another in a scope."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from multinet.errors import ArgumentError

if TYPE_CHECKING:  # which imports this module
    from multinet.distribution.strategies import Distribution

_chosen: ContextVar[Any] = ContextVar("distribution", default=None)
_default: Any = None


def distribution() -> Distribution | None:
    """Return the distribution that holds: that of the scope around, or the default."""
    return _chosen.get() or _default


def set_distribution(value: Distribution | None) -> None:
    """Let a distribution hold for the process from now on; None for one device.

    Weights are laid by it as they are made, and state again when a step needs it.
    """
    global _default
    if value is not None and not hasattr(value, "get_variable_layout"):
        raise ArgumentError(
            "Expected a distribution, such as multinet.distribution.DataParallel(), or "
            f"None, got {value!r}."
        )
    _default = value


@contextmanager
def holding(value: Distribution) -> Iterator[None]:
    """Let a distribution hold in a block."""
    token = _chosen.set(value)
    try:
        yield
    finally:
        _chosen.reset(token)
