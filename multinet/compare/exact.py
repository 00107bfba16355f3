"""Runs of a graph on NumPy in float64: exact ones, and ones with a nudge at each node.

What a float32 backend may be off by depends on the model: a small difference of large
numbers, a batch norm, a hundred updates by Adam magnify the rounding of each result. A
nudged run measures this: it changes each result by a part of what its dtype rounds
away, so little that hardly any number gets to the other side of a kink, and the
difference from the exact run, scaled up, is what rounding explains.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import optree

from multinet import dtypes
from multinet.compare.kinks import Watched
from multinet.graph.operations import FREE, MOVES
from multinet.graph.replay import Values
from multinet.graph.values import Node, Value
from multinet.graph.widening import Wide, eps
from multinet.interface import Backend
from multinet.typing import Host, Tensor, Tree

#: The part of its rounding by which a result is nudged.
SHARE = 2.0**-16


def roundoff(dtype: str) -> float:
    """Return the most that rounding to a float dtype changes a number by, relatively.

    >>> roundoff("float32")
    5.960464477539063e-08
    """
    return eps(dtype) / 2


class Seen(Watched, Wide):
    """An exact run that also tells on which side of each kink it was."""

    def give(self, values: Iterable[Value], tensors: Iterable[Tensor]) -> None:
        """Let values be tensors, floats among them made wide."""
        super().give(values, map(self.widened, tensors))


class Nudged(Seen):
    """A run in which each result is off by a small part of its rounding.

    The nudge of a number depends on its value and on `seed` alone, so that equal
    numbers stay equal: a tie stays one.
    """

    def __init__(self, backend: Backend[Any], seed: int) -> None:
        super().__init__(backend)
        self.seed = seed

    def call(self, node: Node, values: Values) -> Tree:
        """Return what a node gives, nudged."""
        found = super().call(node, values)
        if node.op in MOVES or node.op in FREE or node.bodies:
            return found
        leaves, tree = optree.tree_flatten(found)
        pairs = zip(leaves, node.outputs, strict=True)
        return optree.tree_unflatten(tree, [self.nudge(x, v.dtype) for x, v in pairs])

    def nudge(self, x: Tensor, dtype: str) -> Tensor:
        """Return a tensor that stands for one of `dtype`, a little off."""
        if not dtypes.is_differentiable(dtype):
            return x
        array = self.backend.to_numpy(self.backend.stop_gradient(x))
        size = SHARE * roundoff(dtype)
        factor = 1 + size * _noise(np.real(array), self.seed)
        wide = self.backend.dtype(x)
        factor = factor.astype(dtypes.to_numpy(wide))
        return self.backend.multiply(x, self.backend.from_numpy(factor))


def _noise(array: Host, seed: int) -> Host:
    """Return numbers in [-1, 1), which depend on each value and the seed."""
    words = np.ascontiguousarray(array, np.float64).view(np.uint64)
    words = (words ^ np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    return ((words >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1).reshape(
        array.shape
    )
