"""What export writes, TensorFlow runs: the outputs of the model, for any sizes."""

import numpy as np
import optree
import pytest
import tensorflow as tf

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError

RNG = np.random.default_rng(23)


def perceptron():
    return multinet.Sequential(
        [
            multinet.Input((6,)),
            layers.Dense(4, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(2),
        ]
    )


def images():
    return multinet.Sequential(
        [
            multinet.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2),
        ]
    )


def sequences():
    return multinet.Sequential(
        [
            multinet.Input((None,), dtype="int32"),
            layers.Embedding(7, 3, mask_zero=True),
            layers.LSTM(4),
        ]
    )


def attention():
    x = multinet.Input((None, 8))
    y = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    return multinet.Model(x, {"mean": layers.GlobalAveragePooling1D()(y), "all": y})


def several():
    a, b = multinet.Input((3,)), multinet.Input((4,))
    return multinet.Model(
        [a, b], [layers.Concatenate()([a, b]), layers.Reshape((2, 2))(b)]
    )


def same(found, expected):
    """Compare trees of tensors."""
    leaves = zip(optree.tree_leaves(found), optree.tree_leaves(expected), strict=True)
    for ours, theirs in leaves:
        array = ops.convert_to_numpy(theirs)
        np.testing.assert_allclose(ours.numpy(), array, rtol=1e-5, atol=1e-5)


# A model of another backend is copied to JAX first.
CASES = [("jax", each) for each in (perceptron, images, sequences, attention)]
CASES += [(name, several) for name in ("numpy", "jax", "torch", "tensorflow")]


@pytest.mark.parametrize(("name", "made"), CASES)
def test_any_number_of_samples_and_steps_is_served(name, made, tmp_path):
    with multinet.use_backend(name):
        served_as_computed(made, name, tmp_path)


def served_as_computed(made, name, tmp_path):
    """Check what is written of a model on the backend in use."""
    multinet.set_random_seed(3)
    model = made()
    before = model.get_weights()
    model.export(tmp_path / "served", verbose=False)
    assert model.backend == name
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    for count in (2, 5):
        x = [
            RNG.integers(0, 7, (count, *(n or count + 2 for n in t.shape[1:]))).astype(
                t.dtype
            )
            for t in model.inputs
        ]
        given = x if len(x) > 1 else x[0]
        same(loaded.serve(given), model(given, training=False))
    if made is perceptron:
        assert "serving_default" in loaded.signatures


def test_a_trained_model_is_served_as_it_predicts(real_backend, tmp_path, capsys):
    model = perceptron()
    model.compile("adam", "mse")
    x = RNG.normal(size=(16, 6)).astype("float32")
    model.fit(x, x[:, :2], verbose=0)
    model.export(tmp_path / "served")
    assert f"Wrote {model.name} to" in capsys.readouterr().out
    loaded = tf.saved_model.load(str(tmp_path / "served"))
    np.testing.assert_allclose(loaded.serve(x), model.predict(x, verbose=0), 1e-5, 1e-5)
    model.fit(x, x[:, :2], verbose=0)  # it is as it was


class Sum(multinet.Model):
    """Add a layer of one argument to another argument."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x, y):
        return self.dense(x) + y


class Double(multinet.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, pair):
        return 2 * self.dense(pair["a"]) + pair["b"]


def test_models_without_a_graph_know_what_they_were_called_with(tmp_path):
    a, b = (RNG.normal(size=(4, 3)).astype("float32") for _ in range(2))
    double = Double()
    expected = double({"a": a, "b": b})
    double.export(tmp_path / "dict", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "dict"))
    same(loaded.serve({"a": a, "b": b}), expected)
    model = Sum()
    expected = model(a, b)
    signature = [tf.TensorSpec((None, 3)), multinet.InputSpec("float32", (None, 3))]
    model.export(tmp_path / "two", verbose=False, input_signature=signature)
    loaded = tf.saved_model.load(str(tmp_path / "two"))
    same(loaded.serve(a, b), expected)


def test_under_a_mixed_policy_samples_are_given_as_to_predict(tmp_path):
    with multinet.use_backend("jax"):
        layer = layers.Dense(3, input_shape=(4,), dtype="mixed_float16")
        model = multinet.Sequential([layer])
        model.export(tmp_path / "half", verbose=False)
        loaded = tf.saved_model.load(str(tmp_path / "half"))
        x = RNG.normal(size=(5, 4)).astype("float32")
        found = loaded.serve(x)
        assert found.dtype == tf.float16
        np.testing.assert_allclose(found, model.predict(x, verbose=0), 1e-3, 1e-3)


def test_what_cannot_be_exported_is_told(tmp_path):
    with pytest.raises(ArgumentError, match="Unknown format 'onyx'"):
        perceptron().export(tmp_path / "m", format="onyx")
    with pytest.raises(ArgumentError, match="give input_signature"):
        Double().export(tmp_path / "m")
    texts = multinet.Sequential(
        [multinet.Input((1,), dtype="string"), layers.Hashing(5)]
    )
    with pytest.raises(ArgumentError, match="takes texts"):
        texts.export(tmp_path / "m")
    assert not (tmp_path / "m").exists()
