"""Rows: the contenders of a case while it is measured, each with its process."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass, replace
from typing import Any

from multinet import registry
from multinet.compare.codec import decode
from multinet.compare.process import PATIENCE, Failed, Process
from multinet.compare.record import (
    Contender,
    LayerCost,
    Point,
    Prediction,
    Roofs,
    Round,
    Speed,
    Start,
    Task,
)
from multinet.errors import unknown_name

#: The name of the row that predicts by an ONNX file.
EXPORTED = "onnxruntime"
_TRAINING = "multinet.compare.training:Training"
_EXPORTED = "multinet.compare.exported:Exported"

#: A round takes so many laps that it lasts this long, in seconds, but not more laps.
_LEAST_ROUND, _MOST_LAPS = 0.15, 50
#: Laps that are not timed: the first compiles, the second shows what one takes.
_SETTLING = 2
#: Calls of `predict` in a turn: as many as fit in so many seconds, and at most these.
_CALLS_SECONDS, _MOST_CALLS = 0.1, 40


@dataclass(frozen=True)
class Known:
    """What can take part: a name, its version, and the reason why it cannot."""

    name: str
    version: str | None
    reason: str | None


@dataclass(frozen=True)
class Costs:
    """What a step takes by layer, the parameters, and what is not counted."""

    layers: tuple[LayerCost, ...] = ()
    parameters: int | None = None
    uncounted: str | None = None


def known(names: tuple[str, ...] | None) -> list[Known]:
    """Return those named, or all; `ArgumentError` for a name that nothing has."""
    found = {}
    for info in registry.backends():
        reason = (
            None if info.installed else info.error or f"not installed: {info.install}"
        )
        found[info.name] = Known(info.name, info.version, reason)
    everything = [*found, EXPORTED]
    for name in names or ():
        if name not in everything:
            raise unknown_name("backend", name, everything)
    chosen = list(dict.fromkeys(names)) if names else list(found)
    rows = [found[name] for name in chosen if name != EXPORTED]
    exported = _exported()
    if EXPORTED in chosen or (names is None and exported.reason is None):
        rows.append(exported)
    return rows


def _exported() -> Known:
    from importlib import metadata, util  # slow, as in the registry

    missing = [name for name in ("onnx", EXPORTED) if util.find_spec(name) is None]
    if missing:
        told = f'not installed: pip install "multinet-nn[onnx]" ({", ".join(missing)})'
        return Known(EXPORTED, None, told)
    return Known(EXPORTED, metadata.version(EXPORTED), None)


class Row:
    """A contender with its process; what fails once is asked no more.

    Each method that asks notes what was measured in `contender`.
    """

    def __init__(self, known: Known, threads: int, patience: float = PATIENCE) -> None:
        self.name, self.trains = known.name, known.name != EXPORTED
        self.backend = known.name if self.trains else "numpy"
        self.contender = Contender(known.name, known.version, known.reason)
        self.devices: tuple[str, ...] = ()
        self.samples: int | None = None
        self.epoch, self.laps, self.lap_steps = 0, 1, 0
        self.next_steps: list[float] = []
        self.lap_seconds = math.inf
        self._calls = 1
        self._speeds: dict[int, float] = {}
        self._threads, self._patience = threads, patience
        self._process: Process | None = None

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self.contender.reason is None

    @property
    def pid(self) -> int | None:
        """The number of its process, if there is one."""
        return None if self._process is None else self._process.pid

    def close(self) -> None:
        """End its process."""
        if self._process is not None:
            self._process.close()

    def fail(self, reason: str) -> None:
        """Note why it takes no further part."""
        self._note(reason=reason)
        self.close()

    def _note(self, **changes: Any) -> None:
        self.contender = replace(self.contender, **changes)

    def _ask(self, question: str, **arguments: object) -> dict[str, Any] | None:
        """Return an answer; None if it failed, then or before."""
        if not self.alive or self._process is None:
            return None
        try:
            return self._process.ask(question, **arguments)
        except Failed as error:
            self.fail(str(error))
            return None

    # -- start -------------------------------------------------------------------------

    def start(self, task: Task) -> None:
        """Start its process, make the model, and do the first steps."""
        if not self.alive:
            return
        kind = _TRAINING if self.trains else _EXPORTED
        begun = time.perf_counter()
        arguments = (str(self._threads), kind)
        self._process = Process(self.backend, self._threads, self._patience, arguments)
        try:
            about = self._process.answer()
        except Failed as error:
            self.fail(str(error))
            return
        imported = time.perf_counter() - begun
        self.devices = tuple(about["devices"])
        made = self._ask("load", **dataclasses.asdict(task))
        if made is None:
            return
        self.samples = made["samples"]
        first: dict[str, Any] | None = {"first_step": 0.0, "next_steps": []}
        if self.trains:
            self.epoch = made["steps"]
            first = self._ask("first")
        if first is not None:
            self.next_steps = first["next_steps"]
            start = Start(imported, made["built"], first["first_step"])
            self._note(start=start)

    def settle(self, lap_steps: int) -> None:
        """Train until steps are steady; choose how many laps a round has."""
        self.lap_steps = lap_steps
        times = []
        for _ in range(_SETTLING):
            found = self._ask("train", steps=lap_steps, laps=1)
            if found is None:
                return
            times.append(found["seconds"])
        start = self.contender.start
        assert start is not None
        settled = replace(
            start,
            settled=sum(self.next_steps) + sum(times),
            settled_steps=len(self.next_steps) + _SETTLING * lap_steps,
        )
        self._note(start=settled)
        wanted = math.ceil(_LEAST_ROUND / max(times[-1], 1e-6))
        self.laps = min(max(wanted, 1), _MOST_LAPS)
        self.lap_seconds = times[-1]

    # -- turns -------------------------------------------------------------------------

    def round(self, turn: int) -> None:
        """Train one round, and note it."""
        found = self._ask("train", steps=self.lap_steps, laps=self.laps)
        if found is not None:
            each = Round(turn, found["steps"], found["seconds"])
            self._note(rounds=(*self.contender.rounds, each))

    def warm(self, batches: list[int]) -> None:
        """Predict once in each way, which compiles."""
        for calls in (1, 3):
            found = self._ask("predict", calls=calls)
            if found is not None:
                each = max(min(found["seconds"]), 1e-6)
                self._calls = int(min(max(_CALLS_SECONDS / each, 1), _MOST_CALLS))
        for batch in batches:
            self._ask("throughput", batch=batch)

    def predict(self, batches: list[int]) -> None:
        """Predict one row many times, and many rows once in batches of each size."""
        found = self._ask("predict", calls=self._calls)
        if found is None:
            return
        times = (*self.contender.prediction.one_row, *found["seconds"])
        for batch in batches:
            speed = self._ask("throughput", batch=batch)
            if speed is not None:
                best = max(self._speeds.get(batch, 0.0), speed["rows"])
                self._speeds[batch] = best
        speeds = tuple(Speed(batch, rows) for batch, rows in self._speeds.items())
        self._note(prediction=Prediction(times, speeds))

    # -- end ---------------------------------------------------------------------------

    def end(self) -> None:
        """Note what is known when all has been timed."""
        found = self._ask("end")
        if found is not None:
            self._note(
                memory=found["memory"],
                path=found["path"],
                recompiles=found["recompiles"],
                curve=decode(
                    tuple[Point, ...], found["curve"], f"curve of {self.name}"
                ),
            )

    def costs(self) -> Costs | None:
        """Return what a step takes; None where this cannot be asked."""
        if not self.trains or not self.alive or self._process is None:
            return None
        try:
            found = self._process.ask("costs")
        except Failed as error:  # a program that has no graph can be timed all the same
            return Costs(uncounted=f"Operations are not counted: {error}")
        costs = decode(tuple[LayerCost, ...], found["costs"], "costs")
        names = ", ".join(found["uncounted"])
        told = f"Operations of {names} are not counted." if names else None
        return Costs(costs, found["parameters"], told)

    def roofs(self) -> Roofs | None:
        """Return the most that its backend does in a second."""
        if not self.trains or not self.alive or self._process is None:
            return None
        try:
            return decode(Roofs, self._process.ask("roofs"), "roofs")
        except Failed:  # one with too little memory for it has been timed before
            return None
