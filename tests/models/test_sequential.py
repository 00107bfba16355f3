"""Sequential: adding, removing, deferred building, configurations."""

import json

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError

X = np.random.default_rng(0).normal(size=(3, 6, 6, 2)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


def stack(keras, *first):
    """Return a small convolutional network."""
    return keras.Sequential(
        [
            *first,
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(3, activation="softmax"),
        ],
        name="stack",
    )


@pytest.mark.parametrize("deferred", [False, True])
def test_outputs_and_weights_are_those_of_keras(backend, deferred):
    ours = stack(multinet) if deferred else stack(multinet, multinet.Input((6, 6, 2)))
    theirs = stack(peer, peer.Input((6, 6, 2)))
    assert ours.built is not deferred
    out = numpy(ours(X))
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(out, np.asarray(theirs(X)), rtol=1e-5, atol=1e-6)
    assert [type(y).__name__ for y in ours.layers] == [
        type(y).__name__ for y in theirs.layers
    ]
    assert ours.count_params() == theirs.count_params()
    assert ours.output_shape == theirs.output_shape == (None, 3)
    assert ours.input_shape == theirs.input_shape == (None, 6, 6, 2)


def test_layers_are_added_and_removed(backend):
    model = multinet.Sequential([multinet.Input((4,))])
    with pytest.raises(ArgumentError, match="no layer"):
        model.pop()
    model.add(layers.Dense(3))
    model.add(layers.Dense(2))
    assert model.built and model.output_shape == (None, 2) and len(model.weights) == 4
    kernel = model.layers[0].get_weights()[0]
    removed = model.pop()
    assert removed.units == 2
    assert model.output_shape == (None, 3) and len(model.weights) == 2
    model.add(layers.Activation("relu"))
    x = np.ones((2, 4), "float32")
    np.testing.assert_allclose(
        numpy(model(x)), np.maximum(x @ kernel, 0), rtol=1e-5, atol=1e-6
    )


def test_the_shape_may_come_from_build_or_from_the_first_layer():
    built = stack(multinet)
    built.build((None, 6, 6, 2))
    assert built.output_shape == (None, 3)
    hinted = multinet.Sequential([layers.Dense(2, input_shape=(5,))])
    assert hinted.built and hinted.input_shape == (None, 5)
    assert multinet.Sequential([layers.Dense(2, input_dim=5)]).built
    with pytest.raises(ArgumentError, match="input_shape"):
        stack(multinet).build()


def test_a_deferred_model_trains_as_the_built_one_does(backend):
    weights = []
    y = np.eye(3)[[0, 1, 2]]
    for first in ((), (multinet.Input((6, 6, 2)),)):
        multinet.set_random_seed(1)
        model = stack(multinet, *first)
        model.compile("sgd", "categorical_crossentropy")
        model.fit(X, y, verbose=0, epochs=2)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_deferred_model_works_inside_a_graph(backend):
    x = multinet.Input((6, 6, 2))
    inner = stack(multinet)
    model = multinet.Model(x, inner(x) * 2.0)
    assert inner.built and len(model.weights) == 4
    np.testing.assert_allclose(numpy(model(X)), 2 * numpy(inner(X)), rtol=1e-6)


@pytest.mark.parametrize("built", [False, True])
def test_a_configuration_survives_json_and_gives_an_equal_model(built):
    model = stack(multinet, *((multinet.Input((6, 6, 2)),) if built else ()))
    text = json.dumps(model.get_config())
    again = multinet.Sequential.from_config(json.loads(text))
    assert again.built is built and again.name == "stack"
    expected = numpy(model(X))
    again(X)
    again.set_weights(model.get_weights())
    np.testing.assert_array_equal(numpy(again(X)), expected)
    assert [y.name for y in again.layers] == [y.name for y in model.layers]


def test_wrong_stacks_are_explained():
    with pytest.raises(ArgumentError, match="Layer.*function"):
        multinet.Sequential([lambda x: x])
    with pytest.raises(ArgumentError, match="'same'"):
        multinet.Sequential([layers.Dense(1, name="same"), layers.Flatten(name="same")])
    with pytest.raises(ArgumentError, match="first"):
        multinet.Sequential([layers.Dense(1), multinet.Input((3,))])
    with pytest.raises(ShapeError, match=r"\(None, 6, 6, 2\).*\(3, 5, 6, 2\)"):
        stack(multinet, multinet.Input((6, 6, 2)))(X[:, 1:])


def test_adding_and_removing_trace_nothing_twice(backend):
    model = multinet.Sequential([multinet.Input((4,))])
    stack = [layers.Dense(3, name=f"d{i}") for i in range(4)]
    for layer in stack:
        model.add(layer)
    assert [len(layer._nodes) for layer in stack] == [1, 1, 1, 1]
    assert model.output is stack[-1].output and model.input is stack[0].input
    model.compile("sgd", "mse")
    model.predict(X[:, 0, 0, [0, 1, 0, 1]], verbose=0)
    model.pop()
    assert model.output is stack[2].output and len(stack[2]._nodes) == 1
    model.add(layers.Dense(2))
    data = np.ones((2, 4), "float32")
    expected = data
    for layer in model.layers:
        expected = layer(expected)
    np.testing.assert_allclose(numpy(model(data)), numpy(expected), rtol=1e-6)
    assert model.predict(data, verbose=0).shape == (2, 2)


def test_a_model_built_by_data_can_be_added_to_and_removed_from(backend):
    model = multinet.Sequential([layers.Dense(3)])
    model(X[:, 0, 0])
    model.add(layers.Dense(5))
    assert model.built and model.output_shape == (None, 5)
    model.pop()
    assert model.output_shape == (None, 3) and numpy(model(X[:, 0, 0])).shape == (3, 3)
    model.add(layers.Dense(5), rebuild=False)
    assert not model.built


def test_a_model_at_the_start_says_the_shape_of_inputs(backend):
    base = multinet.Sequential([multinet.Input((6,)), layers.Dense(3)])
    model = multinet.Sequential([base, layers.Dense(2)])
    assert model.built and model.input_shape == (None, 6)
    assert [w.shape for w in model.weights] == [(6, 3), (3,), (3, 2), (2,)]
    again = multinet.Sequential.from_config(model.get_config())
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]
    grown = multinet.Sequential([base])
    assert not grown.built  # as in Keras: one layer says nothing yet
    grown.add(layers.Dense(4))
    assert grown.output_shape == (None, 4)
    words = multinet.Sequential(
        [multinet.Input((4,), dtype="int32"), layers.Embedding(5, 2)]
    )
    read = multinet.Sequential([words, layers.Flatten(), layers.Dense(1)])
    assert read.inputs[0].dtype == "int32"


def test_other_data_may_have_other_sizes_than_the_first(backend):
    model = multinet.Sequential(
        [layers.Conv2D(3, 3), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    )
    first, other = X, np.concatenate([X, X], 2)
    model(first)
    again = multinet.Sequential.from_config(json.loads(json.dumps(model.get_config())))
    again.set_weights(model.get_weights())
    for each in (model, again):
        np.testing.assert_allclose(
            numpy(each(other)),
            each.predict((row[None] for row in other), verbose=0),
            rtol=1e-5,
            atol=1e-6,
        )
    with pytest.raises(ShapeError, match="expected axis -1 of size 2"):
        model(X[..., :1])
    with pytest.raises(ShapeError, match="expects shape"):
        model(X[..., 0])


def test_a_declared_shape_holds(backend):
    model = multinet.Sequential([layers.Input((6, 6, 2)), layers.Flatten()])
    with pytest.raises(ShapeError, match="expects shape"):
        model(np.zeros((3, 5, 6, 2), "float32"))
    built = multinet.Sequential([layers.Flatten()])
    built.build((None, 6, 6, 2))
    with pytest.raises(ShapeError, match="expects shape"):
        built(np.zeros((3, 5, 6, 2), "float32"))


def test_a_batch_of_a_declared_size_may_be_smaller(real_backend):
    model = multinet.Sequential([layers.Input((2,), batch_size=4), layers.Dense(2)])
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(6, 2)
    want = x @ model.layers[0].kernel.numpy()
    found = model.predict(x, batch_size=4, verbose=0)
    np.testing.assert_allclose(found, want, rtol=1e-5)
    np.testing.assert_allclose(real_backend.to_numpy(model(x[:1])), want[:1], rtol=1e-5)


def test_a_layer_that_needs_more_than_a_tensor_is_refused():
    class Pair(layers.Layer):
        def call(self, x, training):
            return x

    model = multinet.Sequential([Pair()])
    with pytest.raises(ArgumentError, match="Pair.call needs x, training"):
        model.build((None, 2))


def test_a_configuration_without_a_name_is_refused():
    config = multinet.Sequential([layers.Dense(2)]).get_config()
    del config["name"]
    with pytest.raises(ArgumentError, match="Expected the name beside the layers"):
        multinet.Sequential.from_config(config)


def test_a_stack_without_layers_and_another_shape_are_refused():
    with pytest.raises(ArgumentError, match="has no layers"):
        multinet.Sequential()(np.ones((3, 2), "float32"))
    model = multinet.Sequential([layers.Input((2,), batch_size=3), layers.Dense(2)])
    model.build((3, 2))
    model.build((None, 2))
    for shape in ((3, 4), (4, 2), (3, 2, 2)):
        with pytest.raises(ArgumentError, match=r"built for inputs of shape \(3, 2\)"):
            model.build(shape)


def test_a_layer_that_cannot_tell_its_shapes_is_run_for_them(backend):
    class Quiet(layers.Layer):
        def call(self, x):
            return ops.add(x, 1.0)

        def compute_output_spec(self, *args, **kwargs):
            raise NotImplementedError

    model = multinet.Sequential([Quiet()])
    np.testing.assert_array_equal(numpy(model(np.ones((3, 2), "float32"))), 2.0)
    assert model.output_shape == (None, 2)
