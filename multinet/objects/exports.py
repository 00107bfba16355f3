"""Which of our classes and functions a configuration may name, and how Keras does."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

#: The root of the modules in Keras's file format.
ROOT = "keras"
# Namespaces whose classes Keras writes as those of another module, if that has them.
_LAST = ("models", "dtype_policies", "mixed_precision")
# Namespaces that have nothing which a file could name.
_UNWRITTEN = ("applications", "datasets", "preprocessing", "visualization", "wrappers")
# Where a function that is known by its name alone is looked up.
_FUNCTIONS = ("activations", "losses", "metrics", "ops")


def _root() -> ModuleType:
    """Return the package, whose public modules are meant."""
    return sys.modules[__name__.partition(".")[0]]


class Name(NamedTuple):
    """How an object's class is written."""

    module: str | None
    class_name: str
    registered_name: str | None = None


class _Exports(NamedTuple):
    names: dict[type, Name]
    classes: dict[str, dict[str, type]]  # by module, then by name
    functions: dict[str, Any]


def inner(module: str, name: str) -> Name:
    """Return the name of a class that Keras has inside, out of its users' sight."""
    return Name(f"{ROOT}.src.{module}", name, name)


def public_name(cls: type) -> Name | None:
    """Return the module and the name under which Keras's users find one of our classes.

    None of a class of the program.
    """
    return _exports().names.get(cls)


def find_class(module: str, name: str) -> type | None:
    """Return our class of a name in a module of Keras, one of its inner modules too.

    An inner module, `keras.src.metrics.iou_metrics`, says by its parts which of our
    namespaces is meant. A module may be named as one of this package, too.
    """
    module = _as_keras(module)
    classes = _exports().classes
    if name in classes.get(module, ()):
        return classes[module][name]
    parts = set(module.split("."))
    found = [(space, table[name]) for space, table in classes.items() if name in table]
    for space, cls in found:
        if space.rpartition(".")[2] in parts - {ROOT}:
            return cls
    inner = "src" in parts
    return found[0][1] if found and inner else None


def is_ours(module: str) -> bool:
    """Return whether a module that a configuration names is one of Keras's, or ours."""
    module = _as_keras(module)
    return module == ROOT or module.startswith(f"{ROOT}.")


def _as_keras(module: str) -> str:
    """Return the name of a module in Keras's file format."""
    own, dot, rest = module.partition(".")
    return f"{ROOT}{dot}{rest}" if own == _root().__name__ else module


def find_function(name: str) -> Callable[..., Any] | None:
    """Return our function of a name: an activation, loss, metric or op, or None."""
    return _exports().functions.get(name)


def is_activation(function: object) -> bool:
    """Return whether a function is one of ours that a name stands for in a layer."""
    return function.__module__ == "multinet.activations"


def class_names() -> list[str]:
    """Return the names of all classes."""
    return sorted({n for table in _exports().classes.values() for n in table})


def function_names() -> list[str]:
    """Return the names of all functions."""
    return sorted(_exports().functions)


@functools.cache
def _exports() -> _Exports:
    names: dict[type, Name] = {}
    classes: dict[str, dict[str, type]] = {}
    functions: dict[str, Any] = {}
    for module, space in _namespaces():
        table = classes.setdefault(module, {})
        for name, thing in _public(space):
            if inspect.isclass(thing) and hasattr(thing, "get_config"):
                table[name] = thing
                for each in (thing, *vars(thing).get("_in_files", ())):
                    written = vars(each).get("_written_as")
                    if written is not None:
                        classes.setdefault(written.module, {})[written.class_name] = (
                            each
                        )
                if name == thing.__name__:
                    names.setdefault(thing, Name(module, name))
            elif isinstance(thing, FunctionType) and _says(space) in _FUNCTIONS:
                functions.setdefault(name, thing)
    return _Exports(names, classes, functions)


def _says(space: ModuleType) -> str:
    return space.__name__.partition(".")[2]


def _namespaces() -> Iterator[tuple[str, ModuleType]]:
    """Yield the modules that have what can be written, the preferred ones first."""
    root = _root()
    order = {name: place for place, name in enumerate(_FUNCTIONS)}
    order |= {"": len(order) + 1} | {name: len(order) + 2 for name in _LAST}
    parts = [getattr(root, name) for name in root.__all__ if name not in _UNWRITTEN]
    spaces = [part for part in parts if isinstance(part, ModuleType)]
    spaces += [root.optimizers.schedules, root]
    # These alone of the applications: a class of layers that no program names.
    spaces.append(importlib.import_module(f"{root.__name__}.applications.layers"))
    for space in sorted(spaces, key=lambda s: order.get(_says(s), len(_FUNCTIONS))):
        yield space.__name__.replace(root.__name__, ROOT, 1), space


def _public(space: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield what a module exports: its `__all__`."""
    for name in vars(space)["__all__"]:
        yield name, getattr(space, name)
