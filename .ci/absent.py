"""Find the public names of Keras that Multinet lacks; write them to absent.json.

KERAS_BACKEND=jax python .ci/absent.py
"""

import ast
import inspect
import json
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

import multinet

PATH = Path(multinet.__file__).parent / "absent.json"


def find() -> dict[str, dict[str, list[str]]]:
    """Return the absent names of each namespace, and of each class."""
    modules, classes = {}, {}
    for ours, theirs in _namespaces(multinet, keras):
        names = _public(theirs)
        absent = [n for n in names if not hasattr(ours, n)]
        if absent:
            modules[ours.__name__] = absent
        for name in names:
            pair = getattr(ours, name, None), getattr(theirs, name)
            if all(map(inspect.isclass, pair)):
                classes[pair[0]] = pair[1]
    return {"modules": modules, "classes": _members(classes)}


def _namespaces(
    ours: types.ModuleType, theirs: types.ModuleType
) -> Iterator[tuple[types.ModuleType, types.ModuleType]]:
    """Yield the modules that both have."""
    yield ours, theirs
    for name in _public(theirs):
        pair = getattr(ours, name, None), getattr(theirs, name)
        if all(isinstance(part, types.ModuleType) for part in pair):
            yield from _namespaces(*pair)  # type: ignore[arg-type]


def _public(thing: Any) -> list[str]:
    """Return the public names; not those of the framework that Keras runs on."""
    framework = keras.backend.backend()
    names = [n for n in dir(thing) if not n.startswith("_") and n != "src"]
    return [n for n in names if not n.startswith(framework)]


def _members(classes: dict[type, type]) -> dict[str, list[str]]:
    """Return what classes lack, each name at the highest of them that lacks it."""
    lacking = {
        ours: set(_public(theirs)) - _attributes(ours)
        for ours, theirs in classes.items()
    }
    found = {}
    for ours, names in lacking.items():
        above = [lacking.get(base, set()) for base in ours.__mro__[1:]]
        own = sorted(names.difference(*above))
        if own:
            found[ours.__name__] = own
    return dict(sorted(found.items()))


def _attributes(cls: type) -> set[str]:
    """Return the names that a class has, those its methods assign included."""
    names = set(dir(cls))
    for part in cls.__mro__:
        if part.__module__.split(".")[0] != "multinet":
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(part)))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names.add(node.target.id)
    return names


if __name__ == "__main__":
    PATH.write_text(json.dumps(find(), indent=1) + "\n")
