"""Complex features: no layer and no model drops their imaginary part in silence."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import DTypeError

RNG = np.random.default_rng(8)
X = (RNG.normal(size=(4, 6, 3)) + 1j * RNG.normal(size=(4, 6, 3))).astype("complex64")
Y = np.ones((4, 1), "float32")

REAL = {
    "Conv1D": lambda: layers.Conv1D(2, 3),
    "LSTM": lambda: layers.LSTM(2),
    "GRU": lambda: layers.GRU(2),
    "SimpleRNN": lambda: layers.SimpleRNN(2),
    "RNN": lambda: layers.RNN(layers.LSTMCell(2)),
    "Bidirectional": lambda: layers.Bidirectional(layers.GRU(2)),
    "TimeDistributed": lambda: layers.TimeDistributed(layers.Dense(2)),
    "Rescaling": lambda: layers.Rescaling(2.0),
    "Dense": lambda: layers.Dense(2),
    "EinsumDense": lambda: layers.EinsumDense("btc,cd->btd", (None, 2)),
    "BatchNormalization": lambda: layers.BatchNormalization(),
    "LayerNormalization": lambda: layers.LayerNormalization(),
    "GroupNormalization": lambda: layers.GroupNormalization(3),
    "MaxPooling1D": lambda: layers.MaxPooling1D(),
    "Activation": lambda: layers.Activation("relu"),
    "Embedding": lambda: layers.Embedding(3, 2),
}
KEPT = {
    "Flatten": (lambda: layers.Flatten(), lambda x: x.reshape(4, 18)),
    "Dropout": (lambda: layers.Dropout(0.5), lambda x: x),
    "Average": (lambda: layers.GlobalAveragePooling1D(), lambda x: x.mean(1)),
    "Permute": (lambda: layers.Permute((2, 1)), lambda x: x.transpose(0, 2, 1)),
    "Padding": (
        lambda: layers.ZeroPadding1D(1),
        lambda x: np.pad(x, ((0, 0), (1, 1), (0, 0))),
    ),
}


@pytest.mark.parametrize("name", REAL)
def test_layers_of_real_numbers_refuse_them(name):
    with pytest.raises(
        DTypeError, match=r"takes real numbers, got complex64.*ops\.abs"
    ):
        REAL[name]()(X)


@pytest.mark.parametrize("name", KEPT)
def test_layers_that_move_numbers_keep_both_parts(backend, name):
    make, expected = KEPT[name]
    found = ops.convert_to_numpy(make()(X))
    np.testing.assert_allclose(found, expected(X), rtol=1e-6)


CALLS = {
    "call": lambda model, x: model(x),
    "fit": lambda model, x: model.fit(x, Y, verbose=0),
    "evaluate": lambda model, x: model.evaluate(x, Y, verbose=0),
    "predict": lambda model, x: model.predict(x, verbose=0),
    "train_on_batch": lambda model, x: model.train_on_batch(x, Y),
    "generator": lambda model, x: model.fit(iter([(x, Y)]), verbose=0),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_an_input_of_real_numbers_refuses_them(backend, call, dtype):
    model = multinet.Sequential(
        [multinet.Input((6, 3), name="waves"), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    words = "'waves' expects float32, got complex64: the imaginary part would be lost"
    with pytest.raises(DTypeError, match=words):
        CALLS[call](model, X.astype(dtype))


def test_an_input_of_complex_numbers_takes_them(backend):
    inputs = multinet.Input((6, 3), dtype="complex64")
    parts = ops.concatenate([ops.real(inputs), ops.imag(inputs)], axis=-1)
    model = multinet.Model(inputs, ops.sum(parts, axis=(1, 2)))
    expected = X.real.sum((1, 2)) + X.imag.sum((1, 2))
    found = model.predict(X, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
