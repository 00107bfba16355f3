"""Access: one thread at a time trains a model, and one makes its steps."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from multinet.errors import MultinetError

F = TypeVar("F", bound=Callable[..., Any])


class Access:
    """The right of one thread to train or evaluate a model; others are refused.

    `making` is held, by one after the other, while layers and steps are made.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.making = threading.RLock()
        self._lock = threading.RLock()
        self._thread = ""

    def take(self, action: str) -> None:
        """Take the right; `MultinetError` while another thread has it."""
        if not self._lock.acquire(blocking=False):
            raise MultinetError(
                f"{self.name} cannot {action} while thread {self._thread!r} trains or "
                "evaluates it. Its weights, optimizer and metrics are in use: wait for "
                "that thread, or give each thread a model of its own."
            )
        self._thread = threading.current_thread().name

    def leave(self) -> None:
        """Give the right back."""
        self._lock.release()

    @contextmanager
    def held(self, action: str) -> Iterator[None]:
        """Hold the right in a block."""
        self.take(action)
        try:
            yield
        finally:
            self.leave()


def exclusive(method: F) -> F:
    """Make a method of a trainer one that holds the access to its model."""
    action = method.__name__

    @functools.wraps(method)
    def taking(self: Any, *args: Any, **kwargs: Any) -> Any:
        access = self.access
        access.take(action)
        try:
            return method(self, *args, **kwargs)
        finally:
            access.leave()

    return taking  # type: ignore[return-value]
