"""A graph of finer nodes: the run of a graph on the backend that records."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any, TypeVar

from multinet.graph.functions import FunctionRecorder, recorder
from multinet.graph.pruning import prune
from multinet.graph.replay import Replay, Values
from multinet.graph.values import Body, Node
from multinet.registry import current
from multinet.typing import Tree

G = TypeVar("G", bound=Body)


class Expander(FunctionRecorder):
    """A recorder whose nodes are in the layer of the node that runs."""

    place = ""

    def layer(self) -> str:
        return self.place


class Expansion(Replay):
    """A run that tells the recorder where each node was."""

    def call(self, node: Node, values: Values) -> Tree:
        self.backend.place = node.layer
        return super().call(node, values)


def expanded(
    graph: G,
    whole: Collection[str],
    kind: type[Expander] = Expander,
    run: type[Expansion] = Expansion,
) -> G:
    """Return a graph with the fused methods not in `whole` as their primitives.

    `kind` may know more of which are to be whole; `run` is what runs the graph for it.
    """
    old: Any = graph
    noting = recorder(current().concrete, whole, kind)
    replay = run(noting)
    inputs = [noting.value(x, x.name) for x in old.inputs]
    replay.give(old.inputs, inputs)
    replay.give(
        [x for x, _ in old.constants],
        [noting.constant(array) for _, array in old.constants],
    )
    given = {p: noting.placeholder(v) for p, (_, v) in old.variables.items()}
    for path, value in given.items():
        value.name = path  # type: ignore[attr-defined]
        replay.give([old.variables[path][0]], [value])
    outputs = replay.run(old)
    updates = {path: replay.values[id(x)] for path, x in old.updates.items()}
    new = dataclasses.replace(
        old,
        inputs=inputs,
        nodes=noting.root.nodes,
        outputs=outputs,
        updates=updates,
        variables={p: (given[p], v) for p, (_, v) in old.variables.items()},
        constants=list(noting.constants.values()),
        whole=frozenset(whole),
    )
    prune(new, updates.values())
    return new
