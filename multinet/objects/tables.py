"""Tables of one kind of object: losses, initializers, layers, by name."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any

from multinet.errors import ArgumentError, unknown_name
from multinet.names import snake_case
from multinet.objects import registration, sharing
from multinet.objects.serialization import create, to_data, unknown_object
from multinet.typing import Data, Made


class Table:
    """The objects of one kind by name: functions as they are, classes as constructors.

    `objects` are entered under their own names, classes also in snake_case unless a
    function has that name; `aliases` adds names.
    """

    def __init__(
        self,
        kind: str,
        objects: Iterable[Any],
        aliases: Mapping[str, Any] | None = None,
    ) -> None:
        self.kind = kind
        objects = list(objects)
        self.objects = {thing.__name__: thing for thing in objects}
        for thing in objects:
            self.objects.setdefault(snake_case(thing.__name__), thing)
        self.objects.update(aliases or {})

    def find(self, name: str) -> Made:
        """Return what a name stands for; `ArgumentError` with the near ones.

        What the program made known under its whole name comes first.
        """
        found = registration.find(name) or self.objects.get(name)
        found = found or registration.find_by_own_name(name)
        if found is None:
            raise unknown_name(self.kind, name, self._known())
        return found

    def _known(self) -> list[str]:
        return [*registration.known_names(), *self.objects]

    def get(self, identifier: object) -> Made:
        """Return the object that a name, a configuration, a class or an object stands
        for.

        A name or class gives a new object; functions, objects and None are returned.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str):
            return _instance(self.find(identifier))
        if isinstance(identifier, Mapping):
            return self.deserialize(identifier)
        if inspect.isclass(identifier):
            return identifier()
        if callable(identifier) or hasattr(identifier, "get_config"):
            return identifier
        raise ArgumentError(
            f"Expected a {self.kind}: a name, configuration, object or function, "
            f"got {type(identifier).__name__}."
        )

    def serialize(self, thing: object) -> Data:
        """Return an object or function as data."""
        return to_data(thing)

    def deserialize(
        self, config: Data, custom_objects: Mapping[str, Any] | None = None
    ) -> Made:
        """Return the object of a name or of a configuration, of this kind only.

        `custom_objects` maps more names to classes and functions.
        """
        if config is None:
            return None
        with registration.CustomObjectScope(custom_objects):
            if isinstance(config, str):
                return _instance(self.find(config))
            if not isinstance(config, Mapping) or "class_name" not in config:
                raise ArgumentError(
                    f"Expected a {self.kind} as a name or as a dictionary with "
                    f"class_name and config, got {config!r}."
                )
            if config["class_name"] == "function":
                return self.find(config["config"])
            found = sharing.already_read(config.get("shared_object_id"))
            if found is not None:
                return found
            found = self._class_of(config)
            return found if isinstance(found, FunctionType) else create(found, config)

    def _class_of(self, config: Mapping[str, Any]) -> Any:
        name, registered = config["class_name"], config.get("registered_name") or ""
        found = registration.find(registered, name)
        if found is None and registered in ("", name):
            return self.find(name)
        if found is None:
            raise unknown_object(self.kind, registered, self._known())
        return found


def _instance(thing: Any) -> Any:
    return thing() if inspect.isclass(thing) else thing
