"""What holds during a call of layers: the mode, names, losses added, and masks."""

from __future__ import annotations

import weakref
from contextvars import ContextVar, Token
from typing import Any

from multinet.autocast import Autocast
from multinet.scope import active_scope
from multinet.typing import AnyLayer, Tensor

active: ContextVar[CallContext | None] = ContextVar("call", default=None)


class CallContext:
    """What holds during one outermost layer call, or while a layer is built."""

    # Written out: each outermost call makes one, and a dataclass takes twice as long.
    __slots__ = ("casts", "losses", "masks", "path", "training", "_token")

    def __init__(self, training: bool | None = None) -> None:
        self.training = training
        self.losses: list[Any] = []
        #: The masks by the identity of their tensors, held so that it stays theirs.
        self.masks: dict[int, tuple[Any, Any]] = {}
        #: The layers that are being called or built, the outermost first.
        self.path: list[Any] = []
        #: The casts of Variables, by dtype; None where no mixed layer is called.
        self.casts: dict[str | None, Autocast] | None = None
        self._token: Token[CallContext | None] | None = None

    def cast_to(self, dtype: str | None) -> Autocast:
        """Return what makes Variables be read in a dtype, as they are for None."""
        if self.casts is None:
            self.casts = {}
        found = self.casts.get(dtype)
        if found is None:
            found = self.casts[dtype] = Autocast(dtype)
        return found

    def __enter__(self) -> CallContext:
        self._token = active.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._token is not None
        active.reset(self._token)


class Within:
    """A block in which Variables are made under the name of an object.

    >>> with Within(layer):
    ...     Variable("zeros", (3,), name="bias").path
    'dense/bias'
    """

    def __init__(self, named: AnyLayer) -> None:
        self.named = named
        self._context: CallContext | None = None

    def __enter__(self) -> None:
        context = active.get()
        if context is None:
            context = self._context = CallContext()
            context.__enter__()
        self._path = context.path
        self._is_first = not self._path or self._path[-1] is not self.named
        if self._is_first:
            self._path.append(self.named)

    def __exit__(self, *exc: object) -> None:
        if self._is_first:
            self._path.pop()
        if self._context is not None:
            self._context.__exit__(*exc)


#: The masks of tensors that live outside of calls, by identity; the reference tells
#: their end.
loose: dict[int, tuple[weakref.ref[Any], Any]] = {}


def mask_of(tensor: Tensor) -> Tensor | None:
    """Return the bool mask of a tensor, shaped as its first axes, or None."""
    key, context = id(tensor), active.get()
    if context is not None and key in context.masks:
        return context.masks[key][1]
    entry = loose.get(key)
    return entry[1] if entry is not None and entry[0]() is tensor else None


#: The blocks of names around the outermost call.
names_around: ContextVar[tuple[Any, ...]] = ContextVar("names", default=())


def path_of(name: str) -> str:
    """Return a name behind those of the objects that are being called or built."""
    context, around = active.get(), names_around.get()
    inner = () if context is None else context.path
    if not (around or inner):
        return name
    return "/".join([*(named.name for named in (*around, *inner)), name])


def in_call() -> bool:
    """Return whether a layer is being called or built, or a step is computed."""
    return active.get() is not None or active_scope() is not None
