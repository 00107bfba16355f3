"""Objects as the data of Keras 2: a class name and a configuration."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from multinet import surface
from multinet.checks import shown
from multinet.errors import ArgumentError
from multinet.objects import get_custom_objects, get_registered_name
from multinet.tracebacks import shortening
from multinet.typing import Config, Made

__all__ = [
    "deserialize_keras_object",
    "serialize_keras_object",
]

surface.show(__name__)


@shortening
def serialize_keras_object(instance: Made) -> Config | str | None:
    """Return an object as {"class_name", "config"}, a function as its name."""
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        return {
            "class_name": get_registered_name(type(instance)),
            "config": instance.get_config(),
        }
    if hasattr(instance, "__name__"):
        return get_registered_name(instance)
    raise ArgumentError(
        f"Expected a function, or an object with get_config, got {shown(instance)}."
    )


@shortening
def deserialize_keras_object(
    identifier: Config | str | None,
    module_objects: Mapping[str, object] | None = None,
    custom_objects: Mapping[str, object] | None = None,
    printable_module_name: str = "object",
) -> Made:
    """Return the object of such data, found among the given and registered ones.

    Names are looked up in `custom_objects`, in what the program registered and in
    `module_objects`; nothing is imported. A class named alone is made without
    arguments.
    """
    if identifier is None:
        return None
    known = {
        **(module_objects or {}),
        **get_custom_objects(),
        **(custom_objects or {}),
    }
    if isinstance(identifier, str):
        found = _named(identifier, known, printable_module_name)
        return found() if inspect.isclass(found) else found
    if not (
        isinstance(identifier, dict) and {"class_name", "config"} <= set(identifier)
    ):
        raise ArgumentError(
            f"Expected a name, or a dict of class_name and config, for "
            f"{printable_module_name}, got {shown(identifier)}."
        )
    cls = _named(identifier["class_name"], known, printable_module_name)
    config = identifier["config"]
    if hasattr(cls, "from_config"):
        return cls.from_config(config)
    return cls(**config)


def _named(name: str, known: Mapping[str, object], what: str) -> Made:
    if name not in known:
        raise ArgumentError(
            f"Expected the name of a known {what}, got {name!r}. Pass it by "
            f"custom_objects={{{name!r}: ...}}, or register it."
        )
    return known[name]
