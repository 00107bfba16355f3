"""Schedules inside of compiled functions: the rate follows the count of updates."""

import numpy as np
import pytest

import multinet
from multinet import ops, optimizers
from multinet.errors import ArgumentError, TraceError
from multinet.optimizers import schedules
from multinet.variables import Variable

CASES = {
    "exponential": lambda: schedules.ExponentialDecay(0.1, 10, 0.9),
    "exponential staircase": lambda: schedules.ExponentialDecay(0.1, 7, 0.9, True),
    "exponential of floats": lambda: schedules.ExponentialDecay(0.1, 2.5, 0.96),
    "exponential growth": lambda: schedules.ExponentialDecay(1e-5, 2_000_000, 1.7),
    "inverse": lambda: schedules.InverseTimeDecay(0.1, 10, 0.5),
    "inverse staircase": lambda: schedules.InverseTimeDecay(0.1, 7, 0.5, True),
    "piecewise": lambda: schedules.PiecewiseConstantDecay(
        [3, 9.5, 1e12], [0.1, 0.05, 0.01, 0.001]
    ),
    "linear": lambda: schedules.PolynomialDecay(0.1, 30),
    "polynomial": lambda: schedules.PolynomialDecay(0.1, 30, 0.0, 2.5),
    "polynomial cycle": lambda: schedules.PolynomialDecay(0.1, 13, 0.001, 0.5, True),
    "cosine": lambda: schedules.CosineDecay(0.1, 30),
    "cosine warm": lambda: schedules.CosineDecay(
        0.01, 30, 0.05, warmup_target=0.2, warmup_steps=6
    ),
    "cosine long": lambda: schedules.CosineDecay(0.1, 100_000_003),
    "restarts": lambda: schedules.CosineDecayRestarts(0.1, 5),
    "restarts equal": lambda: schedules.CosineDecayRestarts(0.1, 7, 1.0, 0.9, 0.1),
    "restarts odd": lambda: schedules.CosineDecayRestarts(0.1, 5, 1.3, 0.8),
}
STEPS = [*range(45), 99, 1000, 4321, 65_537, 3_000_001, 50_000_017, 99_999_999]


@pytest.mark.parametrize("name", CASES)
def test_the_traced_rate_is_the_one_of_the_host(name, backend):
    schedule = CASES[name]()
    compiled = multinet.jit(lambda step: schedule(step))
    for step in STEPS:
        want = np.float64(schedule(step))
        got = compiled(np.int32(step))
        assert backend.dtype(got) == "float32" and backend.shape(got) == ()
        # Float32 holds about 6e-8 of a value, and nothing below 1e-38.
        np.testing.assert_allclose(
            backend.to_numpy(got), want, rtol=1e-6, atol=1e-37, err_msg=str(step)
        )


def test_a_schedule_takes_a_variable_and_other_integers(backend):
    schedule = schedules.CosineDecay(0.1, 30)
    for step in (Variable(7, dtype="int32"), Variable(7.0), np.int64(7), 7):
        np.testing.assert_allclose(ops.convert_to_numpy(schedule(step)), schedule(7))


@pytest.mark.parametrize("name", CASES)
def test_a_compiled_step_of_ones_own_follows_the_schedule(name, backend):
    variable, optimizer = (
        Variable(np.zeros(3, "float32")),
        optimizers.SGD(CASES[name]()),
    )

    @multinet.jit
    def step(gradient):
        optimizer.apply([gradient], [variable])

    want = 0.0
    for count in range(12):
        step(np.ones(3, "float32"))
        want -= CASES[name]()(count)
        np.testing.assert_allclose(variable.numpy(), want, rtol=3e-6)
    assert int(optimizer.iterations.numpy()) == 12
    optimizer.iterations.assign(3)
    variable.assign(np.zeros(3))
    step(np.ones(3, "float32"))
    np.testing.assert_allclose(variable.numpy(), -CASES[name]()(3), rtol=1e-6)


def test_several_updates_in_one_compiled_call_count_each(backend):
    schedule = schedules.PolynomialDecay(1.0, 8, 0.0)
    variable, optimizer = Variable(0.0), optimizers.SGD(schedule)

    @multinet.jit
    def step(gradient):
        for _ in range(3):
            optimizer.apply([gradient], [variable])

    step(np.float32(1))
    step(np.float32(1))
    want = -sum(schedule(i) for i in range(6))
    np.testing.assert_allclose(variable.numpy(), want, rtol=1e-6)


def test_updates_in_a_loop_of_the_graph_count_each(backend):
    schedule = schedules.ExponentialDecay(1.0, 2, 0.5)
    variable, optimizer = Variable(0.0), optimizers.Adam(schedule)
    optimizer.build([variable])

    @multinet.jit
    def steps(gradients):
        def body(carry, gradient):
            optimizer.apply([gradient], [variable])
            return carry, gradient

        ops.scan(body, np.float32(0), gradients)

    gradients = np.array([1.0, -0.5, 2.0, 0.25, 1.5], "float32")
    steps(gradients)
    eager, other = Variable(0.0), optimizers.Adam(schedule)
    for gradient in gradients:
        other.apply([ops.convert_to_tensor(gradient)], [eager])
    np.testing.assert_allclose(variable.numpy(), eager.numpy(), rtol=2e-6)
    assert int(optimizer.iterations.numpy()) == 5


class Halving(schedules.LearningRateSchedule):
    """A schedule that a user wrote with ops."""

    def __call__(self, step):
        return ops.power(0.5, ops.cast(step, "float32"))


def test_a_schedule_of_ones_own_written_with_ops_is_followed(backend):
    variable, optimizer = Variable(0.0), optimizers.SGD(Halving())
    step = multinet.jit(lambda g: optimizer.apply([g], [variable]))
    for _ in range(4):
        step(np.float32(1))
    np.testing.assert_allclose(variable.numpy(), -1.875)


def test_a_rate_that_a_function_computes_is_not_frozen_into_a_compiled_step(backend):
    scale = Variable(0.5)
    variable, optimizer = Variable(0.0), optimizers.SGD(lambda: ops.multiply(scale, 2))
    step = multinet.jit(lambda g: optimizer.apply([g], [variable]))
    step(np.float32(1))
    scale.assign(1.0)
    step(np.float32(1))
    np.testing.assert_allclose(variable.numpy(), -3.0)
    frozen = optimizers.SGD(lambda: 0.1)
    step = multinet.jit(lambda g: frozen.apply([g], [variable]))
    with pytest.raises(TraceError, match="keep its first one.*LearningRateSchedule"):
        step(np.float32(1))


def test_cycles_that_become_shorter_are_refused():
    with pytest.raises(ArgumentError, match="t_mul to be a number >= 1.*shorter"):
        schedules.CosineDecayRestarts(0.1, 5, 0.5)
