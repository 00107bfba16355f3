"""Normalization, Discretization, CategoryEncoding and spectrograms against Keras."""

import keras
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.drawing import Drawing
from multinet.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(3)
X = RNG.normal(2, 3, (40, 3, 4)).astype("float32")
SIGNALS = RNG.normal(0, 0.5, (2, 600)).astype("float32")


def numbers(x):
    return np.asarray(ops.convert_to_numpy(x))


def same(ours, theirs, *data, rtol=1e-5, atol=1e-5):
    expected = np.asarray(theirs(*data))
    np.testing.assert_allclose(numbers(ours(*data)), expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize("axis", [-1, None, 1, (1, 2)])
@pytest.mark.parametrize("invert", [False, True])
def test_normalization_is_that_of_keras(axis, invert, backend):
    ours = layers.Normalization(axis=axis, invert=invert)
    theirs = keras.layers.Normalization(axis=axis, invert=invert)
    ours.adapt(X)
    theirs.adapt(X)
    same(ours, theirs, X[:5])
    for found, expected in zip(ours.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("axis", "mean"), [(-1, 2.0), (-1, [1.0, 2.0, 3.0, 4.0]), ((1, 2), [1.0] * 4)]
)
def test_normalization_takes_statistics_that_are_given(axis, mean, backend):
    variance = np.add(mean, 1.0)
    ours = layers.Normalization(axis, mean, variance)
    same(ours, keras.layers.Normalization(axis, mean, variance), X)


def test_statistics_of_batches_are_those_of_the_whole():
    whole, parts = layers.Normalization(), layers.Normalization()
    whole.adapt(X)
    parts.adapt(X[i : i + 7] for i in range(0, 40, 7))
    for a, b in zip(whole.get_weights(), parts.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_a_normalization_moves_between_backends():
    layer = layers.Normalization()
    layer.adapt(X)
    expected = layer(X)
    moved = layer.to_backend("torch")
    with multinet.use_backend("torch"):
        np.testing.assert_allclose(numbers((moved or layer)(X)), expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
def test_discretization_is_that_of_keras(mode, backend):
    options = {"bin_boundaries": [-1.0, 2.0, 3.5], "output_mode": mode}
    x = X[:, 0]
    same(layers.Discretization(**options), keras.layers.Discretization(**options), x)


@pytest.mark.parametrize("batches", [False, True])
def test_quantiles_are_those_of_keras(batches):
    ours = layers.Discretization(num_bins=7, epsilon=0.02)
    theirs = keras.layers.Discretization(num_bins=7, epsilon=0.02)
    for layer in (ours, theirs):
        layer.adapt(iter([X[:10], X[10:]]) if batches else X)
    np.testing.assert_allclose(ours.bin_boundaries, theirs.bin_boundaries, rtol=1e-6)


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3)])
def test_category_encoding_is_that_of_keras(mode, shape, backend):
    x = RNG.integers(0, 6, shape)
    options = {"num_tokens": 6, "output_mode": mode}
    ours, theirs = (
        layers.CategoryEncoding(**options),
        keras.layers.CategoryEncoding(**options),
    )
    same(ours, theirs, x)
    if mode == "count":
        weights = {"count_weights": RNG.random(shape).astype("float32")}
        expected = np.asarray(theirs(x, **weights))
        np.testing.assert_allclose(numbers(ours(x, **weights)), expected, rtol=1e-6)


@pytest.mark.parametrize("x", [SIGNALS, SIGNALS[0]], ids=["batch", "one"])
@pytest.mark.parametrize("decibels", [True, False])
def test_mel_spectrograms_are_those_of_keras(x, decibels, backend):
    options = {"fft_length": 128, "sequence_stride": 64, "num_mel_bins": 12}
    options |= {"power_to_db": decibels, "sampling_rate": 4000}
    ours = layers.MelSpectrogram(**options)
    same(ours, keras.layers.MelSpectrogram(**options), x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "mode", ["log", "magnitude", "psd", "real", "imag", "angle", "stft"]
)
@pytest.mark.parametrize("expand", [False, True])
def test_spectrograms_are_those_of_keras(mode, expand, backend):
    x = np.stack([SIGNALS, SIGNALS[:, ::-1]], -1)  # b t c
    options = {"mode": mode, "frame_length": 64, "frame_step": 24, "fft_length": 128}
    options |= {"expand_dims": expand, "padding": "same", "window": "tukey"}
    ours, theirs = (
        layers.STFTSpectrogram(**options),
        keras.layers.STFTSpectrogram(**options),
    )
    expected = np.asarray(theirs(x))
    found = numbers(ours(x))
    if mode == "angle":  # -pi and pi are one
        found, expected = np.cos(found), np.cos(expected)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-4)


def test_channels_first_is_the_same_spectrogram(backend):
    x = np.stack([SIGNALS, SIGNALS[:, ::-1]], -1)
    last = layers.STFTSpectrogram(frame_length=64)
    first = layers.STFTSpectrogram(frame_length=64, data_format="channels_first")
    found = numbers(first(x.transpose(0, 2, 1))).transpose(0, 2, 1)
    np.testing.assert_allclose(found, numbers(last(x)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        layers.Rescaling(0.5, 1.0),
        layers.Discretization([0.0, 2.0], output_mode="one_hot"),
        layers.CategoryEncoding(5),
        layers.Normalization(mean=1.0, variance=2.0),
        layers.MelSpectrogram(fft_length=16, sequence_stride=8, num_mel_bins=4),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_where_data_are_drawn_arrays_become_arrays(layer, real_backend):
    x = np.abs(X[:, 0]) if not isinstance(layer, layers.CategoryEncoding) else NUMBERS
    expected = numbers(layer(x))
    with Drawing():
        found = layer(x)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


NUMBERS = RNG.integers(0, 5, (6, 3)).astype("int32")


def test_an_adapted_normalization_works_where_data_are_drawn(real_backend):
    layer = layers.Normalization()
    layer.adapt(X)
    expected = numbers(layer(X))
    with Drawing():
        found = layer(X)
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Normalization(mean=1.0),
        lambda: layers.Normalization(mean=[1.0], variance=[1.0, 2.0]),
        lambda: layers.Normalization(axis=4)(X),
        lambda: layers.Discretization(),
        lambda: layers.Discretization([1.0], num_bins=3),
        lambda: layers.Discretization(num_bins=3)(X),
        lambda: layers.Discretization([1.0]).adapt(X),
        lambda: layers.CategoryEncoding(),
        lambda: layers.CategoryEncoding(3, output_mode="int"),
        lambda: layers.CategoryEncoding(3)(NUMBERS, count_weights=NUMBERS),
        lambda: layers.MelSpectrogram(fft_length=8, sequence_length=16),
        lambda: layers.STFTSpectrogram(mode="loud"),
        lambda: layers.STFTSpectrogram(frame_length=8, frame_step=9),
        lambda: layers.STFTSpectrogram(window="door"),
    ],
)
def test_what_is_wrong_is_refused(make):
    with pytest.raises((ArgumentError, ShapeError)):
        make()
