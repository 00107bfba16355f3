"""What a graph costs: operations, bytes, parameters and activations, by layer.

The counts are exact polynomials of the unknown sizes, as sizes themselves are. They are
of the primitives: a fused method counts as the body that is its specification.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from multinet.errors import ArgumentError, near
from multinet.graph.backward import backward
from multinet.graph.operations import (
    FREE,
    bytes_of,
    counted,
    elements,
    operations,
    repeats,
)
from multinet.graph.values import AnyGraph, Body, Node
from multinet.symbolic.dims import Size, larger, substitute, unknowns


@dataclass(frozen=True)
class Cost:
    """What something costs: numbers, or polynomials of the unknown sizes.

    `flops` are additions, multiplications, comparisons and calls of functions, one each
    for an element; `bytes` what each primitive reads and writes, if nothing stays in a
    cache or is fused; `parameters` the elements of Variables, `activations` those of
    all tensors that are made.
    """

    flops: Size = 0
    bytes: Size = 0
    parameters: Size = 0
    activations: Size = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(a + b for a, b in zip(self._parts(), other._parts())))

    def times(self, count: Size) -> Cost:
        """Return the cost of so many runs, which read the same parameters."""
        flops, moved, parameters, activations = self._parts()
        return Cost(flops * count, moved * count, parameters, activations * count)

    def at(self, **sizes: int) -> Cost:
        """Return the cost where unknown sizes, by their names, are known.

        >>> cost.at(batch=32, time=100).flops
        12345600
        """
        dims = {repr(d): d for part in self._parts() for d in unknowns(part)}
        for name in sizes:
            if dims and name not in dims:
                raise ArgumentError(
                    f"Expected the names of unknown sizes, {', '.join(dims)}; got "
                    f"{name!r}.{near(name, dims)}"
                )
        values = {dims[name]: n for name, n in sizes.items() if name in dims}
        return Cost(*(substitute(part, values) for part in self._parts()))

    def _parts(self) -> list[Any]:
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True)
class Costs:
    """The costs of a graph, by the paths of layers, and in all.

    `uncounted` are the primitives whose operations are not counted, since they depend
    on values: iterations of decompositions and loops.
    """

    layers: Mapping[str, Cost]
    uncounted: tuple[str, ...] = ()

    @property
    def total(self) -> Cost:
        """What all of it costs."""
        return sum(self.layers.values(), Cost())

    def of(self, name: str) -> Cost:
        """Return what a layer costs with all that it calls, by its path or name."""
        found = [
            cost
            for path, cost in self.layers.items()
            if f"/{name}/" in f"/{path}/" or path == name
        ]
        if not found:
            raise ArgumentError(
                f"No layer of the graph is named {name!r}. It has "
                f"{', '.join(filter(None, self.layers))}."
            )
        return sum(found, Cost())

    def __str__(self) -> str:
        head = ("layer", *(field.name for field in fields(Cost)))
        rows = [(path or "-", *cost._parts()) for path, cost in self.layers.items()]
        cells = [tuple(map(str, row)) for row in (head, *rows, _total_row(self))]
        widths = [max(map(len, column)) for column in zip(*cells)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths)) for row in cells]
        return "\n".join(line.rstrip() for line in lines)


def _total_row(costs: Costs) -> tuple[Any, ...]:
    return ("total", *costs.total._parts())


def count(graph: AnyGraph) -> Costs:
    """Return the costs of a graph."""
    counter = _Counter()
    plain = graph.expand()
    counter.count(plain, 1)
    first = _first_readers(plain)
    for value, _ in plain.variables.values():
        if id(value) in first:
            size = math.prod(value.shape)
            counter.add(first[id(value)], Cost(parameters=size))
    return Costs(counter.layers, tuple(dict.fromkeys(counter.uncounted)))


class _Counter:
    """Costs by layer, in the making."""

    def __init__(self) -> None:
        self.layers: dict[str, Cost] = {}
        self.uncounted: list[str] = []
        self._functions: dict[int, Node] = {}  # the node of a `vjp` by its pullback

    def add(self, layer: str, cost: Cost) -> None:
        self.layers[layer] = self.layers.get(layer, Cost()) + cost

    def count(self, body: Body, times: Size) -> None:
        """Add what `times` runs of a body cost."""
        for node in body.nodes:
            if node.bodies or node.op == "pullback":
                self._functional(node, times)
                continue
            if operations(node) is None:
                self.uncounted.append(node.op)
            self.add(node.layer, _cost(node).times(times))

    def _functional(self, node: Node, times: Size) -> None:
        """Add the cost of a node that holds bodies."""
        if node.op == "pullback":
            node = self._functions[id(node.arguments["pullback"])]
            self._back(node, times)
        elif node.op == "cond":
            self._larger(node, times)
        else:
            if node.op == "while_loop":  # once: nobody knows how often
                self.uncounted.append(node.op)
            inner = times * repeats(node)
            for body in node.bodies:
                self.count(body, inner)
            if node.op == "vjp":
                self._functions[id(node.outputs[-1])] = node
            if node.op in ("value_and_grad", "jvp"):
                self._back(node, times)

    def _larger(self, node: Node, times: Size) -> None:
        """Add the larger of two branches, layer by layer."""
        branches = []
        for body in node.bodies:
            branch = _Counter()
            branch.count(body, times)
            self.uncounted += branch.uncounted
            branches.append(branch.layers)
        one, other = branches
        for layer in dict.fromkeys((*one, *other)):
            pairs = zip(*(found.get(layer, Cost())._parts() for found in (one, other)))
            self.add(layer, Cost(*(larger(a, b) for a, b in pairs)))

    def _back(self, node: Node, times: Size) -> None:
        """Add what the derivatives of a function cost beside its values."""
        (body,) = node.bodies
        results = body.outputs[:1] if node.op == "value_and_grad" else body.outputs
        varying = {id(x) for x in body.inputs}
        for layer, flops, moved in backward(body, varying, results):
            self.add(layer, Cost(flops, moved).times(times))


def _cost(node: Node) -> Cost:
    if node.op in FREE:
        return Cost()
    made = sum(map(elements, node.outputs))
    return Cost(counted(node), bytes_of(node.inputs, node.outputs), 0, made)


def _first_readers(graph: Any) -> dict[int, str]:
    """Return the layer of the first node that reads each value."""
    found: dict[int, str] = {}
    for node in graph.walk():
        for value in node.inputs:
            found.setdefault(id(value), node.layer)
    return found
