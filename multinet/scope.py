"""The scope that turns a program with state into a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextvars import ContextVar, Token
from typing import Any, Self

_active: ContextVar[Scope | None] = ContextVar("scope", default=None)


class Scope:
    """A block in which Variables read and write other values than their own.

    A pure step enters a scope with the tensors it was given, runs code that reads and
    writes Variables, and takes the results with `values_of`. `step` is the random
    counter: `SeedGenerator`s inside derive their keys from it; without one, those of
    the scope around go on.

    >>> with Scope(variables, tensors, step=3) as scope:
    ...     y = model(x, training=True)
    >>> new = scope.values_of(variables)
    """

    __slots__ = ("values", "step", "draws", "folds", "outer", "owns", "_token")

    def __init__(
        self,
        variables: Iterable[Any] = (),
        values: Iterable[Any] = (),
        step: Any = None,
    ) -> None:
        self.values = {id(v): x for v, x in zip(variables, values, strict=True)}
        self.step = step
        self.draws: dict[int, int] = {}
        self.folds: tuple[Any, ...] = ()  # what keys are folded with besides
        self.outer: Scope | None = None
        self.owns = False  # whether an update may consume the values
        self._token: Token[Scope | None] | None = None

    def __enter__(self) -> Self:
        outer = self.outer = _active.get()
        if self.step is None and outer is not None:
            self.step, self.draws, self.folds = outer.step, outer.draws, outer.folds
        self._token = _active.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._token is not None
        _active.reset(self._token)

    def values_of(self, variables: Sequence[Any]) -> list[Any]:
        """Return the value that each variable has at this point."""
        return [self.values[id(v)] for v in variables]

    def draw(self, generator: object) -> int:
        """Return how often `generator` drew here before, and count this one."""
        count = self.draws.get(id(generator), 0)
        self.draws[id(generator)] = count + 1
        return count

    def look(self, variable: Any) -> Any:
        """Return a value that this scope was not given from those around; or None."""
        return None if self.outer is None else self.outer.read(variable)

    def read(self, variable: Any) -> Any:
        """Return the value of a variable in this scope; None where it has none."""
        value = self.values.get(id(variable))
        return self.look(variable) if value is None else value

    def write(self, variable: Any, value: Any) -> bool:
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

    __slots__ = ("reads", "writes")

    def __init__(
        self,
        variables: Iterable[Any] = (),
        values: Iterable[Any] = (),
        step: Any = None,
    ) -> None:
        variables = list(variables)
        super().__init__(variables, values, step)
        self.reads: dict[int, Any] = {}
        self.writes: dict[int, Any] = {}

    def look(self, variable: Any) -> Any:
        self.reads[id(variable)] = variable
        return super().look(variable)

    def write(self, variable: Any, value: Any) -> bool:
        self.values[id(variable)] = value
        self.writes[id(variable)] = variable
        return True

    def written(self) -> list[Any]:
        """Return the values written, in the order of `writes`."""
        return [self.values[key] for key in self.writes]


class Entry:
    """Where the random draws stood when a function began that may run again."""

    _fresh = 3 << 30  # step numbers for draws outside of any step, which no step has

    def __init__(self) -> None:
        scope = self.scope = _active.get()
        self.draws: dict[int, int] = {}
        self.folds: tuple[Any, ...] = ()
        self.step: Any = None
        if scope is not None:
            self.step, self.draws = scope.step, dict(scope.draws)
            self.folds = scope.folds
        if self.step is None:
            Entry._fresh += 1
            self.step = Entry._fresh

    def drawn(self, scope: Scope) -> bool:
        """Return whether anything drew in a scope that began here."""
        return scope.draws != self.draws


class Replay(Capture):
    """A scope in which the draws start where they stood at the entry, each time.

    `place` tells one of several runs from the others: keys are folded with it.
    """

    __slots__ = ("entry",)

    def __init__(
        self,
        entry: Entry,
        variables: Iterable[Any] = (),
        values: Iterable[Any] = (),
        place: Any = None,
    ) -> None:
        super().__init__(variables, values, entry.step)
        self.entry, self.draws = entry, dict(entry.draws)
        self.folds = entry.folds if place is None else (*entry.folds, place)

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        if self.entry.scope is not None and self.entry.scope.step is not None:
            self.entry.scope.draws.update(self.draws)


def active_scope() -> Scope | None:
    """Return the innermost scope entered in this context, or None."""
    return _active.get()
