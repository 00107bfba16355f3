"""Model: a layer that can be trained, made from a graph or by subclassing."""

from __future__ import annotations

import importlib
import inspect
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import optree

from multinet import absent, dtype_policies, dtypes, saving
from multinet.bridging import bridged
from multinet.checks import one_of
from multinet.configurable import arguments, described
from multinet.errors import ArgumentError, MultinetError, NeverCalled, near
from multinet.layers.base import Layer
from multinet.models.graph import Graph
from multinet.models.reading import GRAPH, graph_of, holds_graph
from multinet.models.staging import HostStage
from multinet.models.state_tree import get_state_tree, set_state_tree
from multinet.models.summary import summarize
from multinet.models.writing import graph_config
from multinet.names import unique_name
from multinet.objects import custom_object_scope, serialize_keras_object
from multinet.objects.exports import inner
from multinet.objects.sharing import ObjectSharing
from multinet.operation import Operation
from multinet.progress import tell
from multinet.registry import current
from multinet.saving.layout import DEFAULT, Layout
from multinet.symbolic.dims import public_shape
from multinet.symbolic.tensor import KerasTensor
from multinet.tracebacks import shortening
from multinet.training.matching import Structure
from multinet.training.methods import Training
from multinet.typing import AnyLayer, AnyModel, Shapes, Tree


class Model(Training):
    """A network to train, evaluate and use.

    Either `Model(inputs, outputs)` with symbolic tensors (or trees of them), where
    `inputs` were made by `Input` and `outputs` of them, or a subclass that makes layers
    in `__init__` and uses them in `call`.

    >>> inputs = multinet.Input((8, 8, 1))
    >>> outputs = layers.Dense(10)(layers.Flatten()(inputs))
    >>> model = multinet.Model(inputs, outputs)
    >>> model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    >>> model.count_params()
    650
    """

    _written_as = inner("models.functional", "Functional")
    _by_name = frozenset({"_graph_layers", "_stack"})
    _unsaved = frozenset({"_graph", "_graph_layers", "_stack"})

    @shortening
    def __init__(
        self,
        inputs: Tree = None,
        outputs: Tree = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if (inputs is None) != (outputs is None):
            raise ArgumentError("Model needs both inputs and outputs, or neither.")
        if inputs is not None and type(self) is Model:
            name = name or unique_name("functional")
        # A class that is a layer of another kind, too, has made that part already.
        if "_trainable" not in vars(self) or name or kwargs:
            Layer.__init__(self, name=name, **kwargs)
        self._forget_compiled()
        self._graph: Graph | None = None
        if inputs is not None:
            self._begin(Graph(inputs, outputs).begun())

    def _begin(self, graph: Graph) -> None:
        """Be the model of a graph."""
        self._graph, self._graph_layers = graph, graph.layers
        _check_names(self.name, self._graph_layers)
        self.built = True

    @property
    def layers(self) -> list[Layer]:
        """The layers of the graph, or those that are attributes."""
        if self._graph is not None:
            return list(self._graph_layers)
        return self._sublayers()

    @shortening
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the layer with this name, or at this index."""
        if index is not None:
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in self.layers]
        raise ArgumentError(
            f"No layer is called {name!r}.{near(name, names)} There are: {names}."
        )

    @property
    def operations(self) -> list[Operation]:
        """The layers and ops of the graph, each once, in Keras's order."""
        return self._known_graph().operations

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
    def input(self) -> Tree:
        """The symbolic input, in the structure it was given."""
        return self._known_graph().inputs

    @property
    def output(self) -> Tree:
        """The symbolic output, in the structure it was given."""
        return self._known_graph().outputs

    @property
    def input_shape(self) -> Shapes:
        """The shape of the input, `None` for unknown sizes."""
        return optree.tree_map(lambda t: t.shape, _alone(self.input))

    @property
    def output_shape(self) -> Shapes:
        """The shape of the output, `None` for unknown sizes."""
        return optree.tree_map(lambda t: t.shape, _alone(self.output))

    @property
    def output_names(self) -> list[str]:
        """A name for each output: that of the layer that made it."""
        return [_producer(tensor) for tensor in self.outputs]

    def _shows_names(self, outputs: Tree) -> bool:
        return self._graph is not None or super()._shows_names(outputs)

    def _names_of(self, outputs: Tree) -> list[str]:
        flat_dict = isinstance(outputs, dict) and not Structure(outputs).nested
        if self._graph is not None and not flat_dict:
            return self.output_names
        return super()._names_of(outputs)

    def _known_graph(self) -> Graph:
        if self._graph is None:
            raise NeverCalled(
                f"{self.name} has no symbolic inputs and outputs: it is not functional"
                + (
                    "."
                    if self.built
                    else ", or not built yet. Call it, or add an Input."
                )
            )
        return self._graph

    def _has_host_stage(self) -> bool:
        return self._graph is not None and self._graph.stage() is not None

    def _host_stage(self, x: Tree) -> HostStage | None:
        return None if self._graph is None else self._graph.stage()

    def call(
        self, inputs: Tree, training: bool | None = None, mask: Tree = None
    ) -> Tree:
        """Compute the outputs; a subclass that is no graph writes its own."""
        if self._graph is None:
            raise MultinetError(
                f"{type(self).__name__} must define call(self, inputs), or be made "
                "with Model(inputs, outputs)."
            )
        return _alone(self._graph.run(inputs, mask))

    @shortening
    def build(self, input_shape: Shapes = None) -> None:
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
        elif len(args) == 1 and self._graph is None:
            vars(self)["_build_shapes"] = {"input_shape": _shapes(args[0])}
        self.built = True

    # -- state -------------------------------------------------------------------------

    def get_state_tree(self, value_format: str = "backend_tensor") -> dict[str, Tree]:
        """Return all values in nested dicts, by the parts of their paths.

        Those of "trainable_variables", "non_trainable_variables", "optimizer_variables"
        and "metrics_variables", as tensors, or as arrays with "numpy_array".
        `ArgumentError` where two Variables have one path.
        """
        return get_state_tree(self, value_format)

    def set_state_tree(self, state_tree: Mapping[str, Tree]) -> None:
        """Take the values of such a tree, or of a part of one.

        The optimizer's slots are made first, if there are none yet.
        """
        set_state_tree(self, state_tree)

    # -- configuration -----------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs: the graph, or the constructor's arguments.

        The graph of a class that takes `inputs` and `outputs` as this one does; layers
        and calls are written as Keras writes them.
        """
        if self._graph is not None and takes_a_graph(type(self)):
            described = {"name": self.name, "trainable": self.trainable}
            return {**described, **graph_config(self._graph)}
        return self._own_config(Model)

    def _own_config(self, base: type) -> dict[str, Any]:
        """Return the arguments of the constructor of a class of the program."""
        config = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": dtype_policies.serialize(self.dtype_policy),
        }
        cls = described(type(self), base)
        own = {} if _constructor(cls) is base else arguments(self, base)
        return {**config, **{k: v for k, v in own.items() if k not in config}}

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> AnyModel:
        """Return a model of this configuration, with fresh weights.

        `custom_objects` maps the names of classes and functions of the program to them.
        """
        with custom_object_scope(custom_objects):
            if not (holds_graph(config) and takes_a_graph(cls)):
                return super().from_config(dict(config))
            rest = {
                name: value
                for name, value in config.items()
                if name not in GRAPH and value is not None
            }
            return cls(*graph_of(config), **rest)

    def to_json(self, **kwargs: Any) -> str:
        """Return the configuration as JSON, for `models.model_from_json`.

        Options are those of `json.dumps`. Weights are not in it. A layer that several
        models inside share stays one.
        """
        with ObjectSharing():
            return json.dumps(serialize_keras_object(self), **kwargs)

    # -- files -------------------------------------------------------------------------

    @shortening
    def save(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        zipped: bool | None = None,
        **options: Any,
    ) -> None:
        """Write the model to a `.keras` file, or a `.h5` one, which Keras reads, too.

        It has the architecture, the weights, what `compile` got and the state of the
        optimizer; `multinet.saving.load_model` reads it. The file is whole or not
        there. Another at `filepath` is replaced, unless `overwrite=False`; with
        `zipped=False` it is a folder.
        """
        saving.save_model(self, filepath, overwrite, zipped, **options)

    @shortening
    def export(
        self,
        filepath: str | os.PathLike[str],
        format: str = "tf_saved_model",
        verbose: bool | None = None,
        input_signature: Tree = None,
        **kwargs: Any,
    ) -> None:
        """Write what the model computes for inference, to be run without Multinet.

        "tf_saved_model" is a folder whose `serve` takes any number of samples; a model
        of any backend is traced on JAX for it. `input_signature` has an object with
        `shape` and `dtype` for each argument, or trees of them, by default the model's
        inputs. `jax2tf_kwargs` are options of `jax2tf.convert`. `verbose=False` says
        nothing of it.

        "onnx" is a file of ONNX, the same from every backend, with `opset_version` 18
        to 23; see `multinet.onnx.export`.
        """
        if one_of(format, "format", ("tf_saved_model", "onnx")) == "onnx":
            # By its name, since `multinet.onnx` makes models of files, too.
            files = importlib.import_module("multinet.onnx.exporting")
            files.export_model(self, filepath, input_signature, **kwargs)
        else:
            bridged("export_saved_model")(self, filepath, input_signature, **kwargs)
        if verbose is not False:
            tell(f"Wrote {self.name} to {os.fspath(filepath)}.")

    @shortening
    def save_weights(
        self,
        filepath: str | os.PathLike[str],
        overwrite: bool = True,
        max_shard_size: float | None = None,
        layout: Layout = DEFAULT,
        objects_to_skip: Iterable[AnyLayer] | None = None,
    ) -> None:
        """Write the weights to a `.weights.h5` or a `.safetensors` file.

        With `max_shard_size`, in GB, to several, and a list of what is where. In the
        layout "torch" a `.safetensors` file is one for modules of torch.
        `objects_to_skip` are layers whose own weights are left out.
        """
        saving.save_weights(
            self,
            filepath,
            overwrite=overwrite,
            max_shard_size=max_shard_size,
            layout=layout,
            objects_to_skip=objects_to_skip,
        )

    @shortening
    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        skip_mismatch: bool = False,
        **options: Any,
    ) -> None:
        """Take the weights of a file: all of them, or none if one does not fit.

        `filepath` is a `.weights.h5`, `.weights.json`, `.keras`, `.safetensors` (in a
        `layout`), or `.h5` of Keras 2, there also `by_name=True`. With `skip_mismatch`
        what does not fit stays as it is, and a warning lists it.
        """
        saving.load_weights(self, filepath, skip_mismatch, **options)

    @shortening
    def summary(
        self,
        line_length: int | None = None,
        positions: None = None,
        print_fn: Callable[[str], object] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
        flops: bool = False,
    ) -> None:
        """Print the layers, their output shapes and their numbers of weights.

        Of a graph that is no chain, also what each is connected to. `expand_nested`
        draws the layers of models inside, `show_trainable` tells which are trained,
        `flops` how many operations each does, by the unknown sizes (`multinet.graph`).
        `print_fn` gets the lines, `line_length` letters long. `layer_range` names the
        first and the last row, as patterns. `positions` is Keras's, and must be None:
        the columns fit what is in them.
        """
        absent.refuse_options("summary", positions=positions)
        options = (line_length, expand_nested, show_trainable, layer_range, flops)
        text = summarize(self, *options)
        (print_fn or print)(text)

    def _repr_html_(self) -> str:
        """Return the summary as a table, as notebooks show it."""
        from multinet.models.summary_html import page  # here, as few need it

        return page(self)


def _shapes(tree: Tree) -> Any:
    """Return the shapes of tensors."""
    backend = current()

    def shape(leaf: Tree) -> Any:
        return public_shape(backend.shape(leaf)) if backend.is_tensor(leaf) else None

    return optree.tree_map(shape, tree)


def _alone(tree: Tree) -> Any:
    """Return the only item of a list of one, as Keras does with what models return."""
    return tree[0] if isinstance(tree, list | tuple) and len(tree) == 1 else tree


def takes_a_graph(cls: type) -> bool:
    """Return whether a class is made of (inputs, outputs, name), as `Model` is."""
    owner = _constructor(cls)
    if owner is Model:
        return True
    parameters = list(inspect.signature(owner.__init__).parameters.values())[1:]
    kinds = {p.kind for p in parameters}
    if {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds:
        return True
    return [p.name for p in parameters][:3] == ["inputs", "outputs", "name"]


def _constructor(cls: type) -> type:
    """Return the class whose constructor a class has."""
    return next(c for c in cls.__mro__ if "__init__" in vars(c))


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
