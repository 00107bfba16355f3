"""A model inside another keeps the metrics of its own training to itself."""

import functools

import keras
import numpy as np
import pytest

import multinet
from multinet import layers, losses, metrics, ops, optimizers

RNG = np.random.default_rng(5)
X = RNG.normal(size=(24, 4)).astype("float32")
Y = X.sum(1, keepdims=True)
CODES = np.stack([X[:, 0], X[:, 1] * X[:, 2], X[:, 3]], 1).astype("float32")
KINDS = ("sequential", "functional", "subclassed", "in a list", "two deep")


def build(library, kind):
    """Return an encoder, and a model around it, with weights that all libraries get."""
    encoder = library.Sequential(
        [
            library.Input((4,)),
            library.layers.Dense(5, activation="tanh"),
            library.layers.Dense(3),
        ]
    )
    head = library.layers.Dense(1)
    if kind == "sequential":
        outer = library.Sequential([library.Input((4,)), encoder, head])
    elif kind == "functional":
        inputs = library.Input((4,))
        outer = library.Model(inputs, head(encoder(inputs)))
    elif kind == "two deep":
        middle = library.Sequential([library.Input((4,)), encoder])
        middle.compile("sgd", "mae")
        middle.evaluate(X, CODES, verbose=0)
        outer = library.Sequential([library.Input((4,)), middle, head])
    else:
        outer = subclass(library, kind == "in a list")(encoder, head)
        outer(X[:1])  # makes the weights
    rng = np.random.default_rng(1)
    for part in (*encoder.layers, head):
        shapes = [w.shape for w in part.get_weights()]
        part.set_weights([rng.normal(0, 0.4, s).astype("float32") for s in shapes])
    return encoder, outer


def subclass(library, listed):
    """Return a class that holds the encoder as an attribute, or in a list."""

    class Outer(library.Model):
        def __init__(self, encoder, head):
            super().__init__()
            if listed:
                self.blocks = [encoder, head]
            else:
                self.encoder, self.head = encoder, head

        def call(self, inputs):
            first, last = self.blocks if listed else (self.encoder, self.head)
            return last(first(inputs))

    return Outer


def train(library, kind):
    """Train the two in turn; return all logs."""
    encoder, outer = build(library, kind)
    encoder.compile(library.optimizers.SGD(0.1), "mse", metrics=["mae"])
    outer.compile(library.optimizers.SGD(0.05), "mse", metrics=["mae"])
    fit = {"epochs": 2, "batch_size": 8, "shuffle": False, "verbose": 0}
    logs = [encoder.fit(X, CODES, **fit).history]
    logs.append(outer.fit(X, Y, validation_data=(X[:8], Y[:8]), **fit).history)
    logs.append(encoder.fit(X, CODES, **fit).history)
    logs.append(outer.evaluate(X, Y, verbose=0, return_dict=True))
    logs.append(encoder.evaluate(X, CODES, verbose=0, return_dict=True))
    logs.append(outer.train_on_batch(X, Y, return_dict=True))
    return logs


@functools.cache
def reference(kind):
    """Return the logs of Keras."""
    return train(keras, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_models_trained_in_turn_log_what_keras_logs(real_backend, kind):
    for ours, theirs in zip(train(multinet, kind), reference(kind), strict=True):
        assert list(ours) == list(theirs)
        for name, values in theirs.items():
            np.testing.assert_allclose(ours[name], values, rtol=2e-5, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_the_metrics_of_a_model_inside_are_its_own(real_backend, kind):
    encoder, outer = build(multinet, kind)
    encoder.compile("sgd", "mse", metrics=["mae"])
    encoder.evaluate(X, CODES, verbose=0)
    before = {name: float(x) for name, x in encoder.get_metrics_result().items()}
    outer.compile("sgd", "mse", metrics=["mse"])
    outer.fit(X, Y, epochs=1, verbose=0)
    assert outer.metrics_names == ["loss", "mse"]
    assert [m.name for m in outer.metrics] == ["loss", "mse"]
    assert encoder.metrics_names == ["loss", "mae"]
    inside = {id(v) for v in encoder.metrics_variables}
    assert not any(id(v) in inside for v in outer.variables)
    after = {name: float(x) for name, x in encoder.get_metrics_result().items()}
    assert after == before


class Watched(layers.Layer):
    """A plain layer with a metric of what passes."""

    def __init__(self):
        super().__init__()
        self.seen = metrics.Mean(name="seen")

    def call(self, inputs):
        self.seen.update_state(inputs)
        return inputs


class Watching(multinet.Model):
    """A model with such a layer, and with a metric that its own `call` updates."""

    def __init__(self):
        super().__init__()
        self.layer, self.rows = Watched(), metrics.Sum(name="rows")

    def call(self, inputs):
        self.rows.update_state(ops.ones_like(inputs[:, 0]))
        return self.layer(inputs)


def test_metrics_of_plain_layers_stay_and_those_that_a_model_calls_count_on(
    real_backend,
):
    inner = Watching()
    inner.compile("sgd", "mse")
    inner.evaluate(X, X, verbose=0)
    outer = multinet.Sequential([multinet.Input((4,)), inner, layers.Dense(1)])
    outer.compile("sgd", "mse")
    started = float(inner.rows.result())
    history = outer.fit(X, Y, epochs=2, batch_size=8, verbose=0).history
    assert list(history) == ["loss", "seen"]
    np.testing.assert_allclose(history["seen"], X.mean(), rtol=1e-5)
    assert float(inner.rows.result()) - started == 2 * len(X)


class Penalty(multinet.Model):
    """A model that adds to the loss."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, use_bias=False)

    def call(self, inputs):
        outputs = self.dense(inputs)
        self.add_loss(0.5 * ops.mean(ops.square(outputs)))
        return outputs


def test_what_a_trained_model_inside_adds_to_the_loss_counts(real_backend):
    inner = Penalty()
    inner.compile("sgd", "mse")
    inner.fit(X, Y, epochs=1, verbose=0)
    outer = multinet.Sequential([multinet.Input((4,)), inner])
    outer.compile("sgd", "mse")
    y = X @ inner.dense.get_weights()[0]
    expected = np.mean((y - Y) ** 2) + 0.5 * np.mean(y**2)
    found = outer.evaluate(X, Y, batch_size=24, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


class Gan(multinet.Model):
    """Two networks, one of them compiled, and a step of its own."""

    def __init__(self):
        super().__init__()
        self.critic = multinet.Sequential([multinet.Input((4,)), layers.Dense(1)])
        self.critic.compile(optimizers.SGD(0.1), "mse", metrics=["mae"])
        self.maker = multinet.Sequential([multinet.Input((2,)), layers.Dense(4)])
        self.score = metrics.Mean(name="score")
        self.steps = metrics.Sum(name="steps")

    def call(self, inputs):
        return self.critic(self.maker(inputs))

    def train_step(self, data):
        real, noise = data

        def loss(variables):
            made = self.critic(self.maker(noise))
            return ops.mean(made) - ops.mean(self.critic(real))

        value, grads = multinet.value_and_grad(loss)(self.maker.trainable_weights)
        self.optimizer.apply(grads, self.maker.trainable_weights)
        self.score.update_state(value)
        self.steps.update_state(ops.ones((1,)))
        return {metric.name: metric.result() for metric in self.metrics}


def test_a_step_of_ones_own_has_the_metrics_of_its_model(real_backend):
    gan = Gan()
    critic = losses.MeanSquaredError()(Y, X @ gan.critic.get_weights()[0])
    found = gan.critic.evaluate(X, Y, verbose=0)[0]
    np.testing.assert_allclose(found, float(ops.convert_to_numpy(critic)), rtol=1e-5)
    gan.compile(optimizers.SGD(0.01))
    noise = RNG.normal(size=(24, 2)).astype("float32")
    history = gan.fit(X, noise, epochs=2, batch_size=8, verbose=0).history
    assert list(history) == ["score", "steps"]
    assert history["steps"] == [3.0, 3.0]
    assert [m.name for m in gan.metrics] == ["score", "steps"]
    assert gan.critic.evaluate(X, Y, verbose=0)[0] == pytest.approx(found)
