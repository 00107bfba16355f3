"""One object stays one: what is written twice in a file is read once."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Any

_open: ContextVar[ObjectSharing | None] = ContextVar("sharing", default=None)


class ObjectSharing:
    """A `with` in which objects written again get a `shared_object_id`.

    Reading in a scope, the second configuration of an id gives the first one's object.
    """

    def __init__(self) -> None:
        self._written: dict[int, tuple[Any, dict[str, Any]]] = {}
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

    def note(self, thing: Any, config: dict[str, Any]) -> None:
        """Number an object that was written before, in both configurations."""
        # The object is kept, so that its id means nothing else as long as this is open.
        known = self._written.setdefault(id(thing), (thing, config))
        if known[1] is not config:
            first = known[1]
            number = list(self._written).index(id(thing)) + 1
            config["shared_object_id"] = first.setdefault("shared_object_id", number)


def note_written(thing: Any, config: dict[str, Any]) -> None:
    """Tell the scope that is open, if any, how an object is written."""
    scope = _open.get()
    if scope is not None:
        scope.note(thing, config)


def already_read(number: Any) -> Any:
    """Return the object that was read with this number, or None."""
    scope = _open.get()
    return None if scope is None or number is None else scope._read.get(number)


def note_read(number: Any, thing: Any) -> None:
    """Tell the scope that is open, if any, what a number stands for."""
    scope = _open.get()
    if scope is not None and number is not None:
        scope._read[number] = thing
