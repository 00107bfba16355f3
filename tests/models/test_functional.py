"""Functional models: graphs of layers and ops, against the same graph in Keras."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, MultinetError, ShapeError, TraceError

RNG = np.random.default_rng(0)
A = RNG.normal(size=(5, 4)).astype("float32")
B = RNG.normal(size=(5, 4)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


# Each builder works for `multinet` and for `keras` alike.


def several(keras):
    """Two inputs, two outputs, a shared layer."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = keras.layers.Dense(3, activation="tanh")
    left, right = shared(a), shared(b)
    joined = keras.ops.concatenate([left, right], axis=-1)
    return keras.Model([a, b], [keras.layers.Dense(2)(joined), left])


def operators(keras):
    """Python operators and raw ops on symbolic tensors."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    x = (a - 2.0) * b + 1.0 / (keras.ops.abs(b) + 1.0)
    x = keras.ops.maximum(x, -a) ** 2
    x = x[:, 1:3] @ keras.ops.ones((2, 6))
    return keras.Model([a, b], keras.ops.mean(keras.ops.reshape(x, (-1, 2, 3)), axis=1))


def residual(keras):
    """A branch that joins again, and a layer used at two depths."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    dense = keras.layers.Dense(4)
    x = keras.layers.BatchNormalization()(dense(a))
    x = dense(x + a) + keras.layers.Dense(4, activation="relu")(b)
    return keras.Model([a, b], keras.layers.Dense(1)(x))


def nested(keras):
    """A model within a model, called twice, and a Sequential within."""
    inner = keras.Input((4,))
    encoder = keras.Model(inner, keras.layers.Dense(3, activation="relu")(inner))
    head = keras.Sequential([keras.layers.Dense(5), keras.layers.Dense(2)])
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    return keras.Model([a, b], head(encoder(a) + encoder(b)))


def dictionaries(keras):
    """A dictionary in, a dictionary out."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    outputs = {"sum": keras.layers.Dense(2)(a + b), "first": a * 2.0}
    return keras.Model({"a": a, "b": b}, outputs)


BUILDERS = [several, operators, residual, nested, dictionaries]
builders = pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)


def inputs_of(build):
    """Return data in the structure that a builder's model expects."""
    return {"a": A, "b": B} if build is dictionaries else [A, B]


def flat(tree, convert=numpy):
    """Return the leaves of a result as NumPy arrays, dictionaries by key."""
    if isinstance(tree, dict):
        return [convert(tree[name]) for name in sorted(tree)]
    leaves = tree if isinstance(tree, list | tuple) else [tree]
    return [convert(x) for x in leaves]


@builders
def test_a_graph_computes_what_the_same_graph_computes_in_keras(backend, build):
    ours, theirs = build(multinet), build(peer)
    theirs.set_weights(ours.get_weights())
    data = inputs_of(build)
    for mode in (False, True):
        mine, expected = ours(data, training=mode), theirs(data, training=mode)
        assert isinstance(mine, dict) == isinstance(expected, dict)
        wanted = flat(expected, np.asarray)
        for x, y in zip(flat(mine), wanted, strict=True):
            np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-5)
    predicted = ours.predict(data, verbose=0)
    for x, y in zip(flat(predicted), flat(ours(data)), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


@builders
def test_weights_and_shapes_are_in_the_order_of_keras(build):
    ours, theirs = build(multinet), build(peer)
    assert [w.shape for w in ours.weights] == [tuple(w.shape) for w in theirs.weights]
    assert ours.count_params() == theirs.count_params()
    assert [x.name for x in ours.inputs] == [x.name for x in theirs.inputs]
    assert [x.shape for x in ours.outputs] == [x.shape for x in theirs.outputs]
    if build is not dictionaries:  # Keras gives a list there, we a dictionary
        assert ours.output_shape == theirs.output_shape


def test_layers_stand_in_the_order_of_keras():
    ours, theirs = residual(multinet), residual(peer)
    kept = [y for y in theirs.layers if hasattr(peer.layers, type(y).__name__)]
    mine = [(type(y).__name__, len(y.weights)) for y in ours.layers]
    assert mine == [(type(y).__name__, len(y.weights)) for y in kept]


def test_inputs_that_no_output_needs_stay():
    def build(keras):
        a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
        c, d = keras.Input((2,), name="c"), keras.Input((3,), name="d")
        y = keras.layers.Dense(2, name="last")(keras.layers.Dense(3, name="first")(b))
        return keras.Model([d, a, b, c], y)

    ours, theirs = build(multinet), build(peer)
    assert [y.name for y in ours.layers] == [y.name for y in theirs.layers]
    assert numpy(ours([A[:, :3], A, B, A[:, :2]])).shape == (5, 2)


def test_calls_of_ops_have_the_names_that_keras_gives():
    def build(keras):
        x = keras.Input((4,), name="x")
        y = keras.ops.abs(x + 1) @ keras.ops.transpose(keras.ops.isin(x, [1]) + x - 2)
        y = keras.ops.silu(y)[:, :1] + keras.layers.Dense(1, name="last")(x)
        return keras.Model(x, -(y**2) % 3)

    def operations(model):
        return getattr(model, "_graph", model).operations

    names = []
    for keras in (multinet, peer):
        _ = keras.Input((1,)) + 1, keras.layers.Add()  # which count, too
        numbers = [y.name.rpartition("_") for y in operations(build(keras))]
        names.append([a if n.isdigit() else a + s + n for a, s, n in numbers])
    assert names[0] == names[1]


def test_inputs_may_come_by_name_or_position(backend):
    model = several(multinet)
    by_position = flat(model([A, B]))
    for data in ({"a": A, "b": B}, {"b": B, "a": A}, (A, B)):
        for x, y in zip(flat(model(data)), by_position, strict=True):
            np.testing.assert_array_equal(x, y)


def test_a_graph_that_starts_in_the_middle_has_an_input_of_its_own(real_backend):
    for K in (multinet, peer):
        x = K.Input((2,), name="x")
        first = K.layers.Dense(3, name="first")
        middle = first(x)
        ends = K.layers.Dense(4, name="second")(middle)
        part = K.Model(middle, ends)
        assert [type(layer).__name__ for layer in part.layers] == [
            "InputLayer",
            "Dense",
        ]
        assert part.input is not middle and tuple(part.input.shape) == (None, 3)
        assert part.layers[1] is K.Model(x, ends).layers[2]
        again = K.Model.from_config(part.get_config())
        again.set_weights(part.get_weights())
        data = np.ones((2, 3), "float32")
        found = [np.asarray(each(data)) for each in (part, again)]
        np.testing.assert_allclose(*found, rtol=1e-6)


def test_shapes_that_a_layer_tells_spare_a_run_of_its_call(backend):
    seen = []

    class Told(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones")

        def call(self, x, training=False):
            seen.append(training)
            return multinet.ops.multiply(x, self.scale)

        def compute_output_spec(self, x, training=False):
            return multinet.KerasTensor(x.shape, dtype=x.dtype)

    x = multinet.Input((3,))
    model = multinet.Model(x, Told()(x))
    assert seen == [] and model.output_shape == (None, 3) and len(model.weights) == 1
    found = model(np.ones((2, 3), "float32"), training=True)
    assert seen == [True]
    np.testing.assert_array_equal(backend.to_numpy(found), np.ones((2, 3)))

    class Unbuilt(Told):  # a layer inside is made by a run of its call
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(3)

        def call(self, x, training=False):
            return super().call(self.inner(x), training)

    model = multinet.Model(x, Unbuilt()(x))
    assert len(model.weights) == 3


def test_features_come_from_a_graph_that_ends_or_starts_in_the_middle(backend):
    x = multinet.Input((4,))
    middle = layers.Dense(3, activation="relu", name="features")(x)
    whole = multinet.Model(x, layers.Dense(2)(middle))
    features = multinet.Model(x, whole.get_layer("features").output)
    head = multinet.Model(middle, whole.output)
    assert [y.name for y in head.layers if y.weights] == [whole.layers[-1].name]
    np.testing.assert_allclose(
        numpy(head(features(A))), numpy(whole(A)), rtol=1e-6, atol=1e-7
    )
    kernel, bias = features.get_weights()
    np.testing.assert_allclose(
        numpy(features(A)), np.maximum(A @ kernel + bias, 0), rtol=1e-5, atol=1e-6
    )


def test_an_input_may_be_an_output(backend):
    x = multinet.Input((4,))
    model = multinet.Model(x, [x, x * 2.0])
    same, double = flat(model(A))
    np.testing.assert_array_equal(same, A)
    np.testing.assert_array_equal(double, 2 * A)


def test_host_data_is_cast_to_the_declared_dtype(backend):
    x = multinet.Input((4,), dtype="int32")
    model = multinet.Model(x, ops.take(np.arange(10.0, dtype="float32"), x))
    rows = [[1, 2, 3, 9], [0, 0, 0, 5]]
    for data in (rows, np.array(rows), np.array(rows, "int64")):
        np.testing.assert_array_equal(numpy(model(data)), np.array(rows, "float32"))
    plain = multinet.Model(y := multinet.Input((4,)), y * 1.0)
    for data in (A.astype("float64"), A.tolist()):
        out = plain(data)
        assert backend.dtype(out) == "float32"
        np.testing.assert_allclose(numpy(out), A, rtol=1e-6)


def test_attributes_describe_the_graph():
    model = several(multinet)
    assert [x.name for x in model.inputs] == ["a", "b"]
    assert model.input_shape == [(None, 4), (None, 4)]
    assert model.output_shape == [(None, 2), (None, 3)]
    dense = model.layers[-1]
    assert model.get_layer(dense.name) is dense is model.get_layer(index=-1)
    assert model.output_names == [dense.name, model.layers[2].name]
    assert model.compute_output_shape([(7, 4), (7, 4)]) == [(7, 2), (7, 3)]
    with pytest.raises(ArgumentError, match=rf"'nothing'.*{dense.name}"):
        model.get_layer("nothing")


def test_wrong_graphs_are_explained():
    a, b = multinet.Input((4,), name="here"), multinet.Input((4,), name="missing")
    with pytest.raises(ArgumentError, match="missing"):
        multinet.Model(a, a + b)
    with pytest.raises(ArgumentError, match="ndarray"):
        multinet.Model(a, A)
    with pytest.raises(ArgumentError, match="both"):
        multinet.Model(a)
    with pytest.raises(ArgumentError, match="twin"):
        twins = layers.Dense(4, name="twin")(layers.Dense(4, name="twin")(a))
        multinet.Model(a, twins)
    with pytest.raises(TraceError, match="no value"):
        bool(a > 0)


def test_wrong_data_is_explained():
    model = several(multinet)
    with pytest.raises(ShapeError, match=r"'b'.*\(None, 4\).*\(5, 3\)"):
        model([A, B[:, :3]])
    with pytest.raises(ArgumentError, match="2 inputs"):
        model([A])
    with pytest.raises(ArgumentError, match="missing"):
        model({"a": A})
    with pytest.raises(ArgumentError, match="lack.*'b'"):
        dictionaries(multinet)({"a": A})


def test_freezing_a_layer_keeps_its_weights_while_others_train(backend):
    model = residual(multinet)
    frozen = next(y for y in model.layers if isinstance(y, layers.Dense))
    frozen.trainable = False
    before = [w.numpy() for w in frozen.weights]
    others = [w.numpy() for w in model.trainable_weights]
    model.compile("sgd", "mse")
    model.fit([A, B], np.ones((5, 1)), verbose=0)
    for x, y in zip(before, frozen.weights, strict=True):
        np.testing.assert_array_equal(x, y.numpy())
    changed = [
        not np.array_equal(x, w.numpy())
        for x, w in zip(others, model.trainable_weights, strict=True)
    ]
    assert any(changed)


def test_a_subclass_may_pass_a_graph_to_its_base(backend):
    class Net(multinet.Model):
        def __init__(self, units):
            x = multinet.Input((4,))
            super().__init__(x, layers.Dense(units)(x))

    model = Net(3)
    assert numpy(model(A)).shape == (5, 3)
    assert len(model.weights) == 2


def test_a_model_without_a_graph_has_no_symbolic_outputs():
    with pytest.raises(MultinetError, match="no symbolic inputs"):
        multinet.Sequential([layers.Dense(2)]).outputs  # noqa: B018


class Sum(layers.Layer):
    """A layer of one or two inputs."""

    def call(self, x, y=None):
        """Return x, plus y if there is one."""
        return x if y is None else ops.add(x, y)


def test_an_optional_input_may_be_left_out(backend):
    a = multinet.Input((3,), name="a")
    b = multinet.Input((3,), name="b", optional=True)
    model = multinet.Model([a, b], Sum()(a, b))
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(ops.convert_to_numpy(model([x, None])), x)
    np.testing.assert_array_equal(ops.convert_to_numpy(model([x, x])), 2 * x)
    with pytest.raises(ArgumentError, match="'a'.*optional=True"):
        model([None, x])


def test_a_model_may_begin_at_a_tensor_inside_another():
    hidden = layers.Dense(2)(multinet.Input((3,)))
    begin = multinet.Input(tensor=hidden)
    assert begin is hidden
    model = multinet.Model(begin, layers.ReLU()(begin))
    assert model(np.ones((4, 2), "float32")).shape == (4, 2)
