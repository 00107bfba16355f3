"""Sequential: a stack of layers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from multinet import dtype_policies, dtypes
from multinet import layers as known
from multinet.calls import Within
from multinet.errors import ArgumentError
from multinet.layers.base import Layer
from multinet.layers.context import set_masks
from multinet.layers.core import Input, InputLayer
from multinet.layers.preprocessing.host import on_host
from multinet.models.graph import Graph, is_input
from multinet.models.model import Model
from multinet.models.staging import HostStage, works_on_host
from multinet.objects import custom_object_scope
from multinet.objects.serialization import from_data, to_data
from multinet.registry import current
from multinet.symbolic.dims import public_shape
from multinet.symbolic.tensor import KerasTensor
from multinet.tracebacks import shortening
from multinet.typing import Config, Shape, Size, Tensor, Tree


class Sequential(Model):
    """A model that passes its input through a list of layers.

    The weights exist once the input's shape is known: from an `Input` at the start,
    from `input_shape=` of the first layer, from a model at the start that knows its
    own, or from the first data. `layers` is the list; `add` and `pop` change it.

    >>> first = layers.Dense(128, activation="relu")
    >>> model = multinet.Sequential([multinet.Input((784,)), first, layers.Dense(10)])
    >>> model.output_shape
    (None, 10)
    """

    @shortening
    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> None:
        if isinstance(layers, Layer) or isinstance(trainable, Layer):
            raise ArgumentError(
                "Sequential takes its layers as one list: Sequential([Dense(3), ...])."
            )
        super().__init__(name=name, trainable=trainable)
        self._stack: list[Layer] = []
        for layer in layers or ():
            self._append(layer)
        self._rebuild()

    @shortening
    def add(self, layer: Layer, rebuild: bool = True) -> None:
        """Put a layer on top."""
        self._append(layer)
        if not rebuild:
            self._forget()
        elif self._graph is None:
            self._rebuild()
        else:
            self._forget_compiled()
            with Within(self):
                outputs = self._stack[-1](self._graph.outputs)
            self._graph = self._graph.extended(outputs)

    def _append(self, layer: Any) -> None:
        if isinstance(layer, KerasTensor) and layer.node is not None:
            layer = layer.node.operation
        if isinstance(layer, type):
            raise ArgumentError(
                f"Expected a Layer, got the class {layer.__name__}: make one of it, "
                f"{layer.__name__}(...)."
            )
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"Expected a Layer, got {type(layer).__name__}. Wrap a function in "
                "Activation(function), or subclass Layer."
            )
        if any(layer.name == x.name and layer is not x for x in self._stack):
            raise ArgumentError(
                f"A layer called {layer.name!r} is in {self.name} already. Give each "
                "its own name=..."
            )
        if isinstance(layer, InputLayer) and self._stack:
            raise ArgumentError(f"Input must come first in {self.name}.")
        hint = layer._input_shape_hint
        if not self._stack and hint is not None and not isinstance(layer, InputLayer):
            entry = Input(shape=hint, dtype=layer.compute_dtype).node
            self._stack.append(entry.operation)  # type: ignore[union-attr]
        self._stack.append(layer)

    @shortening
    def pop(self, rebuild: bool = True) -> Layer:
        """Remove the top layer and return it."""
        if not self.layers:
            raise ArgumentError(f"{self.name} has no layer to remove.")
        layer = self._stack.pop()
        graph = self._graph
        self._forget()
        if rebuild and graph is not None and self.layers:
            self._graph = Graph(graph.inputs, graph.nodes[-2].outputs)
            self.built = True
        return layer

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    def _forget(self) -> None:
        self._graph, self.built = None, False
        self._forget_compiled()

    def _rebuild(self) -> None:
        self._forget()
        if len(self._stack) < 2:
            return
        first = self._stack[0]
        if isinstance(first, InputLayer):
            self._trace(first.output)
        elif isinstance(first, Model) and first._graph is not None:
            entry = first._graph.inputs
            if is_input(entry):
                self._trace(Input(batch_shape=entry.shape, dtype=entry.dtype))

    def _trace(self, entry: KerasTensor) -> None:
        tensor: Any = entry
        with Within(self):
            for layer in self.layers:
                _check_call(layer)
                tensor = layer(tensor)
        self._graph = Graph(entry, tensor)
        self.built = True

    @shortening
    def build(self, input_shape: Sequence[Size] | None = None) -> None:
        """Create the weights for inputs of a shape, which includes the batch axis."""
        if self.built:
            self._refuse_other(input_shape)
            return
        if input_shape is None:
            raise ArgumentError(f"{self.name}.build needs input_shape=(None, ...).")
        dtype = self.layers[0].compute_dtype if self.layers else None
        self._trace(Input(batch_shape=tuple(input_shape), dtype=dtype))

    def _refuse_other(self, shape: Sequence[Size] | None) -> None:
        """Raise if the model is built for an input of other sizes."""
        entry = None if self._graph is None else self._graph.inputs
        if shape is None or not isinstance(entry, KerasTensor) or _is_guess(entry):
            return
        pairs = list(zip(shape, entry.shape))
        apart = any(None not in pair and pair[0] != pair[1] for pair in pairs)
        if apart or len(shape) != len(entry.shape):
            raise ArgumentError(
                f"{self.name} is built for inputs of shape {entry.shape}, got "
                f"{tuple(shape)}. Make a model for those, which may share its layers."
            )

    def _build(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._stack:
            raise ArgumentError(f"{self.name} has no layers: add(...) one first.")
        inputs = args[0] if args else next(iter(kwargs.values()))
        backend = current()
        tensor = backend.is_tensor(inputs)
        if self._has_host_stage() and (isinstance(inputs, np.ndarray) or not tensor):
            self._trace(like_data(inputs))  # on NumPy arrays of texts are arrays, too
            return
        if tensor:
            shape = public_shape(backend.shape(inputs))
            dtype = backend.dtype(inputs)
            self._trace(_guess((None, *shape[1:]), dtype))
        self.built = (
            True  # on trees of inputs the layers build as the call reaches them
        )

    def _has_host_stage(self) -> bool:
        if self._graph is None and self.layers:
            return works_on_host(self.layers[0])
        return super()._has_host_stage()

    def _host_stage(self, x: Tree) -> HostStage | None:
        """Return the host stage; on the first data the model is built for them."""
        if self._graph is None and self._has_host_stage():
            self._trace(like_data(x))
        return super()._host_stage(x)

    def call(
        self, inputs: Tensor, training: bool | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the output of the last layer."""
        if self._graph is not None:
            return self._graph.run(inputs, mask)
        set_masks(inputs, mask)
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def get_config(self) -> Config:
        """Return the name, the layers as data, and the shape they are built for."""
        if not _takes_layers(type(self)):
            return self._own_config(Sequential)
        stack, graph = list(self._stack), self._graph
        entry = None if graph is None else graph.flat_inputs[0]
        if entry is not None and is_input(entry) and stack[0] is self.layers[0]:
            stack[:0] = [] if _is_guess(entry) else [entry.node.operation]  # type: ignore[union-attr]
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
            "layers": [to_data(layer) for layer in stack],
        }
        if entry is not None:
            config["build_input_shape"] = entry.shape
        return config

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Return a model of this configuration, with fresh weights."""
        with custom_object_scope(custom_objects):
            if "layers" not in config or not _takes_layers(cls):
                return super().from_config(config)
            if "name" not in config:
                raise ArgumentError(
                    "Expected the name beside the layers in the configuration of a "
                    f"Sequential, got the keys {sorted(config)}."
                )
            stack = [_layer(entry) for entry in config["layers"]]
        model = cls(stack, config.get("trainable", True), config.get("name"))
        shape = config.get("build_input_shape")
        if not model.built and stack and isinstance(shape, list | tuple):
            model._trace(_guess(tuple(shape), stack[0].compute_dtype))
        return model


def _check_call(layer: Layer) -> None:
    """Refuse a layer whose `call` needs more than one argument."""
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY
    parameters = inspect.signature(layer.call).parameters.values()
    asked = [p.name for p in parameters if p.default is p.empty and p.kind in kinds]
    if len(asked) > 1:
        raise ArgumentError(
            f"A layer of a Sequential gets one tensor, but {type(layer).__name__}.call "
            f"needs {', '.join(asked)}. Give the others defaults, or make a Model."
        )


def _guess(batch_shape: Shape, dtype: str) -> KerasTensor:
    """Return an input for the first data: other data may have other sizes."""
    entry = Input(batch_shape=batch_shape, dtype=dtype)
    entry.node.operation._is_guess = True  # type: ignore[union-attr]
    return entry


def _is_guess(entry: KerasTensor) -> bool:
    return getattr(entry.node and entry.node.operation, "_is_guess", False)


def like_data(x: Tree) -> KerasTensor:
    """Return an input for data like an array, or like the `Leaf` of one."""
    if not hasattr(x, "dtype"):
        x = on_host(x, "a model's host stage")
    dtype = dtypes.TEXT if dtypes.is_text(x.dtype) else dtypes.of_host(x.dtype)
    return Input(batch_shape=(None, *x.shape[1:]), dtype=dtype)


def _takes_layers(cls: type) -> bool:
    """Return whether a class is made of (layers, trainable, name), as Sequential is."""
    names = list(inspect.signature(cls.__init__).parameters)[1:]
    return names[:3] == ["layers", "trainable", "name"]


def _layer(entry: Mapping[str, Any]) -> Any:
    if "module" in entry:
        return from_data(entry)
    return known.deserialize(entry)
