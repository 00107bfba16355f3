"""Where a name that a test imports from inside Keras is public."""

import functools
import importlib
import types
from collections.abc import Iterator
from typing import Any

from .. import selection, settings
from .missing import missing

# By the path below `src`, the first that fits: where its names are public, in the order
# of search; "" is the top level.
_SPACES = {
    "ops.numpy": ("ops.numpy", "ops"),
    "ops.nn": ("ops.nn", "ops"),
    "ops.image": ("ops.image", "ops"),
    "ops.linalg": ("ops.linalg", "ops"),
    "ops.random": ("random",),
    "ops": ("ops", ""),
    "backend.numpy": ("ops.numpy", "ops"),
    "backend.nn": ("ops.nn", "ops"),
    "backend.image": ("ops.image", "ops"),
    "backend.linalg": ("ops.linalg", "ops"),
    "backend.math": ("ops",),
    "backend.core": ("ops", ""),
    "backend.random": ("random",),
    "backend.config": ("config", "backend"),
    "backend": ("", "backend", "config", "ops", "utils"),
    "layers.preprocessing.image_preprocessing.bounding_boxes": (
        "utils.bounding_boxes",
        "layers",
    ),
    "layers": ("layers", ""),
    "models": ("models", "", "saving"),
    "trainers": ("", "utils", "models"),
    "optimizers.schedules": ("optimizers.schedules", "optimizers"),
    "dtype_policies": ("dtype_policies", "config", ""),
    "saving": ("saving", "models", "utils"),
    "random": ("random", "utils"),
    "utils": ("utils", "config", "preprocessing", ""),
    "visualization": ("visualization",),
    "tree": ("tree",),
}
# Public under another name than inside.
_RENAMED = {"GroupedQueryAttention": "GroupQueryAttention"}
# Attributes of internal packages that stand for a whole namespace.
_BACKEND = ("numpy", "nn", "image", "linalg", "math", "core", "random", "config")
_ATTRIBUTES = {f"backend.{name}" for name in _BACKEND} | {"ops.random"}


@functools.cache
def target() -> Any:
    """Return the package under test."""
    return importlib.import_module(settings.target())


def library(name: str) -> Any:
    """Return an optional library, a placeholder where there is none."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return missing(name)


@functools.cache
def namespace(dotted: str) -> types.ModuleType | None:
    """Return the public namespace of that name, None if there is none."""
    if not dotted or dotted == "src" or dotted.startswith("src."):
        return None
    try:
        return importlib.import_module(f"{settings.target()}.{dotted}")
    except ImportError:
        pass
    found = target()
    for part in dotted.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, types.ModuleType) else None


def spaces(relative: str) -> tuple[str, ...]:
    """Return the namespaces in which names of `src.<relative>` may be public."""
    for prefix, found in _SPACES.items():
        if relative == prefix or relative.startswith(prefix + "."):
            return found
    parts = relative.split(".")
    own = [".".join(parts[:i]) for i in range(len(parts), 0, -1)]
    return (*own, "")


@functools.cache
def _everywhere() -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for name, value in _public_names(target(), set(), 0):
        found.setdefault(name, []).append(value)
    return found


def _public_names(
    module: types.ModuleType, seen: set[int], depth: int
) -> Iterator[tuple[str, Any]]:
    if id(module) in seen or depth > 4:
        return
    seen.add(id(module))
    for name in getattr(module, "__all__", None) or dir(module):
        value = getattr(module, name, None)
        if name.startswith("_") or name in ("src", "legacy") or value is None:
            continue
        if not isinstance(value, types.ModuleType):
            yield name, value
        elif value.__name__.startswith(settings.target() + "."):
            if ".src" not in value.__name__:
                yield from _public_names(value, seen, depth + 1)


def public(relative: str, name: str) -> Any:
    """Return the public object for `src.<relative>.<name>`; raises KeyError."""
    names = [name, *([_RENAMED[name]] if name in _RENAMED else [])]
    for one in names:
        for space in spaces(relative):
            module = namespace(space) if space else target()
            value = getattr(module, one, None)
            if value is not None and not isinstance(value, types.ModuleType):
                return value
    for one in names:
        found = _everywhere().get(one, [])
        if found and all(value is found[0] for value in found):
            return found[0]
    raise KeyError(name)


def top_level(name: str) -> Any:
    """Return what a test means by `keras.<name>`."""
    if name == "src":
        return importlib.import_module("kerastests.src")
    if name.startswith("_") and name != "__version__":
        raise AttributeError(name)
    if hasattr(target(), name):
        return getattr(target(), name)
    return namespace(name) or missing(f"keras.{name}")


def is_module(relative: str) -> bool:
    """Return whether `src.<relative>` is a module, by the files of Keras."""
    path = selection.source() / relative.replace(".", "/")
    return relative in _ATTRIBUTES or path.is_dir() or path.with_suffix(".py").is_file()


def answer(relative: str, name: str) -> Any:
    """Return what stands for `src.<relative>.<name>`."""
    from . import names, operations

    if name.startswith("__"):
        raise AttributeError(name)
    found = names.lookup(relative, name)
    if found is not names.NONE:
        return found
    inner = f"{relative}.{name}".lstrip(".")
    if is_module(inner):
        return importlib.import_module(f"kerastests.src.{inner}")
    operation = operations.operation(relative, name)
    if operation is not None:
        return operation
    try:
        return public(relative, name)
    except KeyError:
        return missing(f"keras.src.{inner}")
