"""Executions: the steps that callbacks hear of together, `steps_per_execution` many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from multinet import config
from multinet.training.callbacks.several import CallbackList
from multinet.typing import AnyModel


class Executions:
    """Tells callbacks when an execution begins and ends; who runs steps counts them.

    As in Keras, the number at the beginning is that of the first step, and the number
    at the end that of the last one, even where the data end before it.
    """

    def __init__(self, model: AnyModel, kind: str, listeners: CallbackList) -> None:
        asked = model.steps_per_execution
        #: The steps of each, None where a dispatch has as many as pay.
        self.asked = asked if type(asked) is int and asked > 1 else None
        self.listeners, self.hook = listeners, f"on_{kind}_batch"
        self.begins = listeners.listens(f"{self.hook}_begin")
        self.ends = listeners.listens(f"{self.hook}_end")
        self._first: int | None = None  # the first step of the one that is open

    def steps(self, total: int | None, most: int | None = None) -> int | None:
        """Return the steps of the executions that `total` takes, `most` at most."""
        if total is None:
            return None
        size = self.asked or 1
        return config.at_most(-(-total // size) * size, most)

    def left(self, done: int) -> int | None:
        """Return how many steps the execution has to come, None if as many as pay."""
        if self.asked is None:
            return None
        return self.asked - (0 if self._first is None else done - self._first)

    def begin(self, done: int) -> None:
        """Begin an execution after so many steps, if none is open."""
        if self._first is not None:
            return
        self._first = done
        if self.begins:
            self.listeners.call(f"{self.hook}_begin", done, {})

    def is_open(self) -> bool:
        """Return whether an execution has begun and not ended."""
        return self._first is not None

    def is_full(self, done: int) -> bool:
        """Return whether the open execution has its steps."""
        return self._first is not None and done - self._first >= (self.asked or 1)

    def end(self, logs: Callable[[], dict[str, Any]]) -> None:
        """End the open execution; the logs are made if somebody listens."""
        assert self._first is not None
        last, self._first = self._first + (self.asked or 1) - 1, None
        if self.ends:
            self.listeners.call(f"{self.hook}_end", last, logs())
