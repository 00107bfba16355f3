"""Tables of pandas as data."""

import numpy as np
import pytest

import multinet
from multinet import layers
from multinet.errors import DTypeError

pandas = pytest.importorskip("pandas")

X = np.arange(24.0).reshape(8, 3) / 24
Y = X.sum(1, keepdims=True)
TABLE = pandas.DataFrame(X, columns=["a", "b", "c"])
TARGET = pandas.Series(Y[:, 0])


def network():
    multinet.set_random_seed(1)
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", weighted_metrics=["mae"])
    return model


def test_tables_train_as_arrays_do(backend):
    one, other = network(), network()
    weights = np.linspace(1, 2, 8)
    logs = one.fit(
        TABLE,
        TARGET,
        sample_weight=pandas.Series(weights),
        epochs=2,
        batch_size=3,
        shuffle=False,
        validation_data=(TABLE, TARGET),
        verbose=0,
    )
    expected = other.fit(
        X,
        Y,
        sample_weight=weights,
        epochs=2,
        batch_size=3,
        shuffle=False,
        validation_data=(X, Y),
        verbose=0,
    )
    for name, values in expected.history.items():
        np.testing.assert_allclose(logs.history[name], values, rtol=1e-5)
    np.testing.assert_array_equal(
        one.predict(TABLE, verbose=0), one.predict(X, verbose=0)
    )
    split = one.fit(TABLE, TARGET, validation_split=0.25, verbose=0)
    assert "val_loss" in split.history


def test_a_column_is_an_input_of_one_feature():
    with multinet.use_backend("numpy"):
        a, b = multinet.Input((1,), name="a"), multinet.Input((1,), name="b")
        model = multinet.Model({"a": a, "b": b}, layers.Add()([a, b]))
        found = model.predict({"a": TABLE["a"], "b": TABLE["b"]}, verbose=0)
        np.testing.assert_allclose(found[:, 0], X[:, 0] + X[:, 1], rtol=1e-6)


def test_words_are_refused():
    with multinet.use_backend("numpy"), pytest.raises(DTypeError, match="Encode"):
        network().fit(TABLE.assign(b="word"), TARGET, verbose=0)
