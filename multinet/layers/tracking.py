"""Tracking: how a layer finds its weights, layers and metrics, and hands them out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np

from multinet import constraints, dtypes, initializers, regularizers
from multinet.errors import ArgumentError, ShapeError
from multinet.metrics import Metric
from multinet.moving import Movable, backend_of
from multinet.symbolic.tensor import Node
from multinet.variables import Structure, Variable

_PLAIN = frozenset((int, float, str, bool, type(None)))


class Tracked(Movable):
    """The part of a layer that holds state: weights, and the layers that have more.

    They are found wherever they are attributes, in lists, tuples and dicts too.
    """

    name: str
    dtype: str
    built: bool
    _trainable: bool
    _of_compile: tuple[str, ...] = ()  # the attributes that it gives a model
    _weights: list[Variable]
    _nodes: list[Node]
    _stays = frozenset(
        {"_nodes", "_passed", "_build_shapes", "_penalties", "_added_losses"}
    )

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        """Make the attributes that assignments before `super().__init__()` rely on."""
        layer = super().__new__(cls)
        layer._weights = []
        layer._nodes = []
        layer.built = False
        Structure.tick()
        return layer

    def __setattr__(self, name: str, value: Any) -> None:
        old = self.__dict__.get(name)
        if type(value) not in _PLAIN or type(old) not in _PLAIN:
            # Lists that grow in place are not seen: assign them, or compile anew.
            if _holds(value) or _holds(old):
                Structure.tick()
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        Structure.tick()
        object.__delattr__(self, name)

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
        """Create and return a weight; by default Glorot uniform if it is a float."""
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
        Structure.tick()
        return variable

    @property
    def trainable(self) -> bool:
        """Whether the weights are trained; setting it sets every layer inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        Structure.tick()
        for layer in self._sublayers():
            layer.trainable = value

    def _parts(self) -> Iterator[Any]:
        for name, value in list(vars(self).items()):
            if name not in _UNSEEN:
                yield from _walk(value)

    def _sublayers(self) -> list[Any]:
        return _unique(part for part in self._parts() if isinstance(part, Tracked))

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
            for layer in self._flatten_layers(trained=True)
            for variable in layer._own()
            if variable.trainable
        )

    def _penalized(self) -> list[Any]:
        """Return the trainable weights that have a regularizer; every step asks."""
        known = self.__dict__.get("_penalties")
        if known is None or known[0] != Structure.now:
            found = [v for v in self.trainable_weights if v.regularizer is not None]
            known = self.__dict__["_penalties"] = (Structure.now, found)
        return known[1]

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
        memory = [v for y in layers for v in _walk(y.__dict__.get("_memory"))]
        inner = [y for y in layers if y._of_compile and y is not self]
        called = [v for y in inner for m in y._called() for v in m.variables]
        known = set(map(id, self.metrics_variables))
        return _unique([*memory, *(v for v in called if id(v) not in known)])

    @property
    def variables(self) -> list[Variable]:
        """The weights, and the state of metrics."""
        return _unique([*self.weights, *self.metrics_variables])

    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def metrics(self) -> list[Metric]:
        """The metrics that are attributes of this layer and its layers.

        Not those of a model inside, which tell how that is trained by itself.
        """
        layers = [y for y in self._flatten_layers() if y is self or not y._of_compile]
        return _unique(p for y in layers for p in y._parts() if isinstance(p, Metric))

    def _called(self) -> list[Metric]:
        """Return the metrics that `call` may update: not those made by `compile`."""
        names = [
            name for name in vars(self) if name not in (*_UNSEEN, *self._of_compile)
        ]
        parts = [p for name in names for p in _walk(vars(self)[name])]
        return [part for part in parts if isinstance(part, Metric)]

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
                f"{self.name} expects {len(want)} weights, got {len(have)}. "
                f"{detail}{built}"
            )
        for variable, array in zip(variables, arrays):
            variable.assign(array)

    def count_params(self) -> int:
        """Return the number of scalars in all weights; the layer must be built."""
        if not self.built:
            raise ArgumentError(
                f"{self.name} is not built, so it has no weights to count. Call it on "
                "data, or call build(input_shape)."
            )
        return sum(int(np.prod(variable.shape)) for variable in self.weights)


_UNSEEN = (
    "_nodes",
    "_passed",
    "_build_shapes",
    "_penalties",
    "_states",
    "_all_states",
    "_memory",
)
_PARTS = (Tracked, Variable, Metric)


def _walk(value: Any) -> Iterator[Any]:
    if isinstance(value, _PARTS):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _walk(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _walk(item)


def _holds(value: Any) -> bool:
    return next(_walk(value), None) is not None


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
