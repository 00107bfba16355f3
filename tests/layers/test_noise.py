"""Layers that draw: how much, when, and the same numbers on every backend."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError

X = np.full((100, 200), 2.0, "float32")
DRAWING = {
    "GaussianNoise": lambda: layers.GaussianNoise(0.5, seed=1),
    "GaussianDropout": lambda: layers.GaussianDropout(0.2, seed=1),
}


def run(layer, x, **options):
    """Return the output as a NumPy array."""
    return ops.convert_to_numpy(layer(x, **options))


@pytest.mark.parametrize("name", DRAWING)
def test_noise_has_the_spread_of_its_definition(backend, name):
    out = run(DRAWING[name](), X, training=True)
    stddev = {"GaussianNoise": 0.5, "GaussianDropout": 2 * (0.2 / 0.8) ** 0.5}[name]
    assert abs(out.mean() - 2) < 5 * stddev / X.size**0.5
    assert abs(out.std() / stddev - 1) < 0.03
    np.testing.assert_array_equal(run(DRAWING[name](), X, training=False), X)


@pytest.mark.parametrize("name", DRAWING)
def test_noise_agrees_between_backends_and_differs_between_calls(backends, name):
    found = []
    for chosen in [*backends, "strict"]:
        with multinet.use_backend(chosen):
            layer = DRAWING[name]()
            found.append([run(layer, X[:3, :5], training=True) for _ in range(2)])
    for first, second in found:
        np.testing.assert_allclose(first, found[0][0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(second, found[0][1], rtol=1e-5, atol=1e-6)
        assert not np.allclose(first, second)


@pytest.mark.parametrize(
    "layer, shape, axes",
    [
        (lambda: layers.SpatialDropout1D(0.5, seed=1), (40, 6, 30), (1,)),
        (lambda: layers.SpatialDropout2D(0.5, seed=1), (40, 4, 5, 30), (1, 2)),
        (
            lambda: layers.SpatialDropout2D(0.5, "channels_first", seed=1),
            (40, 30, 4, 5),
            (2, 3),
        ),
        (lambda: layers.SpatialDropout3D(0.5, seed=1), (40, 2, 3, 2, 30), (1, 2, 3)),
    ],
)
def test_spatial_dropout_drops_whole_channels(backend, layer, shape, axes):
    out = run(layer(), np.ones(shape, "float32"), training=True)
    channels = out.mean(axes)
    np.testing.assert_array_equal(out.max(axes), out.min(axes))
    assert set(np.unique(channels)) == {0.0, 2.0}
    assert abs((channels == 0).mean() - 0.5) < 0.06


def test_activity_regularization_adds_a_samples_mean(backend):
    x = np.array([[1.0, -2.0], [3.0, 0.5]], "float32")
    layer = layers.ActivityRegularization(l1=0.1, l2=0.01)
    layer(x)
    (loss,) = layer.losses
    expected = (0.1 * np.abs(x).sum() + 0.01 * (x**2).sum()) / 2
    np.testing.assert_allclose(ops.convert_to_numpy(loss), expected, rtol=1e-5)


def test_wrong_options_are_explained():
    with pytest.raises(ArgumentError, match="stddev"):
        layers.GaussianNoise(1.5)
    with pytest.raises(ArgumentError, match="rate"):
        layers.GaussianDropout(-0.1)
    with pytest.raises(ShapeError, match="expects 3 axes"):
        layers.SpatialDropout1D(0.5)(X)
