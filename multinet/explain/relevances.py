"""Layer-wise relevance propagation, node by node of the graph.

What a node has got goes to its operands as they contribute to its outputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

from multinet.checks import number, one_of
from multinet.errors import ArgumentError
from multinet.explain.attribution import Attribution
from multinet.explain.differences import ELEMENTWISE, PRODUCTS, SAME, alike
from multinet.explain.question import Question, Target
from multinet.explain.walking import Run, Tensors, Walk, outputs_of
from multinet.graph import Node, Value
from multinet.interface import fused
from multinet.registry import current
from multinet.symbolic.dims import same_shape
from multinet.typing import AnyLayer, Tensor, Tree
from multinet.typing import Tensors as Outputs

Rule = Literal["epsilon", "gamma", "z_plus"]

#: Products, for which there are several rules where one operand is weights.
_WEIGHTED = frozenset(("matmul", "dense", "einsum", "conv", "conv_transpose"))
#: Sums of what operands contribute.
_SUMS = (PRODUCTS - {"square"}) | {"divide", "einsum"}
#: Through which relevance passes as it is, beside functions of one number.
_PASSED = SAME | {"cast", "softmax", "log_softmax"}
#: Gates and scales: they say how much of another tensor passes, and get nothing.
_SCALES = frozenset(("sigmoid", "rsqrt", "softmax"))
#: Whose results are numbers of the operands, in other places or the chosen ones.
_CHOICES = frozenset("where max min maximum minimum max_pool sort top_k".split())
_MOVES = frozenset(
    "reshape transpose broadcast_to concatenate pad slice flip take take_along_axis "
    "expand_dims squeeze stack split tile repeat".split()
)
#: Which make scales of scales alone.
_KEEPING = frozenset("add subtract multiply negative cast".split())
#: Gone through by their bodies.
_OPENED = frozenset(
    "attention lstm gru layer_norm batch_norm moments logsumexp".split()
)


def relevance(
    model: Callable[[Tree], Outputs],
    x: Tree,
    target: Target = None,
    rule: Rule | Callable[[str], Rule] = "epsilon",
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    at: AnyLayer | str | None = None,
) -> Attribution:
    """Return how the score is shared out by layer-wise relevance propagation (LRP).

    `rule` is that of products with weights, or a function that tells it for the path of
    a layer: "epsilon" shares out by contributions, where biases have their part, which
    is `absorbed`; "gamma" with positive weights larger by a part of `gamma`, and
    "z_plus" by positive contributions alone, both without biases. Denominators are
    farther from 0 by `epsilon`. Functions of one number pass on what they got. Where
    two tensors are multiplied each has half, or the other all if one is a gate of a
    recurrence, the weights of attention or the scale of a normalization. Loops of a
    known length are gone through step by step. `ArgumentError` names what has no rule.

    The parts of all rows and `absorbed` add up to the scores, as `completeness` tells.
    For the other arguments see `gradients`; all of x runs at once.

    Source: Bach et al., "On pixel-wise explanations for non-linear classifier decisions
    by layer-wise relevance propagation", 2015; Arras et al., "Explaining recurrent
    neural network predictions in sentiment analysis", 2017; Ali et al., "XAI for
    transformers: better explanations through conservative propagation", 2022.
    """
    rules = ("epsilon", "gamma", "z_plus")
    if not callable(rule):
        one_of(rule, "rule", rules)
    named = rule if callable(rule) else lambda path: rule
    question = Question(model, x, target, at)
    walk = Walk(question, frozenset(fused()) - _OPENED)
    every = _Relevances(
        walk,
        Run(walk, question.inputs),
        lambda path: one_of(named(path), "rule", rules),
        number(epsilon, "epsilon", least=0),
        number(gamma, "gamma", least=0),
    )
    output = every.run[walk.graph.outputs[0]]
    arrays = walk.back(output, every.take)
    scores = every.host(output)
    return Attribution(
        "relevance", question, arrays, scores, None, 0.0 * scores, every.absorbed
    )


class _Relevances:
    """The rules by which nodes share out what they got, and what biases absorbed."""

    def __init__(
        self,
        walk: Walk,
        run: Run,
        rule: Callable[[str], str],
        epsilon: float,
        gamma: float,
    ) -> None:
        self.walk, self.run, self.rule = walk, run, rule
        self.epsilon, self.gamma = epsilon, gamma
        self.backend, self.absorbed = current(), 0.0
        self.makers = {id(x): n for n in walk.graph.nodes for x in n.outputs}
        self.readers = Counter(id(x) for n in walk.graph.nodes for x in n.reads())
        #: What a product is after its bias, by the identity of the product.
        self.biased: dict[int, Value] = {}
        self.scales = self._find_scales()

    def host(self, x: Tensor) -> Any:
        """Return a tensor as an array of float64."""
        return self.backend.to_numpy(x).astype("float64")

    def take(self, node: Node, operands: list[Value], shares: list[Tensor]) -> Tensors:
        """Return the relevance of operands from that of the outputs."""
        if node.op in _PASSED:
            return shares
        rule = self.rule(node.layer)
        if len(operands) == 1:
            if node.op in _WEIGHTED and rule != "epsilon":
                return self._weighted(node, operands[0], shares[0], rule)
            if self._is_bias(node, operands[0], rule):
                return shares
            passes = alike(node) or node.op in ELEMENTWISE
            if passes and node.op not in ("add", "subtract"):
                return [self.walk.summed(shares[0], self.run[operands[0]])]
        if node.op in _MOVES or node.op in _CHOICES:
            return self._moved(node, operands, shares)
        if node.op not in _SUMS and node.op not in _WEIGHTED:
            where = f" of the layer {node.layer}" if node.layer else ""
            raise ArgumentError(
                f"Relevance has no rule for {node.op}{where}. Explain the model by "
                "explain.deep_lift or explain.integrated_gradients."
            )
        if node.op == "divide":  # the divisor is a scale
            operands_in = [node.arguments["x"]] if len(operands) > 1 else operands
            return self._for_some(node, operands, operands_in, shares)
        if len(operands) > 1 and (node.op in _WEIGHTED or node.op == "multiply"):
            return self._product(node, operands, shares)
        return self._shared(node, operands, shares)

    # -- rules -------------------------------------------------------------------------

    def _shared(
        self, node: Node, operands: list[Value], shares: Tensors, part: float = 1.0
    ) -> Tensors:
        """Return relevance by contributions: operand times pullback of R / z."""
        b, at = self.backend, [self.run[x] for x in operands]
        function = self.walk.function(self.run, node, operands)
        zeros = [b.full(b.shape(x), 0.0, b.dtype(x)) for x in at]
        ratios = []
        for share, z, rest in zip(shares, function(*at), function(*zeros), strict=True):
            biased = self.biased.get(id(node.outputs[0]))
            if biased is not None:
                rest = b.add(rest, b.subtract(self.run[biased], z))
                z = self.run[biased]
            stable = self._away(z)
            ratio = b.divide(b.multiply(share, part), stable)
            own = b.add(rest, b.subtract(stable, z))
            self.absorbed += self.host(b.multiply(ratio, own)).sum()
            ratios.append(ratio)
        found = self.walk.pull(self.run, node, operands, at, ratios)
        return list(map(b.multiply, at, found))

    def _moved(self, node: Node, operands: list[Value], shares: Tensors) -> Tensors:
        """Return relevance where numbers came from; that of constants is absorbed."""
        b, at = self.backend, [self.run[x] for x in operands]
        function = self.walk.function(self.run, node, operands)
        ends = [[b.full(b.shape(x), n, b.dtype(x)) for x in at] for n in (0.0, 1.0)]
        for share, zero, one in zip(shares, function(*ends[0]), function(*ends[1])):
            own = b.subtract(1.0, b.subtract(one, zero))
            self.absorbed += self.host(b.multiply(share, own)).sum()
        return self.walk.pull(self.run, node, operands, at, shares)

    def _product(self, node: Node, operands: list[Value], shares: Tensors) -> Tensors:
        """Return relevance of tensors that are multiplied with each other."""
        signals = [x for x in operands if id(x) not in self.scales]
        return self._for_some(node, operands, signals or operands, shares)

    def _for_some(
        self, node: Node, operands: list[Value], some: list[Value], shares: Tensors
    ) -> Tensors:
        """Return relevance of some operands, as much for each; 0 for the others."""
        b, found = self.backend, []
        for x in operands:
            if any(x is each for each in some):
                found += self._shared(node, [x], shares, 1 / len(some))
            else:
                found.append(b.full(b.shape(self.run[x]), 0.0, x.dtype))
        return found

    def _weighted(
        self, node: Node, operand: Value, share: Tensor, rule: str
    ) -> Tensors:
        """Return relevance by contributions of weights that were changed."""
        b, x = self.backend, self.run[operand]
        weights = [w for w in node.inputs if w is not operand]
        up = {id(w): b.maximum(self.run[w], 0.0) for w in weights}
        down = {id(w): b.minimum(self.run[w], 0.0) for w in weights}
        if rule == "gamma":
            more = {
                id(w): b.add(self.run[w], b.multiply(up[id(w)], self.gamma))
                for w in weights
            }
            parts = [(x, more)]
        else:
            parts = [(b.maximum(x, 0.0), up), (b.minimum(x, 0.0), down)]
        bias = node.arguments.get("bias")
        pulls, total = [], None
        for point, changed in parts:
            if isinstance(bias, Value):
                changed[id(bias)] = b.full(bias.shape, 0.0, bias.dtype)
            function = self.walk.function(self.run, node, [operand], changed)
            (z,), pull = b.vjp(function, (point,))
            total = z if total is None else b.add(total, z)
            pulls.append((point, pull))
        stable = self._away(total)
        ratio = b.divide(share, stable)
        own = b.multiply(ratio, b.subtract(stable, total))
        self.absorbed += self.host(own).sum()
        found = [b.multiply(point, pull((ratio,))[0]) for point, pull in pulls]
        return [found[0] if len(found) == 1 else b.add(*found)]

    # -- help --------------------------------------------------------------------------

    def _away(self, z: Tensor) -> Tensor:
        """Return numbers that are farther from 0."""
        b = self.backend
        below, above = b.subtract(z, self.epsilon), b.add(z, self.epsilon)
        return b.where(b.less(z, 0.0), below, above)

    def _is_bias(self, node: Node, operand: Value, rule: str) -> bool:
        """Return whether a node adds a bias to a product that nothing else reads.

        The product then takes all, and looks up the sum.
        """
        maker, output = self.makers.get(id(operand)), node.outputs[0]
        found = (
            node.op == "add"
            and maker is not None
            and maker.op in _WEIGHTED
            and len(self.walk.operands(maker)) == 1
            and self.readers[id(operand)] == 1
            and same_shape(operand.shape, output.shape)
        )
        if found and rule == "epsilon":
            self.biased[id(operand)] = output
        return found

    def _find_scales(self) -> set[int]:
        """Return the values that only say how much of others passes."""
        found: set[int] = set()
        for node in self.walk.graph.nodes:
            operands = self.walk.operands(node)
            kept = node.op in _MOVES or node.op in _KEEPING
            inherits = kept and all(id(x) in found for x in operands)
            if operands and (node.op in _SCALES or inherits):
                found |= {id(x) for x in outputs_of(node)}
        return found
