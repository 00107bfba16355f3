"""What fit accepts, reports and refuses."""

import re

import numpy as np
import pytest

import multinet
from multinet import callbacks, layers
from multinet.errors import ArgumentError, DTypeError, MultinetError, ShapeError

RNG = np.random.default_rng(1)
X = RNG.normal(size=(40, 3))
Y = X @ np.array([[1.0], [2.0], [3.0]])


def line(optimizer="sgd", loss="mse", **options):
    """Return a compiled linear model."""
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    model.compile(optimizer, loss, **options)
    return model


def test_one_dimensional_data_is_accepted_as_keras_accepts_it(backend):
    multinet.set_random_seed(0)
    x = np.linspace(0, 1, 100).astype("float32")
    model = multinet.Sequential()
    model.add(layers.Dense(units=1, input_shape=(1,)))
    model.compile(optimizer="sgd", loss="mean_squared_error")
    model.fit(x, x * 0.1 + 0.3, epochs=100, batch_size=1, verbose=0)
    weight, bias = (w.item() for w in model.get_weights())
    assert abs(weight - 0.1) < 0.01 and abs(bias - 0.3) < 0.01
    assert model.predict(x, verbose=0).shape == (100, 1)


def test_history_has_validation_and_metrics(backend):
    history = line(metrics=["mae"]).fit(
        X, Y, epochs=3, validation_split=0.25, verbose=0
    )
    assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}
    assert all(len(values) == 3 for values in history.history.values())
    assert history.epoch == [0, 1, 2]
    assert all(isinstance(v, float) for v in history.history["loss"])


def test_validation_split_takes_the_last_samples():
    model = line()
    history = model.fit(X, Y, validation_split=0.25, verbose=0)
    value = model.evaluate(X[30:], Y[30:], verbose=0)
    np.testing.assert_allclose(history.history["val_loss"][0], value, rtol=1e-6)


def test_early_stopping_stops_and_restores_the_best_weights(backend):
    class Log(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights()[0])
            logs["score"] = [3.0, 1.0, 2.0, 2.5][epoch]

    seen = []
    stop = callbacks.EarlyStopping(
        "score", patience=2, mode="min", restore_best_weights=True
    )
    model = line()
    history = model.fit(X, Y, epochs=10, callbacks=[Log(), stop], verbose=0)
    assert len(history.epoch) == 4 and stop.best_epoch == 1
    np.testing.assert_array_equal(model.get_weights()[0], seen[1])


def test_every_batch_reaches_a_callback_that_asks_for_it(backend):
    losses, batches = [], []
    model = line()
    hook = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: (
            batches.append(batch),
            losses.append(logs["loss"]),
        )
    )
    model.fit(X, Y, batch_size=16, epochs=2, callbacks=[hook], verbose=0)
    assert batches == [0, 1, 2, 0, 1, 2] and np.isfinite(losses).all()


def test_a_callback_can_change_the_learning_rate(backend):
    class Halt(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.0 if epoch else 0.01
            weights.append(self.model.get_weights()[0])

    weights = []
    model = line()
    model.fit(X, Y, epochs=3, callbacks=[Halt()], verbose=0)
    assert not np.array_equal(weights[0], weights[1])
    assert np.array_equal(weights[1], weights[2])


def test_plain_lines_where_there_is_no_terminal(capsys):
    line().fit(X, Y, epochs=2)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert re.match(r"Epoch 1/2 - 2 steps - .*ms/step - loss: \d+\.\d+$", printed[0])
    line().fit(X, Y, verbose=0)
    assert capsys.readouterr().out == ""


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    line().fit(X, Y, epochs=1, verbose=1)
    assert "Epoch 1/1" in capsys.readouterr().out


def test_trees_of_inputs_lists_and_dicts(backend):
    a, b = multinet.Input((3,), name="a"), multinet.Input((3,), name="b")
    model = multinet.Model({"a": a, "b": b}, layers.Dense(1)(a + b))
    model.compile("sgd", "mse")
    model.fit({"a": X, "b": X}, Y, verbose=0)
    both = model.predict({"b": X, "a": X}, verbose=0)
    kernel, bias = model.get_weights()
    np.testing.assert_allclose(both, (2 * X) @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_lists_of_numbers_are_data():
    model = line()
    model.fit([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [1.0, 2.0], verbose=0)
    assert model.predict([[1.0, 2.0, 3.0]], verbose=0).shape == (1, 1)


def test_a_model_without_input_is_built_by_its_first_data(backend):
    model = multinet.Sequential([layers.Dense(4), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    assert [w.shape for w in model.get_weights()] == [(3, 4), (4,), (4, 1), (1,)]


def test_int64_labels_are_checked_not_wrapped():
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(X, np.zeros(40, np.int64), verbose=0)
    with pytest.raises(DTypeError, match="reach from .* to 8589934592"):
        model.fit(X, np.full(40, 1 << 33), verbose=0)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, Y[:-1]), ShapeError, r"same number of samples.*\(40, 3\).*\(39, 1\)"),
        ((X[:, :2], Y), ShapeError, r"expects shape \(None, 3\), got \(None, 2\)"),
        ((iter([X]), Y), ArgumentError, "Expected y=None where x is"),
        ((np.array(["a"] * 40), Y), DTypeError, "Expected numbers"),
    ],
)
def test_bad_data_is_explained(arguments, error, message):
    with pytest.raises(error, match=message):
        line().fit(*arguments, verbose=0)


def test_bad_arguments_are_explained():
    model = line()
    with pytest.raises(ArgumentError, match="batch_size to be a positive integer"):
        model.fit(X, Y, batch_size=0)
    with pytest.raises(
        ArgumentError, match=r"validation_split to be a number in \[0, 1\), got 1.5"
    ):
        model.fit(X, Y, validation_split=1.5)
    with pytest.raises(ArgumentError, match="validation_data=\\(x, y\\)"):
        model.fit(X, Y, validation_data=X)
    with pytest.raises(ArgumentError, match="'adma'.*Did you mean.*'adam'"):
        model.compile("adma", "mse")


def test_an_uncompiled_model_says_so():
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    with pytest.raises(MultinetError, match="must be compiled first"):
        model.fit(X, Y)
    assert model.predict(X, verbose=0).shape == (40, 1)


def test_a_model_used_under_another_backend_says_where_it_lives():
    model = line()
    with multinet.use_backend("torch"):
        with pytest.raises(MultinetError, match="lives on backend 'numpy'"):
            model.predict(X, verbose=0)


def test_predict_returns_the_structure_of_the_outputs(backend):
    inputs = multinet.Input((3,))
    outputs = {"one": layers.Dense(1)(inputs), "two": layers.Dense(2)(inputs)}
    model = multinet.Model(inputs, outputs)
    predicted = model.predict(X, batch_size=16, verbose=0)
    assert {k: v.shape for k, v in predicted.items()} == {
        "one": (40, 1),
        "two": (40, 2),
    }
    assert all(type(v) is np.ndarray for v in predicted.values())


def test_a_model_evaluated_before_its_first_fit_trains(backend):
    model = line("adam")
    before = model.evaluate(X, Y, verbose=0)
    model.fit(X, Y, epochs=2, verbose=0)
    assert model.evaluate(X, Y, verbose=0) < before


def test_a_graph_may_use_the_sizes_of_its_data(backend):
    inputs = multinet.Input((3,))
    size = multinet.ops.shape(inputs)[0]
    doubled = multinet.ops.reshape(multinet.ops.tile(inputs, (2, 1)), (size * 2, -1))
    rows = multinet.ops.cast(multinet.ops.arange(size * 2), "float32")
    outputs = doubled + multinet.ops.expand_dims(rows, 1)
    model = multinet.Model(inputs, outputs)
    expected = np.tile(X, (2, 1)) + np.arange(80)[:, None]
    found = multinet.ops.convert_to_numpy(model(X))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


class Orders(callbacks.Callback):
    """Reads the order of samples off the loss of batches of one sample."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs = [*getattr(self, "epochs", []), []]

    def on_train_batch_end(self, batch, logs=None):
        self.epochs[-1].append(round(float(logs["loss"]), 5))


def orders(model, *fits):
    """Return the order of each epoch of fits of so many epochs."""
    found = Orders()
    for epochs in fits:
        model.fit(
            X, Y, epochs=epochs, batch_size=1, verbose=0, callbacks=[found]
        )  # the logs are means over the epoch so far, so they tell the order
    return found.epochs


def still():
    """Return a model that does not learn."""
    multinet.set_random_seed(3)
    return line(multinet.optimizers.SGD(0.0))


def test_fits_one_after_the_other_see_the_orders_of_one_fit(backend):
    whole = orders(still(), 5)
    assert orders(still(), 1, 3, 1) == whole
    assert len({tuple(epoch) for epoch in whole}) == 5  # no order comes twice


def test_a_seed_starts_the_orders_anew(backend):
    model = still()
    first = orders(model, 2)
    multinet.set_random_seed(3)
    again = orders(model, 2)
    model = still()
    assert first == orders(model, 2) and again != first
    multinet.set_random_seed(3)
    assert orders(model, 2) == again
