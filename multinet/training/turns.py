"""One thread at a time: who trains a model, and who makes its steps."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

from multinet.errors import MultinetError

F = TypeVar("F", bound=Callable[..., Any])


class Turn:
    """The turn of a thread to train or evaluate a model; others are refused.

    `making` is held, by one after the other, while layers and steps are made.
    """

    def __init__(self) -> None:
        self.making = threading.RLock()
        self._lock = threading.RLock()
        self._thread = ""

    def take(self, name: str, action: str) -> None:
        """Take the turn; `MultinetError` while another thread has it."""
        if not self._lock.acquire(blocking=False):
            raise MultinetError(
                f"{name} cannot {action} while thread {self._thread!r} trains or "
                "evaluates it. Its weights, optimizer and metrics are in use: wait for "
                "that thread, or give each thread a model of its own."
            )
        self._thread = threading.current_thread().name

    def leave(self) -> None:
        """Give the turn back."""
        self._lock.release()

    def __deepcopy__(self, memo: object) -> Turn:
        return Turn()

    def __reduce__(self) -> tuple[Any, ...]:
        return Turn, ()


class Taken:
    """A block in which this thread has the turn of a model."""

    def __init__(self, model: Any, action: str) -> None:
        self.model, self.action = model, action

    def __enter__(self) -> None:
        self.model._turn.take(self.model.name, self.action)

    def __exit__(self, *exc: object) -> None:
        self.model._turn.leave()


def in_turn(method: F) -> F:
    """Make a method of a model one that takes the turn: see `Turn`."""
    action = method.__name__

    @functools.wraps(method)
    def taking(self: Any, *args: Any, **kwargs: Any) -> Any:
        turn = self._turn
        turn.take(self.name, action)
        try:
            return method(self, *args, **kwargs)
        finally:
            turn.leave()

    return taking  # type: ignore[return-value]
