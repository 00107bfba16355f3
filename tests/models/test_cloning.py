"""clone_model: what becomes of layers, calls, names and weights, against Keras."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, models, ops
from multinet.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def numpy(x):
    """Return a tensor as a NumPy array."""
    return ops.convert_to_numpy(x)


# Each builder works for `multinet` and for `keras` alike.


def functional(keras):
    """A shared layer, ops, a model inside, dictionaries."""
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    shared = keras.layers.Dense(4, activation="tanh", name="shared")
    z = keras.Input((4,), name="z")
    inner = keras.Model(z, keras.layers.Dense(2, name="deep")(z), name="inner")
    joined = keras.ops.concatenate([shared(a), shared(b) * 2.0], axis=-1)
    top = keras.layers.Dense(4, name="top")(joined)
    return keras.Model({"a": a, "b": b}, [inner(top), inner(a)], name="outer")


def sequential(keras):
    """A Sequential with one inside."""
    inner = keras.Sequential([keras.layers.Dense(3, name="deep")], name="inner")
    first = keras.Input((4,), name="first")
    return keras.Sequential([first, inner, keras.layers.Dense(2, name="top")], name="s")


def deferred(keras):
    """A Sequential without an input."""
    return keras.Sequential([keras.layers.Dense(2, name="top")], name="later")


BUILDERS = [functional, sequential, deferred]
builders = pytest.mark.parametrize("build", BUILDERS, ids=lambda b: b.__name__)


def described(model):
    """Return what can be compared of a model: names, classes and shapes."""
    shapes = [tuple(w.shape) for w in model.weights]
    names = [
        (y.name, type(y).__name__.replace("Functional", "Model")) for y in model.layers
    ]
    return model.name, names, shapes, model.trainable, model.built


@builders
def test_a_clone_is_what_it_is_in_keras_with_fresh_weights(real_backend, build):
    model = build(multinet)
    clone = models.clone_model(model)
    assert described(clone) == described(peer.models.clone_model(build(peer)))
    assert not set(map(id, clone.layers)) & set(map(id, model.layers))
    for mine, other in zip(clone.weights, model.weights, strict=True):
        assert mine is not other
    if build is functional:
        clone.set_weights(model.get_weights())
        data = {"a": X, "b": X[::-1]}
        for x, y in zip(clone(data), model(data), strict=True):
            np.testing.assert_array_equal(numpy(x), numpy(y))


@builders
def test_a_clone_function_gives_the_layers_as_in_keras(build):
    def cloned(keras):
        seen = []

        def clone(layer):
            seen.append(layer.name)
            if isinstance(layer, keras.layers.Dense):
                return keras.layers.Dense(layer.units, name=layer.name + "_new")
            return type(layer).from_config(layer.get_config())

        model = build(keras)
        clone = keras.models.clone_model(model, clone_function=clone)
        ops_named = {"concatenate", "multiply"}  # Keras asks for these, too
        return described(clone), [
            n for n in seen if n.rstrip("_1234567890") not in ops_named
        ]

    assert cloned(multinet) == cloned(peer)


def test_a_call_function_may_add_layers_and_sees_every_call(real_backend):
    def cloned(keras):
        seen = []

        def call(layer, *args, **kwargs):
            seen.append((layer.name.rstrip("_1234567890"), sorted(kwargs)))
            outputs = layer(*args, **kwargs)
            if layer.name == "shared":
                outputs = keras.layers.Dropout(0.5, name=f"drop{len(seen)}")(outputs)
            return outputs

        model = functional(keras)
        clone = keras.models.clone_model(
            model, clone_function=lambda y: y, call_function=call
        )
        assert clone.get_layer("top") is model.get_layer("top")
        return sorted(n for n, _ in seen), sorted(y.name[:4] for y in clone.layers)

    assert cloned(multinet) == cloned(peer)


@pytest.mark.parametrize("build", [functional, sequential], ids=lambda b: b.__name__)
def test_models_inside_are_cloned_layer_by_layer_if_asked(build):
    def cloned(keras):
        seen = []

        def clone(layer):
            seen.append(layer.name.rstrip("_1234567890"))
            return type(layer).from_config(layer.get_config())

        model = build(keras)
        clone = keras.models.clone_model(model, clone_function=clone, recursive=True)
        assert clone.get_layer("inner") is not model.get_layer("inner")
        ops_named = ("concatenate", "multiply")
        return described(clone), [name for name in seen if name not in ops_named]

    assert cloned(multinet) == cloned(peer)


def test_a_clone_may_start_at_tensors_that_are_given(real_backend):
    wide = {name: multinet.Input((4,), name=name) for name in "ab"}
    model = functional(multinet)
    clone = models.clone_model(
        model, input_tensors={name: x * 1.0 for name, x in wide.items()}
    )
    whole = multinet.Model(wide, clone.outputs)
    whole.set_weights(model.get_weights())
    for x, y in zip(whole({"a": X, "b": X}), model({"a": X, "b": X}), strict=True):
        np.testing.assert_allclose(numpy(x), numpy(y), rtol=1e-6)
    start = multinet.Input((4,), name="start")
    assert models.clone_model(sequential(multinet), [start]).inputs[0] is start


@builders
def test_a_clone_is_compiled_as_the_model_with_a_fresh_optimizer(real_backend, build):
    model = build(multinet)
    metric = multinet.metrics.MeanAbsoluteError(name="off")
    metrics = [[metric], None] if build is functional else [metric]
    optimizer = multinet.optimizers.SGD(0.25, momentum=0.5)
    model.compile(optimizer, "mse", metrics=metrics)
    data = {"a": X, "b": X} if build is functional else X
    target = [X[:, :2]] * 2 if build is functional else X[:, :2]
    model.fit(data, target, epochs=2, verbose=0)
    clone = models.clone_model(model)
    clone(data)
    clone.set_weights(model.get_weights())
    assert type(clone.optimizer) is multinet.optimizers.SGD
    assert float(clone.optimizer.learning_rate) == 0.25
    assert int(clone.optimizer.iterations) == 0 and int(optimizer.iterations) == 2
    mine = clone.evaluate(data, target, verbose=0, return_dict=True)
    assert mine == model.evaluate(data, target, verbose=0, return_dict=True)
    assert any(name.endswith("off") for name in mine)
    clone.fit(data, target, verbose=0)
    assert int(clone.optimizer.iterations) == 1 and int(optimizer.iterations) == 2


class Scaled(multinet.Model):
    """A subclass with an argument."""

    def __init__(self, units):
        super().__init__()
        self.units, self.dense = units, layers.Dense(units)

    def call(self, inputs):
        """Return (b, units)."""
        return self.dense(inputs)


def test_a_subclassed_model_is_made_anew_from_its_arguments(real_backend):
    model = Scaled(3)
    model(X)
    clone = models.clone_model(model)
    assert type(clone) is Scaled and clone.units == 3 and clone.built
    assert not np.array_equal(clone.get_weights()[0], model.get_weights()[0])


def test_what_cannot_be_cloned_so_is_explained():
    def same(layer):
        return layer

    with pytest.raises(ArgumentError, match="call_function is for functional"):
        models.clone_model(sequential(multinet), call_function=same)
    with pytest.raises(ArgumentError, match="clone_function is for functional"):
        models.clone_model(Scaled(2), clone_function=same)
    with pytest.raises(ArgumentError, match="structure of model.input"):
        models.clone_model(functional(multinet), [multinet.Input((4,))])
    with pytest.raises(ArgumentError, match="one symbolic tensor"):
        models.clone_model(sequential(multinet), [X])
    for arguments in ({"clone_function": 3}, {"call_function": "x"}):
        with pytest.raises(
            ArgumentError, match="Expected .*_function to be a function"
        ):
            models.clone_model(functional(multinet), **arguments)
