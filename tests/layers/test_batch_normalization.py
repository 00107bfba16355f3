"""BatchNormalization beyond one call: moving moments, freezing, masks, errors."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(3)


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


CLIPPED = {"rmin": 0.5, "rmax": 1.5, "dmax": 0.25}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"axis": 1, "momentum": 0.5},
        {"renorm": True, "renorm_momentum": 0.8},
        {"renorm": True, "renorm_clipping": CLIPPED, "center": False, "momentum": 0.5},
    ],
)
def test_moments_after_a_few_steps_are_those_of_keras(backend, options):
    ours = layers.BatchNormalization(**options)
    theirs = peer.layers.BatchNormalization(**options)
    for i in range(4):
        x = (RNG.normal(size=(6, 3, 4)) * (i + 1) + i).astype("float32")
        np.testing.assert_allclose(
            numpy(ours(x, training=True)), theirs(x, training=True), atol=2e-5
        )
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(numpy(ours(x)), theirs(x), rtol=1e-4, atol=1e-5)


def test_masked_positions_do_not_count(backend):
    x = RNG.normal(size=(4, 5, 3)).astype("float32")
    mask = RNG.random((4, 5)) < 0.6
    ours, theirs = layers.BatchNormalization(), peer.layers.BatchNormalization()
    np.testing.assert_allclose(
        numpy(ours(x, training=True, mask=mask)),
        theirs(x, training=True, mask=mask),
        rtol=1e-4,
        atol=1e-5,
    )
    kept = x[mask].astype("float64")
    np.testing.assert_allclose(
        ours.moving_mean.numpy(), 0.01 * kept.mean(0), rtol=1e-4, atol=1e-7
    )
    variance = 0.99 + 0.01 * kept.var(0)
    np.testing.assert_allclose(ours.moving_variance.numpy(), variance, rtol=1e-5)


def test_a_frozen_layer_uses_and_keeps_its_moments(backend):
    x = RNG.normal(size=(8, 3)).astype("float32")
    layer = layers.BatchNormalization()
    layer(x, training=True)
    layer.trainable = False
    before = layer.get_weights()
    np.testing.assert_array_equal(numpy(layer(x, training=True)), numpy(layer(x)))
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == 4


def test_training_moves_the_moments_and_inference_does_not(backend):
    model = multinet.Sequential(
        [multinet.Input((3,)), layers.BatchNormalization(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    x, y = RNG.normal(size=(16, 3)) + 5, np.zeros((16, 1))
    moving = model.layers[0].moving_mean
    model.predict(x, verbose=0)
    np.testing.assert_array_equal(moving.numpy(), np.zeros(3))
    model.fit(x, y, batch_size=16, verbose=0)
    np.testing.assert_allclose(moving.numpy(), 0.01 * x.mean(0), rtol=1e-5)
    model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(moving.numpy(), 0.01 * x.mean(0), rtol=1e-5)


def test_wrong_arguments_are_explained():
    with pytest.raises(ArgumentError, match="momentum"):
        layers.BatchNormalization(momentum=1.5)
    with pytest.raises(ShapeError, match="axis=3"):
        layers.BatchNormalization(axis=3)(np.ones((2, 2), "float32"))
    with pytest.raises(ShapeError, match="batch_normalization.*None"):
        layers.BatchNormalization()(multinet.Input((4, None)))


@pytest.mark.parametrize(
    "clipping", [{"max": 1.0}, {"rmin": 2.0, "rmax": 1.0}, {"dmax": -1.0}, 3]
)
def test_wrong_bounds_of_renormalization_are_explained(clipping):
    with pytest.raises(ArgumentError, match="Expected"):
        layers.BatchNormalization(renorm=True, renorm_clipping=clipping)
