"""Dropout: how much, where, when, and the same on every backend."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError
from multinet.scope import Scope


def run(layer, x, **options):
    """Return the output as a NumPy array."""
    return ops.convert_to_numpy(layer(x, **options))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_a_share_of_rate_is_zero_and_the_rest_is_scaled(backend, rate):
    x = np.full((100, 200), 3.0, "float32")
    out = run(layers.Dropout(rate, seed=1), x, training=True)
    kept = out != 0
    spread = (rate * (1 - rate) / x.size) ** 0.5
    assert abs(kept.mean() - (1 - rate)) < 4 * spread
    np.testing.assert_allclose(out[kept], 3.0 / (1 - rate), rtol=1e-6)


def test_masks_are_equal_bit_for_bit_on_every_backend_and_call(backends):
    found = {}
    x = np.random.default_rng(0).normal(size=(5, 3, 7)).astype("float32")
    for name in [*backends, "strict"]:
        with multinet.use_backend(name):
            multinet.set_random_seed(4)
            seeded, other = layers.Dropout(0.3, seed=9), layers.Dropout(0.3)
            outs = [run(y, x, training=True) for y in (seeded, other, seeded, other)]
            found[name] = [out != 0 for out in outs]
    for masks in found.values():
        np.testing.assert_array_equal(masks, found["numpy"])
    a, b, c, d = found["numpy"]
    pairs = [(a, b), (a, c), (b, d), (c, d)]
    assert all(not np.array_equal(p, q) for p, q in pairs)


def test_the_gradient_passes_where_the_value_did(backend):
    layer = layers.Dropout(0.4, seed=2)
    x = np.ones((4, 50), "float32")
    step = backend.argument(3, "uint32")

    def forward(x):
        with Scope([], [], step=step):
            return (layer(x, training=True),)

    (out,), pullback = backend.vjp(forward, [backend.from_numpy(x)])
    (gradient,) = pullback([backend.from_numpy(x)])
    np.testing.assert_array_equal(backend.to_numpy(out), backend.to_numpy(gradient))
    assert 0 < (backend.to_numpy(out) == 0).mean() < 1


def test_inference_and_rate_zero_change_nothing_and_rate_one_drops_all(backend):
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    for options in ({}, {"training": False}, {"training": None}):
        np.testing.assert_array_equal(run(layers.Dropout(0.9), x, **options), x)
    np.testing.assert_array_equal(run(layers.Dropout(0), x, training=True), x)
    np.testing.assert_array_equal(run(layers.Dropout(1), x, training=True), 0 * x)


@pytest.mark.parametrize("noise_shape", [(None, 1, None), (4, 1, 6)])
def test_noise_shape_drops_whole_axes_together(backend, noise_shape):
    x = np.ones((4, 5, 6), "float32")
    out = run(layers.Dropout(0.5, noise_shape, seed=3), x, training=True)
    np.testing.assert_array_equal(out, np.broadcast_to(out[:, :1], x.shape))
    assert 0 < (out == 0).mean() < 1
    again = layers.Dropout(0.5, noise_shape, seed=3)
    symbolic = again(multinet.Input((5, 6)), training=True)
    assert symbolic.shape == (None if noise_shape[0] is None else 4, 5, 6)
    theirs = peer.layers.Dropout(0.5, noise_shape)
    assert theirs.get_config()["noise_shape"] == again.get_config()["noise_shape"]


def test_a_configuration_draws_the_same_masks():
    x = np.ones((6, 6), "float32")
    for seed in (5, multinet.SeedGenerator(5)):
        layer = layers.Dropout(0.5, seed=seed)
        again = layers.Dropout.from_config(layer.get_config())
        np.testing.assert_array_equal(
            run(layer, x, training=True), run(again, x, training=True)
        )


def test_a_model_passes_its_mode_to_the_dropout_inside(backend):
    inputs = multinet.Input((50,))
    model = multinet.Model(inputs, layers.Dropout(0.5)(inputs))
    x = np.ones((4, 50), "float32")
    assert (run(model, x, training=True) == 0).any()
    np.testing.assert_array_equal(run(model, x), x)
    always = multinet.Model(inputs, layers.Dropout(0.5)(inputs, training=True))
    assert (run(always, x, training=False) == 0).any()


def test_wrong_arguments_are_explained():
    for rate in (-0.1, 1.5, "0.5"):
        with pytest.raises(ArgumentError, match="rate"):
            layers.Dropout(rate)
    with pytest.raises(ShapeError, match="noise_shape"):
        layers.Dropout(0.5, noise_shape=(1, 2))(np.ones((2, 2, 2)), training=True)
