"""Blocks in which Variables, names, devices or shapes are other than outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Self

from multinet.calls import active, names_around
from multinet.errors import ArgumentError, ShapeError, WrongType
from multinet.ops.core import as_tensor, cast_tensor
from multinet.registry import current
from multinet.scope import Capture
from multinet.tracebacks import shortening
from multinet.typing import AnyVariable, Numbers, Tensor
from multinet.variables import Variable


class _Collecting(Capture):
    """A scope that also takes the losses of the layers called in it."""

    __slots__ = ("losses",)

    def collect(self, losses: list[Any]) -> None:
        self.losses += losses


class StatelessScope:
    """A block in which Variables have the values given, and keep theirs outside.

    `state_mapping` has pairs of a Variable and its value. What is assigned inside is
    read inside, and afterwards by `get_current_value`. With `collect_losses` the block
    has in `losses` what layers added in it. `initialize_variables` is Keras's: a
    Variable that is made inside has its value at once, and keeps it. Random draws
    inside are those of `step`, an integer which may be an argument of a function that
    `jax.jit` or `tf.function` compiles: there they would be the same in each call.

    `ArgumentError` for a key that is no Variable, `ShapeError` for a value of another
    shape.

    >>> with StatelessScope([(layer.kernel, values)]) as scope:
    ...     y = layer(x)
    >>> scope.get_current_value(layer.kernel) is values
    True
    """

    @shortening
    def __init__(
        self,
        state_mapping: Iterable[tuple[AnyVariable, Tensor]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
        step: Numbers | None = None,
    ) -> None:
        pairs = [(v, _value(v, value)) for v, value in state_mapping or ()]
        self.collect_losses = collect_losses
        self.initialize_variables = initialize_variables
        self._scope = _Collecting([v for v, _ in pairs], [x for _, x in pairs], step)
        self._scope.losses = []

    @property
    def losses(self) -> list[Tensor]:
        """The losses collected so far."""
        return self._scope.losses

    def __enter__(self) -> Self:
        self._scope.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._scope.__exit__(*exc)
        if not self.collect_losses:
            self._scope.losses = []

    def add_loss(self, loss: Tensor) -> None:
        """Add to the losses."""
        self._scope.losses.append(loss)

    def add_update(self, update: tuple[AnyVariable, Tensor]) -> None:
        """Let a Variable, the first of a pair, have the value that is the second."""
        variable, value = update
        self._scope.write(variable, _value(variable, value))

    def get_current_value(self, variable: AnyVariable) -> Tensor | None:
        """Return the value of a Variable, None if it was neither given nor assigned."""
        return self._scope.values.get(id(variable))


def _value(variable: Any, value: Any) -> Any:
    if not isinstance(variable, Variable):
        raise ArgumentError(
            "Expected state_mapping as pairs of a Variable and its value, got "
            f"{variable!r} for a Variable."
        )
    if isinstance(value, Variable):
        value = value.uncast()
    tensor = cast_tensor(as_tensor(value), variable.dtype)
    shape = tuple(current().shape(tensor))
    if shape != variable.shape:
        raise ShapeError(
            f"{variable.path} expects a value of shape {variable.shape}, got {shape}."
        )
    return tensor


_symbolic: ContextVar[bool] = ContextVar("symbolic", default=False)


class SymbolicScope:
    """A block whose code is to know that it computes for the sake of shapes alone.

    >>> with SymbolicScope():
    ...     SymbolicScope.is_active()
    True
    """

    def __enter__(self) -> Self:
        self._token: Token[bool] = _symbolic.set(True)
        return self

    def __exit__(self, *exc: object) -> None:
        _symbolic.reset(self._token)

    @staticmethod
    def is_active() -> bool:
        """Return whether this is such a block, or a run on symbolic tensors."""
        return _symbolic.get() or current().symbolic


class name_scope:
    """A block in which the paths of new Variables begin with a name.

    Blocks inside of each other, and layers that are being built, each add theirs. The
    same `caller` with the same name adds it once, unless `deduplicate` is False.
    `override_parent`, a path, takes the place of all the names around.

    >>> with name_scope("tower"):
    ...     Variable("zeros", (3,), name="bias").path
    'tower/bias'
    """

    @shortening
    def __init__(
        self,
        name: str,
        caller: object = None,
        deduplicate: bool = True,
        override_parent: str | None = None,
    ) -> None:
        if not isinstance(name, str) or "/" in name:
            raise ArgumentError(f"Expected name as a string without '/', got {name!r}.")
        self.name, self.caller = name, caller
        self.deduplicate, self.override_parent = deduplicate, override_parent

    def __enter__(self) -> Self:
        context = active.get()
        self._path = None if context is None else context.path
        self._before = list(self._path or ())
        outer = names_around.get()
        if self.override_parent is not None:
            parts = tuple(part for part in self.override_parent.split("/") if part)
            outer = tuple(map(_Named, parts))
            if self._path is not None:
                self._path.clear()
        last = (*outer, *(self._path or ()))[-1:]
        if not (self.deduplicate and last and self._is_same(last[0])):
            if self._path:
                self._path.append(self)
            else:
                outer = (*outer, self)
        self._token = names_around.set(outer)
        return self

    def _is_same(self, other: Any) -> bool:
        caller = getattr(other, "caller", None)
        return caller is not None and caller is self.caller and other.name == self.name

    def __exit__(self, *exc: object) -> None:
        names_around.reset(self._token)
        if self._path is not None:
            self._path[:] = self._before


class _Named:
    """A part of a path."""

    def __init__(self, name: str) -> None:
        self.name = name


@contextmanager
def device(device_name: str) -> Iterator[None]:
    """Place what is made in the block on a device of the backend in use, as "gpu:0".

    "gpu" is the first of its kind. `BackendError` lists the devices if there is none of
    that name.
    """
    if not isinstance(device_name, str):
        raise WrongType(
            "Expected the name of a device such as 'gpu:0', got "
            f"device_name={device_name!r}."
        )
    name = device_name.removeprefix("/").lower()
    with current().device(name if ":" in name else f"{name}:0"):
        yield
