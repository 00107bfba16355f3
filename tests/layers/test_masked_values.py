"""What is not finite at a masked position reaches neither a result nor a gradient."""

import jax
import keras as peer
import numpy as np
import pytest
from references import compiled, without_draws

import multinet
from multinet import layers, ops

RNG = np.random.default_rng(7)
MASK = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 0], [0, 0, 0, 1, 1]], bool)
OTHER = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [1, 0, 0, 1]], bool)
X = RNG.normal(size=(3, 5, 4)).astype("float32")
V = RNG.normal(size=(3, 4, 4)).astype("float32")


def filled(x, mask, *values):
    """Return x with values, one after the other, at the masked positions."""
    x, places = x.copy(), np.argwhere(~mask)
    for i, place in enumerate(places):
        x[tuple(place)] = values[i % len(values)]
    return x


BAD = (np.nan, np.inf, -np.inf)
# The layer, the inputs with their masks, and the options by which a call gets them.
SEQUENCE = ([(X, MASK)], lambda m: {"mask": m})
PAIR = ([(X, MASK), (V, OTHER)], lambda q, v: {"mask": [q, v]})
KEYS = ([(X, MASK), (V, OTHER)], lambda q, v: {"query_mask": q, "value_mask": v})
PADDING = ([(X, MASK | True), (V, OTHER)], lambda q, v: {"attention_mask": v[:, None]})
SELF = ([(X, MASK)] * 2, lambda q, v: {"query_mask": q, "value_mask": v})
CASES = {
    "LSTM": (lambda k: k.LSTM(3, return_sequences=True), SEQUENCE),
    "LSTM backwards": (lambda k: k.LSTM(3, go_backwards=True), SEQUENCE),
    "LSTM unfused": (lambda k: k.LSTM(3, recurrent_activation="relu"), SEQUENCE),
    "GRU": (lambda k: k.GRU(3, return_sequences=True), SEQUENCE),
    "GRU before": (lambda k: k.GRU(3, reset_after=False), SEQUENCE),
    "SimpleRNN": (lambda k: k.SimpleRNN(3, unroll=True), SEQUENCE),
    "cells": (lambda k: k.RNN([k.GRUCell(2), k.LSTMCell(3)]), SEQUENCE),
    "Bidirectional": (lambda k: k.Bidirectional(k.GRU(3)), SEQUENCE),
    "TimeDistributed": (lambda k: k.TimeDistributed(k.Dense(3)), SEQUENCE),
    "BatchNormalization": (lambda k: k.BatchNormalization(), SEQUENCE),
    "GlobalAveragePooling1D": (lambda k: k.GlobalAveragePooling1D(), SEQUENCE),
    "Attention": (lambda k: k.Attention(use_scale=True), PAIR),
    "concat": (lambda k: k.Attention(score_mode="concat"), PAIR),
    "AdditiveAttention": (lambda k: k.AdditiveAttention(), PAIR),
    "heads": (lambda k: k.MultiHeadAttention(2, 3), KEYS),
    "heads, padding": (lambda k: k.MultiHeadAttention(2, 3), PADDING),
    "self": (lambda k: k.MultiHeadAttention(2, 3), SELF),
    "grouped": (lambda k: k.GroupQueryAttention(3, 4, 2), KEYS),
}
LISTS = ("Attention", "concat", "AdditiveAttention")


class Reference:
    """A layer of Keras, its results, and the gradients at its weights."""

    known = {}

    def __init__(self, name):
        make, (inputs, masks) = CASES[name]
        arrays = [np.where(m[..., None], x, 0) for x, m in inputs]
        layer, options = make(peer.layers), masks(*[m for _, m in inputs])
        training = {"training": True} if name == "BatchNormalization" else {}
        with without_draws():
            call(layer, name, arrays, options)
        rng = np.random.default_rng(3)
        self.weights = [rng.normal(0, 0.5, w.shape) for w in layer.weights]
        layer.set_weights(self.weights)
        fixed = [w.value for w in layer.non_trainable_variables]

        def run(weights, *arrays):
            values = [*arrays] if name not in LISTS else [[*arrays]]
            found, _ = layer.stateless_call(
                weights, fixed, *values, **options, **training
            )
            return found

        def loss(weights, *arrays):
            found = run(weights, *arrays)
            shown = kept(found, inputs[0][1])
            return (jax.numpy.where(shown, found, 0) ** 2).sum()

        start = [w.value for w in layer.trainable_variables]
        self.gradients = compiled(jax.grad(loss))(start, *arrays)
        # Where nothing is bad, at masked positions too.
        self.outputs = compiled(run)(start, *[x for x, _ in inputs])


def kept(found, mask):
    """Return where results count: at the steps of a sequence that the mask shows."""
    shape = np.shape(found) if isinstance(found, np.ndarray) else found.shape
    if len(shape) == 3 and shape[1] == mask.shape[1]:
        return mask[..., None]
    return np.ones((1,) * len(shape), bool)


def call(layer, name, arrays, options, **more):
    """Return what a layer makes of inputs, given as a list if it takes one."""
    given = [arrays] if name in LISTS else arrays
    return layer(*given, **options, **more)


def ours(name):
    """Return our layer with the weights of the reference."""
    if name not in Reference.known:
        Reference.known[name] = Reference(name)
    make, (inputs, masks) = CASES[name]
    layer = make(layers)
    call(layer, name, [x for x, _ in inputs], masks(*[m for _, m in inputs]))
    layer.set_weights(Reference.known[name].weights)
    return layer, Reference.known[name]


@pytest.mark.parametrize("name", CASES)
def test_results_are_those_of_keras_and_what_is_masked_stays_out(backend, name):
    layer, reference = ours(name)
    _, (inputs, masks) = CASES[name]
    options = masks(*[m for _, m in inputs])
    training = {"training": True} if name == "BatchNormalization" else {}
    arrays = [x for x, _ in inputs]
    found = ops.convert_to_numpy(call(layer, name, arrays, options, **training))
    np.testing.assert_allclose(found, reference.outputs, rtol=2e-4, atol=2e-5)

    shared = filled(*inputs[0], *BAD)
    bad = [shared if x is X else filled(x, m, *BAD) for x, m in inputs]
    shown = kept(reference.outputs, inputs[0][1])

    def loss(_):
        y = call(layer, name, bad, options, **training)
        counted = ops.where(shown, y, 0.0)
        return ops.sum(ops.square(counted)), y

    layer.set_weights(reference.weights)  # the moments moved
    weights = layer.trainable_variables
    if weights:
        (_, y), gradients = multinet.value_and_grad(loss, has_aux=True)(weights)
    else:
        (_, y), gradients = loss(weights), []
    where = np.broadcast_to(shown, found.shape)
    y = ops.convert_to_numpy(y)
    np.testing.assert_allclose(
        y[where], np.asarray(reference.outputs)[where], rtol=2e-4, atol=2e-5
    )
    for mine, wanted in zip(gradients, reference.gradients, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(mine), wanted, rtol=1e-3, atol=2e-4
        )


def test_training_goes_on_as_if_masked_steps_held_zeros(real_backend):
    y = RNG.normal(size=(3, 1)).astype("float32")
    found = []
    for keras, x in ((multinet, filled(X, MASK, *BAD)), (peer, filled(X, MASK, 0))):
        inputs = keras.Input((5, 4)), keras.Input((5,), dtype="bool")
        h = keras.layers.LSTM(3, return_sequences=True)(inputs[0], mask=inputs[1])
        h = keras.layers.GlobalAveragePooling1D()(
            keras.layers.GRU(2, return_sequences=True)(h)
        )
        model = keras.Model(inputs, keras.layers.Dense(1)(h))
        rng = np.random.default_rng(3)
        model.set_weights([rng.normal(0, 0.5, w.shape) for w in model.weights])
        model.compile(keras.optimizers.SGD(0.1), "mse")
        logs = model.fit((x, MASK), y, batch_size=3, epochs=3, verbose=0).history
        found.append((model.get_weights(), logs["loss"]))
    for mine, wanted in zip(*(weights for weights, _ in found), strict=True):
        np.testing.assert_allclose(mine, wanted, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-4)
