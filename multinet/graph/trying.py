"""Calls of nodes on a backend, compiled together.

All calls have their inputs, so none waits for another, and one program runs many. A
program for each node would take a compiler ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from multinet.graph.following import Call
from multinet.graph.replay import Replay
from multinet.interface import Backend
from multinet.typing import Host


def tried(calls: Sequence[Call], backend: Backend[Any]) -> list[list[Host]]:
    """Return what a backend gives for each call.

    Calls of one node, in a loop, differ in their arrays alone: there is one program for
    all nodes that are called equally often, and it runs that often.
    """
    nodes: dict[tuple[int, str], list[int]] = {}
    for i, call in enumerate(calls):
        nodes.setdefault((id(call.node), call.mode), []).append(i)
    often: dict[int, list[list[int]]] = {}
    for places in nodes.values():
        often.setdefault(len(places), []).append(places)
    results: dict[int, list[Host]] = {}
    for groups in often.values():
        program = _Program([calls[places[0]] for places in groups], backend)
        for turn in zip(*groups):
            results |= dict(zip(turn, program.run([calls[i] for i in turn])))
    return [results[i] for i in range(len(calls))]


class _Program:
    """A compiled function of calls like some."""

    def __init__(self, calls: Sequence[Call], backend: Backend[Any]) -> None:
        self.calls, self.backend = calls, backend
        self.compiled = backend.jit(self._results, ())

    def run(self, calls: Sequence[Call]) -> list[list[Host]]:
        """Return the results of each call."""
        arrays = [x for call in calls for x in call.arrays]
        results = self.compiled(*map(self.backend.from_numpy, arrays))
        rest = iter(map(self.backend.to_numpy, results))
        return [[next(rest) for _ in call.wanted] for call in calls]

    def _results(self, *tensors: Any) -> tuple[Any, ...]:
        rest, found = iter(tensors), []
        for call in self.calls:
            given = [next(rest) for _ in call.arrays]
            found += call.results(Replay, self.backend, given)
        return tuple(found)
