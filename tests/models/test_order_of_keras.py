"""Weights, layers and metrics come in Keras's order, and have Keras's paths."""

import functools

import keras
import numpy as np
import pytest
from order_cases import CASES, chain, dense, model_of

import multinet
from multinet.names import restart

X = np.ones((2, 3), "float32")


def built(K, name):
    """Return a case's model, called once."""
    if K is keras:
        keras.backend.clear_session()
    else:
        restart()  # all of it that counts here, and in no time
    model = model_of(K, *CASES[name])
    model(X)
    return model


def facts(model):
    """Return what the order of a model shows in."""
    return {
        "layers": [layer.name for layer in model.layers],
        "weights": [(w.path, tuple(w.shape)) for w in model.weights],
        "trainable": [w.path for w in model.trainable_weights],
        "metrics": [metric.name for metric in model.metrics],
    }


@functools.cache
def reference(name):
    """Return the facts, weights and outputs of Keras's model: JAX compiles it once."""
    model = built(keras, name)
    outputs = keras.ops.convert_to_numpy(model(X))
    return facts(model), model.get_weights(), outputs


@pytest.mark.parametrize("name", CASES)
def test_weights_layers_and_metrics_come_in_the_order_of_keras(name, backend):
    assert facts(built(multinet, name)) == reference(name)[0]


@pytest.mark.parametrize("name", CASES)
def test_weights_of_keras_give_the_outputs_of_keras(name, backend):
    ours = built(multinet, name)
    _, weights, wanted = reference(name)
    ours.set_weights(weights)
    outputs = multinet.ops.convert_to_numpy(ours(X))
    np.testing.assert_allclose(outputs, wanted, rtol=1e-5, atol=1e-6)


def test_the_metrics_of_compile_come_first_as_in_keras(backend):
    names = []
    for K in (multinet, keras):
        model = built(K, "metrics_of_their_own")
        model.compile("sgd", "mse", metrics=["mae"])
        model.fit(X, X, verbose=0)
        found = [m.name for m in model.metrics]
        names.append([n for n in found if n not in ("compile_metrics", "mae")])
    assert names[0] == names[1]
    assert names[0][0] == "loss"


def test_a_replaced_layer_is_gone_and_the_others_keep_their_places(backend):
    """Keras keeps the weights of a layer that was replaced; all else is as there."""

    def init(m, K):
        m.a = dense(K, name="a")
        m.b = dense(K, name="b")
        m.a = dense(K, name="new")

    paths = []
    for K in (multinet, keras):
        model = model_of(K, init, chain("a", "b"))
        model(X)
        paths.append([w.path for w in model.weights if "m/a/" not in w.path])
        names = [layer.name for layer in model.layers]
    assert paths[0] == paths[1] == [f"m/{n}" for n in _with_both("b", "new")]
    assert names == ["a", "b", "new"], "what Keras keeps"


def _with_both(*names):
    return [f"{name}/{weight}" for name in names for weight in ("kernel", "bias")]
