"""Models made anew from models, and from JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import optree

from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.layers.core import Input, InputLayer
from multinet.models.graph import Graph
from multinet.models.model import Model, takes_a_graph
from multinet.models.sequential import Sequential
from multinet.objects import deserialize_keras_object, serialize_keras_object
from multinet.objects.sharing import ObjectSharing
from multinet.saving.layout import is_functional
from multinet.symbolic.tensor import KerasTensor, OpCall
from multinet.tracebacks import shortening
from multinet.typing import Made, Tensors


@shortening
def model_from_json(
    json_string: str, custom_objects: Mapping[str, Any] | None = None
) -> Made:
    """Return the model that `model.to_json()` described, with fresh weights.

    `custom_objects` maps the names of classes and functions of the program to them.
    """
    with ObjectSharing():
        return deserialize_keras_object(json.loads(json_string), custom_objects)


@shortening
def clone_model(
    model: Model,
    input_tensors: Tensors | None = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Model:
    """Return a model like a functional or sequential one, with fresh weights.

    It starts at `input_tensors`, in the structure of `model.input`, or at new inputs.
    `clone_function(layer)` gives the layer in place of each, by default one of the same
    configuration; a shared layer stays one. `call_function(layer, *args, **kwargs)`
    calls the layers and ops of a functional model. With `recursive`, models inside are
    cloned as this one, not by `clone_function`. A subclassed model is made anew from
    its configuration.

    >>> halves = clone_model(model, clone_function=lambda y: Dense(y.units // 2))
    """
    given = {"clone_function": clone_function, "call_function": call_function}
    for name, function in given.items():
        if function is not None and not callable(function):
            raise ArgumentError(f"Expected {name} to be a function, got {function!r}.")
    cloning = _Cloning(clone_function, call_function, recursive)
    return cloning.clone(model, input_tensors)


class _Cloning:
    """What becomes of each layer; one that was met before stays the one it became."""

    def __init__(
        self, clone: Made, call: Callable[..., Any] | None, recursive: bool
    ) -> None:
        self.function, self.call, self.recursive = clone, call, recursive
        self.known: dict[int, tuple[Any, Any]] = {}  # the layer is kept with its id

    def clone(self, model: Made, input_tensors: Tensors | None = None) -> Made:
        if isinstance(model, Sequential):
            return self._compiled(self._sequential(model, input_tensors), model)
        if is_functional(model):
            return self._compiled(self._functional(model, input_tensors), model)
        return self._subclassed(model, input_tensors)

    def _compiled(self, clone: Any, model: Any) -> Any:
        if model._task is not None:
            told: Any = model._task.arguments()
            clone.compile(**optree.tree_map(_again, told))
        return clone

    def layer(self, layer: Made) -> Made:
        """Return what a layer, or an op of a graph, becomes."""
        if id(layer) not in self.known:
            self.known[id(layer)] = (layer, self._anew(layer))
        return self.known[id(layer)][1]

    def _anew(self, layer: Any) -> Any:
        if isinstance(layer, OpCall):
            return OpCall(layer.function, "", layer.name)
        if self.recursive and (isinstance(layer, Sequential) or is_functional(layer)):
            call = None if isinstance(layer, Sequential) else self.call
            inner = _Cloning(self.function, call, True)
            inner.known = self.known
            return inner.clone(layer)
        if self.function is not None and isinstance(layer, Layer):
            return self.function(layer)
        return type(layer).from_config(layer.get_config())

    def _sequential(self, model: Sequential, input_tensors: Any) -> Any:
        if self.call is not None:
            raise ArgumentError(
                f"call_function is for functional models, whose layers are called one "
                f"by one; {model.name} is sequential. Use clone_function."
            )
        stack: list[Any] = [self.layer(layer) for layer in model.layers]
        given = [] if input_tensors is None else optree.tree_leaves(input_tensors)
        first = model._stack[0] if model._stack else None
        if input_tensors is not None:
            if len(given) != 1 or not isinstance(given[0], KerasTensor):
                raise ArgumentError(
                    f"Expected input_tensors to be one symbolic tensor, got "
                    f"{input_tensors!r}. Make it with Input(...)."
                )
            stack.insert(0, given[0])
        elif isinstance(first, InputLayer):
            stack.insert(0, _input_like(first.output))
        return Sequential(stack, trainable=model.trainable, name=model.name)

    def _functional(self, model: Any, input_tensors: Any) -> Any:
        graph = model._graph
        if input_tensors is None:
            input_tensors = optree.tree_map(_input_like, graph.inputs)
        _check_inputs(model, input_tensors)
        begun: list[Any] = optree.tree_leaves(input_tensors)
        made = {id(x): y for x, y in zip(graph.flat_inputs, begun, strict=True)}

        def now(leaf: Any) -> Any:
            return made[id(leaf)] if type(leaf) is KerasTensor else leaf

        for node in graph.nodes:
            given: Any = optree.tree_map(now, (node.args, node.kwargs))  # type: ignore[arg-type]
            args, kwargs = given
            layer = self.layer(node.operation)
            if self.call is None:
                results = layer(*args, **kwargs)
            else:
                results = self.call(layer, *args, **kwargs)
            leaves = optree.tree_leaves(results)
            made |= zip(map(id, optree.tree_leaves(node.outputs)), leaves)
        outputs = optree.tree_map(now, graph.outputs)
        kind = type(model) if takes_a_graph(type(model)) else Model
        clone: Any = kind(input_tensors, outputs, name=model.name)
        # It starts at these tensors, where a model made of them has inputs of its own.
        clone._begin(Graph(input_tensors, outputs))
        return clone

    def _subclassed(self, model: Any, input_tensors: Any) -> Any:
        given = {
            "input_tensors": input_tensors,
            "clone_function": self.function,
            "call_function": self.call,
        }
        wrong = [name for name, value in given.items() if value is not None]
        if wrong:
            raise ArgumentError(
                f"{', '.join(wrong)} is for functional and sequential models; "
                f"{model.name} is a {type(model).__name__}, whose layers are not known "
                "from outside. Change its configuration instead: "
                "Class.from_config({**model.get_config(), ...})."
            )
        own = {type(model).__name__: type(model)}
        return deserialize_keras_object(serialize_keras_object(model), own)


def _again(argument: Any) -> Any:
    """Return what was given to `compile` for another model: objects anew, fresh."""
    if isinstance(argument, type) or not hasattr(argument, "get_config"):
        return argument
    return type(argument).from_config(argument.get_config())


def _input_like(tensor: KerasTensor) -> KerasTensor:
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)


def _check_inputs(model: Any, input_tensors: Any) -> None:
    leaves = optree.tree_leaves(input_tensors)
    spec = optree.tree_structure(input_tensors)
    if spec != model._graph.input_spec or not all(
        isinstance(leaf, KerasTensor) for leaf in leaves
    ):
        raise ArgumentError(
            "Expected input_tensors to be symbolic tensors in the structure of "
            f"model.input, {model.input!r}; got {input_tensors!r}."
        )
