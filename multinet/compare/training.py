"""What a process measures of a model on its backend."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from multinet import registry
from multinet.callbacks import Callback
from multinet.compare import loading
from multinet.compare.codec import encode
from multinet.compare.record import LayerCost, Point, Roofs, Task
from multinet.graph import Spec, capture_step
from multinet.tree import map_structure

Answer = dict[str, Any]

#: Rows of a batch whose `predict` is timed, and the most rows that it gets.
BATCHES, MOST_ROWS = (32, 256, 1024), 4096
_MATRIX, _COPIED, _TIMES = 1024, 1 << 24, 5


class Training:
    """A model that trains and predicts on the backend of this process."""

    def __init__(self, threads: int) -> None:
        self.backend = registry.current()
        self.seconds, self.steps, self.laps = 0.0, 0, 0
        self.points: list[Point] = []

    def questions(self) -> dict[str, Any]:
        """Return what can be asked."""
        names = "about load first train predict throughput end costs roofs"
        return {name: getattr(self, name) for name in names.split()}

    def about(self) -> Answer:
        """Return the devices, the one in use first."""
        return {"devices": list(self.backend.devices())}

    # -- training ----------------------------------------------------------------------

    def load(self, **task: Any) -> Answer:
        """Make the model of a task, and its data."""
        self.task = Task(**task)
        loading.function_of(self.task)  # running the file is no part of building
        start = time.perf_counter()
        self.data = loading.load(self.task)
        self.model = self.data.model
        built = time.perf_counter() - start
        steps = -(-self.data.samples // self.task.batch)
        return {"built": built, "samples": self.data.samples, "steps": steps}

    def first(self) -> Answer:
        """Do the first step, which compiles, and two more."""
        x, y = self.data.rows(0, self.task.batch)
        times = [self._fit(x, y, 1, 1, noted=False) for _ in range(3)]
        return {"first_step": times[0], "next_steps": times[1:]}

    def train(self, steps: int, laps: int) -> Answer:
        """Train so many laps, each of `steps` steps: an epoch, or the next part of one.

        Returns how many seconds they took in all, until the device had done them.
        """
        batch, samples = self.task.batch, self.data.samples
        if steps * batch >= samples:
            took = self._fit(self.data.x, self.data.y, steps, laps)
            return {"seconds": took, "steps": steps * laps}
        took = 0.0
        for _ in range(laps):
            parts = samples // (steps * batch)
            start = self.laps % parts * steps * batch
            took += self._fit(*self.data.rows(start, start + steps * batch), steps, 1)
        return {"seconds": took, "steps": steps * laps}

    def _fit(self, x: Any, y: Any, steps: int, laps: int, noted: bool = True) -> float:
        """Train, and return the seconds; the logs of each lap are `noted`."""
        clock = _Clock()
        start = time.perf_counter()
        self.model.fit(
            x,
            y,
            batch_size=self.task.batch,
            epochs=self.laps + laps,
            initial_epoch=self.laps,
            callbacks=[clock],
            verbose=0,
        )
        self._wait()
        took = time.perf_counter() - start
        for lap, (at, logs) in enumerate(clock.laps if noted else (), 1):
            done, seconds = self.steps + lap * steps, self.seconds + at - start
            self.points.append(Point(self.laps + lap, done, seconds, logs))
        self.laps += laps * noted
        self.steps, self.seconds = self.steps + steps * laps, self.seconds + took
        return took

    def _wait(self) -> None:
        """Return when the device has done what it was told."""
        for runner in self.model._trainer.programs.latest.values():
            runner.program.wait()

    # -- prediction --------------------------------------------------------------------

    def predict(self, calls: int) -> Answer:
        """Predict one row so many times."""
        x, _ = self.data.rows(0, 1)
        times = []
        for _ in range(calls):
            start = time.perf_counter()
            self.model.predict(x, verbose=0)
            times.append(time.perf_counter() - start)
        return {"seconds": times}

    def throughput(self, batch: int) -> Answer:
        """Predict many rows in batches of a size."""
        rows = min(self.data.samples, MOST_ROWS) // batch * batch
        x, _ = self.data.rows(0, rows)
        start = time.perf_counter()
        self.model.predict(x, batch_size=batch, verbose=0)
        return {"rows": rows / (time.perf_counter() - start)}

    # -- afterwards --------------------------------------------------------------------

    def end(self) -> Answer:
        """Return what is known when all has been timed."""
        return {
            "memory": peak_memory(),
            "path": dict(self.model.explain_step()),
            "recompiles": self._recompiles(),
            "curve": encode(self.points),
        }

    def _recompiles(self) -> int:
        """Return how many programs of a training step there are beside the first.

        One for each form of a batch, and each edit that made it anew.
        """
        kept = self.model._trainer.programs.kept.values()
        runners = [each for runners in kept for each in runners if each.trains]
        return sum(max(1, len(_forms(runner))) for runner in runners) - 1

    def costs(self) -> Answer:
        """Return what a step takes, by layer, as the graph counts it."""
        specs = [
            map_structure(_spec, each) for each in self.data.rows(0, self.task.batch)
        ]
        counted = capture_step(self.model, *specs, check=False).costs()
        layers = [
            LayerCost(path, int(cost.flops), int(cost.bytes))
            for path, cost in counted.layers.items()
        ]
        return {
            "costs": encode(layers),
            "parameters": self.model.count_params(),
            "uncounted": list(counted.uncounted),
        }

    def roofs(self) -> Answer:
        """Return the most that this backend does in a second, by way of the waist."""
        backend = self.backend
        rng = np.random.default_rng(0)
        square = backend.from_numpy(rng.random((_MATRIX, _MATRIX), np.float32))
        many = backend.from_numpy(np.zeros(_COPIED, np.float32))
        product = backend.jit(lambda x: (backend.matmul(x, x),), ())
        gemm = 2 * _MATRIX**3 / self._shortest(lambda: product(square)[0])
        copy = 8 * _COPIED / self._shortest(lambda: backend.copy(many))
        return encode(Roofs(gemm, copy))

    def _shortest(self, function: Any) -> float:
        times = []
        for _ in range(_TIMES + 1):  # the first one compiles
            start = time.perf_counter()
            self.backend.synchronize(function())
            times.append(time.perf_counter() - start)
        return min(times[1:])


class _Clock(Callback):
    """Notes when each epoch ends, and its logs."""

    def __init__(self) -> None:
        super().__init__()
        self.laps: list[tuple[float, dict[str, float]]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Note the time, and the logs that are numbers."""
        found = {name: float(value) for name, value in (logs or {}).items()}
        self.laps.append((time.perf_counter(), found))


def _forms(runner: Any) -> set[Any]:
    return {key[1:] for key in runner._paces}


def _spec(array: Any) -> Spec:
    kind = array.dtype.name
    kinds = {"float64": "float32", "int64": "int32"}  # as `fit` takes data
    return Spec(array.shape, kinds.get(kind, kind))


def peak_memory() -> int | None:
    """Return the most bytes that this process held; None where nobody knows."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss of a child counts its parent until the exec
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    if os.name != "posix":
        return None
    import resource  # systems other than those of POSIX have none

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)
