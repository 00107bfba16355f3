"""The Ops that PyTensor lacks, or has in a form that needs its compilers: branches,
loops, functions with a gradient of their own, and random words.

Each holds graphs, computes by running them, and differentiates by making another Op of
its own kind out of their backward passes. So they work to any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor.type import TensorType

from multinet import dtypes, philox
from multinet.interface.array import Shape
from multinet_pytensor.core import Tensor, opened, placeholder
from multinet_pytensor.graph import Graph, zeros

Tensors = Sequence[Tensor]


class Computed(Op):
    """An Op made of Python functions. No gradient, unless a subclass has one."""

    def types(self, inputs: Tensors) -> list[Any]:
        """Return the types of the outputs for given inputs."""
        raise NotImplementedError

    def compute(self, *inputs: Any) -> Sequence[Any]:
        """Return the values of the outputs."""
        raise NotImplementedError

    def make_node(self, *inputs: Tensor) -> Apply:
        return Apply(self, list(inputs), [kind() for kind in self.types(inputs)])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        # Where PyTensor's modes run this, other nodes may write into their inputs.
        for cell, value in zip(output_storage, self.compute(*inputs), strict=True):
            shared = any(np.may_share_memory(value, x) for x in inputs)
            cell[0] = np.array(value) if shared else value

    def infer_shape(self, fgraph: Any, node: Apply, shapes: Any) -> Any:
        return [tuple(map(pt.constant, y.type.shape)) for y in node.outputs]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        return [disconnected_type() for _ in inputs]

    def __call__(self, *inputs: Tensor) -> Any:
        """Return the output of an Op that has one."""
        return super().__call__(*inputs)

    def of(self, *inputs: Tensor) -> list[Any]:
        """Return all outputs as a list."""
        return self.make_node(*inputs).outputs


def filled(outputs: Tensors, cotangents: Any) -> list[Tensor]:
    """Return the cotangents, zeros in place of those that are disconnected."""
    return [
        zeros(y) if isinstance(g.type, DisconnectedType) else g
        for y, g in zip(outputs, cotangents, strict=True)
    ]


class Mark(Computed):
    """The identity: a name for a tensor at one place, to be differentiated by."""

    def types(self, inputs: Tensors) -> list[Any]:
        return [inputs[0].type]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        return inputs

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        return cotangents


def mark(x: Tensor) -> Tensor:
    """Return x under another name, which is open."""
    return opened(Mark()(x))


class Call(Computed):
    """A function whose intermediates are computed anew in the backward pass."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def types(self, inputs: Tensors) -> list[Any]:
        return [y.type for y in self.graph.outputs]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        return self.graph.run(*inputs)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        seeds = filled(outputs, cotangents)
        return Call(self.graph.pulled()).of(*inputs, *seeds)


class Reroute(Computed):
    """The first inputs, unchanged, whose gradient goes by a rule to the others."""

    def __init__(self, rule: Graph, count: int) -> None:
        self.rule, self.count = rule, count

    def types(self, inputs: Tensors) -> list[Any]:
        return [y.type for y in inputs[: self.count]]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        return inputs[: self.count]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        xs, seeds = inputs[self.count :], filled(outputs, cotangents)
        slopes = self.rule.apply([*xs, *seeds])
        nothing = [disconnected_type() for _ in inputs[len(slopes) :]]
        return [*nothing, *slopes]


class Branch(Computed):
    """One of two functions of the same inputs; the other one is not computed."""

    def __init__(self, yes: Graph, no: Graph) -> None:
        self.yes, self.no = yes, no

    def types(self, inputs: Tensors) -> list[Any]:
        return [y.type for y in self.yes.outputs]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        predicate, *operands = inputs
        return (self.yes if predicate else self.no).run(*operands)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        seeds = filled(outputs, cotangents)
        slopes = Branch(self.yes.pulled(), self.no.pulled()).of(*inputs, *seeds)
        return [disconnected_type(), *slopes]


class While(Computed):
    """A state that a body changes while a condition holds; both know what it closes
    over, which follows the state in the inputs."""

    def __init__(self, condition: Graph, body: Graph) -> None:
        self.condition, self.body = condition, body

    def types(self, inputs: Tensors) -> list[Any]:
        return [y.type for y in self.body.outputs]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        count = len(self.body.outputs)
        state, closed = list(inputs[:count]), inputs[count:]
        while self.condition.run(*state, *closed)[0]:
            state = self.body.run(*state, *closed)
        return state


class Scan(Computed):
    """A loop over rows. The graph takes (*carry, *row, *closed) to (*carry, *y)."""

    def __init__(
        self, graph: Graph, carries: int, rows: int, length: int, reverse: bool
    ) -> None:
        self.graph, self.carries, self.rows = graph, carries, rows
        self.length, self.reverse = length, reverse

    def types(self, inputs: Tensors) -> list[Any]:
        kinds = [y.type for y in self.graph.outputs]
        stacked = kinds[self.carries :]
        return kinds[: self.carries] + [
            TensorType(kind.dtype, (self.length, *kind.shape)) for kind in stacked
        ]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        carry = list(inputs[: self.carries])
        xs = inputs[self.carries : self.carries + self.rows]
        closed = inputs[self.carries + self.rows :]
        ys = [np.empty(k.shape, k.dtype) for k in self.types(())[self.carries :]]
        places = range(self.length)
        for i in reversed(places) if self.reverse else places:
            results = self.graph.run(*carry, *[x[i] for x in xs], *closed)
            carry = results[: self.carries]
            for y, value in zip(ys, results[self.carries :], strict=True):
                y[i] = value
        return [*carry, *ys]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        n, m = self.carries, self.carries + self.rows
        carry, row, closed = (
            self.graph.inputs[a:b] for a, b in ((0, n), (n, m), (m, None))
        )
        # Forward again, to have the carry of each step.
        graph = Graph(self.graph.inputs, [*self.graph.outputs, *carry])
        forward = Scan(graph, n, self.rows, self.length, self.reverse).of(*inputs)
        # Backward, with the cotangents of the carry and the sums of those of closed.
        pulled = self.graph.pulled()
        seeds = pulled.inputs[len(self.graph.inputs) :]
        smooth = [dtypes.is_differentiable(x.type.dtype) for x in closed]
        places = [m + i for i, is_smooth in enumerate(smooth) if is_smooth]
        sums = [placeholder(self.graph.inputs[i]) for i in places]
        added = [pt.add(x, pulled.outputs[i]) for x, i in zip(sums, places)]
        back = Graph(
            [*seeds[:n], *sums, *carry, *row, *seeds[n:], *closed],
            [*pulled.outputs[:n], *added, *pulled.outputs[n:m]],
        )
        given = filled(outputs, cotangents)
        rows = [*forward[len(outputs) :], *inputs[n:m], *given[n:]]
        results = Scan(
            back, n + len(sums), len(rows), self.length, not self.reverse
        ).of(*given[:n], *map(zeros, sums), *rows, *inputs[m:])
        slopes = [disconnected_type() for _ in inputs]
        slopes[:n], slopes[n:m] = results[:n], results[n + len(sums) :]
        for i, slope in zip(places, results[n:], strict=False):
            slopes[i] = slope
        return slopes


class Words(Computed):
    """The Philox words of a key."""

    __props__ = ("shape", "width")

    def __init__(self, shape: Shape, width: int) -> None:
        self.shape, self.width = shape, width

    def types(self, inputs: Tensors) -> list[Any]:
        return [TensorType(f"uint{self.width}", self.shape)]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        words = philox.words if self.width == 32 else philox.half_words
        k0, k1 = inputs[0].tolist()
        count = int(np.prod(self.shape, dtype=np.int64))
        return [words((k0, k1), count).reshape(self.shape)]


class Folded(Computed):
    """The key derived from a key and an integer."""

    __props__ = ()

    def types(self, inputs: Tensors) -> list[Any]:
        return [TensorType("uint32", (2,))]

    def compute(self, *inputs: Any) -> Sequence[Any]:
        k0, k1 = inputs[0].tolist()
        return [np.array(philox.fold_in((k0, k1), int(inputs[1])), np.uint32)]
