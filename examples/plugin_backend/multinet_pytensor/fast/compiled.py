"""A graph as a list of NumPy calls, made once and run many times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pytensor.graph.basic import Constant, Variable
from pytensor.graph.fg import FunctionGraph
from pytensor.graph.rewriting.basic import MergeOptimizer

from multinet_pytensor.fast.kernels import kernel

Array = np.ndarray[Any, Any]


def compiled(
    inputs: Sequence[Variable], outputs: Sequence[Variable]
) -> Callable[..., list[Array]]:
    """Return a function that computes each different node once, in their order, and
    keeps no value longer than it is read. The graph is used up."""
    graph = FunctionGraph(inputs, outputs, clone=False)
    MergeOptimizer().rewrite(graph)
    nodes, outputs = graph.toposort(), graph.outputs
    slots: dict[Variable, int] = {x: i for i, x in enumerate(inputs)}
    start: list[Any] = [None] * len(inputs)

    def slot(x: Variable) -> int:
        if x not in slots:
            slots[x] = len(start)
            start.append(x.data if isinstance(x, Constant) else None)
        return slots[x]

    last = {x: i for i, node in enumerate(nodes) for x in node.inputs}
    kept = {*outputs, *inputs}
    steps = []
    for i, node in enumerate(nodes):
        reads, writes = [*map(slot, node.inputs)], [*map(slot, node.outputs)]
        done = {*node.inputs, *node.outputs} - kept
        frees = [slot(x) for x in done if last.get(x, i) == i]
        steps.append((kernel(node), reads, writes, frees))
    returned = [slot(y) for y in outputs]

    def run(*values: Array) -> list[Array]:
        cells = [*values, *start[len(values) :]]
        with np.errstate(all="ignore"):
            for compute, reads, writes, frees in steps:
                results = compute(*[cells[i] for i in reads])
                for i, result in zip(writes, results):
                    cells[i] = result
                for i in frees:
                    cells[i] = None
        return [cells[i] for i in returned]

    return run
