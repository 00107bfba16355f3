"""Models that agree, or hang on a kink: what tests of agreement train."""

import numpy as np

import multinet
from multinet import layers
from multinet.compare import observing

ROWS = 16


def smooth():
    """A model without kinks, with dropout and a batch norm."""
    model = multinet.Sequential(
        [
            multinet.Input((6,)),
            layers.Dense(8, activation="tanh", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.25, name="dropout"),
            layers.Dense(2, name="head"),
        ],
        name="smooth",
    )
    model.compile("adam", "mse")
    return model


def at_zero():
    """A model whose relu gets sums that are 0 but for rounding, for `zero_sums`."""
    model = multinet.Sequential(
        [
            multinet.Input((6,)),
            layers.Dense(4, activation="relu", kernel_initializer="ones", name="sums"),
            layers.Dense(2, name="head"),
        ],
        name="at_zero",
    )
    model.compile(multinet.optimizers.SGD(0.1), "mse")
    return model


def tied():
    """A model that pools sums of equal numbers in two orders, for `mirrored`."""
    model = multinet.Sequential(
        [
            multinet.Input((14, 1)),
            layers.Conv1D(2, 7, strides=7, kernel_initializer="ones", name="sums"),
            layers.MaxPooling1D(2, name="pool"),
            layers.Flatten(name="flat"),
            layers.Dense(2, name="head"),
        ],
        name="tied",
    )
    model.compile(multinet.optimizers.SGD(0.1), "mse")
    return model


def batches(x, seed=0, count=3):
    """Batches of rows of x, with targets."""
    y = np.random.default_rng(seed + 100).normal(size=(len(x), 2)).astype("float32")
    rows = [slice(i * ROWS, (i + 1) * ROWS) for i in range(count)]
    return [(x[rows[i]], y[rows[i]]) for i in range(count)]


def normal(seed=0):
    return np.random.default_rng(seed).normal(size=(48, 6)).astype("float32")


def zero_sums(seed=0):
    """Rows whose sum is 0 but for the rounding of each number."""
    x = np.random.default_rng(seed).normal(size=(48, 6))
    return (x - x.mean(axis=1, keepdims=True)).astype("float32")


def mirrored(seed=0):
    """Series of seven numbers and the same seven backwards."""
    x = np.random.default_rng(seed).normal(size=(48, 7)).astype("float32")
    return np.concatenate([x, x[:, ::-1]], axis=1)[..., None]


def observed(make, data, backend, steps=10, seed=0, look=observing.observe):
    """What a backend computes for a model of a seed."""
    with multinet.use_backend(backend):
        multinet.set_random_seed(seed)
        return look(make(), data, steps)


def exact(make, data, steps=10, seed=0):
    return observed(make, data, "numpy", steps, seed, observing.refer)
