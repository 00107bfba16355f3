"""Which inputs of a run on shapes are indices, and below which number they must be."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar, Token
from typing import Any, NamedTuple


class Bound(NamedTuple):
    """One use of an input: its place, the first number too large, and the user."""

    place: int
    size: int
    what: str


class Bounds:
    """A block that notes how its inputs are used, by their identity.

    >>> with Bounds(tensors) as bounds:
    ...     model(tensors)
    >>> bounds.found
    [Bound(place=0, size=1000, what='integers of embedding')]
    """

    def __init__(self, inputs: Sequence[object]) -> None:
        self.inputs = list(inputs)  # held, so that an identity stays theirs
        self.found: list[Bound] = []
        self._token: Token[Any] | None = None

    def __enter__(self) -> Bounds:
        self._token = _watching.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._token is not None
        _watching.reset(self._token)


_watching: ContextVar[Bounds | None] = ContextVar("bounds", default=None)


def note(x: object, size: object, what: str) -> None:
    """Note that x must be in [0, size), if it is an input of the block around."""
    bounds = _watching.get()
    if bounds is None or type(size) is not int:
        return
    for place, given in enumerate(bounds.inputs):
        if given is x:
            bounds.found.append(Bound(place, size, what))
