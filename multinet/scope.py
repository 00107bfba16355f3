"""The scope that turns a program with state into a pure function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar, Token
from typing import Any, Self

from multinet.registry import current
from multinet.streams import HOST, StepStream, Stream
from multinet.typing import AnyLayer, AnyVariable, Numbers, Tensor

_active: ContextVar[Scope | None] = ContextVar("scope", default=None)


class Scope:
    """A block in which Variables read and write other values than their own.

    A pure step enters a scope with the tensors it was given, runs code that reads and
    writes Variables, and takes the results with `values_of`. `step` is the number that
    random draws derive their keys from, or `stream` says where the draws stand; without
    them, those of the scope around go on.

    >>> with Scope(variables, tensors, step=3) as scope:
    ...     y = model(x, training=True)
    >>> new = scope.values_of(variables)
    """

    __slots__ = ("values", "stream", "outer", "owns", "leaves", "_ends", "_token")

    def __init__(
        self,
        variables: Iterable[Any] = (),
        values: Iterable[Any] = (),
        step: Numbers | None = None,
        stream: Stream | None = None,
    ) -> None:
        self.values = {id(v): x for v, x in zip(variables, values, strict=True)}
        self.stream = stream if step is None else StepStream(step)
        self.outer: Scope | None = None
        self.owns = False  # whether an update may consume the values
        #: Which Variables, by identity, user code may ask for the gradients of.
        self.leaves: frozenset[int] = frozenset()
        self._ends: list[Callable[[], None]] = []
        self._token: Token[Scope | None] | None = None

    def __enter__(self) -> Self:
        outer = self.outer = _active.get()
        if self.stream is None and outer is not None:
            self.stream = outer.stream
        self._token = _active.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._token is not None
        _active.reset(self._token)
        while self._ends:
            self._ends.pop()()

    def at_end(self, act: Callable[[], None]) -> None:
        """Do something when the block ends, such as drop what belongs to it."""
        self._ends.append(act)

    def collect(self, losses: list[Any]) -> None:
        """Take the losses of an outermost call of a layer, if they are wanted."""

    def use(self, part: AnyLayer) -> None:
        """Tell the scopes around that something was used."""
        if self.outer is not None:
            self.outer.use(part)

    def values_of(self, variables: Sequence[AnyVariable]) -> list[Tensor]:
        """Return the value that each variable has at this point."""
        return [self.values[id(v)] for v in variables]

    def look(self, variable: AnyVariable) -> Tensor:
        """Return a value that this scope was not given from those around; or None."""
        return None if self.outer is None else self.outer.read(variable)

    def read(self, variable: AnyVariable) -> Tensor:
        """Return the value of a variable in this scope; None where it has none."""
        value = self.values.get(id(variable))
        return self.look(variable) if value is None else value

    def write(self, variable: AnyVariable, value: Tensor) -> bool:
        """Take a value; return False where this scope does not carry the variable."""
        if id(variable) not in self.values:
            return False
        self.values[id(variable)] = value
        return True


class Capture(Scope):
    """A scope that any Variable may be read and written in; it notes which.

    What is written stays inside: the caller lets it leave a transform as an output, and
    hands it on with `Variable.assign` outside.
    """

    __slots__ = ("reads", "writes", "uses")

    def __init__(
        self,
        variables: Iterable[Any] = (),
        values: Iterable[Any] = (),
        step: Numbers | None = None,
        stream: Stream | None = None,
    ) -> None:
        super().__init__(variables, values, step, stream)
        self.reads: dict[int, Any] = {}
        self.writes: dict[int, Any] = {}
        self.uses: dict[int, Any] = {}  # the layers that ran

    def use(self, part: AnyLayer) -> None:
        self.uses[id(part)] = part
        super().use(part)

    def look(self, variable: AnyVariable) -> Tensor:
        self.reads[id(variable)] = variable
        return super().look(variable)

    def write(self, variable: AnyVariable, value: Tensor) -> bool:
        self.values[id(variable)] = value
        self.writes[id(variable)] = variable
        return True

    def written(self) -> list[Any]:
        """Return the values written, in the order of `writes`."""
        return [self.values[key] for key in self.writes]


#: Return the innermost scope entered in this context, or None. Every call of a layer
#: asks, so this is the method itself.
active_scope: Callable[[], Scope | None] = _active.get


def own_stream() -> Stream | None:
    """Return where the draws of the step, loop or call in progress stand, if any."""
    scope = _active.get()
    return None if scope is None else scope.stream


def stream() -> Stream:
    """Return where the draws stand; those of a run on shapes alone do not count."""
    own = own_stream()
    if own is not None:
        return own
    return StepStream(0) if current().symbolic else HOST


class loose_draws:
    """A block whose draws are those outside of any step, such as initial weights."""

    def __enter__(self) -> None:
        self.scope = _active.get()
        if self.scope is not None:
            self.before, self.scope.stream = self.scope.stream, HOST

    def __exit__(self, *exc: object) -> None:
        if self.scope is not None:
            self.scope.stream = self.before
