"""train_on_batch and test_on_batch report the batch's own loss and metrics."""

import functools

import keras
import numpy as np
import pytest

import multinet

RNG = np.random.default_rng(4)
X = RNG.normal(size=(24, 3)).astype("float32")
LABELS = RNG.integers(0, 2, (24, 1))
WEIGHTS = RNG.uniform(0.5, 2.0, 24).astype("float32")
START = RNG.normal(size=(3, 1)).astype("float32"), np.zeros(1, "float32")


def two_outputs(kit):
    """Return a compiled model of the library that is given, and its data."""
    inputs = kit.Input((3,))
    outputs = [
        kit.layers.Dense(1, activation="sigmoid", name="yes")(inputs),
        kit.layers.Dense(1, name="much")(inputs),
    ]
    model = kit.Model(inputs, outputs)
    model.compile(
        kit.optimizers.SGD(0.1),
        ["binary_crossentropy", "mse"],
        metrics=[["accuracy"], ["mae"]],
        weighted_metrics=[[], ["mse"]],
    )
    model.set_weights([*START, *START])
    return model, [LABELS, X[:, :1]]


def one_output(kit):
    """Return a compiled model of the library that is given, and its data."""
    model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(1, activation="sigmoid")])
    model.compile(
        kit.optimizers.SGD(0.1),
        "binary_crossentropy",
        metrics=["accuracy", "mse"],
    )
    model.set_weights([*START])
    return model, LABELS


def reported(kit, make):
    """Return what a mixture of calls reports."""
    model, y = make(kit)

    def batch(start):
        rows = slice(start, start + 8)
        targets = [t[rows] for t in y] if isinstance(y, list) else y[rows]
        return {"x": X[rows], "y": targets, "return_dict": True}

    several = isinstance(y, list)
    weights = [WEIGHTS[:8]] * 2 if several else WEIGHTS[:8]
    return [
        model.train_on_batch(**batch(0)),
        model.train_on_batch(**batch(8)),
        model.test_on_batch(**batch(0)),
        model.test_on_batch(**batch(16)),
        model.train_on_batch(**batch(0), sample_weight=weights),
        model.evaluate(X, y, verbose=0, return_dict=True),
        model.test_on_batch(**batch(8), sample_weight=weights),
        {
            name: values[0]
            for name, values in model.fit(
                X, y, batch_size=8, shuffle=False, verbose=0
            ).history.items()
        },
        model.train_on_batch(**batch(16)),
    ]


@functools.cache
def of_keras(make):
    """Return what Keras reports."""
    return reported(keras, make)


@pytest.mark.parametrize("make", [one_output, two_outputs])
def test_each_batch_is_reported_alone_as_in_keras(backend, make):
    for ours, theirs in zip(reported(multinet, make), of_keras(make), strict=True):
        assert set(ours) == set(theirs)
        for name, value in ours.items():
            np.testing.assert_allclose(value, theirs[name], rtol=1e-5, atol=1e-6)
