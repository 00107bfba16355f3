"""What is known of the tensors of a trace in progress, by their identity."""

from __future__ import annotations

import threading
from typing import Any


class _Active(threading.local):
    trace: Trace | None = None


class Trace:
    """A trace of a function, and two tables of its tensors.

    `owner` tells which Variable of a step a tensor stands for: an entry of its state,
    or a decayed weight. `moments_of` tells whose moments a mean is. The tables hold the
    tensors, so that an identity stays theirs, for as long as the trace takes.
    """

    _active = _Active()

    def __init__(self) -> None:
        self._owners: dict[int, tuple[Any, Any]] = {}
        self._moments: dict[int, tuple[Any, Any, Any]] = {}
        self._outer: Trace | None = None

    @classmethod
    def current(cls) -> Trace | None:
        """Return the innermost trace in progress in this thread."""
        return cls._active.trace

    def __enter__(self) -> Trace:
        self._outer, Trace._active.trace = Trace._active.trace, self
        return self

    def __exit__(self, *exc: object) -> None:
        Trace._active.trace = self._outer

    def own(self, x: Any, variable: Any) -> None:
        """Note that x stands for a Variable."""
        self._owners[id(x)] = x, variable

    def owner(self, x: Any) -> Any:
        """Return the Variable that x stands for, or None."""
        return self._owners.get(id(x), (None, None))[1]

    def note_moments(self, mean: Any, variance: Any, x: Any) -> None:
        """Note that these are the moments of the channels of x."""
        self._moments[id(mean)] = mean, variance, x

    def are_moments(self, mean: Any, variance: Any, x: Any) -> bool:
        """Return whether these are known as the moments of the channels of x."""
        known = self._moments.get(id(mean))
        return known is not None and known[1] is variance and known[2] is x
