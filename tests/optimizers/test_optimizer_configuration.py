"""Options, configurations and schedules are those of Keras."""

import inspect

import numpy as np
import pytest

from multinet import optimizers
from multinet.errors import ArgumentError
from multinet.optimizers import schedules

CLASSES = ("SGD", "Adam", "AdamW", "Adamax", "RMSprop", "Adagrad", "Adadelta", "Lion")

SCHEDULES = [
    ("ExponentialDecay", (0.1, 7, 0.5), {}),
    ("ExponentialDecay", (0.1, 7, 0.5), {"staircase": True}),
    ("InverseTimeDecay", (0.1, 7, 0.5), {}),
    ("InverseTimeDecay", (0.1, 7, 0.5), {"staircase": True}),
    ("PiecewiseConstantDecay", ([3, 10], [0.1, 0.05, 0.01]), {}),
    ("PolynomialDecay", (0.1, 9), {}),
    ("PolynomialDecay", (0.1, 9), {"power": 2.0, "cycle": True}),
    ("CosineDecay", (0.1, 12), {"alpha": 0.1}),
    ("CosineDecay", (0.0, 12), {"warmup_target": 0.2, "warmup_steps": 5}),
    ("CosineDecayRestarts", (0.1, 5), {}),
    ("CosineDecayRestarts", (0.1, 5), {"t_mul": 1.0, "m_mul": 0.5, "alpha": 0.1}),
]


@pytest.mark.parametrize("name,arguments,options", SCHEDULES)
def test_schedule_has_the_values_of_keras(name, arguments, options):
    import keras

    mine = getattr(schedules, name)(*arguments, **options)
    theirs = getattr(keras.optimizers.schedules, name)(*arguments, **options)
    found = [mine(step) for step in range(40)]
    assert all(isinstance(rate, float) for rate in found)
    wanted = [float(theirs(step)) for step in range(40)]
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-7)
    again = schedules.deserialize(schedules.serialize(mine))
    assert [again(step) for step in range(40)] == found
    theirs = keras.optimizers.schedules.serialize(theirs)
    assert schedules.deserialize(theirs).get_config() == mine.get_config()


@pytest.mark.parametrize("name", CLASSES)
def test_configuration_is_that_of_keras(name):
    import keras

    optimizer = getattr(optimizers, name)(name="opt")
    theirs = getattr(keras.optimizers, name)(name="opt").get_config()
    mine = optimizer.get_config()
    assert mine.keys() == theirs.keys()
    rate = theirs.pop("learning_rate")
    assert mine["learning_rate"] == pytest.approx(rate, rel=1e-7)
    assert {k: mine[k] for k in theirs} == theirs
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.get_config() == mine


@pytest.mark.parametrize("name", CLASSES)
def test_arguments_come_in_the_order_of_keras(name):
    import keras

    mine = _arguments(getattr(optimizers, name))
    assert mine == _arguments(getattr(keras.optimizers, name))[: len(mine)]


def _arguments(cls):
    parameters = inspect.signature(cls).parameters.values()
    return [(p.name, p.default) for p in parameters if p.kind != p.VAR_KEYWORD]


def test_schedule_survives_the_configuration():
    optimizer = optimizers.SGD(schedules.CosineDecay(0.1, 10))
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.rate_at(5) == optimizer.rate_at(5) == pytest.approx(0.05)


@pytest.mark.parametrize("name", ["sgd", "SGD", "adam", "adamw", "adam_w", "rmsprop"])
def test_optimizers_are_found_by_name(name):
    assert isinstance(optimizers.get(name), optimizers.Optimizer)


def test_unknown_name_names_the_near_ones():
    with pytest.raises(ArgumentError, match="'adam'"):
        optimizers.get("adm")


def test_two_ways_of_clipping_are_refused():
    with pytest.raises(ArgumentError, match="at most one way of clipping"):
        optimizers.SGD(clipnorm=1.0, clipvalue=1.0)


def test_unknown_argument_is_refused():
    with pytest.raises(TypeError, match="decay"):
        optimizers.SGD(decay=0.1)


def test_learning_rate_that_is_no_number_is_refused():
    with pytest.raises(ArgumentError, match="learning_rate"):
        optimizers.SGD("fast")
