"""One object stays one: what is written twice in a file is read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextvars import ContextVar, Token
from typing import Any

from multinet.typing import Data, Made

KEY = "shared_object_id"

_open: ContextVar[ObjectSharing | None] = ContextVar("sharing", default=None)


class ObjectSharing:
    """A `with` in which an object that is written or read twice stays one.

    What is written gets a `shared_object_id`, by which what is read is known.
    """

    def __init__(self) -> None:
        self._written: dict[int, tuple[int, Any]] = {}  # with the objects, by id
        self._read: dict[Any, Any] = {}
        self._tokens: list[Token[Any]] = []

    def __enter__(self) -> ObjectSharing:
        """Open the scope."""
        self._tokens.append(_open.set(self))
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the scope, and forget the objects."""
        _open.reset(self._tokens.pop())
        self._written.clear()
        self._read.clear()

    def number(self, thing: object) -> int:
        """Return the number of an object, the same one each time."""
        # The object is kept, so that its id means nothing else as long as this is open.
        number = len(self._written) + 1
        return self._written.setdefault(id(thing), (number, thing))[0]


def note_written(thing: object, config: dict[str, Any]) -> None:
    """Number an object in its configuration, if a scope is open."""
    scope = _open.get()
    if scope is not None:
        config[KEY] = scope.number(thing)


def without_single(data: Data) -> Data:
    """Return data without the numbers that are there once only."""
    counts = Counter(_numbers(data))
    return _keep(data, {number for number, count in counts.items() if count > 1})


def _numbers(data: Any) -> Iterator[Any]:
    if isinstance(data, dict):
        if KEY in data:
            yield data[KEY]
        for part in data.values():
            yield from _numbers(part)
    elif isinstance(data, list | tuple):
        for part in data:
            yield from _numbers(part)


def _keep(data: Any, shared: set[Any]) -> Any:
    if isinstance(data, dict):
        return {
            key: _keep(part, shared)
            for key, part in data.items()
            if key != KEY or part in shared
        }
    if isinstance(data, list | tuple):
        return type(data)([_keep(part, shared) for part in data])
    return data


def already_read(number: int | None) -> Made:
    """Return the object that was read with this number, or None."""
    scope = _open.get()
    return None if scope is None or number is None else scope._read.get(number)


def note_read(number: int | None, thing: object) -> None:
    """Tell the scope that is open, if any, what a number stands for."""
    scope = _open.get()
    if scope is not None and number is not None:
        scope._read[number] = thing
