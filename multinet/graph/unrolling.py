"""A graph whose loops of known length are written out, step after step."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, TypeVar

from multinet.graph.expansion import Expansion, expanded
from multinet.graph.replay import Values
from multinet.graph.values import Body, Node
from multinet.typing import Tensor, Tree

G = TypeVar("G", bound=Body)


def unrolled(graph: G, whole: Collection[str]) -> G:
    """Return a graph without `scan` of a known length and without `checkpoint`.

    Their bodies are nodes among the others. Fused methods not in `whole` are the
    primitives of their bodies, whose loops are written out too.
    """
    return expanded(expanded(graph, whole), whole, run=_Unrolling)


class _Unrolling(Expansion):
    """A run in which steps of a loop follow each other."""

    def call(self, node: Node, values: Values) -> Tree:
        """Return what a node gives, of a loop what its steps do."""
        arguments = node.arguments
        if node.op == "checkpoint":
            function = self._fill(arguments["function"], values)
            return function(*self._filled(arguments["operands"], values))
        length = arguments.get("length")
        if node.op != "scan" or not isinstance(length, int) or not length:
            return super().call(node, values)
        function = self._fill(arguments["function"], values)
        carry, xs = self._filled((arguments["carry"], arguments["xs"]), values)
        carry, count, rows = tuple(carry), len(carry), {}
        steps = range(length)
        for step in reversed(steps) if arguments["reverse"] else steps:
            found = function(*carry, *(self._row(x, step) for x in xs))
            carry, rows[step] = found[:count], found[count:]
        self.backend.place = node.layer
        columns: Any = zip(*(rows[step] for step in steps))
        return carry, tuple(self.backend.stack(list(ys), 0) for ys in columns)

    def _row(self, x: Tensor, step: int) -> Tensor:
        shape = tuple(self.backend.shape(x))
        start, rest = (step, *(0 for _ in shape[1:])), shape[1:]
        row = self.backend.slice(x, start, (step + 1, *rest), (1,) * len(shape))
        return self.backend.reshape(row, rest)
