"""Tracking: how a layer finds its weights, layers and metrics, and hands them out."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np
import optree

from multinet import constraints, dtypes, holders, initializers, regularizers
from multinet.calls import Within, active
from multinet.errors import ArgumentError, ShapeError
from multinet.holders import parts, walk
from multinet.layers.policy import Typed
from multinet.metrics import Metric
from multinet.moving import Movable, backend_of
from multinet.patterns import find
from multinet.stores import load_own, save_own
from multinet.symbolic.tensor import Recorded
from multinet.tracebacks import shortening
from multinet.typing import (
    AnyLayer,
    ConstraintLike,
    DType,
    Host,
    InitializerLike,
    RegularizerLike,
    Shape,
    Tensor,
)
from multinet.variables import Variable

P = ParamSpec("P")
R = TypeVar("R")


def warn_of_strangers(layer: AnyLayer) -> None:
    """Warn if a layer that is about to be built in a call is no part of the caller."""
    context = active.get()
    path = () if context is None else context.path
    if not path or any(part is layer for part in (path[-1], *parts(path[-1]))):
        return
    if not any(part is layer for _, part in walk(path[0])):
        warnings.warn(
            f"{layer.name!r} gets its weights inside the call of {path[-1].name!r}, "
            "which does not hold it: they are neither trained nor saved with that, and "
            "a layer made in `call` has new ones in each. Make it in __init__, as an "
            "attribute.",
            stacklevel=2,
        )


def _shape_once(add_weight: Callable[P, R]) -> Callable[P, R]:
    """Say what is wrong with add_weight("name", shape=...), which Keras 2 took."""

    @functools.wraps(add_weight)
    def checked(*args: P.args, **options: P.kwargs) -> R:
        if len(args) > 1 and "shape" in options:
            named = isinstance(args[1], str)
            raise ArgumentError(
                f"add_weight got shape={options['shape']!r} and, in the place of the "
                f"shape, {args[1]!r}. "
                + ("Give the name by keyword: name=..." if named else "Give it once.")
            )
        return add_weight(*args, **options)

    return checked


class Tracked(Movable, Typed, Recorded):
    """The part of a layer that holds state: weights, and the layers that have more.

    They are found wherever they are attributes, in lists, tuples and dicts too, in
    Keras's order: an attribute counts from when it first holds one.
    """

    name: str
    built: bool
    _trainable: bool
    _is_model = False
    _is_building = False
    _first_shapes: Any = None  # of what it was called on first
    _memory: Any = None  # what a stateful layer remembers between calls
    _private = frozenset({"_added_losses", "_first_shapes"})
    _lent = frozenset({"_build_shapes"})
    _running = frozenset({"built"})

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the attribute that assignments before `super().__init__()` rely on."""
        layer = super().__new__(cls)
        layer.__dict__["built"] = False
        return layer

    @shortening
    @_shape_once
    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: InitializerLike | None = None,
        dtype: DType | None = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: RegularizerLike | None = None,
        constraint: ConstraintLike | None = None,
        aggregation: str = "none",
        name: str | None = None,
    ) -> Variable:
        """Create and return a weight; by default Glorot uniform if it is a float."""
        if isinstance(shape, str):
            raise ArgumentError(
                f"Expected a shape first, got {shape!r}. Give the name by keyword: "
                f"add_weight(shape, name={shape!r})."
            )
        context = active.get()
        inside = context is not None and context.path and context.path[-1] is self
        if inside and self.built and not self._is_building:
            raise ArgumentError(
                f"{self.name} calls add_weight in `call`, which makes a new weight in "
                "each call. Create it in __init__, or in build(input_shape)."
            )
        dtype = dtypes.standardize(dtype or self.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        with Within(self):
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
        self._mark.hold(variable)
        return variable

    add_variable = add_weight  #: another name of it

    def _replaced(self, name: str, old: object, new: object) -> None:
        context = active.get()
        own = context is not None and self in context.path
        if own and isinstance(old, Tracked) and isinstance(new, Tracked) and old.built:
            warnings.warn(
                f"{self.name} makes a new layer for its attribute {name} in `call`, so "
                "its weights are new in each call. Make it in __init__.",
                stacklevel=3,
            )

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained; setting it sets every layer inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        self._mark.toggled()
        for layer in self._sublayers():
            layer.trainable = value

    @shortening
    def freeze(self, *patterns: str) -> None:
        """Train no longer what a pattern matches: layers with all inside, or weights.

        A pattern such as "encoder/*" is matched with the addresses that `paths` gives,
        those of layers too, and with Keras's `path`; one that matches nothing warns.
        """
        for part in find(self, patterns, self._is_trained()):
            part.trainable = False

    @shortening
    def unfreeze(self, *patterns: str) -> None:
        """Train again what a pattern matches, as far as no layer around is frozen.

        Not what was made to stay, such as moving statistics.
        """
        for part in find(self, patterns, self._is_trained()):
            part.trainable = getattr(part, "_made_trainable", True)

    def _is_trained(self) -> Callable[[Any], bool]:
        weights = set(map(id, self.weights))
        return lambda part: isinstance(part, Tracked) or id(part) in weights

    def paths(self) -> dict[str, Variable]:
        """Return all weights by their address in this layer: each has one.

        It names attributes, places in lists and keys of dicts, and the layers of a
        functional model by their names: "blocks/1/kernel".
        """
        weights = set(map(id, self.weights))
        places = holders.inventory(self).places
        return {path: part for path, part in places if id(part) in weights}

    def _sublayers(self) -> list[Any]:
        return [part for part in holders.parts(self) if isinstance(part, Tracked)]

    def _flatten_layers(self, trained: bool = False) -> list[Any]:
        """Return this layer and all inside; `trained` leaves out what is frozen."""
        found, seen = [], set()
        stack: list[Tracked] = [self]
        while stack:
            layer = stack.pop()
            if id(layer) not in seen and (layer.trainable or not trained):
                seen.add(id(layer))
                found.append(layer)
                stack.extend(reversed(layer._sublayers()))
        return found

    def _own(self) -> list[Variable]:
        """Return the layer's own weights: first those made to be trained."""
        own = [part for part in holders.parts(self) if isinstance(part, Variable)]
        if self._memory is not None:
            memory = set(map(id, self._remembered()))
            own = [variable for variable in own if id(variable) not in memory]
        return sorted(own, key=lambda variable: not variable._made_trainable)

    def _remembered(self) -> list[Any]:
        return optree.tree_leaves(self._memory)

    def _derived(self, name: str, compute: Callable[[], list[Any]]) -> list[Any]:
        """Return what `compute` finds, as long as nothing inside is edited."""
        known = holders.inventory(self).known
        found = known.get(name)
        if found is None:
            found = known[name] = compute()
        return found

    @property
    def weights(self) -> list[Variable]:
        """All weights, each once: a layer's own (trainable first), then its layers'."""
        return list(self._derived("weights", self._find_weights))

    def _find_weights(self) -> list[Variable]:
        return _unique(v for layer in self._flatten_layers() for v in layer._own())

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return list(self._derived("trainable_weights", self._find_trainable))

    def _find_trainable(self) -> list[Variable]:
        layers = self._flatten_layers(trained=True)
        return _unique(v for y in layers for v in y._own() if v.trainable)

    def _penalized(self) -> list[Any]:
        """Return the trainable weights that have a regularizer; every step asks."""

        def compute() -> list[Any]:
            return [v for v in self.trainable_weights if v.regularizer is not None]

        return self._derived("penalized", compute)

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves to the layer itself, or that are frozen."""
        trained = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trained]

    @property
    def state_variables(self) -> list[Variable]:
        """What stateful layers remember between calls; a step carries it, too.

        So it does with the metrics that a model inside updates in its `call`.
        """
        layers = self._flatten_layers()
        memory = [v for y in layers if y._memory is not None for v in y._remembered()]
        inner = [y for y in layers if y._is_model and y is not self]
        called = [v for y in inner for m in y._called() for v in m.variables]
        known = set(map(id, self.metrics_variables))
        return _unique([*memory, *(v for v in called if id(v) not in known)])

    @property
    def variables(self) -> list[Variable]:
        """The weights, and the state of metrics, but of those that compile made."""
        compiled = set(map(id, self._metrics_of_compile()))
        held = [metric for metric in self.metrics if id(metric) not in compiled]
        return _unique(
            [*self.weights, *(v for metric in held for v in metric.variables)]
        )

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def metrics(self) -> list[Metric]:
        """The metrics of `compile`, then those that this layer and its layers hold.

        Not those of a model inside, which tell how that is trained by itself.
        """
        held = self._derived("metrics", self._find_metrics)
        return _unique([*self._metrics_of_compile(), *held])

    def _find_metrics(self) -> list[Metric]:
        layers = self._flatten_layers()
        inner = [y for y in layers[1:] if not y._is_model]
        of_layers = [p for y in inner for p in holders.parts(y)]
        found = [*holders.parts(self), *of_layers]
        return _unique(part for part in found if isinstance(part, Metric))

    def _metrics_of_compile(self) -> list[Any]:
        """Return the metrics that `compile` made, which only a model has."""
        return []

    def _called_variables(self) -> list[Variable]:
        """Return the Variables of all metrics that a call may update."""
        metrics = [m for layer in self._flatten_layers() for m in layer._called()]
        return _unique(v for metric in metrics for v in metric.variables)

    def _called(self) -> list[Metric]:
        """Return the metrics that `call` may update: not those made by `compile`."""
        compiled = set(map(id, self._metrics_of_compile()))
        return [
            part
            for part in holders.parts(self)
            if isinstance(part, Metric) and id(part) not in compiled
        ]

    @property
    def metrics_variables(self) -> list[Variable]:
        """The variables of `metrics`."""
        return [variable for metric in self.metrics for variable in metric.variables]

    @property
    def backend(self) -> str:
        """The name of the backend that the weights live on; see `to_backend`.

        The one in use before there are any, `BackendError` if they are on several.
        """
        return backend_of(self)

    def _arrived(self) -> None:
        self.__dict__.pop("_added_losses", None)  # those of the last call

    def get_weights(self) -> list[Host]:
        """Return copies of all weights as NumPy arrays."""
        return [variable.numpy() for variable in self.weights]

    @shortening
    def set_weights(self, weights: Sequence[Tensor]) -> None:
        """Set all weights, in the order of `get_weights`; all or none.

        `ShapeError` if the number or a shape differs.
        """
        variables = self.weights
        arrays = [np.asarray(w) for w in weights]
        have = [tuple(a.shape) for a in arrays]
        want = [v.shape for v in variables]
        if have != want:
            raise _unfitting(self, variables, have)
        for variable, array in zip(variables, arrays):
            variable.assign(array)

    # -- files -------------------------------------------------------------------------

    def _saved_variables(self) -> list[Variable]:
        return self._own()

    def save_own_variables(self, store: MutableMapping[str, Tensor]) -> None:
        """Put the layer's own weights into a file: `store[key] = weight`.

        Those of the layers inside have their own places. A layer that keeps anything
        else overrides this and `load_own_variables`; its methods `save_assets(folder)`
        and `load_assets(folder)`, if it has them, write and read files.
        """
        save_own(self._saved_variables(), store)

    def load_own_variables(self, store: Mapping[str, Host]) -> None:
        """Take the layer's own weights from a file: `store[key]` is an array.

        `ShapeError` if their number or a shape differs.
        """
        load_own(self.name, self._saved_variables(), store)

    @shortening
    def count_params(self) -> int:
        """Return the number of scalars in all weights; the layer must be built."""
        if not self.built:
            raise ArgumentError(
                f"{self.name} is not built, so it has no weights to count. Call it on "
                "data, or call build(input_shape)."
            )
        return sum(int(np.prod(variable.shape)) for variable in self.weights)


def _unfitting(
    layer: Tracked, variables: list[Variable], have: list[Shape]
) -> ShapeError:
    """Return the error for arrays of these shapes where a layer has its weights."""
    if not variables:
        return ShapeError(
            f"{layer.name} expects 0 weights, got {len(have)}. The layer is not built: "
            "call it on data first."
        )
    wrong = [(v, h) for v, h in zip(variables, have) if v.shape != h][:3]
    said = "; ".join(f"{v.path} {v.shape} got {h}" for v, h in wrong)
    if len(have) == len(variables):
        return ShapeError(f"The weights of {layer.name} have other shapes: {said}.")
    order = ", ".join(f"{v.path} {v.shape}" for v in variables[:4])
    more = ", ..." if len(variables) > 4 else ""
    return ShapeError(
        f"{layer.name} expects {len(variables)} weights, got {len(have)}. They are, in "
        f"order: {order}{more}."
    )


def _unique(items: Any) -> list[Any]:
    return list({id(item): item for item in items}.values())


def _known(shape: Sequence[Any], layer: Tracked) -> tuple[int, ...]:
    if any(n is None for n in shape):
        raise ShapeError(
            f"{layer.name} needs every size of a weight's shape, got {tuple(shape)}. "
            "Give the sizes that it depends on in Input(shape=...); only the others "
            "may be None."
        )
    return tuple(int(n) for n in shape)
