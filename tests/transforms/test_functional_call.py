"""Layers as pure functions."""

import keras as peer
import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, ShapeError

RNG = np.random.default_rng(6)
X = RNG.normal(size=(5, 3)).astype("float32")


def network(keras=multinet):
    """Return a network with weights and statistics."""
    return keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(4, activation="tanh", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(momentum=0.5),
            keras.layers.Dense(2),
        ]
    )


def host(tree):
    """Return a tree of tensors as NumPy arrays."""
    return multinet.tree.map_structure(ops.convert_to_numpy, tree)


def test_stateless_call_agrees_with_keras_and_changes_nothing(backend):
    ours, theirs = network(), network(peer)
    theirs.set_weights(ours.get_weights())
    before = ours.get_weights()
    results = []
    for model in (ours, theirs):
        trained = [2 * np.asarray(v) for v in model.trainable_variables]
        others = [np.asarray(v) + 1 for v in model.non_trainable_variables]
        results.append(
            model.stateless_call(trained, others, X, training=True, return_losses=True)
        )
    for part, other in zip(*results, strict=True):
        for a, b in zip(
            multinet.tree.flatten(host(part)), peer.tree.flatten(other), strict=True
        ):
            np.testing.assert_allclose(a, np.asarray(b), rtol=1e-4, atol=1e-6)
    for a, b in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_functional_call_by_path_inside_transforms(backend):
    layer = layers.Dense(2, name="head")
    layer.build((None, 3))
    kernel, bias = layer.get_weights()

    def loss(parameters):
        y, state = multinet.functional_call(layer, parameters, X)
        return ops.sum(ops.square(y)), state

    grads, state = multinet.grad(loss, has_aux=True)({"head/kernel": 2 * kernel})
    y = X @ (2 * kernel) + bias
    np.testing.assert_allclose(
        host(grads["head/kernel"]), 2 * X.T @ y, rtol=1e-4, atol=1e-5
    )
    assert state == {}
    many = np.stack([kernel, 3 * kernel])
    outputs = multinet.vmap(lambda k: multinet.functional_call(layer, [k, bias], X)[0])(
        many
    )
    np.testing.assert_allclose(host(outputs)[1], X @ (3 * kernel) + bias, rtol=1e-4)


def test_new_state_comes_back_by_path(backend):
    model = network()
    norm = model.layers[1]
    _, state = multinet.functional_call(model, {}, X, training=True)
    path = f"{norm.name}/moving_mean"
    assert set(state) == {path, f"{norm.name}/moving_variance"}
    hidden = np.tanh(X @ model.get_weights()[0])
    np.testing.assert_allclose(
        host(state)[path], hidden.mean(0) / 2, rtol=1e-4, atol=1e-6
    )
    np.testing.assert_array_equal(norm.moving_mean.numpy(), 0)


def test_wrong_parameters_are_named(backend):
    layer = layers.Dense(2, name="last")
    with pytest.raises(ArgumentError, match="not built"):
        multinet.functional_call(layer, {}, X)
    layer.build((None, 3))
    with pytest.raises(ArgumentError, match="last/weight"):
        multinet.functional_call(layer, {"last/weight": X}, X)
    with pytest.raises(ShapeError, match="last/kernel"):
        multinet.functional_call(layer, {"last/kernel": X}, X)
    with pytest.raises(ArgumentError, match="2 values"):
        multinet.functional_call(layer, [X], X)
