"""Moving what holds Variables to another backend, in the middle of its life."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, ClassVar, Self

import numpy as np

from multinet.errors import BackendError, DTypeError, TraceError
from multinet.interface import Backend
from multinet.registry import current, get, loaded
from multinet.scope import active_scope
from multinet.variables import Structure, Variable


class Movable:
    """What holds Variables, and may move to another backend with all of them.

    Its attributes are searched, lists, tuples and dicts in them too, and so are those
    of every `Movable` among them.
    """

    #: The attributes that belong to others, or are made anew after a move.
    _stays: ClassVar[frozenset[str]] = frozenset()

    def to_backend(self, backend: str | Backend[Any]) -> Self:
        """Move to another backend, in place, and return it: state and all.

        Its Variables stay the same objects with the same values and dtypes, bit for
        bit; so do tensors kept in attributes. Random streams, counters and compiled
        settings are on the host already and go on where they stand. Variables that are
        shared with another model move away from that one. Steps compiled for the old
        backend give their state back and are dropped; functions of `multinet.jit` are
        compiled anew when they are called. What holds no Variables yet makes them on
        the backend in use when it is built.

        The backend in use stays what it is: go on in `with use_backend(name)`.

        `DTypeError` if the other backend cannot hold a dtype, `TraceError` inside of a
        step or transform, `MultinetError` while another thread trains it. Then nothing
        has moved.

        >>> model.fit(x, y, epochs=3)
        >>> model.to_backend("torch")
        >>> with use_backend("torch"):
        ...     model.fit(x, y, epochs=6, initial_epoch=3)
        """
        target = get(backend) if isinstance(backend, str) else backend
        _check_place(self, target)
        found = _Found(self)
        with ExitStack() as holds:
            for holder in found.holders:
                for hold in holder._held_while_moving():
                    holds.enter_context(hold)
            found.move(target)
        return self

    def _held_while_moving(self) -> Iterator[Any]:
        """Return context managers that keep others off; they may refuse."""
        return iter(())

    def _arrived(self) -> None:
        """Drop what was made for the backend before."""


def backend_of(holder: Movable) -> str:
    """Return the name of the backend that the Variables of `holder` live on.

    The backend in use where there are none yet; `BackendError` if they are on several.
    """
    names = {v.backend: v for v in _Found(holder).variables}
    if len(names) > 1:
        examples = ", ".join(f"{v.path} on {name!r}" for name, v in names.items())
        raise BackendError(
            f"{holder!r} has Variables on several backends: {examples}. A part of it "
            "moved, perhaps with another model that shares it: bring all together with "
            "to_backend."
        )
    return next(iter(names), current().concrete.name)


def _check_place(holder: Movable, target: Backend[Any]) -> None:
    if target.symbolic:
        raise BackendError(
            f"{holder!r} cannot move to {target.name!r}, which holds no values."
        )
    if active_scope() is not None or current().symbolic:
        raise TraceError(
            "to_backend was called inside of a step or a transform. Move between steps:"
            " after fit, or in a callback at the end of an epoch."
        )


class _Found:
    """All that is reached from a `Movable`: Variables, tensors, and others like it."""

    def __init__(self, root: Movable) -> None:
        self.holders: list[Movable] = []
        self.variables: list[Variable] = []
        self.tensors: list[tuple[Any, Any, Any]] = []  # container, key, value
        self._seen: set[int] = set()
        self._visit(None, None, root)

    def _visit(self, place: Any, key: Any, value: Any) -> None:
        if isinstance(value, Variable | Movable | list | dict):
            if id(value) in self._seen:
                return
            self._seen.add(id(value))
        if isinstance(value, Variable):
            self.variables.append(value)
        elif isinstance(value, Movable):
            self.holders.append(value)
            stays, attributes = value._stays, vars(value)
            for name in [name for name in attributes if name not in stays]:
                self._visit(attributes, name, attributes[name])
        elif isinstance(value, dict):
            for name, item in list(value.items()):
                self._visit(value, name, item)
        elif isinstance(value, list | tuple):
            for i, item in enumerate(value):
                self._visit(value, i, item)
            if isinstance(value, tuple) and any(map(_home, value)):
                self._note(place, key, value)
        elif _home(value) is not None:
            self._note(place, key, value)

    def _note(self, place: Any, key: Any, value: Any) -> None:
        if not isinstance(place, tuple):  # those in one move with it
            self.tensors.append((place, key, value))

    def move(self, target: Backend[Any]) -> None:
        """Make every value on the target, then, since nothing fails any more, move."""
        moving = [v for v in self.variables if v.backend != target.name]
        values = [_on(target, v.numpy(), v) for v in moving]
        replaced = [(p, key, _moved(target, x, key)) for p, key, x in self.tensors]
        for variable, value in zip(moving, values, strict=True):
            variable.settle(target.name, value)
        for place, key, value in replaced:
            place[key] = value
        for holder in self.holders:
            holder._arrived()
        Structure.tick()


def _home(value: Any) -> Backend[Any] | None:
    """Return the backend of a tensor; None for anything else and for host arrays."""
    if isinstance(value, np.ndarray | int | float | str | None):
        return None
    return next((b for b in loaded() if b.is_tensor(value)), None)


def _moved(target: Backend[Any], value: Any, key: Any) -> Any:
    """Return a tensor, or a tuple with some, on the target."""
    if isinstance(value, tuple):
        parts = [_moved(target, x, key) for x in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    home = _home(value)
    if home is None or home is target:
        return value
    try:
        array = home.to_numpy(value)
    except TraceError:
        return value  # a trace left it behind: it has no value, here or there
    return _on(target, array, f"the tensor kept as {key!r}")


def _on(target: Backend[Any], array: np.ndarray[Any, Any], what: Any) -> Any:
    """Return an array as a tensor of the target, its dtype kept."""
    try:
        value = target.from_numpy(array)
    except DTypeError as error:
        raise DTypeError(
            f"{what} cannot move to backend {target.name!r}: {error} Nothing has moved."
        ) from error
    if target.dtype(value) != array.dtype.name:
        raise DTypeError(
            f"{what} cannot move to backend {target.name!r}: {array.dtype.name} "
            f"would become {target.dtype(value)}. Nothing has moved."
        )
    return value
