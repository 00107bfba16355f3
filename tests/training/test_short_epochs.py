"""Epochs of fewer steps than the data have, or of more: as in Keras."""

import functools
import warnings

import keras
import numpy as np
import pytest

import multinet

RNG = np.random.default_rng(5)
X = RNG.normal(size=(18, 3)).astype("float32")  # 4 batches of 5, the last one smaller
Y = (X @ np.array([[1.0], [2.0], [3.0]])).astype("float32")


def fit(kit, steps, **options):
    """Return the logs of epochs, how many steps they had, and how many warnings."""
    model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(1)])
    model.compile(kit.optimizers.SGD(0.05), "mse")
    model.set_weights([np.ones((3, 1), "float32"), np.zeros(1, "float32")])
    counts = []

    class Count(kit.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            counts.append(0)

        def on_train_batch_end(self, batch, logs=None):
            counts[-1] += 1

    options = {"epochs": 5, "shuffle": False, "batch_size": 5, **options}
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        history = model.fit(
            X, Y, steps_per_epoch=steps, callbacks=[Count()], verbose=0, **options
        )
    short = [w for w in seen if "ran out" in str(w.message)]
    return history.history, counts, len(short)


@functools.cache
def of_keras(steps):
    """Return what Keras does."""
    return fit(keras, steps)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 9])
def test_epochs_go_on_through_the_data(real_backend, steps):
    (logs, counts, short), (theirs, steps_there, warned) = (
        fit(multinet, steps),
        of_keras(steps),
    )
    assert counts == steps_there and short == warned
    np.testing.assert_allclose(logs["loss"], theirs["loss"], rtol=2e-5)


def test_without_a_callback_on_batches_it_is_the_same(backend):
    for steps in (2, 3):
        model = multinet.Sequential([multinet.Input((3,)), multinet.layers.Dense(1)])
        model.compile(multinet.optimizers.SGD(0.05), "mse")
        model.set_weights([np.ones((3, 1), "float32"), np.zeros(1, "float32")])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = model.fit(
                X,
                Y,
                batch_size=5,
                epochs=5,
                shuffle=False,
                steps_per_epoch=steps,
                verbose=0,
            )
        theirs = of_keras(steps)[0]["loss"]
        np.testing.assert_allclose(found.history["loss"], theirs, rtol=2e-5)


def test_each_validation_begins_with_the_first_batch():
    options = {"validation_data": (X, Y), "validation_batch_size": 5}
    options |= {"validation_steps": 2, "epochs": 3}
    ours, theirs = (fit(kit, 2, **options)[0] for kit in (multinet, keras))
    for name in ("loss", "val_loss"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=2e-5)


def test_shuffled_epochs_of_half_the_data_see_all_of_it():
    model = multinet.Sequential([multinet.Input((1,)), multinet.layers.Dense(1)])
    model.compile(multinet.optimizers.SGD(0.0), "mse")
    model.set_weights([np.zeros((1, 1), "float32"), np.zeros(1, "float32")])
    y = np.arange(16, dtype="float32")[:, None]
    logs = model.fit(
        y, y, batch_size=2, steps_per_epoch=4, epochs=6, verbose=0
    ).history["loss"]
    whole = np.mean(y**2)
    pairs = np.array(logs).reshape(3, 2)
    np.testing.assert_allclose(pairs.mean(1), [whole] * 3, rtol=1e-6)
    assert len(set(np.round(logs, 3))) > 2


def test_evaluate_and_predict_tell_that_there_is_no_more():
    model = multinet.Sequential([multinet.Input((3,)), multinet.layers.Dense(1)])
    model.compile("sgd", "mse")
    whole = model.evaluate(X, Y, batch_size=5, verbose=0)
    words = "ran out: at least 9 batches .* 4 came. The data have 4 batches"
    with pytest.warns(UserWarning, match=words):
        assert model.evaluate(X, Y, batch_size=5, steps=9, verbose=0) == whole
    with pytest.warns(UserWarning, match=words):
        assert len(model.predict(X, batch_size=5, steps=9, verbose=0)) == 18
    assert len(model.predict(X, batch_size=5, steps=2, verbose=0)) == 10
