"""Graphs as functions: tracing, running, and the backward pass."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
from pytensor.gradient import DisconnectedType, disconnected_grad_, disconnected_type
from pytensor.graph.basic import Variable
from pytensor.graph.null_type import NullType
from pytensor.graph.traversal import toposort, walk

from multinet import dtypes
from multinet.errors import BackendError
from multinet_pytensor.core import (
    Array,
    Tensor,
    Tensors,
    constant,
    now,
    placeholder,
    pt,
)
from multinet_pytensor.fast.compiled import compiled
from multinet_pytensor.slopes import is_complex, pullback


class Graph:
    """A function of tensors: `outputs` in terms of `inputs` and of constants."""

    def __init__(self, inputs: Tensors, outputs: Tensors) -> None:
        self.inputs, self.outputs = list(inputs), list(outputs)
        self.types: list[Any] = [y.type for y in outputs]

    def apply(self, values: Tensors) -> list[Tensor]:
        """Return the outputs for other inputs, as new nodes."""
        new: dict[Variable, Any] = dict(zip(self.inputs, values, strict=True))
        for node in toposort(self.outputs, blockers=self.inputs):
            inputs = [new.get(x, x) for x in node.inputs]
            clone = node.clone_with_new_inputs(inputs, strict=False)
            for old, x in zip(node.outputs, clone.outputs, strict=True):
                x.tag = type(x.tag)()  # of the new place in the program
                new[old] = x
        return [new.get(x, x) for x in self.outputs]

    def pulled(self) -> Graph:
        """Return the graph from the inputs and a cotangent for each output to the
        cotangents of the inputs."""
        seeds = [placeholder(y) for y in self.outputs]
        slopes = gradients(self.outputs, self.inputs, seeds)
        return Graph([*self.inputs, *seeds], slopes)

    @cached_property
    def run(self) -> Callable[..., list[Array]]:
        """The function from the values of the inputs to those of the outputs."""
        inputs = list(map(placeholder, self.inputs))
        return compiled(inputs, self.apply(inputs))


def trace(function: Callable[..., Any], likes: Tensors) -> tuple[Graph, Tensors]:
    """Return the graph of a function, and the open tensors that it closes over.

    Those are further inputs of the graph, after one for each of `likes`.
    """
    start = now()
    inputs = [placeholder(x) for x in likes]
    outputs = function(*inputs)
    closed = closure(outputs, inputs, start)
    return Graph([*inputs, *closed], outputs), closed


def closure(outputs: Tensors, inputs: Tensors, start: int) -> list[Any]:
    """Return the open tensors older than `start` that outputs hang on beside inputs."""
    known = set(inputs)

    def is_older(x: Variable) -> bool:
        return getattr(x.tag, "born", start) < start

    def expand(x: Variable) -> Any:
        return () if x in known or is_older(x) or not x.owner else x.owner.inputs

    return [x for x in walk(outputs, expand) if is_older(x) and x not in known]


def gradients(outputs: Tensors, inputs: Tensors, cotangents: Tensors) -> list[Tensor]:
    """Return the cotangents of inputs: zeros of integers, and where there is no path.

    PyTensor's own `grad` refuses complex seeds, and takes a seed as all that flows into
    an output, also where other outputs are made from that one.
    """
    nodes = list(toposort(outputs, blockers=inputs))
    reached: set[Any] = set(filter(is_smooth, inputs))
    for node in nodes:
        if node.op != disconnected_grad_ and any(x in reached for x in node.inputs):
            reached.update(filter(is_smooth, node.outputs))
    flows: dict[Variable, Tensor] = {}
    for y, g in zip(outputs, cotangents, strict=True):
        _add(flows, y, g, reached)
    for node in reversed(nodes):
        if not any(y in flows for y in node.outputs):
            continue
        given = [flows.get(y, disconnected_type()) for y in node.outputs]
        for x, piece in zip(node.inputs, pullback(node, given), strict=True):
            _add(flows, x, piece, reached)
    return [flows[x] if x in flows else zeros(x) for x in inputs]


def is_smooth(x: Variable) -> bool:
    """Return whether a variable can have a gradient: it may be no tensor at all."""
    return dtypes.is_differentiable(getattr(x.type, "dtype", "bool"))


def _add(flows: dict[Variable, Any], x: Variable, g: Any, reached: set[Any]) -> None:
    if x not in reached or isinstance(g.type, DisconnectedType):
        return
    if isinstance(g.type, NullType):
        raise BackendError(
            f"PyTensor has no gradient of {x.owner or x}: {g.type.why_null}. Use "
            "stop_gradient, or other operations."
        )
    g = pt.cast(pt.real(g) if is_complex(g) and not is_complex(x) else g, x.type.dtype)
    flows[x] = pt.add(flows[x], g) if x in flows else g


def zeros(x: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
    """Return zeros of the dtype of a tensor, and of its shape or another one."""
    return constant(np.zeros(x.type.shape if shape is None else shape, x.type.dtype))
