"""The one registry of the program's own classes and functions, and its scopes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar, Token
from typing import Any, TypeVar

from multinet.errors import ArgumentError
from multinet.tracebacks import shortening
from multinet.typing import Made

_T = TypeVar("_T", bound=Callable[..., Any])

#: What `register_keras_serializable` made known, by `package>name`.
_objects: dict[str, Any] = {}
_scope: ContextVar[Mapping[str, Any] | None] = ContextVar("custom_objects")


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[_T], _T]:
    """Return a decorator that makes a class or function known as `package>name`.

    Configurations have that name in place of a module, so an object is found again
    wherever its definition has run.

    >>> @register_keras_serializable("mine")
    ... class Scale(multinet.layers.Layer): ...
    """

    def decorate(thing: _T) -> _T:
        known: Any = thing
        if not inspect.isclass(known) and not inspect.isfunction(known):
            raise ArgumentError(
                f"Expected a class or a function to register, got {thing!r}."
            )
        if inspect.isclass(known) and not hasattr(known, "get_config"):
            raise ArgumentError(
                f"{known.__name__} has no get_config, so no object of it can be "
                "written. Derive it from a Layer, Loss, Metric or the like, or define "
                "get_config and from_config."
            )
        _objects[f"{package}>{name or known.__name__}"] = known
        return thing

    return decorate


def get_custom_objects() -> dict[str, Any]:
    """Return the registry itself, by name; entries may be added and removed."""
    return _objects


@shortening
def get_registered_name(obj: type | Callable[..., Any]) -> str:
    """Return the name that a class or function is registered by, else its own."""
    found = next((name for name, known in _objects.items() if known is obj), None)
    return found or obj.__name__


@shortening
def get_registered_object(
    name: str,
    custom_objects: Mapping[str, Any] | None = None,
    module_objects: Mapping[str, Any] | None = None,
) -> Made:
    """Return what is known by a name, or None.

    Looked up in the scopes open, `custom_objects`, the registry, and `module_objects`.
    """
    tables = (_scope.get(None), custom_objects, _objects, module_objects)
    return next((table[name] for table in tables if table and name in table), None)


def find(*names: str) -> Made:
    """Return what the first known of the names stands for, or None."""
    found = (get_registered_object(name) for name in names)
    return next((thing for thing in found if thing is not None), None)


def find_by_own_name(name: str) -> Made:
    """Return what is registered as `package>name` for any package, or None."""
    return next((v for k, v in _objects.items() if k.rpartition(">")[2] == name), None)


def known_names() -> Iterator[str]:
    """Yield the names that the program made known."""
    yield from _scope.get(None) or ()
    yield from _objects


class CustomObjectScope:
    """A `with` in which names stand for classes and functions of the program.

    >>> with CustomObjectScope({"Scale": Scale}):
    ...     layer = multinet.layers.deserialize(config)
    """

    @shortening
    def __init__(self, custom_objects: Mapping[str, Any] | None) -> None:
        self.custom_objects = dict(custom_objects or {})
        self._tokens: list[Token[Any]] = []

    def __enter__(self) -> CustomObjectScope:
        """Open the scope; names of an outer one stay known."""
        inner = {**(_scope.get(None) or {}), **self.custom_objects}
        self._tokens.append(_scope.set(inner))
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the scope."""
        _scope.reset(self._tokens.pop())


custom_object_scope = CustomObjectScope
