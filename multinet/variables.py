"""Variable: the tensor that persists, read and written through the scope."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from multinet import dtypes
from multinet.errors import BackendError, ShapeError, TraceError
from multinet.operators import Operators
from multinet.ops.core import as_tensor, cast_tensor, host
from multinet.registry import current, get, use_backend
from multinet.scope import active_scope


class Carrier(Protocol):
    """Whoever computes with the values of Variables, and gives them back when asked."""

    def store(self) -> None:
        """Give every Variable carried its value, to keep, and carry it no longer."""


_ticks = itertools.count(1)


class Clock:
    """Tells by its number that no Variable has changed since a cache was filled.

    Each change has a number of its own, whatever threads do at the same time.
    """

    now = 0

    @classmethod
    def tick(cls) -> None:
        """Mark a change."""
        cls.now = next(_ticks)


class Structure(Clock):
    """Tells by its number that what layers hold has not changed.

    That is: the layers, Variables and metrics that are their attributes, and what is
    trainable.
    """

    now = 0


class Variable(Operators):
    """A tensor that persists and changes: a weight, a statistic, an optimizer slot.

    `initializer` is a callable of (shape, dtype), or the initial value itself. It is
    made on the backend in use and belongs to it. `path` is set by the layer that owns
    it.

    Errors: `ShapeError` when assigned another shape, `BackendError` when used under
    another backend.
    """

    def __init__(
        self,
        initializer: Any,
        shape: Sequence[int] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        name: str | None = None,
        regularizer: Callable[[Any], Any] | None = None,
        constraint: Callable[[Any], Any] | None = None,
    ) -> None:
        self.name = name or "variable"
        self.path = self.name
        self._trainable = trainable
        self.autocast, self.aggregation = autocast, aggregation
        self.regularizer, self.constraint = regularizer, constraint
        self.backend = current().concrete.name
        self._carrier: Carrier | None = None
        Structure.tick()
        self._held = _initial(initializer, shape, dtype)
        backend = get_concrete()
        self.shape: tuple[int, ...] = tuple(backend.shape(self._held))
        self.dtype: str = backend.dtype(self._held)

    @property
    def _value(self) -> Any:
        while True:
            # A compiled step may be carrying the value, perhaps in another thread.
            carrier = self._carrier
            if carrier is not None:
                carrier.store()
            held = self._held
            if held is not None:
                return held

    @_value.setter
    def _value(self, value: Any) -> None:
        carrier = self._carrier
        if carrier is not None:
            carrier.store()
        self._held = value
        Clock.tick()

    def holds(self, value: Any) -> bool:
        """Return whether `value` is the value, and nobody carries a newer one."""
        return self._carrier is None and self._held is value

    # The order of the writes matters: a reader of another thread that finds no value
    # must find the carrier, and one that finds no carrier must find the value.

    def carried_by(self, carrier: Carrier) -> None:
        """Let `carrier` have the value from now on; it has taken `_value` before."""
        self._carrier = carrier
        self._held = None
        Clock.tick()

    def hand_back(self, value: Any) -> None:
        """Take the value from the carrier, which will not change it any more."""
        self._held = value
        self._carrier = None

    def settle(self, backend: str, value: Any) -> None:
        """Live on another backend from now on, with the value made there."""
        self._value = value
        self.backend = backend

    @property
    def trainable(self) -> bool:
        """Whether training changes the Variable, if its layer is trainable too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        Structure.tick()

    def owner(self) -> Any:
        """Return the backend that the value lives on."""
        return get(self.backend)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __multinet_tensor__(self) -> Any:
        scope = active_scope()
        if scope is not None:
            value = scope.values.get(id(self))
            if value is None:
                value = scope.look(self)
            if value is not None:
                return value
        backend = current()
        if backend.symbolic:
            return backend.full(self.shape, 0, self.dtype)
        if backend.name != self.backend:
            raise BackendError(
                f"{self!r} lives on backend {self.backend!r}, but {backend.name!r} is "
                f"in use. Work inside `with multinet.use_backend({self.backend!r})`, "
                f"or move the model: model.to_backend({backend.name!r})."
            )
        return self._value

    @property
    def value(self) -> Any:
        """The tensor: inside a step the one being computed, outside a copy to keep."""
        value = self.__multinet_tensor__()
        return value if active_scope() is not None else current().copy(value)

    def numpy(self) -> np.ndarray[Any, Any]:
        """Return a copy as a NumPy array."""
        scope = active_scope()
        if scope is not None and scope.read(self) is not None:
            return host(self)
        return get(self.backend).to_numpy(self._value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

    def assign(self, value: Any) -> Any:
        """Replace the value; a dtype that differs is cast, a shape is an error."""
        backend = current()
        if not backend.symbolic and active_scope() is None:
            backend = get(self.backend)
            if not backend.is_tensor(value):
                array = host(value).astype(dtypes.to_numpy(self.dtype))
                value = backend.from_numpy(array)
        value = cast_tensor(as_tensor(value), self.dtype)
        shape = tuple(backend.shape(value))
        if shape != self.shape and not backend.symbolic:
            raise ShapeError(
                f"{self!r} expects a value of shape {self.shape}, got {shape}."
            )
        self._write(value, backend)
        return value

    def _write(self, value: Any, backend: Any) -> None:
        scope = active_scope()
        if scope is not None:
            if scope.write(self, value):
                return
            raise TraceError(
                f"{self!r} was assigned inside a step that does not carry it. Make it "
                "an attribute of the model, a layer of it, its optimizer or a metric."
            )
        if not backend.symbolic:
            self._value = value

    def assign_add(self, value: Any) -> Any:
        """Add to the value."""
        return self.assign(self + value)

    def assign_sub(self, value: Any) -> Any:
        """Subtract from the value."""
        return self.assign(self - value)

    def __repr__(self) -> str:
        kind = "" if self.trainable else ", trainable=False"
        return f"<Variable {self.path}: shape={self.shape}, dtype={self.dtype}{kind}>"


def get_concrete() -> Any:
    """Return the backend in use that holds values, also while shapes are computed."""
    return current().concrete


def _initial(initializer: Any, shape: Sequence[int] | None, dtype: Any) -> Any:
    with use_backend.scoped(get_concrete()):
        if not callable(initializer):
            if isinstance(initializer, Variable):
                initializer = initializer.value
            name = None if dtype is None else dtypes.standardize(dtype)
            value = as_tensor(initializer, name)
            backend = current()
            # A tensor or array the caller holds must not change when this one does.
            return backend.copy(value)
        if shape is None:
            raise ShapeError(
                "A Variable with an initializer function needs shape=(...)."
            )
        return as_tensor(initializer(tuple(shape), dtype=dtypes.standardize(dtype)))
