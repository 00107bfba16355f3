"""DeepLIFT: the difference from a baseline, shared out node by node of the graph.

Each node has a multiplier for each operand, such that multipliers times differences of
the operands add up to those of the outputs. What is linear has its pullback, so there
are rules for the rest only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from multinet.explain.attribution import Attribution
from multinet.explain.question import Question, Target
from multinet.explain.walking import Run, Tensors, Walk, outputs_of
from multinet.graph import Node, Value
from multinet.interface import fused
from multinet.interface.signatures import SIGNATURES
from multinet.registry import current
from multinet.typing import AnyLayer, Tensor, Tree
from multinet.typing import Tensors as Outputs

#: Linear in all operands together, or in each of two: exact by the pullback halfway.
PRODUCTS = frozenset(
    "add subtract multiply negative square sum mean matmul dense conv conv_transpose "
    "reshape transpose broadcast_to concatenate pad slice flip take take_along_axis "
    "expand_dims squeeze stack split tile repeat cast sum_pool mean_pool cumsum".split()
)
#: The value itself, whatever the gradient.
SAME = frozenset(("stop_gradient", "copy"))
#: Which operand it is, is a matter of size: True where the largest.
_EXTREMES = {"max": True, "max_pool": True, "maximum": True, "min": False}
_EXTREMES |= {"minimum": False}
#: One number of each result from one of the main operand, beside those with a form.
ELEMENTWISE = frozenset(("leaky_relu", "elu", "gelu", "clip"))
_POINTS = (16, 64, 256)  # on the line between, until they are enough
_ENOUGH = 1e-6  # of the sizes of what is shared out
_NEAR = 1e-5  # differences below this part of the numbers are rounding


def deep_lift(
    model: Callable[[Tree], Outputs],
    x: Tree,
    target: Target = None,
    baseline: Tree = None,
    at: AnyLayer | str | None = None,
) -> Attribution:
    """Return how the difference from a baseline is shared out by DeepLIFT.

    The rules are those of the graph of the model, so functions and layers that are
    called several times are no special case. A function of one number has the slope
    between both values (the rescale rule), a product of two tensors the mean of the
    other one, a maximum what became the largest; anything else, such as a softmax or an
    LSTM, its mean gradient on the line between. Loops of a known length are gone
    through step by step. The parts add up to the difference of the scores, as
    `completeness` tells. All of x runs at once. For the arguments see
    `integrated_gradients`.

    Source: Shrikumar et al., "Learning important features through propagating
    activation differences", 2017.
    """
    question = Question(model, x, target, at)
    starts = question.starts(baseline)
    rules = _Rules(Walk(question, fused()), question, starts)
    multipliers = rules.walk.back(rules.seed, rules.take)
    ways = [b.astype("float64") - a for a, b in zip(starts, question.inputs)]
    return Attribution(
        "deep_lift",
        question,
        [m * way for m, way in zip(multipliers, ways)],
        rules.score(rules.here),
        starts,
        rules.score(rules.there),
    )


class _Rules:
    """The multipliers of nodes, from the values of two runs."""

    def __init__(self, walk: Walk, question: Question, starts: list[Any]) -> None:
        self.walk, self.backend = walk, current()
        self.here, self.there = Run(walk, question.inputs), Run(walk, starts)
        output = walk.graph.outputs[0]
        self.seed = self.backend.full(
            self.backend.shape(self.here[output]), 1.0, output.dtype
        )

    def score(self, run: Run) -> Any:
        """Return the scores of a run."""
        output = run[self.walk.graph.outputs[0]]
        return self.backend.to_numpy(output).astype("float64")

    def take(self, node: Node, operands: list[Value], shares: list[Tensor]) -> Tensors:
        """Return a multiplier for each operand from those of the outputs."""
        if node.op in SAME:
            return shares
        if node.op == "where" and self.walk.varies(node.arguments["condition"]):
            return self._chosen(node, operands, shares[0])
        if node.op in PRODUCTS or node.op == "where":
            return self._mean(node, operands, shares, 1)
        if node.op in _EXTREMES and not (len(operands) == 1 and alike(node)):
            return self._extreme(node, operands, shares[0])
        if len(operands) == 1 and (alike(node) or node.op in ELEMENTWISE):
            return [self._slope(node, operands[0], shares[0])]
        for count in _POINTS:
            found = self._mean(node, operands, shares, count)
            if self._enough(node, operands, shares, found):
                break
        return found

    # -- rules -------------------------------------------------------------------------

    def _slope(self, node: Node, operand: Value, share: Tensor) -> Tensor:
        """Return the slope between both values, the gradient where they are one."""
        b, output = self.backend, node.outputs[0]
        way, gain = self._way(operand), self._way(output)
        wide = b.broadcast_to(way, b.shape(gain))
        numbers = b.add(b.abs(self.here[operand]), b.abs(self.there[operand]))
        near = b.less_equal(b.abs(way), b.multiply(numbers, _NEAR))
        near = b.broadcast_to(near, b.shape(gain))
        slope = b.divide(gain, b.where(near, 1.0, wide))
        far = b.where(near, 0.0, b.multiply(share, slope))
        close = self._mean(node, [operand], [b.where(near, share, 0.0)], 1)[0]
        return b.add(self._summed(far, operand), close)

    def _mean(
        self, node: Node, operands: list[Value], shares: Tensors, count: int
    ) -> Tensors:
        """Return the mean pullback at points on the line between both values."""
        b, total = self.backend, None
        places, weights = np.polynomial.legendre.leggauss(count)
        for place, weight in zip((places + 1) / 2, weights / 2):
            at = [
                b.add(self.there[x], b.multiply(self._way(x), float(place)))
                for x in operands
            ]
            found = self.walk.pull(self.here, node, operands, at, shares)
            found = [b.multiply(g, float(weight)) for g in found]
            total = found if total is None else list(map(b.add, total, found))
        assert total is not None
        return total

    def _extreme(self, node: Node, operands: list[Value], share: Tensor) -> Tensors:
        """Return what the operand that is the largest has of the gain.

        If the result grew, that is the largest one now, else the one before; it changed
        at least as much as the result.
        """
        b = self.backend
        gain = self._way(node.outputs[0])
        grew = b.less(0.0, gain) if _EXTREMES[node.op] else b.less(gain, 0.0)
        part = b.multiply(share, gain)
        now = self._pull(node, operands, self.here, b.where(grew, part, 0.0))
        before = self._pull(node, operands, self.there, b.where(grew, 0.0, part))
        return [
            self._divided(b.add(x, y), self._way(value))
            for value, x, y in zip(operands, now, before)
        ]

    def _chosen(self, node: Node, operands: list[Value], share: Tensor) -> Tensors:
        """Return the multipliers of a choice that the inputs make themselves.

        Where it is another one than in the baseline, both branches share the gain by
        the squares of their differences.
        """
        b, gain = self.backend, self._way(node.outputs[0])
        condition = node.arguments["condition"]
        same = b.equal(self.here[condition], self.there[condition])
        kept = self._pull(node, operands, self.here, b.where(same, share, 0.0))
        wide = [b.broadcast_to(self._way(x), b.shape(gain)) for x in operands]
        below = None
        for way in wide:
            square = b.multiply(way, way)
            below = square if below is None else b.add(below, square)
        part = self._divided(b.where(same, 0.0, b.multiply(share, gain)), below)
        return [
            b.add(k, self._summed(b.multiply(part, way), x))
            for k, way, x in zip(kept, wide, operands)
        ]

    # -- help --------------------------------------------------------------------------

    def _way(self, value: Value) -> Tensor:
        return self.backend.subtract(self.here[value], self.there[value])

    def _pull(
        self, node: Node, operands: list[Value], run: Run, share: Tensor
    ) -> Tensors:
        at = [run[x] for x in operands]
        return self.walk.pull(run, node, operands, at, [share])

    def _divided(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x / y, 0 where y is 0."""
        b = self.backend
        zero = b.equal(y, 0.0)
        return b.where(zero, 0.0, b.divide(x, b.where(zero, 1.0, y)))

    def _summed(self, share: Tensor, operand: Value) -> Tensor:
        return self.walk.summed(share, self.here[operand])

    def _enough(
        self, node: Node, operands: list[Value], shares: Tensors, found: Tensors
    ) -> bool:
        """Return whether multipliers share out what the outputs have got."""
        parts = [self._part(m, self._way(x)) for m, x in zip(found, operands)]
        wanted = [self._part(m, self._way(x)) for m, x in zip(shares, outputs_of(node))]
        sizes = sum(np.abs(each).sum() for each in (*parts, *wanted))
        missed = sum(each.sum() for each in parts) - sum(each.sum() for each in wanted)
        return bool(abs(missed) <= _ENOUGH * sizes)

    def _part(self, share: Tensor, way: Tensor) -> Any:
        b = self.backend
        return b.to_numpy(share).astype("float64") * b.to_numpy(way)


def alike(node: Node) -> bool:
    """Return whether a number of the result is made of one of each operand."""
    return node.op in SIGNATURES and SIGNATURES[node.op].form in ("one", "two")
