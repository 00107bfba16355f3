"""Steps that take their state and return the new one do what plain `fit` does."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import MultinetError
from multinet.utils import unpack_x_y_sample_weight

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)
PLAN = {"batch_size": 8, "shuffle": False, "verbose": 0}


class Explicit(multinet.Model):
    """The usual steps as pure functions of the state."""

    def computed(self, trained, others, x, y, training):
        y_pred, others, losses = self.stateless_call(
            trained, others, x, training=training, return_losses=True
        )
        loss = ops.mean(ops.square(ops.subtract(y_pred, y)))
        for extra in losses:
            loss = ops.add(loss, extra)
        return loss, (y_pred, others)

    def measured(self, values, loss):
        (metric,) = self.metrics
        values = metric.stateless_update_state(values, loss)
        return {metric.name: metric.stateless_result(values)}, values

    def train_step(self, state, data):
        trained, others, slots, values = state
        x, y, _ = unpack_x_y_sample_weight(data)
        both = multinet.value_and_grad(self.computed, has_aux=True)
        (loss, (_, others)), grads = both(trained, others, x, y, True)
        trained, slots = self.optimizer.stateless_apply(slots, grads, trained)
        logs, values = self.measured(values, loss)
        return logs, (trained, others, slots, values)

    def test_step(self, state, data):
        trained, others, values = state
        x, y, _ = unpack_x_y_sample_weight(data)
        loss, (_, others) = self.computed(trained, others, x, y, False)
        logs, values = self.measured(values, loss)
        return logs, (trained, others, values)

    def predict_step(self, state, data):
        x, _, _ = unpack_x_y_sample_weight(data)
        return self.stateless_call(*state, x, training=False)


def make(kind):
    multinet.set_random_seed(5)
    inputs = multinet.Input((3,))
    x = layers.Dense(4, "tanh", kernel_regularizer="l2", name="hidden")(inputs)
    x = layers.Dropout(0.3)(layers.BatchNormalization()(x))
    model = kind(inputs, layers.Dense(1, name="out")(x))
    rate = multinet.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
    model.compile(multinet.optimizers.Adam(rate, use_ema=True), "mse")
    return model


def test_the_values_are_those_of_plain_fit(backend):
    plain, explicit = make(multinet.Model), make(Explicit)
    for model in (plain, explicit):
        model.history_kept = [
            model.fit(X, Y, epochs=2, validation_data=(X[:8], Y[:8]), **PLAN).history
        ]
        model.history_kept.append(model.evaluate(X, Y, batch_size=8, verbose=0))
    assert explicit.history_kept[0].keys() == plain.history_kept[0].keys()
    for key, values in plain.history_kept[0].items():
        np.testing.assert_allclose(explicit.history_kept[0][key], values, rtol=1e-5)
    np.testing.assert_allclose(
        explicit.history_kept[1], plain.history_kept[1], rtol=1e-5
    )
    for mine, theirs in zip(explicit.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=5e-5, atol=1e-6)
    for mine, theirs in zip(explicit.optimizer.variables, plain.optimizer.variables):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=5e-5, atol=1e-6)
    assert int(explicit.optimizer.iterations.numpy()) == 6
    predicted = [m.predict(X, verbose=0) for m in (explicit, plain)]
    np.testing.assert_allclose(*predicted, rtol=1e-5, atol=1e-5)


def test_wrong_results_are_explained(backend):
    class Alone(Explicit):
        def train_step(self, state, data):
            return {"loss": 0.0}

    class Short(Explicit):
        def train_step(self, state, data):
            return {"loss": 0.0}, state[:3]

    class Cut(Explicit):
        def train_step(self, state, data):
            trained, *others = state
            return {"loss": 0.0}, (trained[:1], *others)

    for kind, said in (
        (Alone, "pair, of a dict of logs and the new state, got dict"),
        (Short, "a state of 4 lists, trainable_variables.* got 3"),
        (Cut, "6 values of trainable_variables, got 1"),
    ):
        with pytest.raises(MultinetError, match=said):
            make(kind).fit(X, Y, **PLAN)
