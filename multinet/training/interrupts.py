"""Ctrl-C and SIGTERM between steps: a dispatch that has the state is not cut short."""

from __future__ import annotations

import signal
import threading
import warnings
from typing import Any


class Interrupts:
    """A block in which SIGINT waits for the end of the `with guard.held():` in it.

    If `gently`, SIGTERM only sets `asked`, and what it does elsewhere waits for
    `deliver`, which is called after the block. Both only in the main thread, where
    Python handles signals. A second Ctrl-C during the same dispatch is not deferred,
    and neither is a second SIGTERM.

    >>> with Interrupts() as guard:
    ...     with guard.held():
    ...         state.run(batch)
    """

    def __init__(self, gently: bool = False) -> None:
        self.gently = gently
        self.busy = self.asked = False
        self.pending: tuple[Any, ...] | None = None
        self.before: Any = None  # the handler of SIGINT, and
        self.ending: Any = None  # that of SIGTERM

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if callable(before):
                signal.signal(signal.SIGINT, self._handle)
                self.before = before
            ending = signal.getsignal(signal.SIGTERM) if self.gently else None
            if ending is not None:  # what Python did not set, it cannot set again
                signal.signal(signal.SIGTERM, self._ask)
                self.ending = ending
        elif self.gently:
            warnings.warn(
                "SIGTERM saves no backup here: only the main thread gets signals.",
                stacklevel=4,
            )
        return self

    def __exit__(self, kind: object, *exc: object) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
        self._let_end()
        # An error ends the program by itself, unless there are handlers.
        if self.asked and kind and callable(signal.getsignal(signal.SIGTERM)):
            signal.raise_signal(signal.SIGTERM)

    def _let_end(self) -> None:
        """Give SIGTERM the handler of before."""
        if self.ending is not None:
            signal.signal(signal.SIGTERM, self.ending)
            self.ending = None

    def _handle(self, *args: Any) -> None:
        if self.busy and self.pending is None:
            self.pending = args
        else:
            self.pending = None
            self.before(*args)

    def _ask(self, *args: Any) -> None:
        if self.asked:
            self._let_end()
            signal.raise_signal(signal.SIGTERM)
        self.asked = True

    def deliver(self) -> None:
        """Let SIGTERM do what it does outside: by default `SystemExit`, code 143.

        So what the program does at its end is done, such as its `finally` blocks.
        """
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            raise SystemExit(128 + signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)

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
