"""Subclassed models: layers found, built by data, by shapes, or inside a graph."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import MultinetError

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


def net(keras):
    """Return a model with layers in a list, and a weight of its own."""

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden = [keras.layers.Dense(5, "relu"), keras.layers.Dense(4)]
            self.norm = keras.layers.BatchNormalization()
            self.out = keras.layers.Dense(2)

        def call(self, inputs, training=False):
            for layer in self.hidden:
                inputs = layer(inputs)
            return self.out(self.norm(inputs, training=training))

    return Net()


def test_outputs_and_weights_are_those_of_keras(backend):
    ours, theirs = net(multinet), net(peer)
    ours(X), theirs(X)
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    theirs.set_weights(ours.get_weights())
    for mode in (True, False):
        np.testing.assert_allclose(
            numpy(ours(X, training=mode)),
            np.asarray(theirs(X, training=mode)),
            rtol=1e-4,
            atol=1e-5,
        )
    assert [type(y).__name__ for y in ours.layers] == [
        type(y).__name__ for y in theirs.layers
    ]


def test_a_model_builds_from_a_shape_from_data_or_from_a_graph(backend):
    by_shape, in_graph = net(multinet), net(multinet)
    by_shape.build((None, 3))
    assert by_shape.built and len(by_shape.weights) == 10
    x = multinet.Input((3,))
    model = multinet.Model(x, in_graph(x) + 1.0)
    assert model.output_shape == (None, 2) and len(model.weights) == 10
    np.testing.assert_allclose(numpy(model(X)), numpy(in_graph(X)) + 1, rtol=1e-6)
    assert net(multinet).compute_output_shape((None, 3)) == (None, 2)


def test_a_failed_build_may_be_repeated():
    model = net(multinet)
    with pytest.raises(MultinetError):
        model.build((None, None))
    assert not model.built
    model.build((None, 3))
    assert len(model.weights) == 10


def test_a_model_that_builds_its_own_weight_trains_it(backend):
    class Scaled(multinet.Model):
        def build(self, input_shape):
            self.factor = self.add_weight(input_shape[-1:], "ones", name="factor")

        def call(self, inputs):
            return ops.multiply(inputs, self.factor)

    model = Scaled()
    model.compile("sgd", "mse")
    model.fit(X, 3 * X, epochs=2, verbose=0)
    assert len(model.weights) == 1
    assert (model.factor.numpy() > 1).all()


def test_a_model_without_call_is_explained():
    class Empty(multinet.Model):
        pass

    with pytest.raises(MultinetError, match="Empty must define call"):
        Empty()(X)


def test_a_model_may_return_a_dictionary_of_several_inputs(backend):
    class Pair(multinet.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            a, b = inputs
            return {"a": self.dense(a), "sum": self.dense(ops.add(a, b))}

    model = Pair()
    out = model([X, X])
    np.testing.assert_allclose(numpy(out["sum"]), numpy(model.dense(2 * X)), rtol=1e-5)
    assert model.compute_output_shape([(None, 3), (None, 3)]) == {
        "a": (None, 2),
        "sum": (None, 2),
    }
