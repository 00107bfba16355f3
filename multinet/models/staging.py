"""The host stage of a model: what its graph computes before the first tensor layer.

Layers of texts and vocabularies work on the host (`on_host`), so they, and all before
them, run where data are drawn: on arrays, batch by batch, and the compiled step begins
with what they give. What a step sees of an input is then `staged`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import optree

from multinet import dtypes
from multinet.drawing import Drawing
from multinet.errors import ArgumentError, ShapeError
from multinet.layers.preprocessing.host import on_host
from multinet.models.matching import match
from multinet.symbolic.tensor import KerasTensor, Node, Operating
from multinet.typing import Host, Tensor, Tree

AnyGraph: TypeAlias = Any  # a `Graph`, whose module stands above this one
_KEY = "staged on the host"


def staged(values: Sequence[Any]) -> dict[str, Any]:
    """Return the values at the end of a host stage as one tree."""
    return {_KEY: list(values)}


def is_staged(inputs: Tree) -> bool:
    """Return whether the inputs of a model are what its host stage gave."""
    return type(inputs) is dict and _KEY in inputs


class Split(NamedTuple):
    """A call of a model whose own graph begins with a host stage.

    `seat` stands for what that gives among the arguments of the call.
    """

    node: Node
    stage: HostStage
    seat: KerasTensor


class HostStage:
    """The calls of a graph that run on the host, and what the others take of them.

    `slots` are the symbolic tensors at the seam: inputs that tensor layers take, and
    results of the stage. `splits` are calls of models with host stages of their own.
    `ArgumentError` where a layer of the host stands behind weights that are trained.
    """

    def __init__(self, graph: AnyGraph) -> None:
        self.graph = graph
        nodes: list[Node] = graph.nodes
        self.nodes = _on_host(nodes)
        hosted = set(map(id, self.nodes))
        rest = [node for node in nodes if id(node) not in hosted]
        self.splits = [
            Split(node, stage, KerasTensor((), "bool", record_history=False))
            for node in rest
            if (stage := stage_of(node.operation)) is not None
        ]
        #: The places of the calls that are left among those of the graph.
        self.left = [i for i, node in enumerate(nodes) if id(node) not in hosted]
        split = {id(each.node) for each in self.splits}
        taken = [x for node in rest if id(node) not in split for x in node.inputs]
        made = {id(x) for node in self.nodes for x in _outputs(node)}
        made |= set(map(id, graph.flat_inputs))
        found = {id(x): x for x in [*taken, *graph.flat_outputs] if id(x) in made}
        self.slots: list[KerasTensor] = list(found.values())
        self._check(rest)

    def _check(self, rest: list[Node]) -> None:
        for slot in self.slots:
            if dtypes.is_text(slot.dtype):
                takers = [n.operation.name for n in rest if _takes(n, slot)]
                taker = takers[0] if takers else "an output of the model"
                raise ArgumentError(
                    f"{slot!r} holds texts, which no tensor does, and {taker} takes "
                    "it. Put a layer between that makes numbers of texts: "
                    "TextVectorization, StringLookup or Hashing."
                )

    def spec(self) -> Tree:
        """Return the symbolic tensors of what the stage gives, as a tree."""
        return staged([*self.slots, *(each.stage.spec() for each in self.splits)])

    def run(self, inputs: Tree) -> Tree:
        """Return what the stage gives for a batch, as arrays."""
        with Drawing():
            return self._run(inputs)

    def _run(self, inputs: Tree) -> Tree:
        graph = self.graph
        given = match(graph, inputs)
        values = {
            id(slot): entered(value, slot)
            for slot, value in zip(graph.flat_inputs, given)
        }
        for node in self.nodes:
            args, kwargs = _filled(node, values)
            outputs = node.operation(*args, **kwargs)
            for slot, value in zip(_outputs(node), optree.tree_leaves(outputs)):
                values[id(slot)] = value
        found = [on_host(values[id(slot)], slot.name) for slot in self.slots]
        inner = []
        for node, stage, _ in self.splits:
            (first, *_), _ = _filled(node, values)
            inner.append(stage._run(first))
        return staged([*found, *inner])

    def values(
        self, inputs: Tree, fit: Callable[[Any, KerasTensor], Any]
    ) -> dict[int, Any]:
        """Return what the stage gave by the identity of slots and seats."""
        seats = [each.seat for each in self.splits]
        return {
            id(slot): value if is_staged(value) else fit(value, slot)
            for slot, value in zip([*self.slots, *seats], inputs[_KEY], strict=True)
        }


def host_stage(graph: AnyGraph) -> HostStage | None:
    """Return the host stage of a graph, None if nothing of it runs on the host."""
    operations = [node.operation for node in graph.nodes]
    begins = any(works_on_host(x) or stage_of(x) is not None for x in operations)
    texts = any(dtypes.is_text(slot.dtype) for slot in graph.flat_inputs)
    return HostStage(graph) if begins or texts else None


def stage_of(operation: Operating) -> HostStage | None:
    """Return the host stage of a model's own graph, None if it has none."""
    graph = getattr(operation, "_graph", None)
    return None if graph is None else graph.stage()


def works_on_host(operation: Operating) -> bool:
    """Return whether a layer works on the host alone, or a model of such layers."""
    if getattr(operation, "on_host", False):
        return True
    stage = stage_of(operation)
    return stage is not None and not stage.left and not stage.splits


def _on_host(nodes: list[Node]) -> list[Node]:
    """Return the calls of layers of the host and all before them, in order."""
    producers = {id(x): node for node in nodes for x in _outputs(node)}
    wanted: dict[int, Node] = {}
    stack = [node for node in nodes if works_on_host(node.operation)]
    while stack:
        node = stack.pop()
        if id(node) in wanted:
            continue
        wanted[id(node)] = node
        stack += [producers[id(x)] for x in node.inputs if id(x) in producers]
    for node in wanted.values():
        if getattr(node.operation, "trainable_weights", ()):
            raise ArgumentError(
                f"{node.operation.name} has weights to train and stands before a "
                "layer that works on the host, through which no gradient goes. Put "
                "the layers of texts and vocabularies first."
            )
    return [node for node in nodes if id(node) in wanted]


def _outputs(node: Node) -> list[Any]:
    return optree.tree_leaves(node.outputs)


def _takes(node: Node, slot: KerasTensor) -> bool:
    return any(slot is each for each in node.inputs)


def _filled(node: Node, values: Mapping[int, Any]) -> tuple[Any, Any]:
    def value(leaf: Any) -> Any:
        return values[id(leaf)] if type(leaf) is KerasTensor else leaf

    return optree.tree_map(value, (node.args, node.kwargs))  # type: ignore[return-value]


def entered(value: Tensor, slot: KerasTensor) -> Host:
    """Return what an input of the host stage gets, shaped as it declares."""
    array = on_host(value, slot.name)
    if dtypes.is_text(slot.dtype) != dtypes.is_text(array.dtype):
        wanted = "texts" if dtypes.is_text(slot.dtype) else slot.dtype
        raise ArgumentError(
            f"Input {slot.name!r} expects {wanted}, got an array of {array.dtype}."
        )
    want = slot.shape
    if array.ndim == len(want) - 1 and want[-1] == 1:
        array = np.expand_dims(array, -1)
    elif array.ndim == len(want) + 1 and array.shape[-1] == 1:
        array = array[..., 0]
    if array.ndim != len(want) or any(
        n is not None and n != m for n, m in zip(want, array.shape)
    ):
        raise ShapeError(
            f"Input {slot.name!r} expects shape {want}, got {array.shape}. None stands "
            "for any size; the first axis is the batch."
        )
    return array
