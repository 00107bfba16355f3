"""What a process computes of a model, to see whether its backend agrees."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from multinet import registry
from multinet.compare import loading
from multinet.compare.observing import observe, refer
from multinet.compare.record import Parting, Task
from multinet.compare.trial import Batch, Trial
from multinet.graph import first_difference

Answer = dict[str, Any]

#: Batches that steps take in turn.
_BATCHES = 100


class Looking:
    """Trains models as tasks tell, and writes what it computed to files."""

    def __init__(self, threads: int) -> None:
        self.backend = registry.current()

    def questions(self) -> dict[str, Any]:
        """Return what can be asked."""
        names = "about observe refer first".split()
        return {name: getattr(self, name) for name in names}

    def about(self) -> Answer:
        """Return the devices, the one in use first."""
        return {"devices": list(self.backend.devices())}

    def observe(self, path: str, steps: int, seconds: float, **task: Any) -> Answer:
        """Train on this backend, and write what it computes."""
        run = observe(*_loaded(Task(**task)), steps=steps, seconds=seconds)
        run.save(path)
        return {"steps": len(run.losses)}

    def refer(self, path: str, steps: int, seconds: float, **task: Any) -> Answer:
        """Train in float64, and write what that gives."""
        run = refer(*_loaded(Task(**task)), steps=steps, seconds=seconds)
        run.save(path)
        return {"steps": len(run.losses)}

    def first(self, **task: Any) -> Answer:
        """Return the first node of a step that is not what its inputs must give."""
        trial = Trial(*_loaded(Task(**task)))
        found = first_difference(trial.graph, *trial.tree()).first
        if found is None:
            return {"kind": "equal"}
        layer = trial.within(found.layer)
        name = f"gradient of {found.op}" if found.derivative else found.op
        error = _relative(found.got, found.expected)
        return {"kind": found.kind, "first": asdict(Parting(layer, name, error))}


def _loaded(task: Task) -> tuple[Any, list[Batch]]:
    """Return the model of a task, and as many whole batches as there are."""
    data = loading.load(task)
    size = min(task.batch, data.samples)
    count = min(data.samples // size, _BATCHES)
    rows = [data.rows(i * size, (i + 1) * size) for i in range(count)]
    return data.model, [Batch(*each) for each in rows]


def _relative(got: Any, wanted: Any) -> float:
    off, size = float(np.abs(got - wanted)), float(np.abs(wanted))
    return off / size if size else float("inf")
