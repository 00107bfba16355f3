"""Models as data: written here and in Keras, read here and in Keras."""

import json

import keras as peer
import numpy as np
import optree
import pytest

import multinet
from multinet import layers, models, ops, saving
from multinet.errors import ArgumentError, MultinetError

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


# -- subclasses ------------------------------------------------------------------------


@saving.register_keras_serializable("tests")
class Net(multinet.Model):
    """A model of the program, with a layer among the arguments."""

    def __init__(self, units, block, scale=1.0, **options):
        super().__init__(**options)
        self.units, self.block, self.scale = units, block, scale
        self.head = layers.Dense(units * 2)

    def call(self, inputs):
        """Return (b, 2 units)."""
        return ops.multiply(self.head(self.block(inputs)), self.scale)


class Grown(multinet.Model):
    """A functional model of two arguments."""

    def __init__(self, units, name=None):
        x = multinet.Input((4,))
        super().__init__(x, layers.Dense(units)(x), name=name)
        self.units = units


class Like(multinet.Model):
    """A functional model that is made as `Model` is."""

    def doubled(self, x):
        """Return twice the output."""
        return ops.multiply(self(x), 2)


class Tower(multinet.Sequential):
    """A Sequential of another argument."""

    def __init__(self, depth):
        super().__init__([layers.Dense(3) for _ in range(depth)])
        self.depth = depth


def test_a_subclass_comes_back_by_the_arguments_of_its_constructor(real_backend):
    model = Net(3, layers.Dense(5, name="inner"), scale=0.5, name="net")
    expected = model(A)
    again = models.model_from_json(model.to_json())
    assert type(again) is Net and again.built and again.name == "net"
    assert (again.units, again.scale, again.block.units) == (3, 0.5, 5)
    again.set_weights(model.get_weights())
    same(ours(again(A)), ours(expected))


def test_subclasses_with_graphs_come_back_as_they_are_made(real_backend):
    x = multinet.Input((4,), name="x")
    for model in (Grown(3, name="grown"), Like(x, layers.Dense(2)(x)), Tower(2)):
        cls = type(model)
        expected = model(A)
        again = models.model_from_json(model.to_json(), {cls.__name__: cls})
        assert type(again) is cls and again.name == model.name
        again(A)
        again.set_weights(model.get_weights())
        same(ours(again(A)), ours(expected))
    assert Grown(3).get_config()["units"] == 3
    assert again.depth == 2


def test_a_class_inside_a_graph_must_be_known(real_backend):
    x = multinet.Input((4,), name="x")
    model = multinet.Model(x, Net(2, Like(x, x * 2.0))(x))
    text = model.to_json()
    with pytest.raises(ArgumentError, match="Unknown class 'Like'.*custom_objects"):
        models.model_from_json(text)
    again = models.model_from_json(text, custom_objects={"Like": Like})
    again.set_weights(model.get_weights())
    same(ours(again(A)), ours(model(A)))
    config = reads(model.get_config())
    assert multinet.Model.from_config(config, {"Like": Like}).name == model.name


# -- what calls are given --------------------------------------------------------------


def test_a_mode_that_a_call_was_given_stays(real_backend):
    x = multinet.Input((4,))
    frozen = layers.BatchNormalization()(x, training=False)
    loose = layers.Dropout(0.5, seed=1)(frozen, training=True)
    model = multinet.Model(x, [frozen, layers.Dropout(0.9)(x), loose])
    again = multinet.Model.from_config(reads(model.get_config()))
    for one in (model, again):
        first, kept, dropped = ours(one(A * 100, training=True))
        np.testing.assert_allclose(first, A * 100, rtol=1e-3)  # no batch statistics
        assert (kept == 0).sum() > 5
        assert (ours(one(A))[2] == 0).any() and (dropped == 0).any()
        np.testing.assert_array_equal(ours(one(A, training=False))[1], A)
    nodes = model.get_config()["layers"][1]["inbound_nodes"]
    assert nodes[0]["kwargs"] == {"training": False}
    theirs = peer.Model.from_config(reads(model.get_config()))
    same(values(theirs(A))[:1], [A / np.sqrt(1.001)])


def test_keras_arguments_that_nobody_gave_do_not_freeze_a_layer(real_backend):
    x = peer.Input((4,))
    y = peer.layers.Dropout(0.9)(x)
    config = reads(peer.Model(x, y).get_config())
    assert config["layers"][1]["inbound_nodes"][0]["kwargs"] == {"training": False}
    model = multinet.Model.from_config(config)
    assert (ours(model(A, training=True))[0] == 0).any()


def test_a_graph_that_starts_in_the_middle_of_another(real_backend):
    x = multinet.Input((4,))
    middle = layers.Dense(3, activation="relu")(x)
    whole = multinet.Model(x, layers.Dense(2)(middle))
    tail = multinet.Model([middle], whole.output)
    data = np.abs(A[:, :3])
    config = tail.get_config()
    again = multinet.Model.from_config(reads(config))
    theirs = peer.Model.from_config(reads(config))
    for other in (again, theirs):
        other.set_weights(tail.get_weights())
        same(
            values(other(data)) if other is theirs else ours(other(data)),
            ours(tail(data)),
        )
    assert len(again.weights) == 2


def test_one_list_of_indices_takes_rows(real_backend):
    x = multinet.Input(batch_shape=(5, 4))
    model = multinet.Model(x, [x[[0, 2]], x[0, 2], x[..., 1:]])
    again = multinet.Model.from_config(reads(model.get_config()))
    for y, z in zip(ours(again(A)), ours(model(A)), strict=True):
        np.testing.assert_array_equal(y, z)


def test_an_unknown_size_among_the_arguments():
    x = multinet.Input((4,))
    flat = ops.reshape(x, (ops.shape(x)[0], 2, 2))
    config = multinet.Model(x, flat).get_config()
    assert config["layers"][-1]["config"]["newshape"] == [-1, 2, 2]
    wide = multinet.Model(x, ops.broadcast_to(x[:1], (ops.shape(x)[0], 4)))
    with pytest.raises(ArgumentError, match="broadcast_to has the size.*unknown"):
        wide.get_config()


def test_names_of_calls_that_a_layer_has_are_changed():
    x = multinet.Input((4,))
    y = x + 1.0
    taken = y.node.operation.name
    model = multinet.Model(x, layers.Dense(2, name=taken)(y))
    names = [y["name"] for y in model.get_config()["layers"]]
    assert len(set(names)) == 3 and f"{taken}_1" in names


def test_a_layer_that_models_inside_share_stays_one_in_json(real_backend):
    x, z = multinet.Input((4,), name="x"), multinet.Input((4,), name="z")
    shared = layers.Dense(4, kernel_initializer=multinet.initializers.Identity())
    first = multinet.Model(z, shared(z), name="first")
    second = multinet.Sequential([shared, layers.Dense(2)], name="second")
    model = multinet.Model(x, second(first(x)) + ops.sum(shared(x)))
    text = model.to_json()
    again = models.model_from_json(text)
    assert len(again.weights) == len(model.weights) == 4
    again.set_weights(model.get_weights())
    same(ours(again(A)), ours(model(A)))
    inner = again.get_layer("first").layers[-1]
    assert inner is again.get_layer("second").layers[0]
    assert len(peer.models.model_from_json(text).weights) == 8  # Keras makes three


# -- files as they come ----------------------------------------------------------------


def test_places_of_older_files_are_read(real_backend):
    x = multinet.Input((4,), name="x")
    model = multinet.Model(x, layers.Dense(2)(x))
    config = reads(model.get_config())
    config["input_layers"] = [config["input_layers"]]
    config["output_layers"] = [config["output_layers"]]
    again = multinet.Model.from_config(config)
    again.set_weights(model.get_weights())
    assert again.output_shape == (None, 2)
    same(ours(again(A)), ours(model(A)))


def test_three_hundred_layers_come_back_in_any_order(real_backend):
    x = y = multinet.Input((4,))
    for _ in range(300):
        y = layers.Dense(4, kernel_initializer="identity")(y) + 0.5
    model = multinet.Model(x, y)
    config = reads(model.get_config())
    config["layers"].reverse()
    again = multinet.Model.from_config(config)
    same(ours(again(A)), [A + 150])
    assert [y.name for y in again.layers] == [y.name for y in model.layers]


def test_broken_configurations_are_explained():
    x = multinet.Input((4,), name="x")
    config = multinet.Model(x, layers.Dense(2, name="d")(x)).get_config()

    def broken(change):
        damaged = reads(config)
        change(damaged, damaged["layers"][1]["inbound_nodes"][0]["args"][0]["config"])
        return damaged

    def place(*history):
        return lambda _, tensor: tensor.update(keras_history=history)

    cases = {
        "depend on themselves.*'d'": place("d", 0, 0),
        "no other call makes.*'d'": place("nobody", 0, 0),
        "result 4 of 'x'": place("x", 0, 4),
        "two layers called 'x'": lambda whole, _: whole["layers"].append(
            whole["layers"][0]
        ),
        "call 1 of 'd'": lambda whole, _: whole.update(output_layers=["d", 1, 0]),
        "Keras 2": lambda whole, _: whole["layers"][1].update(inbound_nodes=[[]]),
        "'d' to be a layer": lambda whole, _: whole["layers"][1].update(
            module="keras.initializers",
            class_name="Zeros",
            config={},
            build_config=None,
        ),
    }
    for message, change in cases.items():
        with pytest.raises(MultinetError, match=message):
            multinet.Model.from_config(broken(change))
