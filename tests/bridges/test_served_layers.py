"""TFSMLayer: an endpoint of a SavedModel computes, trains and is saved as a layer."""

import copy
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

import multinet
from multinet import layers, ops, saving
from multinet.errors import ArgumentError, BackendError

RNG = np.random.default_rng(31)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")
KERNEL = RNG.normal(size=(3, 2)).astype("float32")


class Net(tf.Module):
    """TensorFlow's own: a product, and a count of the calls while training."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(KERNEL, name="kernel")
        self.bias = tf.Variable(np.zeros(2, "float32"), name="bias")
        self.count = tf.Variable(0, trainable=False, name="count")

    @tf.function(input_signature=[tf.TensorSpec((None, 3))])
    def serve(self, x):
        return tf.tanh(x @ self.kernel + self.bias)

    @tf.function(input_signature=[tf.TensorSpec((None, 3))])
    def train(self, x):
        self.count.assign_add(1)
        return tf.tanh(x @ self.kernel + self.bias)

    @tf.function(
        input_signature=[
            {"a": tf.TensorSpec((None, 3)), "n": tf.TensorSpec((None,), tf.int32)}
        ]
    )
    def pair(self, given):
        scale = tf.cast(given["n"], "float32")[:, None]
        return {"scaled": given["a"] * scale, "same": given["a"]}


@pytest.fixture
def folder(tmp_path):
    """The folder of a SavedModel."""
    net = Net()
    tf.saved_model.save(net, str(tmp_path / "served"), {"named": net.serve})
    return tmp_path / "served"


@pytest.fixture(autouse=True)
def on_tensorflow():
    with multinet.use_backend("tensorflow"):
        yield


def exact(x, kernel=KERNEL):
    return np.tanh(x.astype("float64") @ kernel)


def trained(steps, rate):
    """Return the kernel, the bias and the losses, as NumPy trains them in float64."""
    kernel, bias, losses = KERNEL.astype("float64"), np.zeros(2), []
    for _ in range(steps):
        out = np.tanh(X @ kernel + bias)
        losses.append(np.mean((out - Y) ** 2))
        slope = 2 * (out - Y) / Y.size * (1 - out**2)
        kernel, bias = kernel - rate * X.T @ slope, bias - rate * slope.sum(0)
    return kernel, bias, losses


@pytest.mark.parametrize("endpoint", ["serve", "named"])
def test_a_layer_computes_what_the_endpoint_does(folder, endpoint):
    layer = layers.TFSMLayer(folder, call_endpoint=endpoint)
    found = layer(X)
    found = found["output_0"] if endpoint == "named" else found
    np.testing.assert_allclose(found, exact(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("eagerly", [False, True])
def test_training_moves_the_variables_as_numpy_does(folder, eagerly):
    layer = layers.TFSMLayer(folder, call_training_endpoint="train", name="served")
    model = multinet.Sequential([multinet.Input((3,)), layer])
    assert model.output_shape == (None, 2)
    assert [w.path for w in layer.trainable_weights] == ["served/kernel", "served/bias"]
    model.compile(multinet.optimizers.SGD(0.1), "mse", run_eagerly=eagerly)
    options = {"epochs": 4, "batch_size": 12, "shuffle": False, "verbose": 0}
    losses = model.fit(X, Y, **options).history["loss"]
    kernel, bias, wanted = trained(4, 0.1)
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)
    found = [w.numpy() for w in layer.weights]
    np.testing.assert_allclose(found[0], kernel, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[1], bias, rtol=1e-5, atol=1e-6)
    assert found[2] == 4  # the training endpoint has counted its steps
    predicted = model.predict(X, verbose=0)
    np.testing.assert_allclose(predicted, np.tanh(X @ kernel + bias), rtol=1e-4)


def test_gradients_reach_the_inputs_through_a_layer(folder):
    layer = layers.TFSMLayer(folder)
    slope = multinet.grad(lambda x: ops.sum(layer(x)))(ops.convert_to_tensor(X))
    out = exact(X)
    np.testing.assert_allclose(slope, (1 - out**2) @ KERNEL.T, rtol=1e-4, atol=1e-6)


def test_a_frozen_layer_stays(folder):
    layer = layers.TFSMLayer(folder, trainable=False)
    assert layer.trainable_weights == [] and len(layer.weights) == 2


def test_trees_go_in_and_come_out(folder):
    layer = layers.TFSMLayer(folder, call_endpoint="pair")
    found = layer({"a": X, "n": np.arange(12, dtype="int32")})
    np.testing.assert_allclose(found["scaled"], X * np.arange(12)[:, None], rtol=1e-6)
    np.testing.assert_array_equal(found["same"], X)


def test_two_layers_of_one_folder_have_weights_of_their_own(folder):
    first, second = layers.TFSMLayer(folder), layers.TFSMLayer(folder)
    third = copy.deepcopy(first)
    second.weights[0].assign(2 * KERNEL)
    third.weights[0].assign(3 * KERNEL)
    for times, layer in enumerate((first, second, third), 1):
        np.testing.assert_allclose(layer(X), exact(X, times * KERNEL), rtol=1e-4)


def test_what_export_writes_is_a_layer(tmp_path):
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)])
    model.export(tmp_path / "exported", verbose=False)
    layer = layers.TFSMLayer(tmp_path / "exported")
    np.testing.assert_allclose(layer(X), model(X), rtol=1e-5, atol=1e-6)


def test_a_file_has_the_weights_and_opens_no_program(folder, tmp_path):
    layer = layers.TFSMLayer(folder, name="served")
    model = multinet.Sequential([multinet.Input((3,)), layer])
    layer.weights[0].assign(2 * KERNEL)
    model.save(tmp_path / "model.keras")
    with pytest.raises(ArgumentError, match="none is opened because a file names it"):
        saving.load_model(tmp_path / "model.keras")
    fresh = layers.TFSMLayer(folder, name="served")
    again = saving.load_model(
        tmp_path / "model.keras", custom_objects={"served": fresh}
    )
    np.testing.assert_allclose(again(X), exact(X, 2 * KERNEL), rtol=1e-4)


def test_an_unknown_endpoint_is_told_with_those_there_are(folder):
    with pytest.raises(ArgumentError, match=r"no endpoint 'call'.*'named'.*'serve'"):
        layers.TFSMLayer(folder, call_endpoint="call")


def test_other_backends_refuse_it(folder):
    with multinet.use_backend("numpy"):
        with pytest.raises(BackendError, match="layer for backend tensorflow"):
            layers.TFSMLayer(folder)


@pytest.mark.parametrize("name", ["FlaxLayer", "TFSMLayer", "TorchModuleWrapper"])
def test_what_is_refused_imports_no_framework(name):
    code = f"""
import sys
from multinet import errors, saving

data = {{"class_name": {name!r}, "module": "keras.layers", "registered_name": None}}
data["config"] = {{"name": "part", "filepath": "somewhere", "module": None}}
try:
    saving.deserialize_keras_object(data)
except errors.ArgumentError as error:
    print(error)
print([n for n in ("jax", "flax", "torch", "tensorflow") if n in sys.modules])
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    said = ended.stdout.splitlines()
    assert "custom_objects={'part'" in said[0] and said[-1] == "[]"
