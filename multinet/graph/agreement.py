"""The first node of a graph at which a backend differs from exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

import optree

from multinet.graph.capturing import capture
from multinet.graph.checking import first_that_runs, samples
from multinet.graph.following import Call, Following
from multinet.graph.graph import Graph
from multinet.graph.measuring import Worst, measure
from multinet.graph.recording import wholes
from multinet.graph.specs import Spec
from multinet.graph.text import call_of
from multinet.graph.trying import tried
from multinet.graph.values import Node
from multinet.interface import Backend
from multinet.registry import current, get
from multinet.symbolic.tensor import KerasTensor
from multinet.typing import Host, Tensor, Tensors, Tree


@dataclass(frozen=True, eq=False)
class Difference:
    """A node at which a backend gives something else than exact arithmetic would.

    `kind` is "wrong" for an error beyond what the condition of the node allows. It is
    "tie" where rounding decides between results that are apart, as of two equal
    elements the one that is the largest, and "kink" where it decides between two
    derivatives, as of `relu` at 0: no backend is wrong then, but two go different ways.

    `op` is the method of the interface and `layer` the path of the layer that called
    it. `index` counts the nodes of the graph as `Graph.walk` does, `line` is the node
    as text, and `where` tells inside of which loops and transforms it ran. `derivative`
    is "" for values, "vjp" or "jvp" for what the node gives to a gradient.

    `element` is the index of the worst element of the result number `output`, `got` is
    its value and `expected` what it must be. `error` is how far these are apart, in
    units of what the condition of the node allows: 1 is the most.
    """

    kind: Literal["wrong", "tie", "kink"]
    op: str
    layer: str
    index: int
    line: str
    where: tuple[str, ...]
    derivative: str
    output: int
    element: tuple[int, ...]
    got: Any
    expected: Any
    error: float
    node: Node

    def __str__(self) -> str:
        inside = f", in {', in '.join(self.where[::-1])}" if self.where else ""
        place = f" of layer {self.layer}" if self.layer else ""
        element = f"[{', '.join(map(str, self.element))}]" if self.element else ""
        return (
            f"{_WAYS[self.derivative]}{self.op}{place} (node {self.index}{inside}) "
            f"{_KINDS[self.kind]}: result {self.output}{element} is {self.got!s}, "
            f"expected {self.expected!s}, {self.error:.3g} times what its condition "
            "allows"
        )


_WAYS = {"": "", "vjp": "the gradient of ", "jvp": "the tangent of "}
_KINDS = {"wrong": "differs", "tie": "is at a tie", "kink": "is at a kink"}


@dataclass(frozen=True, eq=False)
class Agreement:
    """What a search for the first difference found.

    `first` is the first node that is wrong, else the first at a tie or a kink, else
    None. `differences` are all that were found, in the order of the program. `nodes` is
    how many nodes were compared, and `calls` how often, those of loops and derivatives
    counted; `largest` is the largest error in units of what is allowed, at most 1 if
    nothing is wrong, and `at` the method that has it.
    """

    backend: str
    graph: Graph
    nodes: int
    calls: int
    differences: tuple[Difference, ...]
    largest: float
    at: str

    @property
    def first(self) -> Difference | None:
        """The first node that is wrong, or that is at a tie or a kink."""
        wrong = [x for x in self.differences if x.kind == "wrong"]
        return next(iter([*wrong, *self.differences]), None)

    @property
    def verdict(self) -> Literal["equal", "drifting", "wrong"]:
        """ "equal" within rounding, "drifting" at ties and kinks, or "wrong"."""
        if self.first is None:
            return "equal"
        return "wrong" if self.first.kind == "wrong" else "drifting"

    def __str__(self) -> str:
        count = f"{self.nodes} nodes in {self.calls} calls"
        if self.first is None:
            return (
                f"{self.backend}: {count} are within what their conditions allow, at "
                f"most {self.largest:.2g} of it ({self.at})"
            )
        return f"{self.backend}: of {count}, {self.first}"


def first_difference(
    target: Callable[..., Tensors] | Graph,
    *args: Tree,
    backend: str | Backend[Tensor] | None = None,
    whole: bool | Collection[str] = True,
    **options: object,
) -> Agreement:
    """Find the first node at which a backend differs from exact arithmetic.

    `target` is a model, a layer or a function, as `capture` takes it with `args` and
    `options`, or a `Graph`, which a step of training can be too. `args` are data, or
    a `Spec` for each argument, for which data are drawn. `backend` is the one that is
    searched, that in use for None.

    Each node gets the inputs that a machine would give it which computes exactly and
    rounds each result once, and its results are compared with those of float64 NumPy on
    the same inputs. So errors do not add up, and the first node beyond what its
    condition allows is where the fault is. Loops, branches and transforms are searched
    inside as well; within a gradient the derivative of each node is compared too.

    `whole` are the fused methods that count as one node. One that differs is searched
    inside, for a primitive that does; with False all are searched as primitives.

    >>> found = multinet.graph.first_difference(model, x, backend="jax")
    >>> found.verdict
    'equal'
    """
    named = current() if backend is None else backend
    tested = get(named) if isinstance(named, str) else named
    if isinstance(target, Graph):
        graph = target if whole is True else target.expand(whole)
    else:
        graph = capture(target, *args, whole=whole, check=False, **options)
    return _Search(graph, tested).run(args)


class _Search:
    """One search through a graph."""

    def __init__(self, graph: Graph, backend: Backend[Any]) -> None:
        self.graph, self.backend = graph, backend
        self.exact = get("numpy")
        self.indices = {id(node): i for i, node in enumerate(graph.walk())}

    def run(self, args: tuple[Tree, ...]) -> Agreement:
        """Return what is found for arguments of the graph."""
        calls = self._followed(args)
        results = tried(calls, self.backend)
        largest, at, found = 0.0, "", []
        for call, got in zip(calls, results):
            worst = measure(call, got, self.exact)
            if worst.error >= largest:
                largest, at = worst.error, call.node.op
            if worst.error > 1:
                found.append(self._difference(call, worst))
        nodes = len({id(call.node) for call in calls})
        return Agreement(
            self.backend.name, self.graph, nodes, len(calls), tuple(found), largest, at
        )

    def _followed(self, args: tuple[Tree, ...]) -> list[Call]:
        """Return the calls of the graph on data."""
        graph = self.graph
        given = optree.tree_leaves(args)  # type: ignore[arg-type]
        if given and not any(isinstance(x, Spec | KerasTensor) for x in given):
            host = current().to_numpy
            return self._calls([host(x) for x in graph.tensors(args)])
        tries = list(samples(graph))[-1]
        return first_that_runs(graph.name, tries, self._calls)

    def _calls(self, data: list[Host]) -> list[Call]:
        graph, following = self.graph, Following(self.exact)
        following.give(graph.inputs, data)
        following.give(*zip(*graph.constants)) if graph.constants else None
        held = [(value, v.numpy()) for value, v in graph.variables.values()]
        following.give([value for value, _ in held], [x for _, x in held])
        following.run(graph)
        return following.calls

    def _difference(self, call: Call, worst: Worst) -> Difference:
        node, where, inner = call.node, call.where, None
        if node.op in wholes(True) and not worst.jumps:
            inner = self._inside(call)
        if inner is not None:
            call, worst = inner
            where = (*where, node.op, *call.where)
        kind = "wrong"
        if worst.jumps:
            exact = not call.mode and not call.node.bodies
            kind = "tie" if exact else "kink"
        return Difference(
            kind,
            call.node.op,
            node.layer,
            self.indices[id(node)],
            f"{call_of(call.node)}",
            where,
            call.mode,
            worst.output,
            worst.element,
            worst.got,
            worst.expected,
            worst.error,
            call.node,
        )

    def _inside(self, call: Call) -> tuple[Call, Worst] | None:
        """Return the first primitive inside of a fused method that is wrong."""
        node = call.node
        one = Graph(call.reads, [node], node.outputs, whole=frozenset((node.op,)))
        plain, following = one.expand(), Following(self.exact, call.mode)
        following.sizes = dict(call.sizes)
        if call.mode:
            following.varying = {id(plain.inputs[i]) for i in call.places}
        following.give(plain.inputs, call.given)
        following.give(*zip(*plain.constants)) if plain.constants else None
        following.run(plain)
        for inner, got in zip(following.calls, tried(following.calls, self.backend)):
            worst = measure(inner, got, self.exact)
            if worst.error > 1 and not worst.jumps:
                return inner, worst
        return None
