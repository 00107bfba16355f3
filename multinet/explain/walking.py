"""A graph run forward, whose nodes are then gone through from the score to the inputs.

What stands for the derivative is a row of shares: `take` gives to the operands of each
node what its outputs have got.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import optree

from multinet import dtypes
from multinet.explain.cutting import Cut, output_of
from multinet.explain.question import Question
from multinet.graph import Graph, Node, Value
from multinet.graph.unrolling import unrolled
from multinet.ops.core import as_tensor
from multinet.registry import current
from multinet.typing import Host, Tensor

Tensors = Sequence[Tensor]


class Run:
    """The values of all nodes for some inputs."""

    def __init__(self, walk: Walk, inputs: Sequence[Host]) -> None:
        graph, question = walk.graph, walk.question
        tensors = list(map(as_tensor, (*question.leaves, question.index)))
        given = {}
        for value, array in zip(walk.explained, inputs):
            given[id(value)] = as_tensor(array)
            if question.path is None:
                tensors[graph.inputs.index(value)] = as_tensor(array)
        kind: Any = lambda backend: Cut(given, backend)  # noqa: E731
        self.replay = graph.replay(tensors, kind)
        self.replay.run(graph)

    def __getitem__(self, value: Value) -> Tensor:
        return self.replay.values[id(value)]


class Walk:
    """The graph of the scores of a question, as nodes that rules are known for.

    `whole` are the fused methods that stay one node.
    """

    def __init__(self, question: Question, whole: Collection[str]) -> None:
        self.question = question
        self.graph: Graph = unrolled(question.graph(), frozenset(whole))
        path = question.path
        self.explained = (
            [self.graph.inputs[i] for i in question.places]
            if path is None
            else [output_of(self.graph, path)]
        )
        self.varying = {id(x) for x in self.explained}
        for node in self.graph.nodes:
            if any(id(x) in self.varying for x in node.reads()):
                self.varying |= {id(x) for x in node.outputs}

    def varies(self, value: object) -> bool:
        """Return whether a value depends on what is explained."""
        return id(value) in self.varying

    def operands(self, node: Node) -> list[Value]:
        """Return the values of floats that a node reads and that vary, each once."""
        return [x for x in node.reads() if self.varies(x) and _is_float(x)]

    def back(
        self, seed: Tensor, take: Callable[[Node, list[Value], list[Tensor]], Tensors]
    ) -> list[Host]:
        """Return what the explained values have got, of float64.

        `take(node, operands, shares)` returns the shares of the operands from those of
        the outputs of floats.
        """
        backend = current()
        shares: dict[int, Tensor] = {id(self.graph.outputs[0]): seed}
        made = {id(x) for x in self.explained}
        for node in reversed(self.graph.nodes):
            outputs = outputs_of(node)
            operands = self.operands(node)
            got = [shares.get(id(x)) for x in outputs]
            cut = any(id(x) in made for x in node.outputs)
            if cut or not operands or all(x is None for x in got):
                continue
            full: list[Tensor] = [
                backend.full(backend.shape(like), 0.0, like.dtype) if x is None else x
                for x, like in zip(got, outputs)
            ]
            for value, share in zip(operands, take(node, operands, full), strict=True):
                before = shares.get(id(value))
                after = share if before is None else backend.add(before, share)
                shares[id(value)] = after
        found = []
        for value in self.explained:
            share = shares.get(id(value))
            if share is None:  # the score does not depend on it
                share = backend.full(value.shape, 0.0, value.dtype)
            found.append(backend.to_numpy(share).astype("float64"))
        return found

    def pull(
        self, run: Run, node: Node, operands: list[Value], at: Tensors, shares: Tensors
    ) -> Tensors:
        """Return the pullback of one node at tensors in place of its operands."""
        _, pullback = current().vjp(self.function(run, node, operands), tuple(at))
        return pullback(tuple(shares))

    def function(
        self,
        run: Run,
        node: Node,
        operands: list[Value],
        others: Mapping[int, Tensor] | None = None,
    ) -> Callable[..., tuple[Tensor, ...]]:
        """Return a node as a function of its operands, which gives its floats.

        `others` are tensors in place of other values, by their identities.
        """

        def call(*tensors: Tensor) -> tuple[Tensor, ...]:
            values = run.replay.values.new_child(dict(others or {}))
            values.update({id(x): y for x, y in zip(operands, tensors)})
            results: Any = optree.tree_leaves(run.replay.call(node, values))
            pairs = zip(node.outputs, results)
            return tuple(y for x, y in pairs if _is_float(x))

        return call

    def summed(self, share: Tensor, operand: Tensor) -> Tensor:
        """Return shares of the shape of a result as those of an operand it widened."""
        backend = current()
        wide = tuple(backend.shape(share))
        if wide == tuple(backend.shape(operand)):
            return share
        _, pullback = backend.vjp(
            lambda x: (backend.broadcast_to(x, wide),), (operand,)
        )
        return pullback((share,))[0]


def outputs_of(node: Node) -> list[Value]:
    """Return the outputs that are of floats."""
    return [x for x in node.outputs if _is_float(x)]


def _is_float(value: Value) -> bool:
    return dtypes.is_float(value.dtype)
