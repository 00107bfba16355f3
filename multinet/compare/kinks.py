"""On which side of its kinks a step of training was: relu, max pooling, comparisons.

A difference of rounding decides now and then on which side of a kink a number is. From
there two runs are two different ones. What a side is, the gradient of a method that
consists of straight pieces tells, its slope; and the result of one that chooses, such
as a comparison or an argmax.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import numpy as np
import optree

from multinet import dtypes
from multinet.graph.replay import Replay, Values
from multinet.graph.values import Node, Value
from multinet.interface import Backend
from multinet.interface.signatures import SIGNATURES
from multinet.typing import Host, Tensor, Tree

#: Straight pieces: the slope tells which one a number is on.
STRAIGHT = frozenset(
    "abs maximum minimum max min max_pool relu leaky_relu clip".split()
)
_STEPS = 64  # of a slope of 1: no two slopes of one method are closer


class Kink(NamedTuple):
    """A node that has sides: its method, and the layer that called it."""

    op: str
    layer: str

    def __str__(self) -> str:
        name = self.op.replace("_", " ")
        return f"{name} of {self.layer}" if self.layer else f"{name} of the loss"


class Watched(Replay):
    """A run that notes the sides of the kinks on which gradients depend.

    They are those of the functions of which a gradient is taken outermost. Of loops and
    branches inside of these nothing is noted. Without `gradients` it returns
    the primals in their place, which takes half the time.
    """

    def __init__(self, backend: Backend[Any], gradients: bool = True) -> None:
        super().__init__(backend)
        self.gradients = gradients
        self.kinks: list[Kink] = []
        self.sides: list[Tensor] = []
        self._noted: list[tuple[Kink, Tensor]] | None = None
        self._within = False

    def call(self, node: Node, values: Values) -> Tree:
        """Return what a node gives."""
        if node.op == "value_and_grad" and not self._within:
            return self._gradient(node, values)
        noted = self._noted
        if node.bodies:
            self._noted = None
        result = super().call(node, values)
        self._noted = noted
        if noted is not None:
            noted += [
                (Kink(node.op, node.layer), x) for x in self._look(node, values, result)
            ]
        return result

    def _gradient(self, node: Node, values: Values) -> Tree:
        """Run a function and its gradient, with the sides as further outputs."""
        function = self._filled(node.arguments["function"], values)
        primals = self._filled(node.arguments["primals"], values)
        kinks: list[Kink] = []

        def noting(*xs: Any) -> tuple[Any, ...]:
            self._noted, self._within = [], True
            try:
                found = function(*xs)
                kinks[:] = [kink for kink, _ in self._noted]
                return (*found, *(side for _, side in self._noted))
            finally:
                self._noted, self._within = None, False

        if self.gradients:
            value, rest, grads = self.backend.value_and_grad(noting, primals)
        else:
            (value, *rest), grads = noting(*primals), primals
        count = len(rest) - len(kinks)
        self.kinks += kinks
        self.sides += rest[count:]
        return value, tuple(rest[:count]), grads

    def _look(self, node: Node, values: Values, result: Tree) -> list[Tensor]:
        """Return the sides of a node, none where it has no kink."""
        floats = [x for x in node.inputs if dtypes.is_float(x.dtype)]
        facts = SIGNATURES.get(node.op)
        if facts is None or not floats:
            return []
        if node.op in STRAIGHT:
            return self._slopes(node, values, list({id(x): x for x in floats}.values()))
        if node.op == "stop_gradient" or facts.domain == ():
            return []
        leaves: Any = optree.tree_leaves(result)
        chosen = [v.dtype in ("bool", "int32") for v in node.outputs]
        zero = facts.gradient == "zero"
        found = [x for x, choice in zip(leaves, chosen) if choice or zero]
        return [self.backend.stop_gradient(x) for x in found]

    def _slopes(self, node: Node, values: Values, floats: list[Value]) -> list[Tensor]:
        def again(*xs: Any) -> tuple[Any, ...]:
            inside = values.new_child(dict(zip(map(id, floats), xs)))
            return tuple(optree.tree_leaves(Replay.call(self, node, inside)))

        backend = self.backend
        given = [backend.stop_gradient(values[id(x)]) for x in floats]
        outputs, pullback = backend.vjp(again, given)
        ones = [backend.full(backend.shape(y), 1, backend.dtype(y)) for y in outputs]
        steps = [
            backend.multiply(x, backend.full((), _STEPS, backend.dtype(x)))
            for x in pullback(ones)
        ]
        return [backend.cast(backend.round(x), "int32") for x in steps]


def digest(side: Host) -> int:
    """Return a number that two sides share if they are equal, and hardly otherwise."""
    whole = side if side.dtype.kind in "bi" else side.astype(np.int64)
    return zlib.crc32(np.ascontiguousarray(whole).tobytes())
