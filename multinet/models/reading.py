"""A functional model from its data, written here or in Keras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import optree

from multinet import operators
from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.layers.core import InputLayer
from multinet.losses import Loss
from multinet.objects.serialization import from_data
from multinet.operation import Operation
from multinet.ops import operations
from multinet.saving.layout import is_functional
from multinet.symbolic.tensor import OpCall

#: What a functional configuration has beside the arguments of `Model`.
GRAPH = ("layers", "input_layers", "output_layers")


class _Place(NamedTuple):
    """The tensor that a call of an operation gave, by numbers."""

    name: str
    call: int
    result: int


# A tuple is a node of a tree; a place in one is a leaf.
class _Leaf:
    __slots__ = ("place",)

    def __init__(self, place: _Place) -> None:
        self.place = place


def holds_graph(config: Mapping[str, Any]) -> bool:
    """Return whether a configuration is that of a functional model."""
    return all(part in config for part in GRAPH)


def graph_of(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the symbolic inputs and outputs of `graph_config`, of new layers."""
    return _Reader(config).ends()


class _Call(NamedTuple):
    args: Any
    kwargs: Any
    needs: list[_Place]


class _Reader:
    """The operations of a configuration, called as soon as their inputs are there."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.operations: dict[str, Any] = {}
        self.made: dict[str, Mapping[str, Any]] = {}  # what classes of ops were given
        self.results: dict[str, list[list[Any]]] = {}
        calls: dict[str, list[_Call]] = {}
        for entry in config["layers"]:
            name = entry["name"]
            if name in self.operations:
                raise ArgumentError(
                    f"The configuration has two layers called {name!r}."
                )
            self.operations[name] = self._operation(entry, name)
            calls[name] = [_call(node) for node in entry["inbound_nodes"]]
        self._run(calls)

    def _operation(self, entry: Mapping[str, Any], name: str) -> Any:
        self.results[name] = []
        module = entry.get("module") or ""
        if module.startswith(f"{operations.HOME}."):
            op = operations.op_of(entry["class_name"])
            made = {k: v for k, v in entry["config"].items() if k != "name"}
            self.made[name] = from_data(made)
            return OpCall(operators._ops[op], op, name)
        layer = from_data(
            {k: v for k, v in entry.items() if k not in ("name", "inbound_nodes")}
        )
        if not isinstance(layer, Operation | Loss):
            raise ArgumentError(
                f"Expected {name!r} to be a layer, a loss or an operation, got "
                f"{type(layer).__name__}."
            )
        if isinstance(layer, InputLayer):
            self.results[name].append([layer.output])
        return layer

    def _run(self, calls: Mapping[str, list[_Call]]) -> None:
        """Make every call, each after those whose results it needs, however deep."""
        waiting: dict[tuple[str, int], list[tuple[str, int]]] = {}
        missing: dict[tuple[str, int], int] = {}
        for name, listed in calls.items():
            for i, call in enumerate(listed):
                needs = {(place.name, place.call) for place in call.needs}
                needs |= {(name, i - 1)} if i else set()
                needs -= {key for key in needs if self._is_there(*key)}
                missing[name, i] = len(needs)
                for key in needs:
                    waiting.setdefault(key, []).append((name, i))
        ready = [key for key, count in missing.items() if not count][::-1]
        while ready:
            name, i = key = ready.pop()
            del missing[key]
            self._make(name, calls[name][i])
            for follower in reversed(waiting.get(key, ())):
                missing[follower] -= 1
                if not missing[follower]:
                    ready.append(follower)
        if missing:
            raise ArgumentError(
                "The configuration has calls on tensors that no other call makes, or "
                f"that depend on themselves: {sorted({name for name, _ in missing})}."
            )

    def _is_there(self, name: str, call: int) -> bool:
        return call < len(self.results.get(name, ()))

    def _make(self, name: str, call: _Call) -> None:
        def tensor(leaf: Any) -> Any:
            return self._tensor(leaf.place) if type(leaf) is _Leaf else leaf

        given: Any = optree.tree_map(tensor, (call.args, call.kwargs))  # type: ignore[arg-type]
        args, kwargs = given
        operation = self.operations[name]
        if isinstance(operation, OpCall):
            op = operation.function.__name__
            args, kwargs = operations.join(op, self.made[name], args, kwargs)
        elif isinstance(operation, Layer):
            taken = operation._spec.call
            kwargs = {
                k: v for k, v in kwargs.items() if k in taken or not k.endswith("mask")
            }
        self.results[name].append(optree.tree_leaves(operation(*args, **kwargs)))

    def _tensor(self, place: _Place) -> Any:
        results = self.results.get(place.name, [])
        if not 0 <= place.call < len(results):
            raise ArgumentError(
                f"The configuration names call {place.call} of {place.name!r}, which "
                f"has {len(results)}."
            )
        if not 0 <= place.result < len(results[place.call]):
            raise ArgumentError(
                f"The configuration names result {place.result} of {place.name!r}, "
                f"which gives {len(results[place.call])}."
            )
        return results[place.call][place.result]

    def ends(self) -> tuple[Any, Any]:
        """Return the inputs and outputs in their structures."""
        return tuple(self._end(self.config[part]) for part in GRAPH[1:])  # type: ignore[return-value]

    def _end(self, tree: Any) -> Any:
        if isinstance(tree, Mapping):
            return {key: self._end(item) for key, item in tree.items()}
        if len(tree) == 3 and isinstance(tree[0], str):
            place = _Place(*tree)
            # Keras counts calls of functional models from 1 here, and only here.
            first = is_functional(self.operations.get(place.name))
            return self._tensor(place._replace(call=place.call - first))
        return type(tree)([self._end(item) for item in tree])


def _call(node: Any) -> _Call:
    if not isinstance(node, Mapping):
        raise ArgumentError(
            f"Expected a call as a dictionary of args and kwargs, got {node!r}. That "
            "of Keras 2 is not read: save the model anew with Keras 3."
        )
    needs: list[_Place] = []

    def leaf(config: Any) -> Any:
        if config["class_name"] != "__keras_tensor__":
            return NotImplemented
        needs.append(_Place(*config["config"]["keras_history"]))
        return _Leaf(needs[-1])

    args, kwargs = from_data(node["args"], leaf), from_data(node["kwargs"], leaf)
    explicit = node.get("explicit", ())
    kwargs = {
        name: value
        for name, value in kwargs.items()
        if name in explicit or not _says_nothing(name, value)
    }
    return _Call(args, kwargs, needs)


def _says_nothing(name: str, value: Any) -> bool:
    """Return whether Keras writes an argument although nobody gave it.

    `training=False` here would hold in training, too.
    """
    return (name == "training" and not value) or (
        name.endswith("mask") and value is None
    )
