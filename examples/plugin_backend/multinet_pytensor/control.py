"""The Ops that PyTensor lacks, or has in a form that needs its compilers.

Each computes by a Python function, often one that runs a graph, and differentiates by
making another Op of its kind out of the graph's backward pass: so to any order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.tensor.type import TensorType

from multinet import philox
from multinet.errors import TraceError
from multinet.interface.array import Shape
from multinet_pytensor.core import Array, Tensor, Tensors, opened, placeholder, pt
from multinet_pytensor.graph import Graph, is_smooth, zeros

Rule = Callable[[Tensors, Tensors, Tensors], Sequence[Tensor | None]]


class Computed(Op):
    """An Op by a function of arrays, which returns a sequence of them.

    `kinds` are the types of the outputs. `rule` takes the inputs, the outputs and the
    cotangents of those, and returns the inputs' (None: it does not depend on it).
    """

    rule: Rule | None = None

    def __init__(
        self, function: Callable[..., Any], kinds: Sequence[Any], rule: Rule | None
    ) -> None:
        self.compute, self.kinds, self.rule = function, kinds, rule

    def types(self, inputs: Tensors) -> Sequence[Any]:
        """Return the types of the outputs for given inputs."""
        return self.kinds

    def make_node(self, *inputs: Tensor) -> Apply:
        return Apply(self, list(inputs), [kind() for kind in self.types(inputs)])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Compute the results in memory of their own: other nodes may write there."""
        for cell, value in zip(output_storage, self.compute(*inputs), strict=True):
            shared = any(np.may_share_memory(value, x) for x in inputs)
            cell[0] = np.array(value) if shared else value

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> Any:
        if self.rule is None:
            return [disconnected_type() for _ in inputs]
        pairs = zip(outputs, cotangents, strict=True)
        given = [
            zeros(y) if isinstance(g.type, DisconnectedType) else g for y, g in pairs
        ]
        slopes = self.rule(inputs, outputs, given)
        return [disconnected_type() if g is None else g for g in slopes]

    def of(self, *inputs: Tensor) -> list[Any]:
        """Return the outputs as a list, also where there is one."""
        return self.make_node(*inputs).outputs


def mark(x: Tensor) -> Tensor:
    """Return x under another name, which is open, to be differentiated by."""
    return opened(Computed(lambda x: [x], [x.type], lambda xs, ys, gs: gs).of(x)[0])


def call(graph: Graph) -> Computed:
    """Return the Op of a graph whose backward pass computes the graph anew."""

    def rule(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
        return call(graph.pulled()).of(*xs, *gs)

    return Computed(lambda *xs: graph.run(*xs), graph.types, rule)


def reroute(rule: Graph, outputs: Tensors, count: int) -> Computed:
    """Return the Op from (*outputs, *inputs, *closed) to outputs, which are as they
    were, but whose gradient is what a rule gives each of the `count` inputs. That rule
    is a graph of (*inputs, *cotangents, *closed)."""
    skipped = len(outputs)

    def pull(xs: Tensors, ys: Tensors, gs: Tensors) -> list[Tensor | None]:
        inputs, closed = xs[skipped : skipped + count], xs[skipped + count :]
        slopes = rule.apply([*inputs, *gs, *closed])
        return [*[None] * skipped, *slopes, *[None] * len(closed)]

    return Computed(lambda *xs: xs[:skipped], [y.type for y in outputs], pull)


def branch(yes: Graph, no: Graph) -> Computed:
    """Return the Op from (predicate, *inputs) to one graph of the inputs; the other one
    is not computed."""

    def compute(predicate: Array, *operands: Array) -> Sequence[Array]:
        return (yes if predicate else no).run(*operands)

    def rule(xs: Tensors, ys: Tensors, gs: Tensors) -> list[Tensor | None]:
        return [None, *branch(yes.pulled(), no.pulled()).of(*xs, *gs)]

    return Computed(compute, yes.types, rule)


def loop(condition: Graph, body: Graph) -> Computed:
    """Return the Op from (*state, *closed) to the state when the condition fails."""
    count = len(body.outputs)

    def compute(*inputs: Array) -> Sequence[Array]:
        state, closed = list(inputs[:count]), inputs[count:]
        while condition.run(*state, *closed)[0]:
            state = body.run(*state, *closed)
        return state

    return Computed(compute, body.types, _no_gradient)


def _no_gradient(xs: Tensors, ys: Tensors, gs: Tensors) -> Tensors:
    raise TraceError(
        "while_loop has no gradient. Use scan, whose length is known, or stop_gradient "
        "on what enters the loop."
    )


def scan(graph: Graph, carries: int, rows: int, length: int, reverse: bool) -> Computed:
    """Return the Op from (*carry, *xs, *closed) to (*carry, *ys) that runs a graph from
    (*carry, *row, *closed) to (*carry, *y), along the first axis of xs."""
    places, n, m = range(length), carries, carries + rows
    stacked = [TensorType(k.dtype, (length, *k.shape)) for k in graph.types[n:]]

    def compute(*inputs: Array) -> Sequence[Array]:
        carry, xs, closed = inputs[:n], inputs[n:m], inputs[m:]
        ys = [np.empty((length, *k.shape), k.dtype) for k in graph.types[n:]]
        for i in reversed(places) if reverse else places:
            results = graph.run(*carry, *[x[i] for x in xs], *closed)
            carry = results[:n]
            for y, value in zip(ys, results[n:], strict=True):
                y[i] = value
        return [*carry, *ys]

    def rule(xs: Tensors, ys: Tensors, gs: Tensors) -> list[Tensor | None]:
        carry, row, closed = graph.inputs[:n], graph.inputs[n:m], graph.inputs[m:]
        # Forward again, to have the carry of each step.
        noted = Graph(graph.inputs, [*graph.outputs, *carry])
        forward = scan(noted, n, rows, length, reverse).of(*xs)
        # Backward, with the cotangents of the carry and the sums of those of closed.
        pulled = graph.pulled()
        seeds = pulled.inputs[len(graph.inputs) :]
        smooth = [i for i in range(m, len(xs)) if is_smooth(xs[i])]
        sums = [placeholder(graph.inputs[i]) for i in smooth]
        added = [pt.add(x, pulled.outputs[i]) for x, i in zip(sums, smooth)]
        back = Graph(
            [*seeds[:n], *sums, *carry, *row, *seeds[n:], *closed],
            [*pulled.outputs[:n], *added, *pulled.outputs[n:m]],
        )
        around, along = n + len(sums), [*forward[len(ys) :], *xs[n:m], *gs[n:]]
        op = scan(back, around, len(along), length, not reverse)
        results = op.of(*gs[:n], *map(zeros, sums), *along, *xs[m:])
        slopes = dict(zip(smooth, results[n:around], strict=True))
        for_closed = [slopes.get(i) for i in range(m, len(xs))]
        return [*results[:n], *results[around:], *for_closed]

    return Computed(compute, [*graph.types[:n], *stacked], rule)


def words(shape: Shape, width: int) -> Computed:
    """Return the Op from a key to its Philox words."""
    make, count = philox.words if width == 32 else philox.half_words, prod(shape)

    def compute(key: Array) -> Sequence[Array]:
        return [make(tuple(key.tolist()), count).reshape(shape)]

    return Computed(compute, [TensorType(f"uint{width}", shape)], None)


def _folded(key: Array, data: Array) -> Sequence[Array]:
    return [np.array(philox.fold_in(tuple(key.tolist()), int(data)), np.uint32)]


#: The Op from a key and an integer to the key derived from both.
folded = Computed(_folded, [TensorType("uint32", (2,))], None)
