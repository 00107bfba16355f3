"""How a node is computed in Python: by NumPy, without the overhead of `Op.perform`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np
from pytensor.graph.basic import Apply
from pytensor.scalar import basic as scalar
from pytensor.tensor.elemwise import Elemwise

Kernel = Callable[..., Sequence[Any]]


def kernel(node: Apply) -> Kernel:
    """Return the function from the inputs' values of a node to those of its outputs."""
    compute = getattr(node.op, "compute", None)  # of the Ops of this package
    if compute is not None:
        return compute
    if isinstance(node.op, Elemwise) and not node.op.inplace_pattern:
        found = _elementwise(node)
        if found is not None:
            return found

    def perform(*inputs: Any) -> list[Any]:
        storage: list[list[Any]] = [[None] for _ in node.outputs]
        node.op.perform(node, inputs, storage)
        return [cell[0] for cell in storage]

    return perform


def _elementwise(node: Apply) -> Kernel | None:
    # PyTensor has no ufunc for some and then loops over the elements in Python.
    op, dtype = node.op, node.outputs[0].type.dtype
    kind = type(op.scalar_op)
    if kind is scalar.Cast:
        return lambda x: (x.astype(dtype),)
    if kind is scalar.Second:
        return lambda x, y: (
            np.broadcast_to(y, np.broadcast_shapes(x.shape, y.shape)).astype(dtype),
        )
    if kind in (scalar.Add, scalar.Mul) and len(node.inputs) > 2:
        ufunc = np.add if kind is scalar.Add else np.multiply
        return lambda *xs: (np.asarray(reduce(ufunc, xs), dtype),)
    op.prepare_node(node, None, None, "py")
    if op.nfunc is None or op.nfunc_spec[1] != len(node.inputs):
        return None
    function = op.nfunc
    if hasattr(node.tag, "sig"):
        return lambda *xs: (np.asarray(function(*xs, sig=node.tag.sig), dtype),)
    return lambda *xs: (np.asarray(function(*xs), dtype),)
