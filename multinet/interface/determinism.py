"""Whether every run must give the same bits: asked for once, heard by each backend."""

from __future__ import annotations

from collections.abc import Callable

_asked = False
_listeners: list[Callable[[], None]] = []


def when_asked(choose: Callable[[], None]) -> None:
    """Call `choose` when the same bits are asked for, at once if they were already.

    A backend calls it as it is loaded, if its framework has kernels to choose from.
    """
    _listeners.append(choose)
    if _asked:
        choose()


def ask() -> None:
    """Have each backend choose the kernels that give the same bits in every run."""
    global _asked
    _asked = True
    for choose in _listeners:
        choose()


def is_asked() -> bool:
    """Return whether the same bits were asked for."""
    return _asked
