"""Reading metrics: lazily inside a step, and from what a program carries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from multinet.holders import Inventory
from multinet.metrics import Metric
from multinet.metrics.base import log_name
from multinet.names import is_ours
from multinet.ops.core import numpy_backend
from multinet.registry import current, use_backend
from multinet.scope import Scope
from multinet.training.ledger import Ledger
from multinet.typing import AnyModel, Tree
from multinet.variables import Variable


class MetricResults(MutableMapping[str, Any]):
    """The results of metrics by name, in a step: each is computed when it is read.

    It stands for what the metrics held when it was made. A step that returns it as it
    is need not compute any: they are read from the metrics when somebody looks.
    """

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self.metrics = list(metrics)
        self._by_name: dict[str, Any] = {log_name(metric): metric for metric in metrics}
        self._variables = variables_of(metrics)
        self._then = [variable.uncast() for variable in self._variables]
        self._changed = False

    def __getitem__(self, name: str) -> Tree:
        found = self._by_name[name]
        if isinstance(found, Metric):
            with Scope(self._variables, self._then):
                return found.result()
        return found

    def __setitem__(self, name: str, value: Tree) -> None:
        self._by_name[name], self._changed = value, True

    def __delitem__(self, name: str) -> None:
        del self._by_name[name]
        self._changed = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __or__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**self, **other}

    def __ror__(self, other: Mapping[str, Any]) -> dict[str, Any]:
        return {**other, **self}

    def of_now(self) -> bool:
        """Return whether this is what the metrics hold, and nothing else."""
        pairs = zip(self._variables, self._then, strict=True)
        return not self._changed and all(v.uncast() is then for v, then in pairs)


def variables_of(metrics: Sequence[Metric]) -> list[Variable]:
    """Return the Variables of metrics, each once."""
    return list({id(v): v for m in metrics for v in m.variables}.values())


def as_floats(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return results as floats by name; those of a dict under its own names."""
    backend, found = current(), {}
    for name, value in results.items():
        if backend.is_tensor(value):
            array = backend.to_numpy(value)
            found[name] = float(array.item()) if array.size == 1 else array
        elif isinstance(value, Mapping):
            found |= as_floats(value)
        else:
            single = np.size(value) == 1
            found[name] = float(np.asarray(value).item()) if single else value
    return found


class Metrics:
    """The metrics of a step's Variables: started anew, and read, in the program."""

    def __init__(
        self, model: AnyModel, ledger: Ledger, counters: list[Variable]
    ) -> None:
        self.model, self.ledger, self.counters = model, ledger, counters
        self._starts: tuple[Any, ...] | None = None  # what reset puts
        self._on_host: tuple[list[Metric], bool] | None = None

    def reset(self, inventory: Inventory) -> None:
        """Start the metrics anew, without a look at the other state."""
        with self.ledger.lock:
            if self.ledger.carries:
                self._reset_in_program(inventory)
                return
        self.model.reset_metrics()

    def _reset_in_program(self, inventory: Inventory) -> None:
        if self._starts is None or self._starts[0] is not inventory:
            self._starts = (inventory, *self._reset_values())
        _, constant, values = self._starts
        for i, value in values.items():
            self.ledger.program.put(i, value)
        if not constant:
            self._starts = None

    def _first(self) -> int:
        return len(self.ledger.variables) - len(self.counters)

    def _values(self) -> list[Any]:
        first, peek = self._first(), self.ledger.program.peek
        return [peek(first + i) for i in range(len(self.counters))]

    def _reset_values(self) -> tuple[bool, dict[int, Any]]:
        """Return what resetting the metrics puts into the state, by place.

        And whether it will be the same the next time, as it is for plain metrics.
        """
        metrics, before = self.model.metrics, self._values()
        with Scope(self.counters, before) as scope:
            self.model.reset_metrics()
        after = scope.values_of(self.counters)
        triples = enumerate(zip(before, after, strict=True), start=self._first())
        constant = all(type(m).reset_state is Metric.reset_state for m in metrics)
        return constant, {i: new for i, (old, new) in triples if new is not old}

    def read(self, metrics: list[Metric]) -> dict[str, Any]:
        """Return the results, which waits for the device."""
        if self._on_host is None or self._on_host[0] is not metrics:
            # What the library wrote runs as well, and faster, on the host; what users
            # wrote may know of one framework only.
            ours = all(is_ours(type(m).result) for m in metrics)
            self._on_host = metrics, ours
        self.ledger.take()
        try:
            values = self._values()
        finally:
            self.ledger.lock.release()
        backend = current()
        if self._on_host[1]:
            values, backend = [backend.to_numpy(x) for x in values], numpy_backend()
        with use_backend.scoped(backend), Scope(self.counters, values):
            return as_floats({log_name(m): m.result() for m in metrics})
