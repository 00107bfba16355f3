"""The coordinator: starts a process for each contender, and lets them take turns.

One works while the others wait for a line. Rounds go around, another first each time,
so that what slows the machine for a while slows all.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

from multinet.compare import machine
from multinet.compare.record import (
    Case,
    Comparison,
    Contender,
    Roofs,
    Settings,
    Task,
)
from multinet.compare.rows import Costs, Known, Row
from multinet.version import __version__

#: Sizes of batches on which the throughput of `predict` is tried.
BATCHES = (32, 256, 1024)
#: A lap is an epoch, or as much of one as takes the slowest so long, in seconds.
_LAP, _LEAST_LAP = 1.0, 8
#: Rounds are fewer where those of a contender would take longer, in seconds.
_PATIENCE, _LEAST_ROUNDS = 6.0, 5
_PREDICTIONS = 4

Tell = Callable[[str, float], None]
Agreement = Callable[[Task, Sequence[str]], tuple]


def compare(
    tasks: Sequence[Task],
    contenders: Sequence[Known],
    settings: Settings,
    command: Sequence[str],
    tell: Tell,
    agreement: Agreement | None = None,
) -> Comparison:
    """Measure each task with each contender, and whether they agree.

    `tell` hears what is done now, and which part of all is done, from 0 to 1.
    """
    cases: list[Case] = []
    devices: dict[str, tuple[str, ...]] = {}
    roofs: Roofs | None = None
    date = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    for index, task in enumerate(tasks):

        def told(text: str, share: float, at: int = index, name: str = task.name):
            tell(f"{name}: {text}", (at + share) / len(tasks))

        measured = Measurement(task, contenders, settings, told)
        with measured:
            case = measured.run()
            roofs = roofs or measured.roofs()
            devices |= measured.devices()
        if agreement is not None:
            told("do they agree?", 0.9)
            ready = [c.name for c in case.contenders if c.rounds and c.reason is None]
            case = dataclasses.replace(case, agreement=agreement(task, ready))
        cases.append(case)
    where = machine.describe(devices)
    return Comparison(
        date, __version__, tuple(command), where, settings, tuple(cases), roofs
    )


class Measurement:
    """The contenders of one case, measured in turn."""

    def __init__(
        self, task: Task, contenders: Sequence[Known], settings: Settings, tell: Tell
    ) -> None:
        self.task, self.settings, self._tell = task, settings, tell
        self.rows = [Row(each, settings.threads) for each in contenders]
        self.again: Row | None = None

    def __enter__(self) -> Measurement:
        return self

    def __exit__(self, *exc: object) -> None:
        for row in self._all():
            row.close()

    def _all(self) -> list[Row]:
        return self.rows if self.again is None else [*self.rows, self.again]

    def _alive(self, trains: bool = False) -> list[Row]:
        return [r for r in self._all() if r.alive and (r.trains or not trains)]

    def devices(self) -> dict[str, tuple[str, ...]]:
        """Return the devices of each backend that was started."""
        return {
            row.name: row.devices for row in self.rows if row.devices and row.trains
        }

    # -- the run -----------------------------------------------------------------------

    def run(self) -> Case:
        """Measure, and return what was found."""
        for i, row in enumerate(self.rows):
            self._tell(f"{row.name} starts", 0.25 * i / len(self.rows))
            row.start(self.task)
        lap = self._lap()
        for row in self._alive(trains=True):
            self._tell(f"{row.name} compiles", 0.3)
            row.settle(lap)
        self._start_again(lap)
        pids = [row.pid for row in self._alive() if row.pid is not None]
        others = machine.Others(pids)
        self._rounds()
        busy = others.busy()
        self._predictions()
        for row in self._alive():
            row.end()
        return self._case(busy)

    def _lap(self) -> int:
        """Return the steps of a lap: an epoch, if the slowest is through it in time."""
        ready = self._alive(trains=True)
        epoch = self.settings.steps or max((row.epoch for row in ready), default=1)
        slowest = max((min(row.next_steps) for row in ready), default=1.0)
        return max(1, min(epoch, max(_LEAST_LAP, int(_LAP / slowest))))

    def _start_again(self, lap: int) -> None:
        """Start the fastest a second time: what the two differ by is noise."""
        ready = self._alive(trains=True)
        if not ready:
            return
        fastest = min(ready, key=lambda row: row.lap_seconds)
        self._tell(f"{fastest.name} starts once more, to see how large noise is", 0.35)
        contender = fastest.contender
        known = Known(contender.name, contender.version, None)
        again = Row(known, self.settings.threads)
        again.start(self.task)
        again.settle(lap)
        again.laps = fastest.laps
        self.again = again

    def _rounds(self) -> None:
        turn, count = 0, self.settings.rounds
        for i in range(count):
            ready = self._alive(trains=True)
            first = i % max(len(ready), 1)
            for row in (*ready[first:], *ready[:first]):
                spent = sum(each.seconds for each in row.contender.rounds)
                if i >= _LEAST_ROUNDS and spent > _PATIENCE:
                    continue
                self._tell(
                    f"{row.name} trains, round {i + 1} of {count}",
                    0.4 + 0.3 * i / count,
                )
                row.round(turn)
                turn += 1

    def _predictions(self) -> None:
        rows = [row for row in self.rows if row.alive]
        samples = min((row.samples or 0 for row in rows), default=0)
        batches = [size for size in BATCHES if size <= samples]
        for row in rows:
            self._tell(f"{row.name} compiles to predict", 0.7)
            row.warm(batches)
        for i in range(_PREDICTIONS):
            for row in rows:
                self._tell(f"{row.name} predicts", 0.75 + 0.1 * i / _PREDICTIONS)
                row.predict(batches)

    def _case(self, busy: float | None) -> Case:
        costs = Costs()
        for row in self._alive(trains=True):
            if not costs.layers:
                self._tell("counts operations", 0.85)
                costs = row.costs() or costs
        again: Contender | None = None
        if self.again is not None:
            again = self.again.contender
        return Case(
            task=self.task,
            contenders=tuple(row.contender for row in self.rows),
            again=again,
            costs=costs.layers,
            samples=next((r.samples for r in self.rows if r.samples), None),
            parameters=costs.parameters,
            busy=busy,
            uncounted=costs.uncounted,
        )

    def roofs(self) -> Roofs | None:
        """Return the most that any backend here does in a second."""
        found = []
        for row in self._alive(trains=True):
            if row is not self.again:
                self._tell(f"{row.name} shows the roofs of the machine", 0.87)
                found.append(row.roofs())
        best = [each for each in found if each is not None]
        if not best:
            return None
        return Roofs(max(x.gemm for x in best), max(x.copy for x in best))
