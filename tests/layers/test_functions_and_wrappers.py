"""Lambda, Wrapper, SpectralNormalization, AlphaDropout, ReversibleEmbedding."""

import json

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


def doubled(x, times=2, training=None):
    """Return x * times, or x while training."""
    return x if training else ops.multiply(x, times)


def test_a_lambda_runs_with_its_arguments_and_training(backend):
    layer = layers.Lambda(doubled, arguments={"times": 3})
    np.testing.assert_allclose(numpy(layer(X)), 3 * X, rtol=1e-6)
    np.testing.assert_array_equal(numpy(layer(X, training=True)), X)
    assert layer.compute_output_shape((None, 4)) == (None, 4)
    shaped = layers.Lambda(doubled, output_shape=(7,))
    assert shaped.compute_output_shape((None, 4)) == (None, 7)


def test_a_lambda_in_a_model_trains_copies_and_follows_masks(backend):
    model = multinet.Sequential(
        [layers.Input((4,)), layers.Lambda(lambda x: ops.square(x)), layers.Dense(2)]
    )
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], verbose=0)
    copy = multinet.models.clone_model(model)
    copy.set_weights(model.get_weights())
    found = copy.predict(X, verbose=0)
    np.testing.assert_array_equal(found, model.predict(X, verbose=0))
    masked = layers.Lambda(lambda x, mask: x, mask=lambda x, mask: mask)
    tokens = layers.Masking()(np.array([[[0.0], [1.0]]], "float32"))
    assert numpy(layers.mask_of(masked(tokens))).tolist() == [[False, True]]


def test_code_is_neither_written_nor_read(tmp_path):
    path = tmp_path / "m.keras"
    model = multinet.Sequential(
        [layers.Input((4,)), layers.Lambda(lambda x: x * 2, name="twice")]
    )
    with pytest.warns(UserWarning, match="code, which is not written"):
        model.save(path)
    with pytest.raises(ArgumentError, match="custom_objects=.'twice'"):
        multinet.saving.load_model(path)
    read = multinet.saving.load_model(path, custom_objects={"twice": doubled})
    np.testing.assert_allclose(read.predict(X, verbose=0), 2 * X, rtol=1e-6)


def test_a_lambda_that_keras_wrote_is_refused_and_replaced(tmp_path):
    layer = peer.layers.Lambda(lambda x: x * 2, name="twice")
    peer.Sequential([peer.layers.Input((4,)), layer]).save(tmp_path / "k.keras")
    with pytest.raises(ArgumentError, match="is a lambda, which is code"):
        multinet.saving.load_model(tmp_path / "k.keras")
    custom = {"twice": doubled}
    read = multinet.saving.load_model(tmp_path / "k.keras", custom_objects=custom)
    np.testing.assert_allclose(read.predict(X, verbose=0), 2 * X, rtol=1e-6)


def test_a_function_is_saved_by_its_name():
    layer = layers.Lambda(doubled, output_shape=(4,), arguments={"times": 5})
    config = json.loads(json.dumps(layer.get_config()))
    again = layers.Lambda.from_config(config, custom_objects={"doubled": doubled})
    assert again.function is doubled and again.arguments == {"times": 5}
    assert again.output_shape == (4,)


class Twice(layers.Wrapper):
    """A layer applied twice."""

    def call(self, inputs):
        """Return layer(layer(inputs))."""
        return self.layer(self.layer(inputs))


def test_a_wrapper_builds_holds_and_writes_its_layer(backend):
    layer = Twice(layers.Dense(4, activity_regularizer="l2"))
    inner = layer(X)
    assert [w.name for w in layer.weights] == ["kernel", "bias"]
    assert len(layer.losses) == 2
    again = Twice.from_config(layer.get_config())
    again.build(X.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(numpy(again(X)), numpy(inner))
    with pytest.raises(ArgumentError, match="expects a layer"):
        layers.Wrapper("dense")


@pytest.mark.parametrize("steps", [1, 3])
def test_spectral_normalization_sets_the_kernel_as_keras_does(backend, steps):
    images = np.random.default_rng(1).normal(size=(2, 5, 5, 3)).astype("float32")
    made = [
        K.layers.SpectralNormalization(K.layers.Conv2D(4, 2), power_iterations=steps)
        for K in (multinet, peer)
    ]
    for layer in made:
        layer.build(images.shape)
    ours, theirs = made
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    ours.set_weights(theirs.get_weights())
    for training in (True, True, False):
        found, wanted = (layer(images, training=training) for layer in made)
        wanted = np.asarray(wanted)
        np.testing.assert_allclose(numpy(found), wanted, rtol=1e-5, atol=1e-5)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_a_step_goes_on_from_the_kernel_that_is_set(backend):
    numbers = np.random.default_rng(2)
    start = [numbers.normal(size=shape) for shape in ((4, 3), (1, 3))]
    wanted = numbers.normal(size=(2, 3)).astype("float32")

    def kernel_after(rate):
        layer = layers.SpectralNormalization(layers.Dense(3, use_bias=False))
        model = multinet.Sequential([layers.Input((4,)), layer])
        model.set_weights(start)
        model.compile(multinet.optimizers.SGD(rate), "mse")
        model.fit(X, wanted, verbose=0)
        return layer.layer.kernel.numpy()

    was_set = kernel_after(0.0)
    slope = 2 / wanted.size * X.T @ (X @ was_set - wanted)
    np.testing.assert_allclose(kernel_after(0.5), was_set - 0.5 * slope, rtol=1e-5)


def test_a_kernel_comes_to_the_norm_of_one(backend):
    layer = layers.SpectralNormalization(layers.Dense(3), power_iterations=5)
    model = multinet.Sequential([layers.Input((4,)), layer])
    model.compile(multinet.optimizers.SGD(0.0), "mse")
    model.fit(X, np.ones((2, 3), "float32"), epochs=20, verbose=0)
    assert np.linalg.norm(layer.layer.kernel.numpy(), 2) == pytest.approx(1, abs=1e-3)
    with pytest.raises(ArgumentError, match="kernel or embeddings"):
        layers.SpectralNormalization(layers.ReLU())(X)


def test_alpha_dropout_keeps_mean_and_variance(backend):
    layer = layers.AlphaDropout(0.3, seed=1)
    x = np.random.default_rng(2).normal(size=(200, 500)).astype("float32")
    y = numpy(layer(x, training=True))
    np.testing.assert_allclose([y.mean(), y.std()], [0, 1], atol=0.02)
    bound = 1.6732632423543772 * 1.0507009873554805
    scale = (0.7 * (1 + 0.3 * bound**2)) ** -0.5
    lowest = np.isclose(y, -scale * bound * 0.7)
    assert lowest.mean() == pytest.approx(0.3, abs=0.02)
    np.testing.assert_array_equal(numpy(layer(x)), x)
    shared = layers.AlphaDropout(0.5, noise_shape=(None, 1), seed=1)
    ones = numpy(shared(np.ones((50, 8), "float32"), training=True))
    assert all(len(set(row)) == 1 for row in ones) and len(set(ones[:, 0])) == 2


@pytest.mark.parametrize("noise", [3, (0, 2), ("a",), (True, 1)])
def test_a_noise_shape_is_checked(noise):
    with pytest.raises(ArgumentError, match="noise_shape"):
        layers.Dropout(0.5, noise_shape=noise)


@pytest.mark.parametrize("tied", [True, False])
def test_scores_of_a_reversible_embedding_are_those_of_keras(backend, tied):
    options = {"tie_weights": tied, "logit_soft_cap": 2.0, "mask_zero": True}
    ours, theirs = (
        K.layers.ReversibleEmbedding(6, 4, **options) for K in (multinet, peer)
    )
    ours.build()
    theirs.build()
    ours.set_weights([w * 20 for w in theirs.get_weights()])
    theirs.set_weights(ours.get_weights())
    found, wanted = ours(X, reverse=True), np.asarray(theirs(X, reverse=True))
    np.testing.assert_allclose(numpy(found), wanted, rtol=1e-5, atol=1e-6)
    assert ours.compute_output_shape((None, 4), reverse=True) == (None, 6)
    rows = ours(np.array([[0, 3]]))
    assert numpy(layers.mask_of(rows)).tolist() == [[False, True]]
    assert layers.mask_of(found) is None
    low = layers.ReversibleEmbedding(6, 4, reverse_dtype="float16")
    assert ops.dtype(low(X, reverse=True)) == "float16"
