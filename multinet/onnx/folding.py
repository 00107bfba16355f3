"""What depends on weights alone, computed when a file is written."""

from __future__ import annotations

import math
from collections.abc import Sequence

import optree

from multinet.graph.replay import Replay
from multinet.graph.values import Body, Node
from multinet.registry import get
from multinet.symbolic.dims import Dim
from multinet.typing import Host

_DRAWS = ("random_bits", "fold_in")
_SMALL = 4096  # elements that are written rather than computed


def constant(node: Node) -> bool:
    """Return whether a node, whose inputs are constants, becomes constants as well.

    Not where these would be much larger, and not random numbers.
    """
    if node.op in _DRAWS or any(isinstance(x, Dim | Body) for x in node.leaves):
        return False
    sizes = [n for x in node.outputs for n in x.shape]
    if any(isinstance(n, Dim) for n in sizes):
        return False
    given = sum(math.prod(x.shape) for x in node.inputs)
    return sum(math.prod(x.shape) for x in node.outputs) <= max(_SMALL, 2 * given)


def evaluate(node: Node, arrays: Sequence[Host]) -> list[Host]:
    """Return what a node gives for arrays: the same on every backend, by NumPy."""
    backend = get("numpy")
    replay = Replay(backend)
    replay.give(node.inputs, map(backend.from_numpy, arrays))
    results = optree.tree_leaves(replay.call(node, replay.values))  # type: ignore[arg-type]
    return [backend.to_numpy(x) for x in results]
