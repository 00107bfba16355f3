"""Layer: weights, building by shape, calling, and what Keras code expects of a layer."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optree

from multinet import constraints, dtypes, initializers, regularizers
from multinet.errors import ArgumentError, MultinetError, ShapeError
from multinet.metrics import Metric
from multinet.names import snake_case, unique_name
from multinet.ops.core import PUBLIC, as_tensor, cast_tensor
from multinet.registry import current, use_backend
from multinet.symbolic.dims import public_shape
from multinet.symbolic.tensor import (
    Node,
    SymbolicTensor,
    is_symbolic,
    record,
    shadowing,
    symbolic_array,
)
from multinet.variables import Variable

_context: ContextVar[CallContext | None] = ContextVar("call", default=None)


@dataclass
class CallContext:
    """What holds during one outermost layer call: the mode, and the losses added."""

    training: bool | None = None
    losses: list[Any] = field(default_factory=list)

    def __enter__(self) -> CallContext:
        self._token = _context.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        _context.reset(self._token)


@dataclass(frozen=True)
class _Signature:
    """The parameters of `call` and `build`, read once for each class."""

    call: tuple[str, ...]
    training: int | None  # position of `training` among call's parameters
    build: tuple[str, ...]


def _signature(cls: type[Layer]) -> _Signature:
    call = tuple(inspect.signature(cls.call).parameters)[1:]
    build = inspect.signature(cls.build).parameters
    training = call.index("training") if "training" in call else None
    return _Signature(call, training, tuple(build)[1:])


class Layer:
    """A function of tensors with weights.

    Subclasses create weights in `build(input_shape)` with `add_weight` and compute in
    `call(inputs, training=...)` with `multinet.ops`. Variables, layers and metrics are
    found wherever they are attributes, in lists and dicts too.

    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=input_shape[-1:],
    initializer="ones") ...     def call(self, inputs): ...         return
    ops.multiply(inputs, self.factor)
    """

    _spec: _Signature

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._spec = _signature(cls)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        layer = super().__new__(cls)
        # Set here, so that a subclass may assign attributes before super().__init__().
        layer._weights = []
        layer._nodes = []
        layer.built = False
        layer._arguments = (args, kwargs)
        return layer

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        shape = kwargs.pop("input_shape", None)
        if "input_dim" in kwargs:
            shape = (kwargs.pop("input_dim"),)
        self._input_shape_hint = None if shape is None else tuple(shape)
        if kwargs:
            raise ArgumentError(
                f"{type(self).__name__} got unknown arguments {sorted(kwargs)}. It takes "
                f"{', '.join(inspect.signature(type(self)).parameters)}."
            )
        if name is not None and not isinstance(name, str):
            raise ArgumentError(f"Expected name to be a string, got {name!r}.")
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self.dtype = dtypes.standardize(dtype)
        self._trainable = trainable
        self.supports_masking = False

    # -- weights -----------------------------------------------------------------------

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        name: str | None = None,
    ) -> Variable:
        """Create and return a weight; Glorot uniform for floats unless told otherwise."""
        dtype = dtypes.standardize(dtype or self.dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        variable = Variable(
            initializers.get(initializer),
            shape=_known(shape or (), self),
            dtype=dtype,
            trainable=trainable,
            autocast=autocast,
            aggregation=aggregation,
            name=name,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
        )
        variable.path = f"{self.name}/{variable.name}"
        self._weights.append(variable)
        return variable

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained; setting it sets every layer inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for layer in self._sublayers():
            layer.trainable = value

    def _parts(self) -> Iterator[Any]:
        for name, value in list(vars(self).items()):
            if name not in ("_nodes", "_arguments"):
                yield from _walk(value)

    def _sublayers(self) -> list[Layer]:
        return _unique(part for part in self._parts() if isinstance(part, Layer))

    def _flatten_layers(self) -> list[Layer]:
        found, seen = [], set()
        stack: list[Layer] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen:
                seen.add(id(layer))
                found.append(layer)
                stack.extend(reversed(layer._sublayers()))
        return found

    def _own(self) -> list[Variable]:
        own = [*self._weights, *(p for p in self._parts() if isinstance(p, Variable))]
        return sorted(_unique(own), key=lambda v: not v.trainable)

    @property
    def weights(self) -> list[Variable]:
        """All weights, each once: a layer's own (trainable first), then its layers'."""
        return _unique(v for layer in self._flatten_layers() for v in layer._own())

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return _unique(
            variable
            for layer in self._flatten_layers()
            if layer.trainable
            for variable in layer._own()
            if variable.trainable
        )

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves to the layer itself, or that are frozen."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trained]

    @property
    def variables(self) -> list[Variable]:
        """The weights, and the state of metrics."""
        return _unique([*self.weights, *self.metrics_variables])

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that are attributes of this layer and its layers."""
        layers = self._flatten_layers()
        return _unique(p for y in layers for p in y._parts() if isinstance(p, Metric))

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of `metrics`."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def get_weights(self) -> list[np.ndarray[Any, Any]]:
        """Return copies of all weights as NumPy arrays."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights, in the order of `get_weights`; all or none.

        `ShapeError` if the number or a shape differs.
        """
        variables = self.weights
        arrays = [np.asarray(w) for w in weights]
        have = [tuple(a.shape) for a in arrays]
        want = [v.shape for v in variables]
        if have != want:
            wrong = [(v, h) for v, h in zip(variables, have) if v.shape != h][:3]
            detail = "; ".join(f"{v.path} {v.shape} got {h}" for v, h in wrong)
            built = (
                "" if variables else " The layer is not built: call it on data first."
            )
            raise ShapeError(
                f"{self.name} expects {len(want)} weights, got {len(have)}. {detail}{built}"
            )
        for variable, array in zip(variables, arrays):
            variable.assign(array)

    def count_params(self) -> int:
        """Return the number of scalars in all weights."""
        return sum(int(np.prod(variable.shape)) for variable in self.weights)

    # -- building and calling ----------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of a shape, `None` where a size is unknown."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; subclasses write it."""
        raise MultinetError(f"{type(self).__name__} must define call(self, inputs).")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Build if needed, and compute: on tensors, host arrays, or SymbolicTensors."""
        for value in (*args, *kwargs.values()):
            kind = type(value)
            if kind is SymbolicTensor or (
                kind in (list, tuple, dict) and is_symbolic(value)
            ):
                return self._call_symbolic(args, kwargs)
        args = tuple([self._convert(value) for value in args])
        if kwargs:
            kwargs = {name: self._convert(value) for name, value in kwargs.items()}
        if not self.built:
            self._build(args, kwargs)
        context = _context.get()
        if context is not None:
            return self._run(context, args, kwargs)
        with CallContext() as context:
            outputs = self._run(context, args, kwargs)
            self._added_losses = context.losses
            return outputs

    def _run(self, context: CallContext, args: Any, kwargs: dict[str, Any]) -> Any:
        place, outer = self._spec.training, context.training
        if place is not None and len(args) > place:
            given = args[place]
        else:
            given = kwargs.get("training")
        if place is None:
            kwargs.pop("training", None)
        elif given is None and outer is not None:
            kwargs["training"] = outer
        if given is not None:
            context.training = bool(given)
        try:
            outputs = self.call(*args, **kwargs)
        except MultinetError as error:
            _explain(error, self, args)
            raise
        finally:
            context.training = outer
        if self.activity_regularizer is not None:
            for output in optree.tree_leaves(outputs):
                context.losses.append(self._activity(output))
        return outputs

    def _activity(self, output: Any) -> Any:
        batch = current().shape(output)[0]
        return current().divide(as_tensor(self.activity_regularizer(output)), batch)

    def _call_symbolic(self, args: Any, kwargs: dict[str, Any]) -> Any:
        outputs = record(self, self.__call__, args, kwargs)
        first = optree.tree_leaves(outputs)[0]
        if isinstance(first, SymbolicTensor) and isinstance(first.node, Node):
            self._nodes.append(first.node)
        return outputs

    def _convert(self, value: Any) -> Any:
        backend = current()
        if backend.is_tensor(value):
            if self.autocast:
                dtype = backend.dtype(value)
                if dtype != self.dtype and dtypes.is_float(dtype):
                    return cast_tensor(value, self.dtype)
            return value
        if value is None or isinstance(value, bool | int | float | str):
            return value
        if isinstance(value, list | tuple | dict):
            if isinstance(value, list) and value and _is_number_tree(value):
                return self._convert(as_tensor(value))
            return optree.tree_map(self._convert, value)  # type: ignore[arg-type]
        if isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f":
            return as_tensor(value, self.dtype if self.autocast else None)
        if hasattr(value, "__array__") or hasattr(value, "__multinet_tensor__"):
            return as_tensor(value)
        return value

    def _build(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        backend = current()

        def shape_of(leaf: Any) -> Any:
            return (
                public_shape(backend.shape(leaf)) if backend.is_tensor(leaf) else None
            )

        named = dict(zip(self._spec.call, args)) | kwargs
        parameters = self._spec.build
        with use_backend.scoped(backend.concrete):
            if len(parameters) > 1 and all(p.endswith("_shape") for p in parameters):
                trees = {p: named.get(p.removesuffix("_shape")) for p in parameters}
                self.build(
                    **{p: optree.tree_map(shape_of, t) for p, t in trees.items()}  # type: ignore[arg-type]
                )
            else:
                first = args[0] if args else next(iter(named.values()), None)
                self.build(optree.tree_map(shape_of, first))  # type: ignore[arg-type]
        self.built = True

    # -- shapes ------------------------------------------------------------------------

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs; no shape rule is written by hand."""
        return record(self, self.__call__, args, kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape for an input shape (or tree of them), `None` unknown."""

        def spec(shape: Any) -> Any:
            return symbolic_array(tuple(shape), self.dtype)

        arrays = optree.tree_map(spec, input_shape, is_leaf=_is_shape)
        with shadowing():
            outputs = self(arrays)
        return optree.tree_map(lambda array: public_shape(array.shape), outputs)

    @property
    def input(self) -> Any:
        """The symbolic input of the only call on symbolic tensors."""
        inputs = self._only_node().inputs
        return inputs[0] if len(inputs) == 1 else inputs

    @property
    def output(self) -> Any:
        """The symbolic output of the only call on symbolic tensors."""
        return self._only_node().outputs

    def _only_node(self) -> Node:
        if len(self._nodes) != 1:
            raise MultinetError(
                f"{self.name} was called on symbolic tensors {len(self._nodes)} times; "
                ".input and .output need exactly one. Keep the tensors you need instead."
            )
        return self._nodes[0]

    # -- losses ------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to the loss, from inside `call`."""
        context = _context.get()
        if context is None:
            raise MultinetError(f"{self.name}.add_loss must be called inside call().")
        context.losses.append(loss)

    @property
    def losses(self) -> list[Any]:
        """Regularization of the trainable weights, and losses of the last outer call."""
        context = _context.get()
        added = (
            getattr(self, "_added_losses", []) if context is None else context.losses
        )
        return [*self.regularization_losses(), *added]

    def regularization_losses(self) -> list[Any]:
        """Return a scalar for each trainable weight that has a regularizer."""
        return [
            v.regularizer(v)
            for v in self.trainable_weights
            if v.regularizer is not None
        ]

    # -- configuration -----------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return what `from_config` needs; subclasses add their arguments."""
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype,
        }
        if self._input_shape_hint is not None:
            config["input_shape"] = self._input_shape_hint
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return a layer of this configuration, with fresh weights."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _walk(value: Any) -> Iterator[Any]:
    if isinstance(value, Layer | Variable | Metric):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _walk(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _walk(item)


def _unique(items: Any) -> list[Any]:
    return list({id(item): item for item in items}.values())


def _known(shape: Sequence[Any], layer: Layer) -> tuple[int, ...]:
    if any(n is None for n in shape):
        raise ShapeError(
            f"{layer.name} needs every size of a weight's shape, got {tuple(shape)}. Give "
            "the sizes that it depends on in Input(shape=...); only the others may be None."
        )
    return tuple(int(n) for n in shape)


def _is_shape(tree: Any) -> bool:
    return isinstance(tree, list | tuple) and all(
        n is None or isinstance(n, int | np.integer) for n in tree
    )


def _is_number_tree(value: Any) -> bool:
    while isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, bool | int | float | np.generic)


def _explain(error: MultinetError, layer: Layer, args: Any) -> None:
    if getattr(error, "__notes__", None):
        return
    backend = current()
    shapes = optree.tree_map(
        lambda x: public_shape(backend.shape(x)) if backend.is_tensor(x) else x, args
    )
    error.add_note(
        f"In layer {layer.name!r} ({type(layer).__name__}), called on {shapes}."
    )
