"""What a model may override of its steps, and that it takes effect."""

import numpy as np
import pytest

import multinet
from multinet import layers, metrics, ops

RNG = np.random.default_rng(18)
X = RNG.normal(size=(24, 3)).astype("float32")
Y = RNG.normal(size=(24, 1)).astype("float32")
RATE, SIZE = 0.05, 8


class Linear(multinet.Model):
    """One matrix, which starts at ones."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1, use_bias=False, kernel_initializer="ones")

    def call(self, inputs):
        return self.dense(inputs)


def fit(cls, epochs=2, **options):
    """Return a trained model and its history."""
    model = cls()
    model.compile(multinet.optimizers.SGD(RATE), "mse", **options)
    kinds = {"batch_size": SIZE, "shuffle": False, "verbose": 0}
    return model, model.fit(X, Y, epochs=epochs, **kinds).history


def by_hand(penalty, epochs=2):
    """Return the weights, and the mean losses of each epoch, by float64 NumPy.

    `penalty(w, update)` gives a loss and its gradient besides the mean square.
    """
    w, losses, update = np.ones((3, 1)), [], 0
    for _ in range(epochs):
        each = []
        for i in range(0, len(X), SIZE):
            x, y = X[i : i + SIZE].astype(float), Y[i : i + SIZE]
            error = x @ w - y
            extra, slope = penalty(w, update)
            each.append(np.mean(error**2) + extra)
            w = w - RATE * (2 * x.T @ error / len(x) + slope)
            update += 1
        losses.append(np.mean(each))
    return w, losses


class Penalized(Linear):
    """Adds a penalty that grows with the updates, and is scaled by a Variable."""

    def __init__(self):
        super().__init__()
        self.scale = multinet.Variable(0.5, trainable=False)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        loss = super().compute_loss(x, y, y_pred, sample_weight)
        grown = ops.cast(self.optimizer.iterations, "float32")
        grown = ops.multiply(grown, self.scale)
        penalty = ops.multiply(grown, ops.sum(ops.square(self.dense.kernel)))
        return ops.add(loss, penalty)


def test_a_loss_of_ones_own_is_the_one_that_is_trained(backend):
    model, logs = fit(Penalized)
    w, losses = by_hand(lambda w, n: (0.5 * n * np.sum(w**2), n * w))
    np.testing.assert_allclose(model.dense.kernel.numpy(), w, rtol=1e-4)
    np.testing.assert_allclose(logs["loss"], losses, rtol=1e-5)
    model.scale.assign(0.0)
    plain = model.evaluate(X, Y, verbose=0)
    error = X @ model.dense.kernel.numpy() - Y
    np.testing.assert_allclose(plain, np.mean(error**2), rtol=1e-5)


class Measured(Linear):
    """Measures what `compile` knows nothing of."""

    def __init__(self):
        super().__init__()
        self.largest = metrics.Mean(name="largest")

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        self.largest.update_state(ops.max(ops.abs(y_pred)))
        logs = super().compute_metrics(x, y, y_pred, sample_weight)
        return {**logs, "doubled": ops.multiply(logs["mae"], 2)}


def test_metrics_of_ones_own_reach_the_logs(backend):
    model, logs = fit(Measured, metrics=["mae"])
    assert list(logs) == ["loss", "mae", "largest", "doubled"]
    np.testing.assert_allclose(logs["doubled"], 2 * np.array(logs["mae"]), rtol=1e-6)
    found = model.evaluate(X, Y, batch_size=SIZE, verbose=0, return_dict=True)
    guess = X @ model.dense.kernel.numpy()
    parts = np.abs(guess).reshape(-1, SIZE)
    np.testing.assert_allclose(found["largest"], parts.max(1).mean(), rtol=1e-5)
    np.testing.assert_allclose(found["mae"], np.abs(guess - Y).mean(), rtol=1e-5)
    expected, losses = by_hand(lambda w, n: (0, 0))
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-4)
    np.testing.assert_allclose(logs["loss"], losses, rtol=1e-5)


class Few(Linear):
    """Logs the loss alone, times ten."""

    def get_metrics_result(self):
        loss = super().get_metrics_result()["loss"]
        return {"tens": ops.multiply(loss, 10)}


def test_results_of_ones_own_are_the_logs(backend):
    _, logs = fit(Few, metrics=["mae"])
    _, losses = by_hand(lambda w, n: (0, 0))
    assert list(logs) == ["tens"]
    np.testing.assert_allclose(logs["tens"], 10 * np.array(losses), rtol=1e-5)


class Calling(Linear):
    """Counts how often the default step is traced, and returns its logs."""

    traced = 0

    def train_step(self, data):
        Calling.traced += 1
        return super().train_step(data)

    def test_step(self, data):
        return super().test_step(data)


def test_a_step_that_calls_super_is_as_fast_to_log(backend):
    Calling.traced = 0
    model, logs = fit(Calling, epochs=3, metrics=["mae"])
    plain, expected = fit(Linear, epochs=3, metrics=["mae"])
    assert Calling.traced > 0
    for name, values in expected.items():
        np.testing.assert_allclose(logs[name], values, rtol=1e-6, err_msg=name)
    np.testing.assert_allclose(
        model.get_weights()[0], plain.get_weights()[0], rtol=1e-6
    )
    runners = model._trainer.programs.latest.items()
    [runner] = [runner for (kind, _), runner in runners if kind == "train"]
    assert [m.name for m in runner.step.metrics] == ["loss", "mae"]
    assert runner.outputs == (), "what metrics tell need not leave the step"


class Early(Linear):
    """Looks at the loss before and after it is counted."""

    def train_step(self, data):
        before = self.get_metrics_result()
        logs = super().train_step(data)
        return {"before": before["loss"], "after": logs["loss"]}


def test_results_stand_for_when_they_were_asked_for(backend):
    model = Early()
    model.compile(multinet.optimizers.SGD(0.0), "mse")
    seen = []

    def look(batch, logs):
        seen.append((logs["before"], logs["after"]))

    hook = multinet.callbacks.LambdaCallback(on_train_batch_end=look)
    model.fit(X, Y, batch_size=SIZE, shuffle=False, verbose=0, callbacks=[hook])
    each = ((X @ np.ones((3, 1)) - Y) ** 2).reshape(-1, SIZE).mean(1)
    after = np.cumsum(each) / np.arange(1, 4)
    np.testing.assert_allclose([b for _, b in seen], after, rtol=1e-5)
    np.testing.assert_allclose([a for a, _ in seen], [0, *after[:-1]], rtol=1e-5)


def test_results_are_a_dict_that_may_be_changed(backend):
    class Changing(Linear):
        def train_step(self, data):
            logs = super().train_step(data)
            logs["new"] = logs.pop("loss")
            return logs | {"more": ops.zeros(())}

    _, logs = fit(Changing, epochs=1, metrics=["mae"])
    assert list(logs) == ["mae", "new", "more"] and logs["more"] == [0.0]


def test_outside_of_a_step_results_are_floats(backend):
    model, logs = fit(Linear, metrics=["mae"])
    found = model.get_metrics_result()
    assert found == {name: values[-1] for name, values in logs.items()}
    assert all(type(value) is float for value in found.values())


def test_metrics_listed_by_the_model_are_the_only_ones(backend):
    class Listing(Linear):
        @property
        def metrics(self):
            return [self.seen]

        def __init__(self):
            super().__init__()
            self.seen = metrics.Mean(name="seen")

        def compute_loss(self, *args, **kwargs):
            loss = super().compute_loss(*args, **kwargs)
            self.seen.update_state(loss)
            return loss

    _, logs = fit(Listing)
    _, losses = by_hand(lambda w, n: (0, 0))
    assert list(logs) == ["seen"]
    np.testing.assert_allclose(logs["seen"], losses, rtol=1e-5)


@pytest.mark.parametrize("eagerly", [False, True])
def test_functions_of_ones_own_are_called_for_each_batch(backend, eagerly):
    calls = []

    class Own(Linear):
        def make_train_function(self, force=False):
            step = super().make_train_function(force=True)

            def counted(iterator):
                calls.append("train")
                return {**step(iterator), "called": len(calls)}

            self.train_function = counted
            return counted

        def make_predict_function(self, force=False):
            step = super().make_predict_function(force)
            self.predict_function = lambda iterator: -step(iterator)
            return self.predict_function

    model, logs = fit(Own, run_eagerly=eagerly)
    _, losses = by_hand(lambda w, n: (0, 0))
    np.testing.assert_allclose(logs["loss"], losses, rtol=1e-5)
    assert logs["called"] == [3.0, 6.0]
    expected = -X @ model.dense.kernel.numpy()
    np.testing.assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5)
    model.reset_metrics()
    tested = model.make_test_function()(iter([(X, Y)]))
    np.testing.assert_allclose(tested["loss"], np.mean((expected + Y) ** 2), rtol=1e-5)


def test_a_lambda_callback_keeps_what_is_no_hook():
    told = multinet.callbacks.LambdaCallback(custom_method=len)
    assert told.custom_method is len
    with pytest.raises(multinet.errors.ArgumentError, match="Unknown hooks"):
        multinet.callbacks.LambdaCallback(on_epoch_ends=len)
