"""The state of a step between calls: carried by its program, stored when asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet import seeds
from multinet.errors import BackendError, MultinetError
from multinet.holders import Inventory
from multinet.metrics import Metric
from multinet.ops.core import numpy_backend
from multinet.pending import make_values
from multinet.registry import current, use_backend
from multinet.scope import Scope
from multinet.streams import OTHER, TRAINING
from multinet.training.custom import CustomStep
from multinet.training.step import Step
from multinet.variables import Clock, Variable

Array = np.ndarray[Any, Any]
# Seconds of steps in one dispatch, so that the bar and Ctrl-C stay alive; a few steps
# may take longer, for where the memory of one serves the next each is a third faster.
_CHUNK, _FEW, _PATIENCE = 0.1, 4, 1.5
_FIRST_LOOK, _LOOKS = OTHER.start, len(OTHER)


class State:
    """Runs a step, and carries the values of its Variables from call to call.

    While the program has newer values than the Variables, this is their `Carrier`:
    whoever reads or sets one of them makes `store` give all of them back. So a loop
    pays nothing for state that nobody looks at, and nobody sees an old value.

    `lock` is held while the program runs or its state is taken: readers in other
    threads wait for the end of a dispatch. It is not held while the step's Variables
    are read, which may wait for the lock of another.
    """

    def __init__(
        self,
        step: Step,
        eagerly: bool,
        jit_compile: Any,
        inventory: Inventory,
        trained: list[Variable],
    ) -> None:
        self.step, self.model = step, step.model
        self.program = step.program(eagerly, jit_compile)
        self.backend = current()
        self.inventory, self.trained = inventory, trained
        self.remade = ""  # the edits because of which this was made
        self.attached = False
        self.given: list[Any] | None = None  # what the program was given, or gave
        self.seen = -1  # the Clock when the Variables were last compared
        self.lock = threading.RLock()
        self.trains = step.kind == "train"
        optimizer = step.model.optimizer if self.trains else None
        self.updates = None if optimizer is None else _updates(optimizer, self.lock)
        own = isinstance(step, CustomStep) and step.kind != "predict"
        self.custom = step if own else None
        self.outputs: tuple[Any, ...] = ()  # of the last step
        self.draws: Draws = step.model._draws
        self.dtype: Any = None  # of the only array of a step to predict
        self._on_host = False
        self._metrics: list[Any] = []
        self._starts: tuple[Any, ...] | None = None  # what reset puts
        self._paces: dict[Any, Pace] = {}

    # -- Variables ---------------------------------------------------------------------

    def load(self) -> None:
        """Give the program the values that Variables have got elsewhere."""
        self._take_loaded()
        self.lock.release()

    def _take_loaded(self) -> None:
        """Take the lock, with the newest values in the program."""
        self.lock.acquire()
        if self.seen == Clock.now:
            return
        self.lock.release()
        make_values(self.step.variables)
        while True:
            values = [
                None if v._carrier is self else v.__multinet_tensor__()
                for v in self.step.variables
            ]
            self.lock.acquire()
            try:
                if self._load(values):
                    return
            except BaseException:
                self.lock.release()
                raise
            self.lock.release()  # another thread was quicker

    def _load(self, values: list[Any]) -> bool:
        """Take values unless they are old by now: then return False.

        None stands for one that the program itself has.
        """
        now = Clock.now
        for variable, x in zip(self.step.variables, values, strict=True):
            if not (variable._carrier is self if x is None else variable.holds(x)):
                return False
        if self.given is None:
            self.program.load(values)
        else:
            for i, (old, new) in enumerate(zip(self.given, values, strict=True)):
                if new is not None and old is not new:
                    self.program.put(i, new)
        self.given, self.seen = values, now
        return True

    def store(self) -> None:
        """Give the written Variables the values that the program has for them."""
        with self.lock:
            if not self.attached:
                return
            values, given = self.program.values(), self.given
            assert given is not None
            self.attached = False
            for i, variable in self.step.written.items():
                given[i] = values[i]
                variable.hand_back(values[i])

    def drop(self, variable: Variable) -> None:
        """Give all Variables their values: one is about to get another."""
        self.store()

    def _attach(self) -> None:
        written, given = self.step.written, self.given
        if not written or self.attached:
            return
        assert given is not None
        new = {i: v for i, v in written.items() if v._carrier is not self}
        for i, variable in new.items():
            if not variable.holds(given[i]):
                self.given = None  # the program's values belong to nobody
                raise MultinetError(
                    f"{variable!r} changed in another thread while a step of "
                    f"{self.model.name} that writes it was running; that step is lost. "
                    "Train a model, and what it shares with others, in one thread at a "
                    "time."
                )
        self.attached = True
        for i, variable in new.items():
            given[i] = None  # the older value: it need not be kept
            variable.carried_by(self)

    def fits(self, backend: Any) -> bool:
        """Return whether the backend and the model are as when this was made."""
        return self.backend is backend and self.inventory.valid()

    # -- running -----------------------------------------------------------------------

    def run(self, batch: Sequence[Array], count: int = 1) -> tuple[Any, ...]:
        """Run `count` steps on the first rows of arrays; return the last outputs."""
        if self.backend is not current():
            raise BackendError(
                f"A step of {self.model.name} was made for backend "
                f"{self.backend.name!r}, but {current().name!r} is in use. Change the "
                "backend, and move the model, between epochs or calls."
            )
        self._take_loaded()
        try:
            return self._run(batch, self._scalars(len(batch[0]), count), count)
        finally:
            self.lock.release()

    def _run(
        self, batch: Sequence[Array], scalars: Sequence[Array], count: int
    ) -> tuple[Any, ...]:
        known = len(self.step.written)
        try:
            outputs = self.program.run(batch, scalars, count)
        finally:
            if len(self.step.written) != known and self.attached:
                self.attached = False  # a new signature wrote more than the others
            self._attach()
        self.draws.counts[self.trains] += count
        if self.updates is not None:
            self.updates.count += count * self.step.applied
        if self.custom is not None:
            self.outputs = outputs
        return outputs

    def _scalars(self, room: int, count: int) -> list[Array]:
        """Return what each step is told besides data: its number, the update's, rate.

        As many as there are rows of data; those of further steps are not used.
        """
        numbers: list[Array] = [self.draws.numbers(self.trains, room)]
        if self.updates is not None:
            done = self.updates.load()
            each = self.step.applied
            rates = np.zeros(room)
            found = self.updates.optimizer.rates_at(done, count * max(each, 1))
            rates[:count] = (
                found if isinstance(found, float) else found[:: max(each, 1)]
            )
            updates = done + 1 + each * np.arange(room)
            numbers += [updates.astype(np.int32), rates]
        return numbers

    def predict(self, x: Array) -> Any:
        """Return the only output for one array, by the shortest way."""
        self._take_loaded()
        try:
            outputs = self.program.run((x[None],), (self.draws.look(),), 1)
            if self.step.written:
                self._attach()
            return outputs[0]
        finally:
            self.lock.release()

    def pace(self, batch: Sequence[Array], wanted: int) -> Pace:
        """Return how many steps on batches such as `batch` go into a dispatch."""
        key = (wanted, *[(x.shape, x.dtype.char) for x in batch])
        pace = self._paces.get(key)
        if pace is None:
            self.load()
            room = self.program.capacity(batch, wanted) if wanted > 1 else 1
            pace = self._paces[key] = Pace(room)
        return pace

    def learn(self, seconds: float) -> None:
        """Know that a step of late took at most this time, all included."""
        for pace in self._paces.values():
            if pace.seconds is not None:
                pace.seconds = min(pace.seconds, seconds)

    # -- metrics -----------------------------------------------------------------------

    def reset(self) -> None:
        """Start the metrics anew, without a look at the other state."""
        with self.lock:
            if self.attached:
                self._reset_in_program()
                return
        self.model.reset_metrics()

    def _reset_in_program(self) -> None:
        if self._starts is None or self._starts[0] is not self.inventory:
            self._starts = (self.inventory, *self._reset_values())
        _, constant, values = self._starts
        for i, value in values.items():
            self.program.put(i, value)
        if not constant:
            self._starts = None

    def _reset_values(self) -> tuple[bool, dict[int, Any]]:
        """Return what resetting the metrics puts into the state, by place.

        And whether it will be the same the next time, as it is for plain metrics.
        """
        metrics, counters = self.model.metrics, self.step.counters
        first = len(self.step.variables) - len(counters)
        before = [self.program.peek(first + i) for i in range(len(counters))]
        with Scope(counters, before) as scope:
            for metric in metrics:
                metric.reset_state()
        after = scope.values_of(counters)
        triples = enumerate(zip(before, after, strict=True), start=first)
        constant = all(type(m).reset_state is Metric.reset_state for m in metrics)
        return constant, {i: new for i, (old, new) in triples if new is not old}

    def logs(self) -> dict[str, float]:
        """Return the results of the metrics, which waits for the device."""
        if self.custom is not None:
            return self.custom.logs(self.outputs)
        counters = self.step.counters
        if not self._metrics:
            self._metrics = self.model._logged_metrics()
            own = [type(m).result.__module__ for m in self._metrics]
            # What the library wrote runs as well, and faster, on the host; what users
            # wrote may know of one framework only.
            self._on_host = all(name.startswith("multinet.") for name in own)
        first = len(self.step.variables) - len(counters)
        self._take_loaded()
        try:
            values = [self.program.peek(first + i) for i in range(len(counters))]
        finally:
            self.lock.release()
        backend = current()
        if self._on_host:
            values, backend = [backend.to_numpy(x) for x in values], numpy_backend()
        with use_backend.scoped(backend), Scope(counters, values):
            return {m.name: float(backend.to_numpy(m.result())) for m in self._metrics}

    def explain(self) -> dict[str, str]:
        """Return what the program says of itself, and how many steps go at once."""
        found = {"backend": self.backend.name, **self.program.explain()}
        if self.remade:
            found["made anew"] = f"because of {self.remade}"
        paces = [p for p in self._paces.values() if p.seconds is not None]
        if paces:
            now = max(paces, key=lambda pace: pace.room)
            taken = now.next(now.room)
            took = taken * (now.seconds or 0)
            found["k"] = f"up to {taken} steps in a call, which take {took:.2g} s"
        return found


class Draws:
    """What a model's random draws derive from: its key, and the numbers of its steps.

    Steps of training and other steps count apart, so that looking at a model does not
    change how it trains.
    """

    def __init__(self) -> None:
        self.key = seeds.model_key()
        self.counts = {True: 0, False: 0}

    def numbers(self, trains: bool, count: int) -> Array:
        """Return the numbers of the next steps."""
        numbers, done = TRAINING if trains else OTHER, self.counts[trains] + 1
        first = numbers.start + done % len(numbers)
        if first + count <= numbers.stop:
            return np.arange(first, first + count, dtype=np.uint32)
        ahead = np.arange(done, done + count) % len(numbers)
        return (ahead + numbers.start).astype(np.uint32)

    def look(self) -> Array:
        """Return the number of one step that is not of training, and count it."""
        counts = self.counts
        counts[False] = done = counts[False] + 1
        return np.array((_FIRST_LOOK + done % _LOOKS,), np.uint32)


class Explanation(dict[str, str]):
    """What `explain_step` tells, by subject; prints as a line for each."""

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:{width}}  {text}" for name, text in self.items())

    __str__ = __repr__


class Updates:
    """Carries the number of updates that an optimizer has done, as a host integer."""

    def __init__(self, optimizer: Any, lock: threading.RLock) -> None:
        self.optimizer, self.variable = optimizer, optimizer.iterations
        self.count, self.lock = 0, lock  # the lock of the steps that count

    def load(self) -> int:
        """Return the number, read from the Variable if that was set since."""
        if self.variable._carrier is not self:
            self.count = int(self.variable.numpy())
            self.variable.carried_by(self)
        return self.count

    def drop(self, variable: Variable) -> None:
        """Give the Variable its value: it is about to get another."""
        self.store()

    def store(self) -> None:
        """Give the Variable its value."""
        with self.lock:
            if self.variable._carrier is self:
                backend = self.variable.owner()
                value = backend.from_numpy(np.array(self.count, np.int32))
                self.variable.hand_back(value)


class Uncounted(Updates):
    """The number of updates where only the step knows it: this one stands still."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer, self.count = optimizer, 0

    def load(self) -> int:
        """Return a number that nobody uses."""
        return 0


def _updates(optimizer: Any, lock: threading.RLock) -> Updates:
    return Uncounted(optimizer) if optimizer.skips else Updates(optimizer, lock)


class Pace:
    """How many steps to take at once: at most `room`, for about a tenth of a second.

    The first call compiles, the second tells what a step takes.
    """

    def __init__(self, room: int) -> None:
        self.room, self.calls = room, 0
        self.seconds: float | None = None

    def next(self, left: int) -> int:
        """Return how many of the steps that are left to take."""
        if self.room == 1 or self.seconds is None:
            return 1
        few = min(_FEW, int(_PATIENCE / self.seconds))
        return max(1, min(self.room, left, max(few, int(_CHUNK / self.seconds))))

    def run(self, state: State, batch: Sequence[Array], count: int) -> None:
        """Run the steps; measure where that is still needed."""
        if self.room == 1 or self.seconds is not None:
            state.run(batch, count)
            return
        state.program.wait()
        start = time.perf_counter()
        state.run(batch, count)
        if self.calls:
            state.program.wait()
            self.seconds = max((time.perf_counter() - start) / count, 1e-7)
        self.calls += 1
