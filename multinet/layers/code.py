"""Modules of frameworks in a configuration: code, which no file has."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from multinet.errors import ArgumentError
from multinet.objects import registration
from multinet.objects.serialization import from_data, to_data
from multinet.typing import Made, Tree


class Code(dict[str, Any]):
    """The place of a module in a configuration; the module itself is beside it."""

    def __init__(self, module: object, layer: str) -> None:
        kind = type(module).__name__
        note = f"The module of {layer!r} is code, which Multinet does not write."
        super().__init__(class_name="__module__", config={"code": note, "kind": kind})
        self.module = module


def described(module: Made, layer: str) -> Tree:
    """Return a module as data if its class has `get_config`, else as `Code`."""
    return to_data(module) if hasattr(module, "get_config") else Code(module, layer)


def revived(data: Tree, layer: str, base: Callable[[], type]) -> Made:
    """Return the module that `described` has described, or a copy of it.

    That of a file is looked up by the name of the layer among the registered objects:
    a module, which is of the class that `base` returns, or a function that makes one.
    It is not asked before there is one, so what is refused imports no framework.
    `ArgumentError` if there is none.
    """
    if isinstance(data, Code):
        return copy.deepcopy(data.module)
    found = registration.find(layer) if layer else None
    if found is not None:
        return found if isinstance(found, base()) else found()
    if isinstance(data, Mapping) and data.get("class_name") != "__module__":
        return from_data(data)
    raise ArgumentError(
        f"The module of the layer {layer!r} is code: it is neither written to a file "
        "nor read from one, and a pickle is not opened, since it may run any code. "
        f"Give it by custom_objects={{{layer!r}: module}}; it gets the weights of the "
        "file."
    )
