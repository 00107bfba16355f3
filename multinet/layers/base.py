"""Layer: building by shape, calling, losses, and what Keras code expects of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optree

from multinet import dtypes, regularizers
from multinet.errors import ArgumentError, MultinetError
from multinet.layers.tracking import Tracked
from multinet.names import snake_case, unique_name
from multinet.ops.core import as_tensor, cast_tensor
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


class Layer(Tracked):
    """A function of tensors with weights.

    Subclasses create weights in `build(input_shape)` with `add_weight` and compute in
    `call(inputs, training=...)` with `multinet.ops`. Variables, layers and metrics are
    found wherever they are attributes, in lists and dicts too.

    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(input_shape[-1:], "ones")
    ...     def call(self, inputs):
    ...         return ops.multiply(inputs, self.factor)
    """

    _spec: _Signature

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _marking_built(cls.build)
        cls._spec = _signature(cls)

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
                f"{type(self).__name__} got unknown arguments {sorted(kwargs)}. It "
                f"takes {', '.join(_takes(type(self)))}."
            )
        if name is not None and not isinstance(name, str):
            raise ArgumentError(f"Expected name to be a string, got {name!r}.")
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.autocast = autocast
        self.dtype = dtypes.standardize(dtype)
        self._trainable = trainable
        self.supports_masking = False

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
        if place is not None and len(args) > place and args[place] is None:
            args = args[:place] + (outer,) + args[place + 1 :]
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
        """Return symbolic outputs for symbolic inputs, by a run on shapes."""
        return record(self, self.__call__, args, kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the output shape for an input shape, or trees of them."""

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
                ".input and .output need exactly one. Keep the tensors you need."
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
        """Penalties of the trainable weights, and losses of the last outer call."""
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
        """Return what `from_config` needs; subclasses add their arguments.

        One that does not override this gives the arguments it was made with.
        """
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": self.dtype,
        }
        if self._input_shape_hint is not None:
            config["input_shape"] = self._input_shape_hint
        if type(self).get_config is Layer.get_config:
            args, kwargs = self._arguments
            bound = inspect.signature(type(self)).bind(*args, **kwargs)
            given = dict(bound.arguments)
            config = {**given.pop("kwargs", {}), **given, **config}
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return a layer of this configuration, with fresh weights."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _marking_built(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a `build` that also marks the layer built, when called directly too."""

    @functools.wraps(build)
    def marking(self: Layer, *args: Any, **kwargs: Any) -> None:
        build(self, *args, **kwargs)
        self.built = True

    return marking


def _takes(cls: type[Layer]) -> list[str]:
    """Return the names that the constructor takes, those of `Layer` included."""
    names = [*inspect.signature(cls).parameters, *inspect.signature(Layer).parameters]
    return [name for name in dict.fromkeys(names) if name != "kwargs"]


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
