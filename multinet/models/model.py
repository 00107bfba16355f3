"""Model: a layer that can be trained, made from a graph or by subclassing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import optree

from multinet import absent, dtypes
from multinet.errors import ArgumentError, MultinetError
from multinet.layers.base import Layer
from multinet.models.graph import Graph
from multinet.models.summary import summarize
from multinet.symbolic.tensor import KerasTensor
from multinet.training.trainer import Trainer


class Model(Trainer, Layer):
    """A network to train, evaluate and use.

    Either `Model(inputs, outputs)` with symbolic tensors (or trees of them) made from
    `Input`, or a subclass that makes layers in `__init__` and uses them in `call`.

    >>> x = Input((8, 8, 1))
    >>> y = layers.Dense(10)(layers.Flatten()(x))
    >>> model = Model(x, y)
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    """

    _by_name = frozenset({"_graph_layers", "_stack"})

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if (inputs is None) != (outputs is None):
            raise ArgumentError("Model needs both inputs and outputs, or neither.")
        super().__init__(name=name, **kwargs)
        self._forget_compiled()
        self._graph: Graph | None = None
        if inputs is not None:
            self._graph = Graph(inputs, outputs)
            self._graph_layers = self._graph.layers
            _check_names(self.name, self._graph_layers)
            self.built = True

    @property
    def layers(self) -> list[Layer]:
        """The layers of the graph, or those that are attributes."""
        if self._graph is not None:
            return list(self._graph_layers)
        return self._sublayers()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the layer with this name, or at this index."""
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in self.layers]
        raise ArgumentError(f"No layer is called {name!r}. There are: {names}.")

    @property
    def input_dtype(self) -> str:
        """The dtype that float inputs are cast to: no less than the inputs declare."""
        wanted = self.compute_dtype
        if self._graph is None or wanted not in ("float16", "bfloat16"):
            return wanted
        declared = {tensor.dtype for tensor in self._graph.flat_inputs}
        return dtypes.promote(wanted, *filter(dtypes.is_float, declared))

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs, flat."""
        return list(self._known_graph().flat_inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs, flat."""
        return list(self._known_graph().flat_outputs)

    @property
    def input(self) -> Any:
        """The symbolic input, in the structure it was given."""
        return self._known_graph().inputs

    @property
    def output(self) -> Any:
        """The symbolic output, in the structure it was given."""
        return self._known_graph().outputs

    @property
    def input_shape(self) -> Any:
        """The shape of the input, `None` for unknown sizes."""
        return optree.tree_map(lambda t: t.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """The shape of the output, `None` for unknown sizes."""
        return optree.tree_map(lambda t: t.shape, self.output)

    @property
    def output_names(self) -> list[str]:
        """A name for each output: that of the layer that made it."""
        return [_producer(tensor) for tensor in self.outputs]

    def _known_graph(self) -> Graph:
        if self._graph is None:
            raise MultinetError(
                f"{self.name} has no symbolic inputs and outputs: it is not functional"
                + (
                    "."
                    if self.built
                    else ", or not built yet. Call it, or add an Input."
                )
            )
        return self._graph

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Compute the outputs; a subclass that is no graph writes its own."""
        if self._graph is None:
            raise MultinetError(
                f"{type(self).__name__} must define call(self, inputs), or be made "
                "with Model(inputs, outputs)."
            )
        return self._graph.run(inputs, mask)

    def build(self, input_shape: Any = None) -> None:
        """Create the weights of every layer, by a run on shapes alone.

        `input_shape` includes the batch axis; trees of shapes for several inputs.
        """
        if self.built:
            return
        if input_shape is None:
            raise ArgumentError(f"{self.name}.build needs input_shape=(None, ...).")
        self._build_by_call(input_shape)

    def _build_by_call(self, input_shape: Any) -> None:
        self.built = True
        try:
            self.compute_output_shape(input_shape)
        except Exception:
            self.built = False
            raise

    def _build(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        # Layers build themselves as the call reaches them; a shape run here would do
        # everything twice. Only a build() that the user wrote has more to do.
        if type(self).build is not Model.build:
            super()._build(args, kwargs)
        self.built = True

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the layers, their output shapes and their numbers of weights.

        `positions` and `layer_range` are Keras's, and must be None.
        """
        absent.refuse_options("summary", positions=positions, layer_range=layer_range)
        text = summarize(self, line_length, expand_nested, show_trainable)
        (print_fn or print)(text)


def _check_names(model: str, layers: list[Layer]) -> None:
    counts = Counter(layer.name for layer in layers)
    twice = sorted(name for name, count in counts.items() if count > 1)
    if twice:
        raise ArgumentError(
            f"Several layers of {model} are called {twice}. Give each its own name=..."
        )


def _producer(tensor: KerasTensor) -> str:
    if tensor.node is None:
        return tensor.name
    operation = tensor.node.operation
    return getattr(operation, "name", None) or operation.__name__
