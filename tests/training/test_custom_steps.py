"""Steps that users write: train_step, test_step and predict_step."""

import numpy as np
import pytest

import multinet
from multinet import layers, ops
from multinet.errors import ArgumentError, MultinetError

RNG = np.random.default_rng(8)
X = RNG.normal(size=(48, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


class Plain(multinet.Model):
    """A network with dropout and statistics."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(8, activation="tanh")
        self.norm = layers.BatchNormalization()
        self.drop = layers.Dropout(0.25)
        self.out = layers.Dense(1)

    def call(self, inputs, training=False):
        hidden = self.norm(self.hidden(inputs), training=training)
        return self.out(self.drop(hidden, training=training))


class Wrapped(Plain):
    """The same, with steps that add a log to the default ones."""

    def train_step(self, data):
        logs = super().train_step(data)
        return {**logs, "twice": ops.multiply(logs["loss"], 2.0)}

    def test_step(self, data):
        return {**super().test_step(data), "tested": ops.convert_to_tensor(1.0)}

    def predict_step(self, data):
        return ops.negative(super().predict_step(data))


class Explicit(Plain):
    """The same again, spelled out."""

    def train_step(self, data):
        x, y, weight = multinet.utils.unpack_x_y_sample_weight(data)

        def loss(variables):
            y_pred = self(x, training=True)
            return self.compute_loss(x, y, y_pred, weight), y_pred

        both = multinet.value_and_grad(loss, has_aux=True)
        (value, y_pred), grads = both(self.trainable_variables)
        self.optimizer.apply(grads, self.trainable_variables)
        self._loss_tracker.update_state(value, sample_weight=float(ops.shape(x)[0]))
        return self.compute_metrics(x, y, y_pred, weight)


def train(cls, **options):
    """Return the model after three epochs, and its history."""
    multinet.set_random_seed(3)
    model = cls()
    model.compile("adam", "mse", metrics=["mae"], **options)
    return model, model.fit(X, Y, epochs=3, batch_size=20, verbose=0).history


@pytest.mark.parametrize("cls", [Wrapped, Explicit])
def test_a_step_of_ones_own_gives_the_numbers_of_the_default(backend, cls):
    (plain, logs), (custom, others) = train(Plain), train(cls)
    for name, values in logs.items():
        np.testing.assert_allclose(others[name], values, rtol=1e-5, err_msg=name)
    for a, b in zip(plain.get_weights(), custom.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert int(custom.optimizer.iterations.numpy()) == 9


def test_its_logs_reach_the_history_and_the_results(backend):
    model, logs = train(Wrapped)
    np.testing.assert_allclose(logs["twice"], 2 * np.array(logs["loss"]), rtol=1e-6)
    results = model.evaluate(X, Y, verbose=0, return_dict=True)
    plain, _ = train(Plain)
    expected = plain.evaluate(X, Y, verbose=0, return_dict=True)
    assert results["tested"] == 1.0
    np.testing.assert_allclose(results["loss"], expected["loss"], rtol=1e-4)
    np.testing.assert_allclose(
        model.predict(X, verbose=0), -plain.predict(X, verbose=0), rtol=1e-4, atol=1e-5
    )
    assert {"loss", "mae", "twice"} == set(model.train_on_batch(X, Y, return_dict=True))


def test_it_runs_eagerly_too(backend):
    losses = [train(Wrapped, run_eagerly=e)[1]["loss"] for e in (False, True)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


class Two(multinet.Model):
    """Two networks with an optimizer each, of which one is applied twice a step."""

    def __init__(self):
        super().__init__()
        self.first = multinet.Sequential([multinet.Input((4,)), layers.Dense(1)])
        self.second = multinet.Sequential([multinet.Input((4,)), layers.Dense(1)])

    def compile(self, first, second):
        super().compile(optimizer=first)
        self.other = second

    def train_step(self, data):
        x, y = data

        def loss(variables, network):
            return ops.mean(ops.square(ops.subtract(network(x), y)))

        logs = {}
        turns = (("a", self.first, self.optimizer), ("b", self.second, self.other))
        for name, network, optimizer in (*turns, turns[0]):
            weights = network.trainable_variables
            value, grads = multinet.value_and_grad(loss)(weights, network)
            optimizer.apply(grads, weights)
            logs[name] = value
        return logs


def test_several_optimizers_count_their_own_updates(backend):
    multinet.set_random_seed(1)
    model = Two()
    starts = [n.get_weights() for n in (model.first, model.second)]
    rate = multinet.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5)
    model.compile(multinet.optimizers.SGD(rate), multinet.optimizers.SGD(0.05))
    model.fit(X, Y, batch_size=48, epochs=2, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 4
    assert int(model.other.iterations.numpy()) == 2
    # By hand: the first network takes two steps a batch, at the rate of its batch.
    for network, (w, b), rates in (
        (model.first, starts[0], [0.1, 0.1, 0.025, 0.025]),
        (model.second, starts[1], [0.05, 0.05]),
    ):
        for rate in rates:
            error = X @ w + b - Y
            w = w - rate * 2 * X.T @ error / len(X)
            b = b - rate * 2 * error.mean(0)
        np.testing.assert_allclose(network.get_weights()[0], w, rtol=1e-4, atol=1e-6)


def test_wrong_steps_are_explained(backend):
    class Extra(Plain):
        def train_step(self, state, data, more):
            return {}, state

    class Silent(Plain):
        def train_step(self, data):
            return None

    with pytest.raises(ArgumentError, match=r"train_step\(self, data\)"):
        train(Extra)
    with pytest.raises(MultinetError, match="dict of logs"):
        train(Silent)


class Counting(multinet.Model):
    """Logs how many updates were done, before and after each of two updates."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def train_step(self, data):
        x, y = data
        _, grads = multinet.value_and_grad(
            lambda weights: ops.mean(ops.square(ops.subtract(self(x), y)))
        )(self.trainable_weights)
        logs = {"first": ops.cast(self.optimizer.iterations, "float32")}
        for name in ("second", "third"):
            self.optimizer.apply(grads, self.trainable_weights)
            logs[name] = ops.cast(self.optimizer.iterations, "float32")
        return logs


def test_a_step_of_ones_own_reads_the_count_of_updates(backend):
    model = Counting()
    x = np.ones((6, 2), "float32")
    model(x)
    model.compile("sgd")
    for i in range(3):
        logs = model.train_on_batch(x, x[:, :1], return_dict=True)
        assert list(logs.values()) == [2 * i, 2 * i + 1, 2 * i + 2]
    model.fit(x, x[:, :1], epochs=2, batch_size=2, verbose=0)
    assert model.history.history["third"] == [12, 18]
    assert int(model.optimizer.iterations.numpy()) == 18
