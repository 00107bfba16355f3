"""A functional model as data, in the format of Keras's configurations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import optree

from multinet import config as settings
from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.layers.core import InputLayer
from multinet.layers.passing import MaskReader
from multinet.models.graph import Graph, is_input
from multinet.objects.serialization import to_data
from multinet.ops import operations
from multinet.saving.layout import is_functional
from multinet.symbolic.dims import Dim
from multinet.symbolic.tensor import KerasTensor, Node, OpCall


def graph_config(graph: Graph) -> dict[str, Any]:
    """Return the layers, their calls, the inputs and the outputs of a graph as data.

    A tensor is [name of its layer, number of the call, number of the result].
    """
    return _Writer(graph).config()


class _Writer:
    """The calls of one graph under numbers, and the operations under names."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        begun = [_first_node(tensor) for tensor in graph.flat_inputs]
        operations = [node.operation for node in begun if id(node) not in _known(graph)]
        self.operations = [*dict.fromkeys([*operations, *graph.operations])]
        self.names = _names(self.operations)
        self.calls: dict[int, list[Node]] = {}
        for node in sorted((*begun, *graph.nodes), key=lambda node: node.index):
            calls = self.calls.setdefault(id(node.operation), [])
            calls += [] if node in calls else [node]
        self.places: dict[int, list[Any]] = {}
        for operation in self.operations:
            for number, node in enumerate(self.calls.get(id(operation), ())):
                for i, tensor in enumerate(_flat(node.outputs)):
                    place = [self.names[id(operation)], number, i]
                    self.places.setdefault(id(tensor), place)
        for tensor, node in zip(graph.flat_inputs, begun, strict=True):
            self.places[id(tensor)] = [self.names[id(node.operation)], 0, 0]

    def config(self) -> dict[str, Any]:
        """Return the data of the graph."""
        return {
            "layers": [self._entry(operation) for operation in self.operations],
            "input_layers": self._ends(self.graph.inputs),
            "output_layers": self._ends(self.graph.outputs),
        }

    def _entry(self, operation: Any) -> dict[str, Any]:
        calls = self.calls.get(id(operation), [])
        if isinstance(operation, OpCall):
            entry, nodes = self._op(operation, calls)
        else:
            entry = to_data(operation)
            inner = [node for node in calls if _flat((node.args, node.kwargs))]
            nodes = [self._node(node) for node in inner]
        entry["name"] = self.names[id(operation)]
        entry["inbound_nodes"] = nodes
        return entry

    def _node(self, node: Node) -> dict[str, Any]:
        arguments = self._call(node.args, node.kwargs)
        if node.kwargs.get("training") is False:
            # Keras writes False for a call that was given nothing, too.
            arguments["explicit"] = ["training"]
        return arguments

    def _op(
        self, operation: OpCall, calls: list[Node]
    ) -> tuple[dict[str, Any], list[Any]]:
        op = operation.function.__name__
        if isinstance(operation, MaskReader):
            raise ArgumentError(
                f"{calls[0].args[0]!r} has a mask that its layer sets in its call, and "
                "a configuration has no word for it. Compute the mask with ops."
            )
        config: dict[str, Any] = {"name": self.names[id(operation)]}
        nodes = []
        for node in calls:
            made, called, named = operations.split(op, node.args, node.kwargs)
            made = _settled(op, made)
            config |= to_data(made, lambda leaf: self._leaf(leaf, op))
            nodes.append(self._call(called, named, op))
        entry = {
            "module": operations.module(op),
            "class_name": operations.class_name(op),
            "config": config,
            "registered_name": operations.class_name(op),
        }
        return entry, nodes

    def _call(self, args: Any, kwargs: Any, op: str | None = None) -> dict[str, Any]:
        def leaf(value: Any) -> Any:
            return self._leaf(value, op)

        return {"args": to_data(list(args), leaf), "kwargs": to_data(kwargs, leaf)}

    def _leaf(self, value: Any, op: str | None) -> Any:
        if type(value) is KerasTensor:
            config = {
                "shape": value.shape,
                "dtype": value.dtype,
                "keras_history": self.places[id(value)],
            }
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, Dim):
            raise ArgumentError(
                f"A call of {op or 'a layer'} has the size {value!r}, which is unknown "
                "until data arrives, and a configuration has no word for it. Write -1 "
                "for one size of ops.reshape, or give the size in Input(shape=...)."
            )
        return NotImplemented

    def _ends(self, tree: Any) -> Any:
        def place(tensor: Any) -> Any:
            name, call, i = self.places[id(tensor)]
            node = tensor.node
            if node is not None and is_functional(node.operation):
                call += 1  # as Keras numbers them here, and only here
            return [name, call, i]

        return optree.tree_map(place, tree)


def _first_node(tensor: KerasTensor) -> Node:
    """Return the node of an input; a graph that starts in the middle gets an Input."""
    if tensor.node is not None and is_input(tensor):
        return tensor.node
    layer = InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
    return layer._nodes[0]


def _known(graph: Graph) -> set[int]:
    return {id(tensor.node) for tensor in graph.flat_inputs if is_input(tensor)}


def _names(operations: Iterable[Any]) -> dict[int, str]:
    """Return a name for each operation: its own, with a number where it is taken.

    Only ops and losses get another, as the names of the layers are checked.
    """
    taken = {y.name for y in operations if isinstance(y, Layer)}
    names: dict[int, str] = {}
    for operation in operations:
        name, number = operation.name, 0
        while not isinstance(operation, Layer) and name in taken:
            number += 1
            name = f"{operation.name}_{number}"
        taken.add(name)
        names[id(operation)] = name
    return names


def _settled(op: str, made: dict[str, Any]) -> dict[str, Any]:
    """Return what an op's class takes, with nothing left to the settings here.

    One unknown size of a reshape follows from the others.
    """
    if "data_format" in made:
        made["data_format"] = settings.standardize_data_format(made["data_format"])
    shape = made.get("newshape")
    if isinstance(shape, int):
        made["newshape"] = [shape]
    if op == "extract_patches_3d" and isinstance(made["size"], int):
        made["size"] = [made["size"]] * 3  # the class is that of images, too
    if op == "reshape" and isinstance(shape, list | tuple) and -1 not in shape:
        unknown = [i for i, n in enumerate(shape) if isinstance(n, Dim)]
        if len(unknown) == 1:
            made["newshape"] = [-1 if isinstance(n, Dim) else n for n in shape]
    return made


def _flat(tree: Any) -> list[Any]:
    return optree.tree_leaves(tree)
