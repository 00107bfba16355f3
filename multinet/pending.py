"""Values of Variables that wait to be made until somebody reads them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from multinet.ops.core import as_tensor
from multinet.registry import get, use_backend


class Pending:
    """A value that waits to be made, until somebody reads it.

    It is made in a thread of its own: the reader may be in a function that a framework
    is tracing, which would take the value for one of its own.
    """

    def __init__(self, variable: Any, make: Callable[[], Any]) -> None:
        self.variable, self.make = variable, make
        self._lock = threading.Lock()

    def store(self) -> None:
        """Make the value."""
        make_values([self.variable])

    def drop(self, variable: Any) -> None:
        """Forget the value: another one came first."""

    def made(self) -> None:
        """Make the value, unless another thread has."""
        variable = self.variable
        with self._lock:
            if variable._carrier is self:
                with use_backend.scoped(get(variable.backend)):
                    variable.hand_back(as_tensor(self.make()))


def make_values(variables: Iterable[Any]) -> None:
    """Make the values of Variables that wait for them, in one thread for all."""
    waiting = [v._carrier for v in variables if isinstance(v._carrier, Pending)]
    if not waiting:
        return
    failed: list[BaseException] = []

    def make() -> None:
        try:
            for pending in waiting:
                pending.made()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
