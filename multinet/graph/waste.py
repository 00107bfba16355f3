"""Work that a graph could do without."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import optree

from multinet import dtypes
from multinet.graph.values import Body, Node, Value


@dataclass(frozen=True)
class Waste:
    """Nodes that could be left out, where they are and why.

    `kind` is "cast there and back", "transpose there and back", "transposed twice" or
    "computed twice".
    """

    kind: str
    layer: str
    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        where = f" in {self.layer}" if self.layer else ""
        names = ", ".join(x.name for node in self.nodes for x in node.outputs)
        return f"{self.kind}{where}: {names}"


def find_waste(body: Body) -> list[Waste]:
    """Return what a body and those inside of it could do without."""
    makers: dict[int, Node] = {}
    return list(_of_body(body, makers))


def _of_body(body: Body, makers: dict[int, Node]) -> Iterator[Waste]:
    seen: dict[Any, Node] = {}
    for node in body.nodes:
        before = _before(node, makers)
        kind = None if before is None else _pair(before, node)
        if before is not None and kind is not None:
            yield Waste(kind, node.layer, (before, node))
        if not node.bodies:
            first = seen.setdefault(_key(node), node)
            if first is not node:
                yield Waste("computed twice", node.layer, (first, node))
        makers.update({id(x): node for x in node.outputs})
        for inner in node.bodies:
            yield from _of_body(inner, makers)
    if body.pullback is not None:
        yield from _of_body(body.pullback, makers)


def _before(node: Node, makers: dict[int, Node]) -> Node | None:
    """Return the node that made the one tensor that a node takes, if it is like it."""
    if node.op not in ("cast", "transpose"):
        return None
    maker = makers.get(id(node.inputs[0]))
    return maker if maker is not None and maker.op == node.op else None


def _pair(first: Node, second: Node) -> str | None:
    """Return what two casts or transposes in a row are, None if both are needed."""
    start = first.inputs[0]
    if first.op == "cast":
        middle = first.outputs[0].dtype
        same = second.outputs[0].dtype == start.dtype
        # What the middle cannot hold is rounded, and that may be meant.
        held = same and dtypes.promote(start.dtype, middle) == middle
        return "cast there and back" if held else None
    order = first.arguments["permutation"]
    both = [order[i] for i in second.arguments["permutation"]]
    whole = both == sorted(both)
    return "transpose there and back" if whole else "transposed twice"


def _key(node: Node) -> Any:
    """Return what two nodes share that compute the same."""
    given: Any = tuple(node.arguments.values())
    leaves, structure = optree.tree_flatten(given)
    parts = [id(x) if isinstance(x, Value) else (type(x), repr(x)) for x in leaves]
    return node.op, structure, tuple(parts)
