"""The public names of Keras 3.15.1 are here, with its parameters and defaults."""

import importlib
import inspect

import keras
import pytest

from multinet import ops

SPACES = [
    "ops",
    "ops.image",
    "ops.linalg",
    "ops.nn",
    "ops.numpy",
    "random",
    "activations",
    "tree",
    "config",
    "backend",
]

# Parameters whose default differs: Keras's own does not work.
DEFAULTS = {"multi_hot"}


def public(module):
    return sorted(name for name in dir(module) if not name.startswith("_"))


def theirs(space):
    module = keras
    for part in space.split("."):
        module = getattr(module, part)
    return module


def ours(space):
    return importlib.import_module(f"multinet.{space}")


@pytest.mark.parametrize("space", SPACES)
def test_every_public_name_of_keras_is_here(space):
    assert keras.__version__ == "3.15.1"
    missing = [name for name in public(theirs(space)) if not hasattr(ours(space), name)]
    assert missing == []


def parameters(function, default=False):
    found = inspect.signature(function).parameters.values()
    return [
        (p.name, p.default) if default else p.name
        for p in found
        if p.kind is not p.VAR_KEYWORD
    ]


@pytest.mark.parametrize("space", SPACES)
def test_parameters_and_defaults_are_those_of_keras(space):
    module, reference = ours(space), theirs(space)
    for name in public(reference):
        function = getattr(reference, name)
        if not callable(function) or not hasattr(module, name):
            continue
        if inspect.isclass(function):
            continue
        mine = getattr(module, name)
        assert parameters(mine) == parameters(function), name
        if name not in DEFAULTS:
            assert parameters(mine, True) == parameters(function, True), name


@pytest.mark.parametrize("space", [s for s in SPACES if s.startswith("ops.")])
def test_namespaces_hold_the_functions_of_ops(space):
    module = ours(space)
    assert public(module) and set(module.__all__) == set(public(theirs(space)))
    for name in module.__all__:
        if hasattr(keras.ops, name):
            assert getattr(module, name) is getattr(ops, name), name


def test_no_name_of_ops_is_unknown_to_keras():
    assert [name for name in ops.__all__ if not hasattr(keras.ops, name)] == []
