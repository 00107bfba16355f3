"""What no output depends on, left out: all methods of the interface are pure."""

from __future__ import annotations

from collections.abc import Iterable

from multinet.graph.values import AnyGraph, Body, Value


def prune(graph: AnyGraph, kept: Iterable[Value]) -> None:
    """Leave out of a graph what is needed neither for its outputs nor for `kept`."""
    needed = {id(x) for x in (*graph.outputs, *kept)}
    _prune(graph, needed)
    for node in graph.walk():
        needed |= {id(x) for x in node.reads()}
    graph.constants = [pair for pair in graph.constants if id(pair[0]) in needed]
    used = {p: pair for p, pair in graph.variables.items() if id(pair[0]) in needed}
    graph.variables = used | {p: graph.variables[p] for p in graph.updates}


def _prune(body: Body, needed: set[int]) -> None:
    needed |= {id(x) for x in body.outputs}
    if body.pullback is not None:
        _prune(body.pullback, needed)
    left = []
    for node in reversed(body.nodes):
        if not any(id(x) in needed for x in node.outputs):
            continue
        left.append(node)
        needed |= {id(x) for x in node.inputs}
        for inner in node.bodies:
            _prune(inner, needed)
    body.nodes = left[::-1]
