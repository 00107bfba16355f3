"""Networks learn, by the numbers that NumPy learns."""

import numpy as np
import pytest

import multinet
from multinet import layers
from multinet.datasets import digits


@pytest.fixture(autouse=True)
def seed():
    multinet.set_random_seed(1)


def images():
    (x, y), (x_test, y_test) = digits.load_data()
    return (x[..., None] / 16.0, y), (x_test[..., None] / 16.0, y_test)


def perceptron():
    return multinet.Sequential(
        [
            multinet.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def convolutional():
    return multinet.Sequential(
        [
            multinet.Input((8, 8, 1)),
            layers.Conv2D(16, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("gelu"),
            layers.MaxPooling2D(),
            layers.Conv2D(32, 3, padding="same", activation="gelu"),
            layers.AveragePooling2D(),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def recurrent():
    return multinet.Sequential(
        [
            multinet.Input((8, 8, 1)),
            layers.Reshape((8, 8)),
            layers.LSTM(32),
            layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.mark.parametrize(
    ("make", "epochs"), [(perceptron, 15), (convolutional, 12)], ids=["MLP", "CNN"]
)
def test_digits_are_learned(make, epochs):
    (x, y), test = images()
    with multinet.use_backend("pytensor"):
        model = make()
        loss = "sparse_categorical_crossentropy"
        model.compile("adam", loss, metrics=["accuracy"])
        model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
        assert model.evaluate(*test, verbose=0)[1] > 0.97


@pytest.mark.parametrize("make", [perceptron, convolutional, recurrent])
def test_losses_are_those_of_numpy(make):
    (x, y), _ = images()
    curves = []
    for name in ("numpy", "pytensor"):
        multinet.set_random_seed(1)
        with multinet.use_backend(name):
            model = make()
            model.compile("adam", "sparse_categorical_crossentropy")
            found = model.fit(x[:320], y[:320], batch_size=32, epochs=3, verbose=0)
            curves.append(found.history["loss"])
    np.testing.assert_allclose(curves[1], curves[0], rtol=1e-4)
    assert curves[0][-1] < curves[0][0]


def test_trained_weights_predict_the_same_on_numpy():
    (x, y), (x_test, _) = images()
    with multinet.use_backend("pytensor"):
        model = convolutional()
        model.compile("sgd", "sparse_categorical_crossentropy")
        model.fit(x[:320], y[:320], verbose=0)
        weights, wanted = model.get_weights(), model.predict(x_test[:50], verbose=0)
    with multinet.use_backend("numpy"):
        model = convolutional()
        model.set_weights(weights)
        found = model.predict(x_test[:50], verbose=0)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-6)
