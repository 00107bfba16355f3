"""What a public name takes and gives is said: by a type, or by an alias of one."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

import multinet
from multinet import typing

# The kit is run by pytest: of its modules only what the package gives is public.
_KIT = "multinet.conformance."

MODULES = ["multinet"] + [
    found.name
    for found in pkgutil.walk_packages(multinet.__path__, "multinet.")
    if not found.name.startswith(_KIT)
]


def _names(module: ModuleType) -> list[str]:
    """Return what a module says is public, or else what is written in it."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    own = [n for n, x in vars(module).items() if _home(x) == module.__name__]
    return [name for name in own if not name.startswith("_")]


def _home(thing: object) -> str:
    return getattr(thing, "__module__", None) or ""


def _is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _functions(thing: object, name: str) -> Iterator[tuple[str, Callable, int]]:
    """Yield the functions of a public name, and how many arguments Python gives each:
    itself, or its methods, constructors and operators, those of its bases too.
    """
    if inspect.isfunction(thing):
        yield name, inspect.unwrap(thing), 0
    elif callable(thing) and not inspect.isclass(thing):  # an op, that is an object
        inner = inspect.unwrap(thing)
        yield from _functions(type(thing) if inner is thing else inner, name)
    elif inspect.isclass(thing):
        for cls in thing.__mro__:
            for attribute, member in vars(cls).items():
                if not _is_public(attribute):
                    continue
                free = isinstance(member, staticmethod) and attribute != "__new__"
                bound = 0 if free else 1
                wrapped = [member]
                if isinstance(member, property):
                    wrapped = [f for f in (member.fget, member.fset) if f is not None]
                for function in wrapped:
                    function = inspect.unwrap(getattr(function, "__func__", function))
                    if inspect.isfunction(function):
                        yield f"{cls.__name__}.{attribute}", function, bound


def unsaid(function: Callable, bound: int = 0) -> list[str]:
    """Return the parameters whose type is missing or Any, `return` among them."""
    signature = inspect.signature(function)
    open_ended = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = [
        parameter.name
        for parameter in list(signature.parameters.values())[bound:]
        if parameter.kind not in open_ended and _says_nothing(parameter.annotation)
    ]
    if _says_nothing(signature.return_annotation):
        found.append("return")
    return found


def _says_nothing(annotation: object) -> bool:
    # The modules import annotations from the future, so aliases keep their names here.
    return annotation is inspect.Signature.empty or annotation == "Any"


def missing(module: ModuleType) -> dict[str, list[str]]:
    """Return what the public names of a module leave unsaid, by function."""
    found = {}
    for name in _names(module):
        for label, function, bound in _functions(getattr(module, name), name):
            home = _home(function) + "."
            # What dataclasses and named tuples write has no file of ours.
            ours = function.__code__.co_filename.endswith(".py")
            if home.startswith("multinet.") and ours:
                nothing = unsaid(function, bound)
                if nothing:
                    found[f"{_home(function)}.{label}"] = nothing
    return found


@pytest.mark.parametrize("name", MODULES)
def test_public_signatures_say_what_they_take_and_give(name):
    assert missing(importlib.import_module(name)) == {}


def test_a_bare_any_and_a_missing_type_are_found():
    space: dict = {}
    code = """
from __future__ import annotations
def of(x: Any, y, z: Tensor, *rest: Any, w: list[Any] = (), **more: Any) -> Any: ...
class Thing:
    def __init__(self, x: Any) -> None: ...
    @property
    def size(self): ...
    @staticmethod
    def made(x: Any) -> Thing: ...
"""
    exec(code, space)
    assert unsaid(space["of"]) == ["x", "y", "return"]
    found = {name: unsaid(f, n) for name, f, n in _functions(space["Thing"], "Thing")}
    assert found["Thing.__init__"] == ["x"]
    assert found["Thing.size"] == ["return"]
    assert found["Thing.made"] == ["x"]


def test_many_names_are_looked_at():
    layers = importlib.import_module("multinet.layers")
    looked = {
        label for n in _names(layers) for label, *_ in _functions(getattr(layers, n), n)
    }
    assert {"Dense.__init__", "Layer.__call__", "Tracked.add_weight"} <= looked


def test_each_alias_has_its_meaning_beside_it():
    source = inspect.getsource(typing)
    for name in typing.__all__:
        definition = source.split(f"\n{name}: TypeAlias = ")[1]
        assert definition.split("\n")[1].startswith('"""'), name
