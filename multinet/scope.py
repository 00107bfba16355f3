"""The scope that turns a program with state into a pure function."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextvars import ContextVar, Token
from typing import Any

_active: ContextVar[Scope | None] = ContextVar("scope", default=None)


class Scope:
    """A block in which Variables read and write other values than their own.

    A pure step enters a scope with the tensors it was given, runs code that reads and
    writes Variables, and takes the results with `values_of`. `step` is the random
    counter: `SeedGenerator`s inside derive their keys from it.

    >>> with Scope(variables, tensors, step=3) as scope:
    ...     y = model(x, training=True)
    >>> new = scope.values_of(variables)
    """

    __slots__ = ("values", "step", "draws", "_token")

    def __init__(
        self, variables: Iterable[Any], values: Iterable[Any], step: Any = None
    ) -> None:
        self.values = {id(v): x for v, x in zip(variables, values, strict=True)}
        self.step = step
        self.draws: dict[int, int] = {}
        self._token: Token[Scope | None] | None = None

    def __enter__(self) -> Scope:
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


def active_scope() -> Scope | None:
    """Return the innermost scope entered in this context, or None."""
    return _active.get()
