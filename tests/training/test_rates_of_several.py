"""Callbacks set each rate of a MultiOptimizer as Keras's do, from the same weights."""

import keras
import numpy as np
import pytest

import multinet

RNG = np.random.default_rng(2)
X, Y = RNG.normal(size=(12, 3)).astype("float32"), np.ones((12, 1), "float32")


def compiled(library):
    """Return a model of two layers, each with an optimizer of its own."""
    first = library.layers.Dense(
        2, kernel_initializer=library.initializers.Constant(0.3), name="first"
    )
    last = library.layers.Dense(
        1, kernel_initializer=library.initializers.Constant(-0.2), name="last"
    )
    model = library.Sequential([library.Input((3,)), first, last])
    several = library.optimizers.MultiOptimizer(
        library.optimizers.OptimizerMap(
            default_optimizer=library.optimizers.SGD(0.01, name="slow"),
            optimizer_map={".*first/.*": library.optimizers.SGD(0.1, name="fast")},
        )
    )
    model.compile(several, "mse")
    return model


CALLBACKS = {
    "schedule": lambda library: library.callbacks.LearningRateScheduler(
        lambda epoch, rate: rate * 0.5
    ),
    "plateau": lambda library: library.callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=1, min_delta=100.0, min_lr=0.004
    ),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_each_rate_is_set_and_logged(name, real_backend):
    found = []
    for library in (multinet, keras):
        model = compiled(library)
        history = model.fit(
            X, Y, 4, 4, verbose=0, shuffle=False, callbacks=[CALLBACKS[name](library)]
        )
        rates = {k: v for k, v in history.history.items() if k.startswith("learning")}
        found.append((rates, model.get_weights()))
    (mine, weights), (theirs, want) = found
    assert set(mine) == {"learning_rate_fast", "learning_rate_slow"} == set(theirs)
    for key, values in theirs.items():
        assert len(set(values)) > 1
        np.testing.assert_allclose(mine[key], values, rtol=1e-6)
    for x, y in zip(weights, want, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_rates_of_one_name_are_told_apart():
    model = compiled(multinet)
    for optimizer in model.optimizer.optimizers:
        optimizer.name = "sgd"
    schedule = multinet.callbacks.LearningRateScheduler(lambda epoch, rate: rate)
    logs = model.fit(X, Y, verbose=0, callbacks=[schedule]).history
    told = {logs["learning_rate_sgd"][0], logs["learning_rate_sgd_1"][0]}
    np.testing.assert_allclose(sorted(told), [0.01, 0.1])
