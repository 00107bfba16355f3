"""What models have of their own: a loss, metrics; and models that have nothing."""

import functools
import warnings

import keras
import numpy as np
import pytest

import multinet
from multinet import layers, metrics, ops

RNG = np.random.default_rng(6)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = (X @ np.array([[1.0], [2.0], [3.0]])).astype("float32")
START = np.ones((3, 1), "float32"), np.zeros(1, "float32")


# -- a loss of one's own ---------------------------------------------------------------


class WithMethod(multinet.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)

    def loss(self, y_true, y_pred):
        return ops.mean(ops.abs(ops.subtract(y_true, y_pred)))

    def train_step(self, data):
        x, y = data

        def compute(variables):
            return self.loss(y, self(x))

        weights = self.trainable_variables
        loss, grads = multinet.value_and_grad(compute)(weights)
        self.optimizer.apply(grads, weights)
        return {"loss": loss}


class WithAttribute(WithMethod):
    def __init__(self):
        super().__init__()
        self.loss = lambda y_true, y_pred: WithMethod.loss(self, y_true, y_pred)


@pytest.mark.parametrize("cls", [WithMethod, WithAttribute])
def test_a_loss_of_the_models_own_survives_compile(backend, cls):
    model = cls()
    own = model.loss
    model.compile(multinet.optimizers.SGD(0.0))
    assert model.loss == own
    model(X)
    model.set_weights([*START])
    history = model.fit(X, Y, batch_size=12, epochs=2, verbose=0).history
    expected = np.abs(X.sum(1, keepdims=True) - Y).mean(dtype="float64")
    np.testing.assert_allclose(history["loss"], [expected] * 2, rtol=1e-5)


def test_the_loss_of_compile_is_an_attribute_until_there_is_none():
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model.loss == "mse"
    model.compile("sgd", "mae")
    assert model.loss == "mae"
    model.compile("sgd")
    assert model.loss is None
    model = WithMethod()
    model.compile("sgd", "mse")
    assert model.loss == "mse"
    model.compile("sgd")
    assert model.loss.__func__ is WithMethod.loss


# -- metrics of one's own --------------------------------------------------------------


class Own(multinet.Model):
    """Shows a metric of its own only."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.mine = metrics.Mean(name="mine")

    def call(self, inputs):
        return self.dense(inputs)

    @property
    def metrics(self):
        return [self.mine]


class Stale(Own):
    """Shows a loss that nobody counts."""

    def __init__(self):
        super().__init__()
        self.tracker = metrics.Mean(name="loss")

    @property
    def metrics(self):
        return [self.tracker]


class Counting(Stale):
    """Counts its loss, as Keras's guide does."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        loss = ops.mean(ops.square(ops.subtract(y_pred, y)))
        self.tracker.update_state(loss)
        return loss


class Both(Own):
    """Shows all that there is."""

    @property
    def metrics(self):
        return [*super(Own, self).metrics]


def compiled(model):
    """Return a model, compiled."""
    model.compile(multinet.optimizers.SGD(0.0), "mse")
    model(X)
    model.set_weights([*START])
    return model


def test_metrics_without_the_loss_are_told(backend):
    with pytest.warns(UserWarning, match=r"have no loss, .*\[\*super\(\).metrics"):
        history = compiled(Own()).fit(X, Y, verbose=0).history
    assert history == {"mine": [0.0]}
    with pytest.warns(
        UserWarning, match="stays as it began.*update it in compute_loss"
    ):
        compiled(Stale()).fit(X, Y, verbose=0)


@pytest.mark.parametrize("cls", [Counting, Both])
def test_metrics_with_the_loss_are_right_in_each_epoch(backend, cls):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = compiled(cls()).fit(X, Y, batch_size=12, epochs=2, verbose=0).history
    expected = np.square(X.sum(1, keepdims=True) - Y).mean(dtype="float64")
    np.testing.assert_allclose(history["loss"], [expected] * 2, rtol=1e-5)


# -- models without trainable weights --------------------------------------------------


def doubled(kit):
    """Return a compiled model without weights."""
    inputs = kit.Input((3,))
    model = kit.Model(inputs, kit.layers.Flatten()(inputs)[:, :1] * 2.0)
    model.compile("adam", "mse", metrics=["mae"])
    return model


def frozen(kit):
    """Return a compiled model whose weights are frozen."""
    model = kit.Sequential(
        [kit.Input((3,)), kit.layers.BatchNormalization(), kit.layers.Dense(1)]
    )
    model.trainable = False
    model.compile("adam", "mse", metrics=["mae"])
    moments = np.zeros(3, "float32"), np.ones(3, "float32")
    model.set_weights([np.ones(3, "float32"), moments[0], *moments, *START])
    return model


def reported(kit, make):
    """Return the logs of a fit and a step, and how many updates were done."""
    model = make(kit)
    options = {"epochs": 2, "batch_size": 5, "shuffle": False, "verbose": 0}
    history = model.fit(X, Y, validation_data=(X, Y), **options).history
    step = model.train_on_batch(X, Y, return_dict=True)
    return history, step, int(model.optimizer.iterations)


@functools.cache
def of_keras(make):
    """Return what Keras reports."""
    return reported(keras, make)


@pytest.mark.parametrize("make", [doubled, frozen])
def test_a_model_without_trainable_weights_reports_its_loss(backend, make):
    with pytest.warns(UserWarning, match="has no trainable weights: training reports"):
        history, step, count = reported(multinet, make)
    theirs = of_keras(make)
    for ours, other in ((history, theirs[0]), (step, theirs[1])):
        assert set(ours) == set(other)
        for name in other:
            np.testing.assert_allclose(ours[name], other[name], rtol=1e-5)
    assert count == theirs[2] == 0


def test_what_exec_made_without_a_module_is_the_users_own(backend):
    made: dict = {"multinet": multinet, "ops": ops}
    code = """
def distance(y_true, y_pred):
    return ops.mean(ops.abs(ops.subtract(y_true, y_pred)), axis=-1)


class Count(multinet.Metric):
    def __init__(self):
        super().__init__(name="count")
        self.n = self.add_weight((), initializer="zeros", name="n")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.n.assign_add(ops.size(y_true))

    def result(self):
        return self.n
"""
    exec(code, made)
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1, name="d")])
    model.set_weights(START)
    model.compile("sgd", made["distance"], metrics=[made["Count"]()])
    logs = model.evaluate(X, Y, return_dict=True, verbose=0)
    np.testing.assert_allclose(logs["loss"], np.abs(Y - X @ START[0]).mean(), rtol=1e-6)
    assert logs["count"] == 12
