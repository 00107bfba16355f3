"""Names, configurations and objects: one table of names a kind."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from multinet.errors import ArgumentError, unknown_name

#: What the program registered by name; every table looks here after its own entries.
CUSTOM: dict[str, Any] = {}


class Configurable:
    """An object that a dictionary of its constructor's arguments builds again.

    The dictionary is read from attributes named like the arguments. A class that keeps
    them under other names overrides `get_config`.
    """

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments, as data that can be written to a file."""
        config = {}
        for name, kind in arguments_of(type(self)).items():
            if kind in (
                inspect.Parameter.VAR_KEYWORD,
                inspect.Parameter.VAR_POSITIONAL,
            ):
                continue
            if not hasattr(self, name):
                raise ArgumentError(
                    f"{type(self).__name__} has an argument {name!r} but no attribute "
                    f"of that name. Keep it as self.{name}, or override get_config."
                )
            config[name] = getattr(self, name)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Return a new object of this configuration."""
        return cls(**config)


def arguments_of(cls: type) -> dict[str, Any]:
    """Return the names of the constructor's arguments and their kinds."""
    if cls.__init__ is object.__init__:
        return {}
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {p.name: p.kind for p in parameters}


def snake_case(name: str) -> str:
    """Return a class name as Keras writes it in lower case.

    >>> snake_case("MeanSquaredError"), snake_case("RMSprop"), snake_case("R2Score")
    ('mean_squared_error', 'rm_sprop', 'r2_score')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


_counts: dict[str, int] = {}


def unique_name(prefix: str) -> str:
    """Return `prefix`, then `prefix_1`, `prefix_2`, ...: a new name at each call."""
    count = _counts.get(prefix, 0)
    _counts[prefix] = count + 1
    return f"{prefix}_{count}" if count else prefix


def next_number(prefix: str) -> int:
    """Return how many names of `prefix` there are, counting one more."""
    _counts[prefix] = _counts.get(prefix, 0) + 1
    return _counts[prefix]


def restart() -> None:
    """Forget the names given so far."""
    _counts.clear()


class Registry:
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

    def find(self, name: str, custom: Mapping[str, Any] | None = None) -> Any:
        """Return what `name` stands for; `ArgumentError` naming the near ones."""
        for table in (custom or {}, self.objects, CUSTOM):
            if name in table:
                return table[name]
        custom_by_name = {
            key.rpartition(">")[2]: value for key, value in CUSTOM.items()
        }
        if name in custom_by_name:
            return custom_by_name[name]
        raise unknown_name(self.kind, name, self.objects)

    def get(self, identifier: Any) -> Any:
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
        if callable(identifier) or isinstance(identifier, Configurable):
            return identifier
        raise ArgumentError(
            f"Expected a {self.kind}: a name, configuration, object or function, "
            f"got {type(identifier).__name__}."
        )

    def serialize(self, thing: Any) -> Any:
        """Return a name (of a function) or {"class_name", "config"} (of an object)."""
        if thing is None or isinstance(thing, str):
            return thing
        if not inspect.isfunction(thing):
            name = _custom_name(type(thing)) or type(thing).__name__
            return {"class_name": name, "config": thing.get_config()}
        name = _custom_name(thing) or thing.__name__
        if name == "<lambda>":
            raise ArgumentError(
                f"A lambda given as {self.kind} has no name to be saved under. Define "
                "it with def, and register it to load it again."
            )
        return name

    def deserialize(
        self, config: Any, custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the object of a configuration that `serialize` made.

        `custom_objects` maps more names to classes and functions.
        """
        if config is None:
            return None
        if isinstance(config, str):
            return _instance(self.find(config, custom_objects))
        if not isinstance(config, Mapping) or "class_name" not in config:
            raise ArgumentError(
                f"Expected a {self.kind} as a name or as a dictionary with class_name "
                f"and config, got {config!r}."
            )
        if config["class_name"] == "function":
            return self.find(config["config"], custom_objects)
        name = config.get("registered_name") or config["class_name"]
        if name not in (custom_objects or {}) and name not in CUSTOM:
            name = config["class_name"]
        return self.find(name, custom_objects).from_config(config.get("config") or {})


def _instance(thing: Any) -> Any:
    return thing() if inspect.isclass(thing) else thing


def _custom_name(thing: Any) -> str | None:
    return next((name for name, known in CUSTOM.items() if known is thing), None)


def register(thing: Callable[..., Any] | type, name: str) -> None:
    """Make a class or function of the program known under `name` to every table."""
    CUSTOM[name] = thing
