"""Options of optimizers and schedules that are no numbers, or out of range."""

import math

import numpy as np
import pytest

from multinet import Variable, optimizers
from multinet.errors import ArgumentError
from multinet.optimizers import schedules

EVERY = (
    optimizers.SGD,
    optimizers.Adam,
    optimizers.AdamW,
    optimizers.Adamax,
    optimizers.RMSprop,
    optimizers.Adagrad,
    optimizers.Adadelta,
    optimizers.Lion,
)
NO_NUMBER = ("0.1", None, True, math.nan, math.inf, -0.1, 1j, [0.1, 0.2], np.ones(3))
OWN = {
    optimizers.SGD: {"momentum": (0, 1)},
    optimizers.Adam: {"beta_1": (0, 1), "beta_2": (0, 1), "epsilon": (0,)},
    optimizers.AdamW: {"beta_1": (0, 1), "beta_2": (0, 1), "epsilon": (0,)},
    optimizers.Adamax: {"beta_1": (0, 1), "beta_2": (0, 1), "epsilon": (0,)},
    optimizers.RMSprop: {"rho": (0, 1), "momentum": (0, 1), "epsilon": (0,)},
    optimizers.Adagrad: {"initial_accumulator_value": (0,), "epsilon": (0,)},
    optimizers.Adadelta: {"rho": (0, 1), "epsilon": (0,)},
    optimizers.Lion: {"beta_1": (0, 1), "beta_2": (0, 1)},
}
COMMON = (
    ("weight_decay", "0.1"),
    ("weight_decay", -0.1),
    ("weight_decay", math.nan),
    ("clipnorm", 0),
    ("clipnorm", "1"),
    ("global_clipnorm", -1.0),
    ("clipvalue", math.inf),
    ("clipvalue", True),
    ("use_ema", "no"),
    ("use_ema", 1),
    ("ema_momentum", 1.1),
    ("ema_momentum", "0.9"),
    ("ema_overwrite_frequency", 0),
    ("ema_overwrite_frequency", 2.5),
    ("loss_scale_factor", 0.0),
    ("loss_scale_factor", "2"),
)


@pytest.mark.parametrize("cls", EVERY)
def test_a_rate_is_a_number_that_is_not_negative(cls):
    for value in NO_NUMBER:
        with pytest.raises(ArgumentError, match="Expected learning_rate to be a"):
            cls(value)
    optimizer = cls(0.1)
    for value in NO_NUMBER:
        with pytest.raises(ArgumentError, match="Expected learning_rate to be a"):
            optimizer.learning_rate = value
    assert math.isclose(float(optimizer.learning_rate), 0.1, rel_tol=1e-6)


@pytest.mark.parametrize("cls", EVERY)
def test_options_of_every_optimizer_are_checked(cls):
    for name, value in COMMON:
        with pytest.raises(ArgumentError, match=f"Expected {name} to be"):
            cls(**{name: value})


@pytest.mark.parametrize("cls", EVERY)
def test_options_of_one_optimizer_are_checked(cls):
    for name, bounds in OWN[cls].items():
        beyond = [bounds[0] - 0.1, *(bound + 0.1 for bound in bounds[1:])]
        for value in (*beyond, "0.5", None, math.nan, True):
            with pytest.raises(ArgumentError, match=f"Expected {name} to be a number"):
                cls(**{name: value})


def test_what_is_a_number_is_taken():
    for rate in (0, 1, 0.1, np.float32(0.1), np.array(0.1), Variable(0.1)):
        optimizer = optimizers.Adam(rate, beta_1=np.float32(0.5), epsilon=0)
        assert math.isclose(float(optimizer.learning_rate), float(rate), rel_tol=1e-6)
    assert optimizers.SGD(momentum=np.float64(0.5)).get_config()["momentum"] == 0.5


def test_flags_are_bools():
    for cls, name in (
        (optimizers.SGD, "nesterov"),
        (optimizers.Adam, "amsgrad"),
        (optimizers.RMSprop, "centered"),
    ):
        with pytest.raises(ArgumentError, match=f"{name} to be True or False, got 'n"):
            cls(**{name: "no"})


def test_a_function_that_wants_the_step_is_no_rate():
    with pytest.raises(ArgumentError, match=r"without arguments, got one of \(step\)"):
        optimizers.SGD(lambda step: 0.1)
    with pytest.raises(ArgumentError, match="Make an object of the class"):
        optimizers.SGD(schedules.CosineDecay)
    assert optimizers.SGD(lambda step=0: 0.1).rate_at(0) == 0.1


@pytest.mark.parametrize("value", ["0.1", None, -0.1, math.nan, np.ones(2)])
def test_what_a_function_or_a_schedule_returns_is_checked(value):
    class Schedule(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 if step < 2 else value

    for source in (Schedule(), lambda: value):
        optimizer = optimizers.SGD(source)
        with pytest.raises(ArgumentError, match=">= 0 for update 3, got"):
            optimizer.rate_at(2)
    assert optimizers.SGD(Schedule()).rate_at(1) == 0.1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: schedules.ExponentialDecay(-0.1, 5, 0.9), "initial_learning_rate"),
        (lambda: schedules.ExponentialDecay("0.1", 5, 0.9), "initial_learning_rate"),
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.9), "decay_steps"),
        (lambda: schedules.ExponentialDecay(0.1, "5", 0.9), "decay_steps"),
        (lambda: schedules.ExponentialDecay(0.1, 5, -0.9), "decay_rate"),
        (lambda: schedules.ExponentialDecay(0.1, 5, 0.9, "no"), "staircase"),
        (lambda: schedules.InverseTimeDecay(0.1, 5, math.nan), "decay_rate"),
        (lambda: schedules.InverseTimeDecay(None, 5, 0.9), "initial_learning_rate"),
        (lambda: schedules.PiecewiseConstantDecay([5, 2], [1, 1, 1]), "that ascend"),
        (lambda: schedules.PiecewiseConstantDecay(["5"], [1, 1]), "boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([5], [1, -1]), "values"),
        (lambda: schedules.PolynomialDecay(0.1, 5, -0.1), "end_learning_rate"),
        (lambda: schedules.PolynomialDecay(0.1, 5, 0.0, power=-1), "power"),
        (lambda: schedules.PolynomialDecay(0.1, 5, cycle=1), "cycle"),
        (lambda: schedules.CosineDecay(0.1, 5, alpha=-1), "alpha"),
        (lambda: schedules.CosineDecay(0.1, 5, warmup_target="1"), "warmup_target"),
        (lambda: schedules.CosineDecay(0.1, 5, warmup_steps=-1), "warmup_steps"),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, m_mul=-1), "m_mul"),
        (lambda: schedules.CosineDecayRestarts(0.1, 5, t_mul="2"), "t_mul"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), 0), "initial_scale"),
        (lambda: optimizers.LossScaleOptimizer(optimizers.SGD(), 8, 0), "growth_steps"),
    ],
)
def test_arguments_of_schedules_are_checked(make, words):
    with pytest.raises(ArgumentError, match=f"Expected .*{words}"):
        make()
