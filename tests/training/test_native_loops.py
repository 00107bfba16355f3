"""Loops as PyTorch and TensorFlow write them do what `fit` does, and go on with it."""

import numpy as np
import pytest
import tensorflow as tf
import torch

import multinet
from multinet import layers, ops
from multinet.errors import BackendError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)
PLAN = {"batch_size": 8, "shuffle": False, "verbose": 0}


def make(kind=multinet.Sequential, optimizer=None):
    multinet.set_random_seed(5)
    parts = [
        multinet.Input((3,)),
        layers.Dense(4, "tanh", kernel_regularizer="l2", name="hidden"),
        layers.BatchNormalization(name="norm"),
        layers.Dense(1, name="out"),
    ]
    model = kind(parts)
    rate = multinet.optimizers.SGD(0.05, momentum=0.9)
    model.compile(optimizer or rate, "mse")
    return model


def same(one, other, **tolerance):
    for mine, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, **(tolerance or {"atol": 1e-6}))


def batches(convert):
    return [(convert(X[i : i + 8]), convert(Y[i : i + 8])) for i in range(0, 24, 8)]


# -- PyTorch ---------------------------------------------------------------------------


@pytest.fixture
def on_torch():
    with multinet.use_backend("torch"):
        yield


@pytest.mark.parametrize("whose", ["torch", "multinet"])
def test_a_loop_of_pytorch_goes_on_with_fit(on_torch, whose):
    fitted, looped = make(), make()
    theirs = None
    if whose == "torch":
        theirs = torch.optim.SGD(looped.parameters(), 0.05, momentum=0.9)
    for _ in range(2):
        fitted.fit(X, Y, epochs=1, **PLAN)
        for x, y in batches(torch.tensor):
            loss = torch.square(looped(x, training=True) - y).mean()
            loss = loss + sum(looped.losses)
            looped.zero_grad()
            loss.backward()
            weights = looped.trainable_weights
            if theirs is not None:
                theirs.step()
            else:
                with torch.no_grad():
                    looped.optimizer.apply([v.value.grad for v in weights], weights)
        same(looped, fitted)
        if theirs is None:  # which keeps its momentum to itself
            for model in (fitted, looped):
                model.fit(X, Y, epochs=1, **PLAN)
            same(looped, fitted)


def test_parameters_are_the_values_both_ways(on_torch):
    model = make()
    named = dict(model.named_parameters())
    assert list(named) == [
        *("hidden/kernel", "hidden/bias", "norm/gamma", "norm/beta"),
        *("out/kernel", "out/bias"),
    ]
    assert all(isinstance(p, torch.nn.Parameter) for p in named.values())
    assert all(p is q for p, q in zip(model.parameters(), named.values()))
    kernel = named["out/kernel"]
    for _ in range(2):
        model.fit(X, Y, **PLAN)
        np.testing.assert_array_equal(kernel.detach(), model.get_weights()[-2])
        with torch.no_grad():
            kernel.mul_(0.5)
        kept = kernel.detach().numpy().copy()
        np.testing.assert_array_equal(model.get_weights()[-2], kept)
        expected = model.predict(X, verbose=0)
        found = ops.convert_to_numpy(model(X))
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_frozen_layers_ask_for_no_gradient(on_torch):
    model = make()
    model.layers[0].trainable = False
    asks = {name: p.requires_grad for name, p in model.named_parameters()}
    assert not asks["hidden/kernel"] and asks["out/kernel"]
    model.layers[0].trainable = True
    assert all(p.requires_grad for p in model.parameters())


def test_what_is_recorded(on_torch):
    model = make()
    assert not model(X).requires_grad  # arrays come from no loop of PyTorch's
    with torch.no_grad():
        assert not model(torch.tensor(X)).requires_grad
    outputs = model(torch.tensor(X))
    assert outputs.requires_grad
    found = ops.convert_to_numpy(outputs)
    np.testing.assert_allclose(found, model.predict(X, verbose=0), 1e-5)
    weights = model.trainable_weights
    (found,) = multinet.grad(lambda w: ops.sum(ops.square(model(X))))(weights)[-1:]
    ops.sum(ops.square(model(torch.tensor(X)))).backward()
    np.testing.assert_allclose(weights[-1].value.grad, found, rtol=1e-5)
    model.zero_grad()
    assert weights[-1].value.grad is None


def test_a_step_with_backward_is_recorded_and_is_that_of_plain_fit(on_torch):
    class Stepped(multinet.Sequential):
        def train_step(self, data):
            x, y, _ = multinet.utils.unpack_x_y_sample_weight(data)
            self.zero_grad()
            loss = self.compute_loss(x, y, self(x, training=True))
            loss.backward()
            gradients = [v.value.grad for v in self.trainable_weights]
            with torch.no_grad():
                self.optimizer.apply(gradients, self.trainable_weights)
            return {"loss": loss}

    plain, stepped = make(), make(Stepped)
    for model in (plain, stepped):
        model.fit(X, Y, epochs=3, **PLAN)
    same(stepped, plain)
    assert stepped.explain_step()["path"].startswith("replay of")
    assert int(stepped.optimizer.iterations.numpy()) == 9
    assert not stepped.weights[0].value.requires_grad


# -- TensorFlow ------------------------------------------------------------------------


@pytest.fixture
def on_tensorflow():
    with multinet.use_backend("tensorflow"):
        yield


@pytest.mark.parametrize("compiled", [False, True])
def test_a_loop_with_a_tape_goes_on_with_fit(on_tensorflow, compiled):
    fitted, looped = make(), make()

    def step(x, y):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(looped(x, training=True) - y))
            loss += sum(looped.losses)
        weights = looped.trainable_weights
        grads = tape.gradient(loss, weights)
        looped.optimizer.apply_gradients(zip(grads, weights))
        return loss

    step = tf.function(step) if compiled else step
    for _ in range(2):
        fitted.fit(X, Y, epochs=2, **PLAN)
        for x, y in batches(tf.constant):
            step(x, y)
        looped.fit(X, Y, epochs=1, **PLAN)
        same(looped, fitted, rtol=1e-4, atol=1e-5)
    assert int(looped.optimizer.iterations.numpy()) == 12


def test_tapes_nest_and_tell_what_they_watch(on_tensorflow):
    w = multinet.Variable([1.0, 2.0], name="w")
    still = multinet.Variable([3.0, 4.0], trainable=False, name="still")
    with tf.GradientTape() as outer:
        with tf.GradientTape(persistent=True) as inner:
            loss = tf.reduce_sum(w * w * w * still)
        first = inner.gradient(loss, w)
        assert inner.gradient(loss, still) is None
        assert inner.watched_variables()[0] is w
        total = tf.reduce_sum(first)
    np.testing.assert_allclose(first, 3 * np.array([1.0, 4.0]) * [3.0, 4.0])
    np.testing.assert_allclose(outer.gradient(total, [w])[0], [18.0, 48.0])


def test_variables_in_a_function_of_a_users_own(on_tensorflow):
    w = multinet.Variable([1.0, 2.0], name="w")

    @tf.function
    def scaled(x, variable):
        variable.assign_add(tf.ones(2))
        return tf.stack([x * w, w])

    for count in (2.0, 3.0):
        found = scaled(tf.constant([10.0, 10.0]), w)
        np.testing.assert_allclose(found[1], [count, count + 1])
        np.testing.assert_allclose(w.numpy(), [count, count + 1])
    assert isinstance(w.native, tf.Variable)
    w.native.assign([5.0, 5.0])
    np.testing.assert_allclose(w.numpy(), [5.0, 5.0])


@pytest.mark.parametrize("name", ["numpy", "jax"])
def test_a_framework_without_variables_says_so(name):
    with multinet.use_backend(name):
        model = make()
        with pytest.raises(BackendError, match="no variables of its own"):
            list(model.parameters())
        model.zero_grad()
