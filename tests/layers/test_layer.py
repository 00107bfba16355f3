"""The base class: weights, names, building, calling, freezing, errors."""

import json

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, MultinetError, ShapeError

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


class Scale(layers.Layer):
    """factor * inputs + offset, with weights made in build."""

    def __init__(self, start=2.0, **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        ones = multinet.initializers.Constant(self.start)
        self.counter = self.add_weight((), "zeros", trainable=False, name="counter")
        self.factor = self.add_weight(input_shape[-1:], ones, name="factor")
        self.offset = self.add_weight(shape=input_shape[-1:], name="offset")

    def call(self, inputs, training=False):
        if training:
            self.counter.assign_add(1.0)
        return ops.add(ops.multiply(inputs, self.factor), self.offset)


class Nested(layers.Layer):
    """Layers in a list, a dict, a tuple and an attribute."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stack = [layers.Dense(4), layers.Dense(3, use_bias=False)]
        self.named = {"a": Scale(), "deep": [(layers.BatchNormalization(),)]}
        self.last = layers.Dense(2)

    def call(self, inputs):
        for layer in self.stack:
            inputs = layer(inputs)
        inputs = self.named["deep"][0][0](self.named["a"](inputs))
        return self.last(inputs)


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


# -- weights ---------------------------------------------------------------------------


def test_a_custom_layer_builds_once_and_computes(backend):
    layer = Scale()
    out = layer(X)
    np.testing.assert_allclose(numpy(out), 2 * X + layer.offset.numpy(), rtol=1e-6)
    layer(X, training=True)
    assert layer.counter.numpy() == 1
    assert [w.name for w in layer.weights] == ["factor", "offset", "counter"]
    assert [w.name for w in layer.trainable_weights] == ["factor", "offset"]
    assert [w.name for w in layer.non_trainable_weights] == ["counter"]
    assert layer.weights[0].path == f"{layer.name}/factor"
    assert layer.count_params() == 7


def test_build_by_hand_counts_as_building():
    layer = Scale()
    layer.build((None, 3))
    assert layer.built
    layer(X)
    assert len(layer.weights) == 3


def test_layers_in_lists_dicts_and_tuples_are_found_in_the_order_of_keras(backend):
    layer = Nested()
    out = layer(X)
    assert out is not None and numpy(out).shape == (4, 2)
    shapes = [w.shape for w in layer.weights]
    kernel_and_more = [(3, 4), (4,), (4, 3), (3,), (3,), (), (3,), (3,), (3,), (3,)]
    assert shapes == [*kernel_and_more, (3, 2), (2,)]
    assert len(layer.trainable_weights) == 9

    class Theirs(peer.layers.Layer):
        def __init__(self):
            super().__init__()
            self.stack = [peer.layers.Dense(4), peer.layers.Dense(3)]
            self.named = {"bn": peer.layers.BatchNormalization()}
            self.last = peer.layers.Dense(2)

        def call(self, x):
            for part in self.stack:
                x = part(x)
            return self.last(self.named["bn"](x))

    class Ours(layers.Layer):
        def __init__(self):
            super().__init__()
            self.stack = [layers.Dense(4), layers.Dense(3)]
            self.named = {"bn": layers.BatchNormalization()}
            self.last = layers.Dense(2)

        call = Theirs.call

    ours, theirs = Ours(), Theirs()
    ours(X), theirs(X)
    names = [(w.name, w.shape) for w in ours.weights]
    assert names == [(w.name, tuple(w.shape)) for w in theirs.weights]
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(numpy(ours(X)), theirs(X), rtol=1e-5, atol=1e-6)


def test_a_shared_layer_counts_once(backend):
    class Twice(layers.Layer):
        def __init__(self):
            super().__init__()
            self.a = layers.Dense(3)
            self.b = [self.a]

        def call(self, inputs):
            return self.b[0](self.a(inputs))

    layer = Twice()
    out = numpy(layer(X))
    kernel, bias = layer.get_weights()
    expected = (X @ kernel + bias) @ kernel + bias
    np.testing.assert_allclose(out, expected, rtol=1e-4, atol=1e-6)


def test_freezing_reaches_every_layer_inside():
    layer = Nested()
    layer(X)
    layer.stack[0].trainable = False
    assert len(layer.trainable_weights) == 7
    layer.trainable = False
    assert layer.trainable_weights == [] and len(layer.non_trainable_weights) == 12
    assert not layer.named["deep"][0][0].trainable
    layer.trainable = True
    assert len(layer.trainable_weights) == 9
    frozen = multinet.Sequential([layers.Dense(2)], trainable=False)
    frozen(X)
    assert frozen.trainable_weights == []


def test_set_weights_sets_all_or_nothing(backend):
    layer = layers.Dense(2)
    layer(X)
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel + 1, bias + 2])
    np.testing.assert_array_equal(layer.get_weights()[0], kernel + 1)
    kernel[:] = 0
    assert not np.array_equal(layer.get_weights()[0], kernel)
    for wrong in ([kernel], [kernel, np.zeros(3)], [kernel.T, bias], []):
        with pytest.raises(ShapeError, match=f"{layer.name} (expects 2|have other)"):
            layer.set_weights(wrong)
    with pytest.raises(ShapeError, match=r"bias \(2,\) got \(3,\)"):
        layer.set_weights([kernel, np.zeros(3)])
    np.testing.assert_array_equal(layer.get_weights()[1], bias + 2)
    with pytest.raises(ShapeError, match="not built"):
        layers.Dense(2).set_weights([kernel, bias])


def test_count_params_of_a_layer_that_is_not_built_is_refused():
    with pytest.raises(ArgumentError, match="not built"):
        layers.Dense(2).count_params()


# -- names and configurations ----------------------------------------------------------


def test_automatic_names_are_those_of_keras(monkeypatch):
    monkeypatch.setattr("multinet.names._counts", {})
    peer.backend.clear_session()
    for name in ("Dense", "Dense", "Conv2D", "MaxPooling2D", "Conv1D", "Flatten"):
        arguments = {"Dense": (1,), "Conv2D": (1, 1), "Conv1D": (1, 1)}.get(name, ())
        ours = getattr(layers, name)(*arguments).name
        assert ours == getattr(peer.layers, name)(*arguments).name
    assert layers.Dense(1).name == "dense_2"
    assert layers.BatchNormalization().name == "batch_normalization"
    assert layers.GlobalAveragePooling2D().name == "global_average_pooling2d"
    assert multinet.Input((1,)).node.operation.name == "input_layer"
    assert layers.Dense(1, name="mine").name == "mine"


def test_a_custom_layer_without_get_config_gives_its_arguments():
    layer = Scale(3.0, name="scale_it", trainable=False)
    config = json.loads(json.dumps(layer.get_config()))
    again = Scale.from_config(config)
    assert (again.start, again.name, again.trainable) == (3.0, "scale_it", False)
    np.testing.assert_array_equal(again(X)[0] * 0 + again.factor.numpy(), 3.0)


def test_unknown_arguments_are_listed_with_the_known_ones():
    with pytest.raises(ArgumentError, match=r"Dense got unknown .*'unit'.*units.*name"):
        layers.Dense(2, unit=3)
    with pytest.raises(ArgumentError, match="name"):
        layers.Dense(2, name=3)


# -- calling ---------------------------------------------------------------------------

WRONG = [
    (layers.Dense(2, name="wrong"), (4, 3), (4, 5)),
    (layers.Conv1D(2, 2, name="wrong"), None, (4, 3)),
    (layers.Conv2D(2, 2, name="wrong"), None, (4, 3, 5)),
    (layers.Conv2D(2, 2, name="wrong"), (2, 4, 4, 3), (2, 4, 4, 2)),
    (layers.Conv2D(2, 2, groups=2, name="wrong"), None, (2, 4, 4, 3)),
    (layers.Conv2D(2, 5, name="wrong"), None, (2, 4, 4, 3)),
    (layers.MaxPooling2D(name="wrong"), None, (2, 4, 4)),
    (layers.MaxPooling1D(9, name="wrong"), None, (2, 4, 4)),
    (layers.GlobalMaxPooling2D(name="wrong"), None, (2, 4, 4)),
    (layers.GlobalAveragePooling1D(name="wrong"), None, (2, 4)),
    (layers.Reshape((5, -1), name="wrong"), None, (2, 4, 4)),
    (layers.Reshape((5, 3), name="wrong"), None, (2, 4, 4)),
]


@pytest.mark.parametrize("layer, built, shape", WRONG)
def test_a_wrong_shape_gives_an_error_that_names_layer_and_shape(layer, built, shape):
    if built:
        layer(np.zeros(built, "float32"))
    with pytest.raises(ShapeError) as caught:
        layer(np.zeros(shape, "float32"))
    text = "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert "wrong" in text and str(shape) in text


@pytest.mark.parametrize("make", [layers.Dense, lambda n: layers.Conv1D(n, 1)])
def test_an_unknown_size_that_a_weight_needs_is_explained(make):
    with pytest.raises(ShapeError, match="known|every size"):
        make(2)(multinet.Input((3, None)))


def test_wrong_options_are_explained():
    cases = [
        (lambda: layers.Dense(0), "units"),
        (lambda: layers.Dense(2.5), "units"),
        (lambda: layers.Dense(2, activation="rellu"), "relu"),
        (lambda: layers.Conv2D(3, (1, 2, 3)), "kernel_size"),
        (lambda: layers.Conv2D(3, 2, strides=0), "strides"),
        (lambda: layers.Conv2D(3, 2, padding="causal"), "padding"),
        (lambda: layers.Conv2D(3, 2, groups=2), "groups"),
        (lambda: layers.Conv2D(4, 2, data_format="last"), "data_format"),
        (lambda: layers.MaxPooling2D(padding="full"), "padding"),
        (lambda: layers.Reshape((-1, -1)), "-1"),
        (lambda: multinet.Input(3), r"\(3,\)"),
        (lambda: multinet.Input(), "shape"),
    ]
    for make, word in cases:
        with pytest.raises(ArgumentError, match=word):
            make()


def test_host_data_of_any_kind_is_accepted(backend):
    layer = layers.Dense(2)
    expected = numpy(layer(X))
    for x in (X.astype("float64"), X.tolist(), multinet.Variable(X)):
        out = layer(x)
        assert backend.dtype(out) == "float32"
        np.testing.assert_allclose(numpy(out), expected, rtol=1e-6)
    whole = numpy(layer(np.ones((4, 3), "int32")))
    np.testing.assert_allclose(whole, numpy(layer(np.ones((4, 3)))), rtol=1e-6)


def test_the_mode_reaches_layers_inside_unless_they_are_told_otherwise(backend):
    seen = []

    class Look(layers.Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [Look(), Look()]

        def call(self, inputs):
            inputs = self.parts[1](self.parts[0](inputs), training=False)
            return self.parts[0](inputs, None)

    layer = Outer()
    layer(X, training=True)
    layer(X, training=False)
    layer(X)
    assert seen == [True, False, True, False, False, False, None, False, None]


def test_several_inputs_build_from_their_own_shapes(backend):
    class Join(layers.Layer):
        def build(self, left_shape, right_shape):
            self.shapes = left_shape, right_shape

        def call(self, left, right):
            return ops.concatenate([left, right], axis=-1)

    class Sum(layers.Layer):
        def build(self, input_shape):
            self.shapes = input_shape

        def call(self, inputs):
            return ops.add(inputs["a"], inputs["b"])

    join, add = Join(), Sum()
    assert numpy(join(X, right=X[:, :1])).shape == (4, 4)
    assert join.shapes == ((4, 3), (4, 1))
    np.testing.assert_array_equal(numpy(add({"a": X, "b": X})), X + X)
    assert add.shapes == {"a": (4, 3), "b": (4, 3)}
    assert add.compute_output_shape({"a": (None, 3), "b": (None, 3)}) == (None, 3)


def test_add_loss_and_activity_count_each_call_once(backend):
    class Penalty(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs))
            return inputs

    outer = multinet.Sequential([Penalty(), layers.Activation("relu")])
    for _ in range(2):
        outer(X)
        (loss,) = outer.losses
        np.testing.assert_allclose(numpy(loss), X.sum(), rtol=1e-5)
    with pytest.raises(MultinetError, match="inside call"):
        outer.add_loss(1.0)


def test_input_and_output_are_those_of_the_first_symbolic_call_as_in_keras():
    for keras in (multinet, peer):
        layer = keras.layers.LSTM(2, return_state=True)
        for name in ("input", "output"):
            with pytest.raises(AttributeError, match="never"):
                getattr(layer, name)
        x = keras.Input((3, 4))
        outputs = layer(x)
        layer(keras.Input((5, 4)))
        assert layer.input is x
        for y, expected in zip(layer.output, outputs, strict=True):
            assert y is expected


def test_the_base_class_itself_can_be_made_and_holds_parts():
    layer = layers.Layer(name="parts")
    layer.inner = layers.Dense(2)
    layer.inner.build((None, 3))
    assert len(layer.weights) == 2
    assert not layer.supports_masking
    with pytest.raises(MultinetError, match="must define call"):
        layer(X)


def test_add_variable_is_another_name_of_add_weight(backend):
    layer = layers.Layer(name="own")
    weight = layer.add_variable((2, 3), "ones", name="seen", trainable=False)
    assert layer.weights == [weight] and layer.non_trainable_weights == [weight]
    np.testing.assert_array_equal(numpy(weight), np.ones((2, 3)))
