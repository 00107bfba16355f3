"""Steps and loops in a framework's own words give the very numbers of plain `fit`."""

import jax
import numpy as np
import pytest
import tensorflow as tf
import torch

import multinet
from multinet import layers, ops
from multinet.utils import unpack_x_y_sample_weight

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)
PLAN = {"batch_size": 8, "shuffle": False, "verbose": 0}
EPOCHS = 2
OPTIMIZERS = ("sgd", "adam")


def make(kind, rule, norm=True):
    multinet.set_random_seed(5)
    parts = [
        multinet.Input((3,)),
        layers.Dense(4, "tanh", kernel_regularizer="l2", name="hidden"),
        *([layers.BatchNormalization(name="norm")] if norm else []),
        layers.Dense(1, name="out"),
    ]
    model = kind(parts)
    model.compile(multinet.optimizers.get(rule), "mse")
    model.optimizer.learning_rate = 0.05
    return model


def fitted(kind, rule, **options):
    model = make(kind, rule, **options)
    model.fit(X, Y, epochs=EPOCHS, **PLAN)
    return model


def batches(convert):
    for _ in range(EPOCHS):
        for i in range(0, len(X), 8):
            yield convert(X[i : i + 8]), convert(Y[i : i + 8])


def state(model):
    return [v.numpy() for v in (*model.weights, *model.optimizer.variables)]


def check_equal(one, other):
    for mine, theirs in zip(state(one), state(other), strict=True):
        np.testing.assert_array_equal(mine, theirs)


class OnTorch(multinet.Sequential):
    def train_step(self, data):
        x, y, _ = unpack_x_y_sample_weight(data)
        self.zero_grad()
        loss = self.compute_loss(x, y, self(x, training=True))
        loss.backward()
        gradients = [v.value.grad for v in self.trainable_weights]
        with torch.no_grad():
            self.optimizer.apply(gradients, self.trainable_weights)
        return {"loss": loss}


class OnTensorflow(multinet.Sequential):
    def train_step(self, data):
        x, y, _ = unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
        weights = self.trainable_weights
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        return {"loss": loss}


class OnJax(multinet.Sequential):
    def loss_of(self, trained, others, x, y):
        outputs, others, losses = self.stateless_call(
            trained, others, x, training=True, return_losses=True
        )
        return ((outputs - y) ** 2).mean() + sum(losses), others

    def train_step(self, state, data):
        trained, others, slots, values = state
        x, y, _ = unpack_x_y_sample_weight(data)
        both = jax.value_and_grad(self.loss_of, has_aux=True)
        (loss, others), gradients = both(trained, others, x, y)
        trained, slots = self.optimizer.stateless_apply(slots, gradients, trained)
        return {"loss": loss}, (trained, others, slots, values)


STEPS = {"torch": OnTorch, "tensorflow": OnTensorflow, "jax": OnJax}


@pytest.mark.parametrize("rule", OPTIMIZERS)
@pytest.mark.parametrize("name", STEPS)
def test_a_step_in_the_words_of_a_framework_has_the_bits_of_plain_fit(name, rule):
    with multinet.use_backend(name):
        check_equal(fitted(STEPS[name], rule), fitted(multinet.Sequential, rule))


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_loop_on_torch_has_the_bits_of_fit(rule):
    with multinet.use_backend("torch"):
        looped = make(OnTorch, rule)
        for data in batches(torch.tensor):
            looped.train_step(data)
        check_equal(looped, fitted(multinet.Sequential, rule))


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_compiled_loop_on_jax_has_the_bits_of_fit(rule):
    with multinet.use_backend("jax"):
        looped = make(OnJax, rule)
        looped.optimizer.build(looped.trainable_variables)
        groups = [looped.trainable_variables, looped.non_trainable_variables]
        groups.append(looped.optimizer.variables)
        values = [[v.value for v in group] for group in groups]
        step = jax.jit(looped.train_step)
        for data in batches(np.asarray):
            _, (*values, _) = step((*values, []), data)
        for variables, new in zip(groups, values):
            for variable, value in zip(variables, new):
                variable.assign(value)
        check_equal(looped, fitted(multinet.Sequential, rule))


def test_a_compiled_loop_on_tensorflow_is_equal_but_for_the_kernels_of_fit():
    with multinet.use_backend("tensorflow"):
        looped = make(OnTensorflow, "sgd", norm=False)
        step = tf.function(lambda x, y: looped.train_step((x, y)))
        for data in batches(tf.constant):
            step(*data)
        check_equal(looped, fitted(multinet.Sequential, "sgd", norm=False))


# -- the loss of compile, outside of fit -----------------------------------------------


def test_the_loss_of_compile_counts_before_any_fit(backend):
    model = make(multinet.Sequential, "sgd")
    outputs = model(X, training=True)
    found = model.compute_loss(X, Y, outputs)
    extra = sum(float(ops.convert_to_numpy(x)) for x in model.losses)
    expected = np.mean((ops.convert_to_numpy(outputs) - Y) ** 2) + extra
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)
    assert [m.name for m in model.metrics] == ["loss"]


def test_metrics_of_compile_count_before_any_fit_and_after(backend):
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1, name="out")])
    model.compile("sgd", "mse", metrics=["mae"])
    logs = model.compute_metrics(X, Y, model(X))
    expected = np.mean(np.abs(ops.convert_to_numpy(model(X)) - Y))
    np.testing.assert_allclose(logs["mae"], expected, rtol=1e-5)
    model.reset_metrics()
    again = model.evaluate(X, Y, batch_size=8, verbose=0, return_dict=True)
    np.testing.assert_allclose(again["mae"], expected, rtol=1e-5)


# -- updates of a user's step that are no plain ones -----------------------------------


class Comparing(multinet.Sequential):
    """Takes the second of two updates from one state, and keeps what was before."""

    def train_step(self, state, data):
        trained, others, slots, values = state
        gradients = [ops.ones_like(x) for x in trained]
        twice = [ops.multiply(g, -2.0) for g in gradients]
        first, _ = self.optimizer.stateless_apply(slots, gradients, trained)
        second, after = self.optimizer.stateless_apply(slots, twice, trained)
        moved = ops.sum(ops.subtract(trained[0], first[0]))
        return {"moved": moved}, (second, others, after, values)


class Dropping(multinet.Sequential):
    """Updates, and takes it back."""

    def train_step(self, data):
        before = [v.value for v in self.trainable_weights]
        ones = [ops.ones_like(x) for x in before]
        self.optimizer.apply(ones, self.trainable_weights)
        moved = ops.sum(ops.subtract(before[0], self.trainable_weights[0].value))
        for variable, value in zip(self.trainable_weights, before):
            variable.assign(value)
        return {"moved": moved}


@pytest.mark.parametrize(
    ("kind", "rule", "gain"),
    [(Comparing, "sgd", 0.1), (Dropping, "sgd", 0.0), (Dropping, "adam", 0.0)],
)
def test_updates_that_are_compared_or_dropped(backend, kind, rule, gain):
    model = make(kind, rule, norm=False)
    before = model.get_weights()
    history = model.fit(X[:8], Y[:8], **PLAN).history
    # Either rule moves by its rate at first.
    np.testing.assert_allclose(history["moved"], [before[0].size * 0.05], rtol=1e-4)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_allclose(new - old, gain, atol=1e-6)
