"""A graph as text: a line for each node, indented inside of functions and layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import optree

from multinet.graph.values import AnyGraph, Body, Node, Value
from multinet.typing import Tree


def written(graph: AnyGraph) -> str:
    """Return a graph as text."""
    head = f"{graph.name}({', '.join(map(repr, graph.inputs))})"
    lines = [head, *_variables(graph), *_constants(graph), *_lines(graph, 1, "")]
    lines += [f"  {path} = {x.name}" for path, x in graph.updates.items()]
    return "\n".join(lines)


def _variables(graph: Any) -> Iterator[str]:
    for value, _ in graph.variables.values():
        yield f"  Variable {value!r}"


def _constants(graph: Any) -> Iterator[str]:
    for value, array in graph.constants:
        shown = f" = {array.item()!r}" if array.ndim == 0 else ""
        yield f"  constant {value!r}{shown}"


def _lines(body: Body, depth: int, layer: str) -> Iterator[str]:
    """Yield the lines of a body whose nodes are in `layer` unless a line tells it."""
    space = "  " * depth
    for node in body.nodes:
        if node.layer != layer:
            layer = node.layer
            yield f"{space}# {layer or 'outside of layers'}"
        yield f"{space}{', '.join(map(repr, node.outputs))} = {call_of(node)}"
        for name, inner in node.arguments.items():
            if isinstance(inner, Body):
                yield f"{space}  {name}({', '.join(map(repr, inner.inputs))}):"
                yield from _lines(inner, depth + 2, layer)
    yield f"{space}return {', '.join(x.name for x in body.outputs)}"
    if body.pullback is not None:
        inputs = ", ".join(map(repr, body.pullback.inputs))
        yield f"{space}pullback({inputs}):"
        yield from _lines(body.pullback, depth + 1, layer)


def call_of(node: Node) -> str:
    """Return a node as a call: the method, tensors by name, options as they are."""
    parts = []
    for name, argument in node.arguments.items():
        if isinstance(argument, Body) or argument is None:
            continue
        text = shown(argument)
        tensors = optree.tree_leaves(argument)  # type: ignore[arg-type]
        plain = tensors and all(isinstance(x, Value) for x in tensors)
        parts.append(text if plain else f"{name}={text}")
    return f"{node.op}({', '.join(parts)})"


def shown(argument: Tree) -> str:
    """Return an argument as text, values by their names."""
    if isinstance(argument, Value):
        return argument.name
    if isinstance(argument, tuple | list):
        open_, close = "()" if isinstance(argument, tuple) else "[]"
        comma = "," if len(argument) == 1 and isinstance(argument, tuple) else ""
        return f"{open_}{', '.join(map(shown, argument))}{comma}{close}"
    return repr(argument)
