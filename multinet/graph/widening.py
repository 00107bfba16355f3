"""Running nodes in float64, and with noise, which tells what rounding may do.

A node of any float dtype runs in the widest one of its kind, on the values that its
dtype holds. The same run on values with random relative errors shows how large an error
of rounding may become: the condition of the node, elements apart.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import optree
from ml_dtypes import finfo

from multinet import dtypes
from multinet.graph.recording import parameters
from multinet.graph.replay import Replay, Values
from multinet.graph.values import Node, Value
from multinet.interface import Backend
from multinet.typing import Host, Shape, Tensor, Tree

_SCALARS = ("T | Scalar", "Scalar")


class Wide(Replay):
    """A run whose floats are float64, and whose complex numbers are complex128."""

    def __init__(self, backend: Backend[Any]) -> None:
        super().__init__(backend)
        self._nodes: dict[int, tuple[Node, Node]] = {}

    def call(self, node: Node, values: Values) -> Tree:
        """Return what a node gives, in wide dtypes."""
        known = self._nodes.get(id(node))
        if known is None:  # the node is held, so that its identity stays its own
            known = self._nodes[id(node)] = node, wide_node(node)
        if node.op == "bitcast":
            x = node.arguments["x"]
            values = values.new_child({id(x): self._cast(values[id(x)], x.dtype)})
        return optree.tree_map(self.widened, super().call(known[1], values))

    def widened(self, x: Tensor) -> Tensor:
        """Return a tensor in the wide dtype of its kind; all else as it is."""
        if not self.backend.is_tensor(x):
            return x
        return self._cast(x, wide(self.backend.dtype(x)))

    def _cast(self, x: Any, dtype: str) -> Any:
        same = self.backend.dtype(x) == dtype
        return x if same else self.backend.cast(x, dtype)


class Noisy(Wide):
    """A wide run in which each result has a random relative error of about `size`."""

    def __init__(
        self, backend: Backend[Any], random: np.random.Generator, size: float
    ) -> None:
        super().__init__(backend)
        self.random, self.size = random, size

    def widened(self, x: Tensor) -> Tensor:
        x = super().widened(x)
        if self.backend.is_tensor(x) and is_inexact(self.backend.dtype(x)):
            noise = factors(self.backend.shape(x), self.random, self.size)
            noise = noise.astype(dtypes.to_numpy(self.backend.dtype(x)))
            return self.backend.multiply(x, self.backend.from_numpy(noise))
        return x


def factors(shape: Shape, random: np.random.Generator, size: float) -> Host:
    """Return factors about 1: the error of each is half to one and a half of `size`."""
    signs = random.integers(0, 2, shape) * 2 - 1
    return 1 + size * signs * random.uniform(0.5, 1.5, shape)


def is_inexact(dtype: str) -> bool:
    """Return whether values of a dtype are rounded."""
    return dtypes.is_float(dtype) or dtypes.is_complex(dtype)


def eps(dtype: str) -> float:
    """Return the distance from 1 to the next number; 0 for what is not rounded."""
    return float(_limits(dtype).eps) if is_inexact(dtype) else 0.0


def tiny(dtype: str) -> float:
    """Return the least normal number of a dtype that rounds."""
    return float(_limits(dtype).tiny)


def _limits(dtype: str) -> Any:
    return finfo(dtypes.to_numpy(dtypes.real_of(dtype)))


def wide(dtype: str) -> str:
    """Return the widest dtype of the kind of one that rounds; others as they are."""
    if dtypes.is_complex(dtype):
        return "complex128"
    return "float64" if dtypes.is_float(dtype) else dtype


def widen(array: Host) -> Host:
    """Return an array in the wide dtype of its kind."""
    return array.astype(dtypes.to_numpy(wide(dtypes.standardize(array.dtype))))


def rounded(array: Host, dtype: str) -> Host:
    """Return an array in a dtype, rounded once."""
    with np.errstate(all="ignore"):
        return np.asarray(array).astype(dtypes.to_numpy(dtype))


def wide_node(node: Node) -> Node:
    """Return a node that makes wide results, of the numbers that its dtype holds."""
    if node.op not in _OPS:
        return node
    found = dict(node.arguments)
    for name, parameter in parameters(node.op).parameters.items():
        given = found.get(name)
        if name == "dtype" and isinstance(given, str) and node.op != "bitcast":
            found[name] = wide(given)
        elif type(given) is float and str(parameter.annotation) in _SCALARS:
            found[name] = rounded(np.array(given), _dtype(node)).astype(float).item()
    return dataclasses.replace(node, arguments=found)


def _dtype(node: Node) -> str:
    """Return the dtype in which a node takes numbers."""
    kinds = [x.dtype for x in (*node.inputs, *node.outputs) if is_inexact(x.dtype)]
    real = [dtypes.real_of(kind) for kind in kinds]
    return real[0] if real else "float64"


_OPS = frozenset(name for name in dir(Backend) if not name.startswith("_"))


def inexact(values: list[Value]) -> list[int]:
    """Return the places of the values that are rounded."""
    return [i for i, x in enumerate(values) if is_inexact(x.dtype)]
