"""Values of Variables that wait to be made until somebody reads them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any

from multinet.distribution.placing import made
from multinet.distribution.present import distribution
from multinet.registry import get, use_backend
from multinet.typing import AnyVariable


class Pending:
    """A value that waits to be made, until somebody reads it.

    The reader may be in a function that a framework is tracing, which would take the
    value for one of its own; then it is made in another thread.
    """

    def __init__(self, variable: AnyVariable, make: Callable[[], Any]) -> None:
        self.variable, self.make = variable, make
        self.plan = distribution()
        self._lock = threading.Lock()

    def store(self) -> None:
        """Make the value."""
        make_values([self.variable])

    def drop(self, variable: AnyVariable) -> None:
        """Forget the value: another one came first."""

    def made(self) -> None:
        """Make the value, unless another thread has."""
        variable = self.variable
        with self._lock:
            if variable._carrier is self:
                with use_backend.scoped(get(variable.backend)):
                    variable.hand_back(made(variable, self.make, self.plan))


def make_values(variables: Iterable[Any]) -> None:
    """Make the values of Variables that wait for them."""
    waiting = [v._carrier for v in variables if isinstance(v._carrier, Pending)]
    traced = [p for p in waiting if get(p.variable.backend).trace is not None]
    for pending in waiting:
        if pending not in traced:
            pending.made()
    if traced:
        from concurrent.futures import ThreadPoolExecutor  # slow, and rarely needed

        with ThreadPoolExecutor(1) as threads:
            inside = copy_context()
            threads.submit(inside.run, lambda: [p.made() for p in traced]).result()
