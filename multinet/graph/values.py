"""What a graph is made of: values, nodes, and the bodies that hold them in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import optree

from multinet.symbolic.spec import SymbolicArray

# A `Graph`, whose class is written after what it is made of.
AnyGraph: TypeAlias = Any


class Value(SymbolicArray):
    """One tensor of a graph: its shape, of ints and `Dim`s, its dtype and its name."""

    __slots__ = ("name",)

    def __init__(self, like: SymbolicArray, name: str) -> None:
        super().__init__(like.shape, like.dtype)
        self.name = name

    def __repr__(self) -> str:
        sizes = ", ".join(map(repr, self.shape))
        return f"{self.name}: {self.dtype}[{sizes}]"


@dataclass(eq=False)
class Body:
    """Nodes in the order in which they run, from inputs to outputs.

    Where a method takes a function, its node holds the body of it. Such a body reads
    the values of those around it too. `pullback` is that of a function with a gradient
    of its own, which reads the values of the function.
    """

    inputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    pullback: Body | None = None

    def walk(self) -> Iterator[Node]:
        """Yield all nodes, those of a body after the node that holds it."""
        for node in self.nodes:
            yield node
            for body in node.bodies:
                yield from body.walk()
        if self.pullback is not None:
            yield from self.pullback.walk()


@dataclass(eq=False)
class Node:
    """One call of a method of the interface.

    `arguments` are trees by the names of its parameters: of values, of bodies in place
    of functions, of sizes and of options. `layer` is the path of the layer that called
    it, "" outside of any.
    """

    op: str
    arguments: dict[str, Any]
    outputs: list[Value]
    layer: str = ""

    @property
    def inputs(self) -> list[Value]:
        """The values that it takes, those that its bodies read from outside left out.

        One that it takes twice is there twice.
        """
        return [x for x in self.leaves if isinstance(x, Value)]

    @property
    def bodies(self) -> list[Body]:
        """The bodies of the functions that it takes."""
        return [x for x in self.leaves if isinstance(x, Body)]

    @property
    def leaves(self) -> list[Any]:
        """All that the arguments hold, in order."""
        return optree.tree_leaves(tuple(self.arguments.values()))  # type: ignore[arg-type]

    def reads(self) -> list[Value]:
        """Return the values that it takes, with what its bodies read from outside."""
        found = {id(x): x for x in self.inputs}
        for body in self.bodies:
            found |= {id(x): x for x in free(body)}
        return list(found.values())


def free(body: Body) -> list[Value]:
    """Return the values that a body reads from those around it."""
    made = {id(x) for x in body.inputs}
    found: dict[int, Value] = {}
    for node in body.nodes:
        found |= {id(x): x for x in node.reads() if id(x) not in made}
        made |= {id(x) for x in node.outputs}
    rest = list(body.outputs)
    if body.pullback is not None:
        rest += free(body.pullback)
    return list((found | {id(x): x for x in rest if id(x) not in made}).values())
