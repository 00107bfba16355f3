"""Ctrl-C between steps: a dispatch that has taken the state must not be cut short."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interrupts:
    """A block in which SIGINT waits for the end of the `with guard.held():` in it.

    Only in the main thread, where Python handles signals. A second Ctrl-C during the
    same dispatch is not deferred.

    >>> with Interrupts() as guard:
    ...     with guard.held():
    ...         state.run(batch)
    """

    def __init__(self) -> None:
        self.busy = False
        self.pending: tuple[Any, ...] | None = None
        self.before: Any = None

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                signal.signal(signal.SIGINT, self._handle)
                self.before = before
        return self

    def __exit__(self, *exc: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

    def _handle(self, *args: Any) -> None:
        if self.busy and self.pending is None:
            self.pending = args
        else:
            self.pending = None
            self.before(*args)

    def held(self) -> _Held:
        """Return the block that is not interrupted."""
        return _Held(self)


class _Held:
    __slots__ = ("guard",)

    def __init__(self, guard: Interrupts) -> None:
        self.guard = guard

    def __enter__(self) -> None:
        self.guard.busy = True

    def __exit__(self, kind: object, *exc: object) -> None:
        guard = self.guard
        guard.busy = False
        if guard.pending is not None:
            args, guard.pending = guard.pending, None
            guard.before(*args)
