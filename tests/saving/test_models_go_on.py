"""A model that was saved and read goes on as the one that was not."""

import numpy as np
import pytest

import multinet
from multinet import Input, Model, Sequential, layers, optimizers, saving
from multinet.registry import use_backend

X = np.random.default_rng(0).normal(size=(48, 6)).astype("float32")
Y = X[:, :2] @ np.array([[1.0, -1.0], [0.5, 2.0]], "float32")


def with_draws(optimizer="adam", **options):
    """Return a compiled model that draws in training."""
    model = Sequential(
        [
            Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(2),
        ]
    )
    model.compile(optimizer, "mse", metrics=["mae"], **options)
    return model


OPTIMIZERS = [
    optimizers.Adam(1e-2, amsgrad=True),
    optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.9),
    optimizers.RMSprop(1e-2, centered=True, use_ema=True),
    optimizers.Lion(1e-3, weight_decay=0.1),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: each.name)
def test_training_goes_on_with_the_same_numbers(optimizer, backend, tmp_path):
    fresh = type(optimizer).from_config(optimizer.get_config())
    model = with_draws(fresh)
    model.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    model.save(tmp_path / "model.keras")
    read = saving.load_model(tmp_path / "model.keras")
    histories = [
        each.fit(X, Y, batch_size=16, epochs=3, verbose=0).history
        for each in (model, read)
    ]
    assert histories[0]["loss"] == histories[1]["loss"]
    for have, want in zip(read.variables, model.variables, strict=True):
        assert np.array_equal(have.numpy(), want.numpy()), want.path


def test_a_file_of_one_backend_opens_on_every_other(tmp_path):
    outputs = {}
    with use_backend("numpy"):
        model = with_draws()
        model.fit(X, Y, batch_size=16, verbose=0)
        model.save(tmp_path / "model.keras")
        wanted = model.predict(X, verbose=0)
    for name in ("jax", "torch", "tensorflow"):
        with use_backend(name):
            read = saving.load_model(tmp_path / "model.keras")
            outputs[name] = read.predict(X, verbose=0)
            assert int(read.optimizer.iterations.numpy()) == 3
    for found in outputs.values():
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_loose_draws_go_on_where_they_stood(backend, tmp_path):
    x = Input((4,))
    model = Model(x, layers.GaussianNoise(1.0, seed=3)(x))
    zeros = np.zeros((2, 4), "float32")
    model(zeros, training=True)
    model.save(tmp_path / "noise.keras")
    read = saving.load_model(tmp_path / "noise.keras")
    found, wanted = (
        multinet.ops.convert_to_numpy(each(zeros, training=True))
        for each in (read, model)
    )
    assert np.array_equal(found, wanted)
    assert found.any()
