"""Runner: runs the program of one step, on as many batches a dispatch as pay."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from multinet.distribution.placing import explanation
from multinet.distribution.present import distribution
from multinet.errors import BackendError
from multinet.holders import Inventory
from multinet.interface import Backend
from multinet.registry import current
from multinet.training.clock import StepClock, UpdateCount, update_count
from multinet.training.ledger import Ledger
from multinet.training.logs import Metrics
from multinet.training.ranges import Ranges
from multinet.training.sources.columns import shape_of, signature
from multinet.training.step import Step
from multinet.typing import Tensor
from multinet.variables import Variable

Array = np.ndarray[Any, Any]
# Seconds of steps in one dispatch, so that the bar and Ctrl-C stay alive; a few steps
# may take longer, for where the memory of one serves the next each is a third faster.
_CHUNK, _FEW, _PATIENCE = 0.1, 4, 1.5


class Runner:
    """Runs a step: tells it the numbers and rates, and keeps what it returned last.

    `inventory` is what the model held when this was made, `trained` the weights that
    were trained; `remade` names the edits because of which it was made.
    """

    def __init__(
        self,
        step: Step,
        clock: StepClock,
        eagerly: bool,
        jit_compile: bool | str,
        inventory: Inventory,
        trained: list[Variable],
    ) -> None:
        self.step, self.clock, self.backend = step, clock, current()
        self.plan = distribution()
        self.program = step.program(eagerly, jit_compile)
        name = step.model.name
        self.ledger = Ledger(name, self.program, step.variables, step.written)
        self.metrics = Metrics(step.model, self.ledger, step.counters)
        self.inventory, self.trained = inventory, trained
        self.remade = ""
        self.outputs: tuple[Any, ...] = ()  # of the last step
        self.dtype: Any = None  # of the only array of a step to predict, and
        self.ranges: Ranges | None = None  # what its integers must be, if they must
        self.trains = step.kind == "train"
        optimizer, lock = step.optimizer, self.ledger.lock
        self.updates: UpdateCount | None = None
        if optimizer is not None:
            self.updates = update_count(optimizer, lock)
        self._paces: dict[Any, Pace] = {}

    def fits(self, backend: Backend[Any]) -> bool:
        """Return whether backend, mesh and model are as when this was made."""
        same = self.backend is backend and self.plan is distribution()
        return same and self.inventory.valid()

    # -- running -----------------------------------------------------------------------

    def run(self, columns: Sequence[Any], count: int = 1) -> tuple[Any, ...]:
        """Run `count` steps on the first rows of columns; return the last outputs."""
        if self.backend is not current():
            raise BackendError(
                f"A step of {self.step.model.name} was made for backend "
                f"{self.backend.name!r}, but {current().name!r} is in use. Change the "
                "backend, and move the model, between epochs or calls."
            )
        self.ledger.take()
        try:
            return self._run(columns, count)
        finally:
            self.ledger.lock.release()

    def _run(self, columns: Sequence[Any], count: int) -> tuple[Any, ...]:
        scalars = self._scalars(shape_of(columns[0])[0], count)
        try:
            outputs = self.program.run(columns, scalars, count)
        finally:
            self.ledger.ran()
        self.clock.counts[self.trains] += count
        if self.updates is not None:
            self.updates.add(count * self.step.applied)
        if self.step.kind != "predict":  # the logs may be among them
            self.outputs = outputs
        return outputs

    def _scalars(self, room: int, count: int) -> list[Array]:
        """Return what each step is told besides data: its number, the update's, rate.

        As many as there are rows of data; those of further steps are not used.
        """
        numbers = [self.clock.numbers(self.trains, room)]
        if self.updates is not None:
            numbers += self.updates.scalars(room, count, self.step.applied)
        return numbers

    def predict(self, x: Array) -> Tensor:
        """Return the only output for one array, by the shortest way."""
        self.ledger.take()
        try:
            self.clock.counts[False] += 1
            outputs = self.program.one((x,), self.clock.looked)
            if self.step.written:
                self.ledger.ran()
            return outputs[0]
        finally:
            self.ledger.lock.release()

    def reset(self) -> None:
        """Start the metrics anew."""
        self.metrics.reset(self.inventory)

    def logs(self) -> dict[str, Any]:
        """Return the logs of the steps so far, which waits for the device."""
        if self.step.metrics is None:
            return self.step.logs(self.outputs)
        return self.metrics.read(self.step.metrics)

    # -- pace --------------------------------------------------------------------------

    def pace(self, batch: Sequence[Any], wanted: int) -> Pace:
        """Return how many steps on batches such as `batch` go into a dispatch."""
        key = (wanted, *signature(batch))
        pace = self._paces.get(key)
        if pace is None:
            room = 1
            if wanted > 1:
                with self.ledger.newest():
                    room = self.program.capacity(batch, wanted)
            pace = self._paces[key] = Pace(room)
        return pace

    def learn(self, seconds: float) -> None:
        """Know that a step of late took at most this time, all included."""
        for pace in self._paces.values():
            if pace.seconds is not None:
                pace.seconds = min(pace.seconds, seconds)

    def explain(self) -> dict[str, str]:
        """Return what the program says of itself, and how many steps go at once."""
        found = {"backend": self.backend.name, **self.program.explain()}
        placement = self.program.placement
        if placement is not None:
            paths = [variable.path for variable in self.step.variables]
            found |= explanation(placement, paths)
        if self.remade:
            found["made anew"] = f"because of {self.remade}"
        paces = [p for p in self._paces.values() if p.seconds is not None]
        if paces:
            now = max(paces, key=lambda pace: pace.room)
            taken = now.next(now.room)
            took = taken * (now.seconds or 0)
            found["k"] = f"up to {taken} steps in a call, which take {took:.2g} s"
        return found


class Pace:
    """How many steps to take at once: at most `room`, for about a tenth of a second.

    The first call compiles, the second tells what a step takes.
    """

    def __init__(self, room: int) -> None:
        self.room, self.calls = room, 0
        self.seconds: float | None = None

    def next(self, left: int, drawing: float = 0.0) -> int:
        """Return how many of the steps that are left to take.

        `drawing` is how many seconds it takes to get the data of one.
        """
        if self.room == 1 or self.seconds is None:
            return 1
        seconds = max(self.seconds, drawing)
        few = min(_FEW, int(_PATIENCE / seconds))
        return max(1, min(self.room, left, max(few, int(_CHUNK / seconds))))

    def run(self, runner: Runner, columns: Sequence[Any], count: int) -> None:
        """Run the steps; measure where that is still needed."""
        if self.room == 1 or self.seconds is not None:
            runner.run(columns, count)
            return
        runner.program.wait()
        start = time.perf_counter()
        runner.run(columns, count)
        if self.calls:
            runner.program.wait()
            self.seconds = max((time.perf_counter() - start) / count, 1e-7)
        self.calls += 1
