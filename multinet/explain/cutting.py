"""Where the output of a layer is in a graph, and a run with another value there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import optree

from multinet import dtypes
from multinet.errors import ArgumentError, near
from multinet.graph import Graph, Node, Value
from multinet.graph.replay import Replay, Values
from multinet.interface import Backend
from multinet.typing import AnyLayer, Tensor, Tree


class Cut(Replay):
    """A run in which some values, by their identities, are tensors that were given."""

    def __init__(self, given: Mapping[int, Tensor], backend: Backend[Any]) -> None:
        super().__init__(backend)
        self.given = given

    def call(self, node: Node, values: Values) -> Tree:
        """Return what a node gives, or what was given instead."""
        results: Any = super().call(node, values)
        if not any(id(x) in self.given for x in node.outputs):
            return results
        leaves: Any = optree.tree_leaves(results)
        return tuple(self.given.get(id(v), y) for v, y in zip(node.outputs, leaves))


def layer_of(graph: Graph, at: AnyLayer | str) -> str:
    """Return the path by which a graph knows a layer, or the name or path of one."""
    name = at if isinstance(at, str) else str(at.name)
    paths = layers(graph)
    found = [path for path in paths if path == name or path.endswith(f"/{name}")]
    if len(found) != 1:
        which = f"; {found} are called so" if found else near(name, paths)
        raise ArgumentError(
            f"Expected `at` to be one of the layers {paths}, got {name!r}{which}."
        )
    output_of(graph, found[0])
    return found[0]


def layers(graph: Graph) -> list[str]:
    """Return the paths of layers that compute something, those around them too."""
    found: dict[str, None] = {}
    for path in graph.layers():
        parts = path.split("/") if path else []
        found |= {"/".join(parts[: i + 1]): None for i in range(len(parts))}
    return list(found)


def output_of(graph: Graph, path: str) -> Value:
    """Return the value that a layer gives: the last of floats that others read."""
    inside = [f"{node.layer}/".startswith(f"{path}/") for node in graph.nodes]
    read = {id(x) for x in graph.outputs}
    for node, within in zip(graph.nodes, inside):
        read |= set() if within else {id(x) for x in node.reads()}
    calls: list[list[Value]] = []
    before = False
    for node, within in zip(graph.nodes, inside):
        if within and not before:
            calls.append([])
        before = within
        if within:
            calls[-1] += [
                x for x in node.outputs if id(x) in read and dtypes.is_float(x.dtype)
            ]
    calls = [call for call in calls if call]
    if len(calls) != 1:
        raise ArgumentError(
            f"The layer {path} gives tensors of floats {len(calls)} times in a call of "
            "the model, and must do so once to be explained. Choose another layer."
        )
    return calls[0][-1]
