"""Models as data: written here and in Keras, read here and in Keras."""

import json

import keras as peer
import numpy as np
import optree
import pytest

import multinet
from multinet import ops, saving

RNG = np.random.default_rng(0)
A = RNG.normal(size=(5, 4)).astype("float32")
B = RNG.normal(size=(5, 4)).astype("float32")
IDS = np.array([[3, 1, 0, 0], [1, 2, 3, 4], [2, 0, 0, 0], [4, 4, 1, 0], [1, 0, 0, 0]])


# Each builder works for `multinet` and for `keras` alike, and returns a model and data.


def several(keras):
    """Two inputs, one of them twice, an unused one, a shared layer, two outputs."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    unused = keras.Input((4,), name="unused")
    shared = keras.layers.Dense(3, activation="tanh")
    left, right = shared(a), shared(b)
    joined = keras.ops.concatenate([left, right, a], axis=-1)
    model = keras.Model([a, b, unused], [keras.layers.Dense(2)(joined), left])
    return model, [A, B, A]


def constants(keras):
    """Numbers, arrays and slices among the arguments, ops with options."""
    a = keras.Input((4,), name="a")
    x = (a - 2.0) * np.arange(4, dtype="float32") + 1.0 / (keras.ops.abs(a) + 1)
    x = keras.ops.maximum(x, -a) ** 2
    y = keras.ops.reshape(x[:, 1:], (-1, 3, 1)) @ np.ones((1, 2), "float32")
    y = keras.ops.mean(y, axis=(1, 2), keepdims=True) + keras.ops.sum(x[..., None])
    return keras.Model(a, keras.ops.where(y > 0, y, keras.ops.zeros_like(y))), A


def nested(keras):
    """A model within a model, called twice, and a Sequential within."""
    inner = keras.Input((4,))
    encoder = keras.Model(inner, keras.layers.Dense(3, activation="relu")(inner))
    head = keras.Sequential([keras.layers.Dense(5), keras.layers.Dense(2)])
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    first, second = encoder(a), encoder(b)
    return keras.Model([a, b], [head(first + second), first, second]), [A, B]


def depths(keras):
    """A layer that is called at several depths, in an order that is not its own."""
    a = keras.Input((4,), name="a")
    f, g = keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(4)
    return keras.Model(a, f(g(f(g(a)) + f(a)))), A


def trees(keras):
    """Dictionaries and lists in and out."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    c = keras.Input((4,), name="c")
    total = keras.layers.Add()([a, b, c])
    outputs = {"sum": keras.layers.Dense(2)(total), "all": [a * 2.0, [c, total]]}
    return keras.Model({"a": a, "more": [b, c]}, outputs), {"a": A, "more": [B, A]}


def modes(keras):
    """Layers that differ in training, one of them pinned."""
    a = keras.Input((4,), name="a")
    x = keras.layers.BatchNormalization()(keras.layers.Dense(6)(a))
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Reshape((2, 3))(x)
    return keras.Model(a, keras.layers.LSTM(2, return_sequences=True)(x)), A


def masked(keras):
    """Masks from an embedding, in recurrent layers and attention."""
    ids = keras.Input((4,), dtype="int32", name="ids")
    x = keras.layers.Embedding(5, 4, mask_zero=True)(ids)
    y = keras.layers.Bidirectional(keras.layers.GRU(3, return_sequences=True))(x)
    y = keras.layers.MultiHeadAttention(2, 3)(y, x)
    y = keras.layers.LSTM(2)(y)
    last = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(ids, keras.layers.Concatenate()([y, last])), IDS


def stack(keras):
    """A Sequential."""
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(6, activation="relu", kernel_regularizer="l2"),
            keras.layers.Reshape((3, 2)),
            keras.layers.Conv1D(2, 2),
            keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)]),
        ],
        name="stack",
    )
    return model, A


BUILDERS = [several, constants, nested, depths, trees, modes, masked, stack]
builders = pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)


def values(tree):
    """Return the leaves of a result as NumPy arrays."""
    leaves = optree.tree_leaves(tree)
    return [peer.ops.convert_to_numpy(y) for y in leaves]


def ours(tree):
    """Return the leaves of a result of ours as NumPy arrays."""
    return [ops.convert_to_numpy(y) for y in optree.tree_leaves(tree)]


def same(left, right):
    """Compare lists of arrays."""
    for x, y in zip(left, right, strict=True):
        np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-5)


def reads(config):
    """Return a configuration as it comes out of a file."""
    return json.loads(json.dumps(config))


def of_keras(config):
    """Return Keras's model of a configuration of ours."""
    return peer.saving.deserialize_keras_object(reads(config))


@builders
def test_what_keras_writes_is_read_here(real_backend, build):
    theirs, data = build(peer)
    model = saving.deserialize_keras_object(
        reads(peer.saving.serialize_keras_object(theirs))
    )
    assert type(model).__name__ == {"Functional": "Model"}.get(
        type(theirs).__name__, type(theirs).__name__
    )
    assert model.name == theirs.name
    kept = [y.name for y in theirs.layers]
    assert [y.name for y in model.layers] == kept
    if build is not stack:  # Keras names the tensor, we the layer
        assert [x.name for x in model.inputs] == [x.name for x in theirs.inputs]
    theirs(data)
    out = model(data)
    model.set_weights(theirs.get_weights())
    out = model(data)
    same(ours(out), values(theirs(data)))
    same(ours(model(data, training=False)), values(theirs(data, training=False)))


@builders
def test_what_is_written_here_is_read_by_keras_and_here(real_backend, build):
    model, data = build(multinet)
    model(data)
    config = saving.serialize_keras_object(model)
    theirs, again = of_keras(config), saving.deserialize_keras_object(reads(config))
    theirs(data), again(data)
    for other in (theirs, again):
        other.set_weights(model.get_weights())
        assert other.name == model.name
        assert [y.name for y in other.layers] == [y.name for y in model.layers]
    same(values(theirs(data)), ours(model(data)))
    same(ours(again(data)), ours(model(data)))
    assert reads(saving.serialize_keras_object(again)) == reads(config)


@builders
def test_configurations_are_those_of_keras(build):
    model, _ = build(multinet)
    theirs, _ = build(peer)
    mine, wanted = reads(model.get_config()), reads(theirs.get_config())
    assert mine.keys() == wanted.keys()
    for name in ("input_layers", "output_layers"):
        if name in wanted:
            assert shape_of(mine[name]) == shape_of(wanted[name])


def shape_of(tree):
    """Return a tree of places without the names, which count calls of a process."""
    if isinstance(tree, dict):
        return {key: shape_of(item) for key, item in tree.items()}
    if isinstance(tree[0], str):
        return tree[1:]
    return [shape_of(item) for item in tree]
