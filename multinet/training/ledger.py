"""Ledger: who has the newest value of each Variable of a program."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from multinet.carriers import Clock
from multinet.errors import MultinetError
from multinet.interface import Program
from multinet.pending import make_values
from multinet.variables import Variable


class Ledger:
    """Carries the values of Variables for a program from call to call.

    A loop pays nothing for state that nobody looks at, and nobody sees an old value,
    because each Variable is in one of three states:

                take: the program gets what changed
         +--------------------------------------------+
         |                                            v
      held: the Variable has the newest          lent: the program has it, too, and
      value; the program an older or none        has not written it
         ^                                            |
         | store: somebody reads or sets one          | ran: a step has written it
         | of them; all come back at once             v
         +------------------------------------- carried: only the program has the newest
                                                 value; the Variable asks this Ledger

    `lock` is held while the program runs or its state is taken: readers in other
    threads wait for the end of a dispatch. It is not held while the Variables are read
    in `take`, which may wait for the lock of another.
    """

    def __init__(
        self,
        name: str,
        program: Program[Any],
        variables: list[Variable],
        written: Mapping[int, Variable],
    ) -> None:
        self.name, self.program, self.variables = name, program, variables
        self.written = written  # by place; it grows as the step is traced
        self.lock = threading.RLock()
        self.carries = False  # whether what was written is carried
        self._lent: list[Any] | None = None  # what the program was given, or gave
        self._seen = -1  # the Clock when the Variables were last compared
        self._open = False  # whether others may change values in place, unseen
        self._known = 0  # how many were written, as far as this knows

    @contextmanager
    def newest(self) -> Iterator[None]:
        """Hold the lock, with the newest values in the program."""
        self.take()
        try:
            yield
        finally:
            self.lock.release()

    def take(self) -> None:
        """Take the lock, with the newest values in the program."""
        self.lock.acquire()
        if self._seen == Clock.now and not self._open:
            return
        self.lock.release()
        make_values(self.variables)
        while True:
            values = [
                None if v._carrier is self else v.__multinet_tensor__()
                for v in self.variables
            ]
            self.lock.acquire()
            try:
                if self._lend(values):
                    return
            except BaseException:
                self.lock.release()
                raise
            self.lock.release()  # another thread was quicker

    def _lend(self, values: list[Any]) -> bool:
        """Give the program values unless they are old by now: then return False.

        None stands for one that the program itself has.
        """
        now = Clock.now
        for variable, x in zip(self.variables, values, strict=True):
            if not (variable._carrier is self if x is None else variable.holds(x)):
                return False
        plain = self.program.backend.native.plain
        if self._lent is None:
            self.program.load(list(map(plain, values)))
        else:
            for i, (old, new) in enumerate(zip(self._lent, values, strict=True)):
                at_home = self.variables[i].at_home
                if new is not None and (old is not new or at_home):
                    self.program.put(i, plain(new))
        self._open = any(variable.at_home for variable in self.variables)
        self._lent, self._seen = values, now
        return True

    def ran(self) -> None:
        """Carry what the program has written; the lock is held since `take`."""
        if len(self.written) != self._known:
            self._known = len(self.written)
            self.carries = False  # a new signature wrote more than the others
        if self.written and not self.carries:
            self._carry()
        if self._open:
            self.store()

    def _carry(self) -> None:
        lent = self._lent
        assert lent is not None
        new = {i: v for i, v in self.written.items() if v._carrier is not self}
        for i, variable in new.items():
            if not variable.holds(lent[i]):
                self._lent = None  # the program's values belong to nobody
                raise MultinetError(
                    f"{variable!r} changed in another thread while a step of "
                    f"{self.name} that writes it was running; that step is lost. "
                    "Train a model, and what it shares with others, in one thread at a "
                    "time."
                )
        self.carries = True
        for i, variable in new.items():
            lent[i] = None  # the older value: it need not be kept
            variable.carried_by(self)

    def store(self) -> None:
        """Give the written Variables the values that the program has for them."""
        with self.lock:
            if not self.carries:
                return
            with self.program.backend.native.outside():  # some function may be traced
                values, lent = self.program.values(), self._lent
                assert lent is not None
                self.carries = False
                for i, variable in self.written.items():
                    variable.hand_back(values[i])
                    lent[i] = variable.kept()

    def drop(self, variable: Variable) -> None:
        """Give all Variables their values: one is about to get another."""
        self.store()
