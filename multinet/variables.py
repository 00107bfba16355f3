"""Variable: the tensor that persists, read and written through the scope."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np

from multinet import absent, dtypes, ops
from multinet.autocast import autocasting
from multinet.calls import path_of
from multinet.carriers import Carrier, Clock
from multinet.distribution.meshes import TensorLayout
from multinet.distribution.placing import layout_of, placed
from multinet.distribution.present import distribution
from multinet.errors import (
    ArgumentError,
    BackendError,
    DTypeError,
    MultinetError,
    NoValue,
    ShapeError,
    TraceError,
)
from multinet.holders import Part
from multinet.homes import Housed
from multinet.interface import Backend
from multinet.interface.native import Home
from multinet.operators import AsNumber, Operators
from multinet.ops.core import as_tensor, cast_tensor, host
from multinet.pending import Pending
from multinet.registry import current, get, use_backend
from multinet.scope import active_scope
from multinet.tracebacks import shorten, shortening
from multinet.typing import DType, Host, InitializerLike, Numbers, Tensor


@absent.watch
class Variable(Operators, AsNumber, Housed, Part):
    """A tensor that persists and changes: a weight, a statistic, an optimizer slot.

    `initializer` is the name of one, such as "ones", a callable of (shape, dtype), both
    with a `shape`, or the initial value itself: a value without `dtype` keeps its own,
    but host data of float64, int64 and complex128 become floatx, int32 and complex64.
    The Variable is made on the backend in use and belongs to it. One of the library's
    initializers does its work at the first read, if nothing was assigned before; its
    draws are counted at once. `path` has the names of the layers that were being built.
    A `regularizer` adds to the loss, a `constraint` holds after each update.
    With `autocast` a float is read in the compute dtype of the layer whose call reads
    it. On a mesh it lies as `layout` says, or, without one, as the distribution does.
    `aggregation` and `synchronization` are kept for programs that read them.

    `ShapeError` when assigned another shape, `BackendError` under another backend.

    >>> float(multinet.Variable(1.0, name="count").assign_add(2.5))
    3.5
    """

    @shortening
    def __init__(
        self,
        initializer: Numbers | InitializerLike,
        shape: Sequence[int] | None = None,
        dtype: DType | None = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        regularizer: Callable[[Any], Any] | None = None,
        constraint: Callable[[Any], Any] | None = None,
        layout: TensorLayout | Variable | None = None,
    ) -> None:
        self.name = name or "variable"
        self.path = path_of(self.name)
        self._trainable = self._made_trainable = trainable
        self.autocast, self.aggregation = autocast, aggregation
        self.synchronization = synchronization
        self.regularizer, self.constraint = regularizer, constraint
        self._overwrite_with_gradient = False
        self._layout = layout  # a Variable: as that lies
        self.backend = current().concrete.name
        self._carrier: Carrier | None = None
        self._held: Any = None
        self._home: Home | None = get_concrete().native.home(self)
        self.shape: tuple[int, ...]
        self.dtype: str
        if isinstance(initializer, str | Mapping | type):
            initializer = _initializer_of(initializer)
        if not self._wait(initializer, shape, dtype):
            backend = get_concrete()
            traced = backend.trace is not None  # the value is to outlive that
            with backend.native.outside() if traced else nullcontext():
                value = _initial(initializer, shape, dtype)
                self.shape = tuple(backend.shape(value))
                self.dtype = backend.dtype(value)
                self._keep(value if distribution() is None else placed(self, value))

    def _wait(self, initializer: Any, shape: Any, dtype: Any) -> bool:
        """Leave the value to the first read, where the initializer allows that."""
        if shape is None or not callable(initializer):
            return False
        later = getattr(initializer, "later", None)
        name = dtypes.standardize(dtype)
        make = None if later is None else later(tuple(shape), name)
        if make is None:
            return False
        self.shape, self.dtype = tuple(shape), name
        layout_of(self)  # an error, where it has no equal parts
        self._carrier = Pending(self, make)
        return True

    @property
    def _value(self) -> Any:
        while True:
            # A compiled step may be carrying the value, perhaps in another thread.
            carrier = self._carrier
            if carrier is not None:
                carrier.store()
            held, home = self._held, self._home
            if held is not None:
                return held
            if home is not None and self._carrier is None:
                shared, value = home.shared, home.read()
                if home.shared is not shared:
                    Clock.tick()
                return value

    @_value.setter
    def _value(self, value: Any) -> None:
        carrier = self._carrier
        if carrier is not None:
            carrier.drop(self)
        self._keep(value)
        self._carrier = None
        Clock.tick()

    def _keep(self, value: Any) -> None:
        self._held = value if self._home is None else self._home.take(value)

    def holds(self, value: Tensor) -> bool:
        """Return whether `value` is the value, and nobody carries a newer one."""
        if self._carrier is not None:
            return False
        return self.at_home or self.kept() is value

    # The order of the writes matters: a reader of another thread that finds no value
    # must find the carrier, and one that finds no carrier must find the value.

    def carried_by(self, carrier: Carrier) -> None:
        """Let `carrier` have the value from now on; it has taken `_value` before."""
        self._carrier = carrier
        self._held = None
        Clock.tick()

    def hand_back(self, value: Tensor) -> None:
        """Take the value from the carrier, which will not change it any more."""
        self._keep(value)
        self._carrier = None

    def put_back(self, carrier: Carrier | None, value: Tensor) -> None:
        """Have the carrier and the value of before; None where the carrier had it."""
        if value is None:
            self._held = None
        else:
            self._keep(value)
        self._carrier = carrier
        Clock.tick()

    def settle(self, backend: str, value: Tensor) -> None:
        """Live on another backend from now on, with the value made there."""
        self._home = get(backend).native.home(self)
        self._value = value
        self.backend = backend

    @property
    def trainable(self) -> bool:
        """Whether training changes the Variable, if its layer is trainable too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        self._mark.toggled()

    @property
    def regularizer(self) -> Callable[[Any], Any] | None:
        """The function whose value for the Variable is added to the loss, or None."""
        return self._regularizer

    @regularizer.setter
    def regularizer(self, value: Callable[[Any], Any] | None) -> None:
        self._regularizer = _function("regularizer", value)
        self._mark.edited("regularizer")

    @property
    def constraint(self) -> Callable[[Any], Any] | None:
        """The function that each update of the Variable goes through, or None."""
        return self._constraint

    @constraint.setter
    def constraint(self, value: Callable[[Any], Any] | None) -> None:
        self._constraint = _function("constraint", value)
        self._mark.edited("constraint")

    @property
    def overwrite_with_gradient(self) -> bool:
        """Whether an optimizer sets the Variable to its gradient, and moves it not."""
        return self._overwrite_with_gradient

    @overwrite_with_gradient.setter
    def overwrite_with_gradient(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise DTypeError(
                f"Expected overwrite_with_gradient as True or False, got {value!r}."
            )
        self._overwrite_with_gradient = value
        self._mark.edited("overwrite_with_gradient")

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle keeps: the value as an array of the host."""
        kept = {k: v for k, v in vars(self).items() if k not in _NOT_COPIED}
        return {**kept, "value": self.owner().to_numpy(self._value)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        array = state.pop("value")
        vars(self).update(state, _carrier=None, _home=None)
        try:
            owner = self.owner()
        except MultinetError as error:
            raise BackendError(
                f"{self.label()} was pickled on backend {self.backend!r}, and a pickle "
                f"opens there only: {error} To open a model elsewhere, save it to a "
                "file."
            ) from error
        vars(self)["_home"] = owner.native.home(self)
        self._keep(owner.from_numpy(array))

    def owner(self) -> Backend[Any]:
        """Return the backend that the value lives on."""
        return get(self.backend)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    def __multinet_tensor__(self) -> Tensor:
        cast, backend = autocasting.get(), current()
        if cast is not None and self.autocast:
            return cast.of(self, self.uncast())
        scope = active_scope()
        if scope is not None:
            value = scope.values.get(id(self))
            if value is None:
                value = scope.look(self)
            if value is not None:
                if self._home is None:
                    return value
                return self._home.seen(value, id(self) in scope.leaves)
        if backend.symbolic:
            return backend.placeholder(self)  # type: ignore[attr-defined]
        if backend.name != self.backend:
            raise BackendError(
                f"{self.label()} lives on backend {self.backend!r}, but "
                f"{backend.name!r} is in use. Work inside `with multinet.use_backend("
                f"{self.backend!r})`, or move the model: model.to_backend("
                f"{backend.name!r})."
            )
        return self._value

    def held_on(self, backend: Backend[Any]) -> Tensor:
        """Return the tensor, outside of any step and mixed layer: the quick way."""
        if self._carrier is None and self.backend == backend.name:
            held = self._held
            if held is not None:
                return held
        return self.__multinet_tensor__()

    def uncast(self) -> Tensor:
        """Return the tensor in the Variable's own dtype, also in a mixed layer."""
        token = autocasting.set(None)
        try:
            return self.__multinet_tensor__()
        finally:
            autocasting.reset(token)

    @property
    def value(self) -> Tensor:
        """The tensor: inside a step the one being computed, outside a copy to keep."""
        value = self.__multinet_tensor__()
        if active_scope() is not None or current().symbolic:
            return value
        copied = current().copy(value)
        return copied if self._home is None else self._home.shown(copied)

    def numpy(self) -> Host:
        """Return a copy as a NumPy array."""
        scope = active_scope()
        if scope is not None and scope.read(self) is not None:
            return host(self.uncast())
        return get(self.backend).to_numpy(self._value)

    def __array__(self, dtype: DType | None = None, copy: bool | None = None) -> Host:
        try:
            value = self.numpy()
        except TraceError as error:
            # Frameworks that try this first go on to their own ways at a TypeError.
            raise NoValue(*error.args) from None
        return value if dtype is None else value.astype(dtype)

    def assign(self, value: Tensor) -> Tensor:
        """Replace the value; a dtype that differs is cast, a shape is an error."""
        try:
            if isinstance(value, np.ndarray):
                if value.dtype.kind in "USOMm":
                    host(value)  # refuses it
                if get(self.backend).is_tensor(value):
                    value = value.copy()  # it may be written to
            return self._assign(value)
        except Exception as error:
            shorten(error)
            raise

    def _assign(self, value: Tensor) -> Tensor:
        """Do what `assign` does with a value that nobody else has."""
        backend = current()
        if not backend.symbolic and active_scope() is None:
            backend = get(self.backend)
            if not backend.is_tensor(value):
                array = host(value).astype(dtypes.to_numpy(self.dtype), copy=False)
                plan = distribution()
                value = (
                    backend.from_numpy(array) if plan is None else placed(self, array)
                )
        value = cast_tensor(as_tensor(value), self.dtype)
        shape = tuple(backend.shape(value))
        if shape != self.shape and not backend.symbolic:
            raise ShapeError(
                f"{self.label()} expects a value of shape {self.shape}, got {shape}."
            )
        self._write(value, backend)
        return value

    def _write(self, value: Any, backend: Any) -> None:
        scope = active_scope()
        if scope is not None:
            if scope.write(self, value):
                return
            raise TraceError(
                f"{self.label()} was assigned inside a step that does not carry it. "
                "Make it an attribute of the model, a layer of it, its optimizer or a "
                "metric."
            )
        if not backend.symbolic:
            self._value = value

    def assign_add(self, value: Tensor) -> Tensor:
        """Add to the value."""
        try:
            return self._assign(ops.add(self.uncast(), value))
        except Exception as error:
            shorten(error)
            raise

    def assign_sub(self, value: Tensor) -> Tensor:
        """Subtract from the value."""
        try:
            return self._assign(ops.subtract(self.uncast(), value))
        except Exception as error:
            shorten(error)
            raise

    def label(self) -> str:
        """Return what an error says of the Variable: all but its value."""
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"

    def __repr__(self) -> str:
        kind = "" if self.trainable else ", trainable=False"
        return f"{self.label()[:-1]}{kind}{self._shown()}>"

    def _shown(self) -> str:
        """Return the value as text, none where it is that of a step being traced."""
        if current().symbolic:
            return ""
        try:
            value = self.numpy()
        except TraceError:
            return ""
        if value.ndim == 0:
            return f", value={value[()]!s}"
        text = np.array2string(value, threshold=12, edgeitems=2, precision=4)
        return f", value={' '.join(text.split())}"


_NOT_COPIED = frozenset({"_mark", "_serial", "_carrier", "_held", "_home"})


def _function(name: str, value: Any) -> Any:
    if value is not None and not callable(value):
        raise ArgumentError(
            f"Expected {name} of a Variable as a function of its value, or None, got "
            f"{value!r}. A layer takes names: add_weight(..., {name}={value!r})."
        )
    return value


def install(initializer_of: Callable[[Any], Any]) -> None:
    """Say how names of initializers are read; `initializers` does, a floor above."""
    global _initializer_of
    _initializer_of = initializer_of


_initializer_of: Callable[[Any], Any]


def get_concrete() -> Backend[Any]:
    """Return the backend in use that holds values, also while shapes are computed."""
    return current().concrete


def _initial(initializer: Any, shape: Sequence[int] | None, dtype: Any) -> Any:
    backend = get_concrete()
    if isinstance(initializer, Variable):
        initializer = initializer.uncast()
    traced = backend.is_tensor(initializer)
    outside = nullcontext() if traced else backend.native.outside()
    with use_backend.scoped(backend), outside:
        if not callable(initializer):
            name = None if dtype is None else dtypes.standardize(dtype)
            value = as_tensor(initializer, name)
            # A tensor or array the caller holds must not change when this one does.
            return backend.copy(value)
        if shape is None:
            raise ShapeError(
                "A Variable with an initializer needs shape=(...), which it fills."
            )
        return as_tensor(initializer(tuple(shape), dtype=dtypes.standardize(dtype)))
