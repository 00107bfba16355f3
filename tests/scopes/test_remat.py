"""Rematerialization: the same values and gradients, computed again going back."""

import copy
import pickle

import numpy as np
import pytest

import multinet
from multinet import RematScope, layers, ops, remat
from multinet.errors import ArgumentError

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")


class Counted(multinet.Layer):
    """A layer that counts how often its `call` runs, and adds a loss."""

    def __init__(self, **options):
        super().__init__(**options)
        self.runs = []

    def build(self, shape):
        self.w = self.add_weight(shape[-1:], "ones")

    def call(self, inputs):
        self.runs.append(1)
        self.add_loss(ops.mean(ops.square(self.w)))
        return ops.tanh(ops.multiply(inputs, self.w))


def grads_of(layer, x):
    def loss(x):
        y = layer(x)
        return ops.add(ops.sum(ops.square(y)), ops.sum(ops.stack(layer.losses)))

    return [np.asarray(ops.convert_to_numpy(g)) for g in [multinet.grad(loss)(x)]]


def test_a_function_gives_the_same(real_backend):
    def scaled(x, scale=1.0, offset=0.0):
        return ops.add(ops.multiply(ops.sin(x), scale), offset)

    again, x = remat(scaled), ops.convert_to_tensor(X)
    for options in ({}, {"scale": 2.0}, {"scale": 3.0, "offset": 1.0}):
        found = ops.convert_to_numpy(again(x, **options))
        np.testing.assert_allclose(found, scaled(x, **options), rtol=1e-6)
    slope = multinet.grad(lambda x: ops.sum(again(x, scale=2.0)))(x)
    np.testing.assert_allclose(ops.convert_to_numpy(slope), 2 * np.cos(X), rtol=1e-5)
    assert again(multinet.Input((4,))).shape == (None, 4)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "full"},
        {"mode": "list_of_layers", "layer_names": ["here"]},
        {"mode": "larger_than", "output_size_threshold": 31},
    ],
)
def test_layers_made_in_a_scope_compute_again(real_backend, options):
    plain = Counted(name="here")
    with RematScope(**options):
        again = Counted(name="here")
    x = ops.convert_to_tensor(X)
    assert again.rematerialized_call(again.call, x) is not again.call
    np.testing.assert_allclose(*map(ops.convert_to_numpy, (plain(x), again(x))))
    assert len(again.losses) == 1
    for mine, theirs in zip(grads_of(again, x), grads_of(plain, x)):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": None},
        {"mode": "list_of_layers", "layer_names": ["there"]},
        {"mode": "larger_than", "output_size_threshold": 32},
        {"mode": "activations"},
    ],
)
def test_other_layers_do_not(backend, options):
    with RematScope(**options):
        layer = Counted(name="here")
    call = layer.call
    assert layer.rematerialized_call(call, ops.convert_to_tensor(X)) is call


def trained(mode, policy):
    multinet.set_random_seed(0)
    with RematScope(mode):
        parts = [
            *(layers.Dense(8, "gelu", dtype=policy), layers.BatchNormalization()),
            *(layers.Dropout(0.3), layers.Dense(2)),
        ]
        model = multinet.Sequential([multinet.Input((4,)), *parts])
    model.compile("adam", "mse")
    losses = model.fit(X, Y, epochs=3, verbose=0).history["loss"]
    return losses, model.get_weights()


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("mode", ["full", "activations"])
def test_a_model_trains_to_the_same_numbers(real_backend, mode, policy):
    (wanted, weights), (found, others) = trained(None, policy), trained(mode, policy)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    for mine, theirs in zip(others, weights, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_masks_go_in_and_come_out(real_backend):
    class Block(multinet.Layer):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2)

        def call(self, inputs):
            assert layers.mask_of(inputs) is not None
            return self.inner(inputs)

    with RematScope():
        block = Block()
    tokens = np.array([[1, 2, 0]])
    y = block(layers.Embedding(5, 3, mask_zero=True)(tokens))
    mask = ops.convert_to_numpy(layers.mask_of(y))
    assert mask.tolist() == [[True, True, False]]


def test_the_inner_scope_holds_and_copies_keep_it(backend):
    with RematScope("full"):
        with RematScope(None):
            inner = layers.Dense(2)
        outer = layers.Dense(2)
    after = layers.Dense(2)
    assert (inner._remat.mode, outer._remat.mode, after._remat) == (None, "full", None)
    for layer in (copy.deepcopy(outer), pickle.loads(pickle.dumps(outer))):
        assert layer._remat.mode == "full"


def test_an_unknown_mode_is_refused():
    with pytest.raises(ArgumentError, match="Unknown mode 'ful'. Did you mean 'full'"):
        RematScope("ful")
