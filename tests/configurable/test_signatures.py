"""Constructors take what Keras's take, in the same order, with the same defaults."""

import functools
import inspect

import keras
import pytest

from multinet.objects import exports

#: The layers have a test of their own.
SPACES = (
    "keras.constraints",
    "keras.initializers",
    "keras.losses",
    "keras.metrics",
    "keras.optimizers",
    "keras.optimizers.schedules",
    "keras.regularizers",
)


def peer_of(cls):
    module, name, _ = exports.public_name(cls)
    space = functools.reduce(getattr, module.split(".")[1:], keras)
    return getattr(space, name, None)


CLASSES = [
    cls
    for cls, name in exports._exports().names.items()
    if name.module in SPACES and peer_of(cls) is not None
]


def arguments(cls):
    open_ended = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(cls).parameters.values()
    return [(p.name, p.default) for p in parameters if p.kind not in open_ended]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_signature_is_that_of_keras(cls):
    assert arguments(cls) == arguments(peer_of(cls))


def test_every_namespace_is_compared():
    assert {exports.public_name(cls).module for cls in CLASSES} == set(SPACES)
