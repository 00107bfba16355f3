"""Moving what holds Variables to another backend, in the middle of its life."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Self

import numpy as np

from multinet import holders
from multinet.errors import BackendError, DTypeError, TraceError
from multinet.holders import Holder
from multinet.interface import Backend
from multinet.registry import current, get, loaded
from multinet.scope import active_scope
from multinet.tracebacks import shortening
from multinet.variables import Variable


class Movable(Holder):
    """What holds Variables, and may move to another backend with all of them."""

    @shortening
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
        moving = [part for _, part in holders.walk(self)]
        with ExitStack() as holds:
            for holder in moving:
                if isinstance(holder, Movable):
                    for hold in holder._held_while_moving():
                        holds.enter_context(hold)
            _move(moving, target)
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
    names = {v.backend: v for _, v in holders.walk(holder, Variable)}
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


def _move(parts: list[Any], target: Backend[Any]) -> None:
    """Make every value on the target, then, since nothing fails any more, move."""
    found = [v for v in parts if isinstance(v, Variable) and v.backend != target.name]
    values = [_on(target, v.numpy(), v) for v in found]
    tensors = [place for x in parts if isinstance(x, Holder) for place in _tensors(x)]
    replaced = [(place, key, _moved(target, x, key)) for place, key, x in tensors]
    for variable, value in zip(found, values, strict=True):
        variable.settle(target.name, value)
    for place, key, value in replaced:
        place[key] = value
    for holder in parts:
        if isinstance(holder, Movable):
            holder._arrived()


def _tensors(holder: Holder) -> list[tuple[Any, Any, Any]]:
    """Return the tensors that a holder keeps in attributes: container, key, value."""
    found: list[tuple[Any, Any, Any]] = []
    attributes = vars(holder)
    for name in holder._kept():
        _note(found, attributes, name, attributes[name], set())
    return found


def _note(found: list[Any], place: Any, key: Any, value: Any, seen: set[int]) -> None:
    if isinstance(value, list | tuple | dict):
        if id(value) in seen:
            return
        seen.add(id(value))
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for name, item in list(items):
            _note(found, value, name, item, seen)
        if not (isinstance(value, tuple) and any(map(_home, value))):
            return
    elif _home(value) is None:
        return
    if not isinstance(place, tuple):  # those in one move with it
        found.append((place, key, value))


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
