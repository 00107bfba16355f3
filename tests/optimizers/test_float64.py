"""Training in float64 against formulas in float64: no number on the way is narrower."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.optimizers import SGD, Adam, LossScaleOptimizer, schedules

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(32, 5)), RNG.normal(size=(32, 1))
KERNEL = RNG.normal(size=(5, 1))
STEPS, RATE = 20, 0.1  # float32 has 0.1 with an error of 1.5e-9


@pytest.fixture(autouse=True)
def float64():
    """Make float64 the default."""
    multinet.set_floatx("float64")
    yield
    multinet.set_floatx("float32")


def decayed(step):
    return RATE * 0.9 ** (step / 7)


def by_hand(kind, rate=lambda step: RATE):
    """Return the kernel after the steps, as NumPy computes it."""
    w, m, v = KERNEL.copy(), np.zeros((5, 1)), np.zeros((5, 1))
    for t in range(1, STEPS + 1):
        g, eta = 2 * X.T @ (X @ w - Y) / len(X), rate(t - 1)
        if kind == "sgd":
            w = w - eta * g
        elif kind == "momentum":
            m = 0.9 * m - eta * g
            w = w + m
        else:
            m, v = m + (g - m) * (1 - 0.9), v + (g * g - v) * (1 - 0.999)
            eta = eta * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            w = w - eta * m / (np.sqrt(v) + 1e-7)
    return w


MAKE = {
    "sgd": lambda rate: SGD(rate),
    "momentum": lambda rate: SGD(rate, momentum=0.9),
    "adam": lambda rate: Adam(rate),
}
RATES = {
    "number": (lambda: RATE, lambda step: RATE),
    "schedule": (lambda: schedules.ExponentialDecay(RATE, 7, 0.9), decayed),
}
CASES = [(kind, "number") for kind in MAKE] + [("sgd", "schedule")]


class Own(multinet.Sequential):
    """A model with a step of its own."""

    def train_step(self, data):
        return super().train_step(data)


def model_of(cls=multinet.Sequential):
    model = cls([multinet.Input((5,)), layers.Dense(1, use_bias=False)])
    model.set_weights([KERNEL])
    assert model.weights[0].dtype == "float64"
    return model


@pytest.mark.parametrize(("kind", "rate"), CASES)
@pytest.mark.parametrize("way", ["fit", "eager", "own step", "loss scale"])
def test_fit_is_that_of_formulas_in_float64(backend, kind, rate, way):
    given, reference = RATES[rate]
    optimizer = MAKE[kind](given())
    if way == "loss scale":
        optimizer = LossScaleOptimizer(optimizer)
    model = model_of(Own if way == "own step" else multinet.Sequential)
    model.compile(optimizer, "mse", run_eagerly=way == "eager")
    options = {"epochs": STEPS, "batch_size": 32, "shuffle": False, "verbose": 0}
    model.fit(X, Y, **options)
    expected = by_hand(kind, reference)
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=0, atol=1e-12)
    if rate == "number":
        assert optimizer.learning_rate.dtype == "float64"


@pytest.mark.parametrize(("kind", "rate"), CASES)
@pytest.mark.parametrize("compiled", [False, True])
def test_a_loop_of_ones_own_is_that_of_formulas_in_float64(
    real_backend, kind, rate, compiled
):
    given, reference = RATES[rate]
    optimizer, model = MAKE[kind](given()), model_of()
    optimizer.build(model.trainable_variables)

    def step():
        def loss(_):
            return ops.mean(ops.square(ops.subtract(model(X), Y)))

        _, grads = multinet.value_and_grad(loss)(model.trainable_variables)
        optimizer.apply(grads, model.trainable_variables)

    run = multinet.jit(step) if compiled else step
    for _ in range(STEPS):
        run()
    expected = by_hand(kind, reference)
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=0, atol=1e-12)


def test_in_float32_the_rate_keeps_its_width(real_backend):
    multinet.set_floatx("float32")
    assert SGD(RATE).learning_rate.dtype == "float32"
    multinet.set_floatx("bfloat16")
    assert SGD(RATE).learning_rate.dtype == "float32"
