"""CallbackList, the older names of hooks, and ProgbarLogger."""

import numpy as np
import pytest

import multinet
from multinet import callbacks

X, Y = np.ones((12, 2), "float32"), np.zeros((12, 1), "float32")


def model():
    made = multinet.Sequential([multinet.Input((2,)), multinet.layers.Dense(1)])
    made.compile("sgd", "mse")
    return made


class Noting(callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_batch_begin(self, batch, logs=None):
        self.seen.append(("begin", batch))

    def on_batch_end(self, batch, logs=None):
        self.seen.append(("end", batch, sorted(logs)))


def test_the_older_names_hear_of_each_batch(backend):
    noting = Noting()
    model().fit(X, Y, batch_size=6, verbose=0, callbacks=noting)
    wanted = [("begin", 0), ("end", 0, ["loss"]), ("begin", 1), ("end", 1, ["loss"])]
    assert noting.seen == wanted


def test_a_list_calls_each_in_order():
    calls = []

    class Named(callbacks.Callback):
        def __init__(self, name):
            super().__init__()
            self.name = name

        def on_epoch_end(self, epoch, logs=None):
            calls.append((self.name, epoch, logs, self.params, self.model))

    made = model()
    several = callbacks.CallbackList(
        [Named("a"), [Named("b")]], add_history=True, model=made, epochs=3
    )
    several.on_train_begin()
    several.on_epoch_end(1, {"loss": 0.5})
    assert [call[:2] for call in calls] == [("a", 1), ("b", 1)]
    assert all(call[3] == {"epochs": 3} and call[4] is made for call in calls)
    assert several.callbacks[-1].history == {"loss": [0.5]}


@pytest.mark.parametrize("verbose,found", [(0, False), (1, True), (2, True)])
def test_progbar_logger_stands_in_for_the_bar(capsys, verbose, found):
    model().fit(X, Y, epochs=2, verbose=verbose, callbacks=callbacks.ProgbarLogger())
    text = capsys.readouterr().out
    assert ("Epoch 2/2" in text and "loss" in text) == found


def test_progbar_logger_shows_evaluate_and_predict(capsys):
    made = model()
    made.evaluate(X, Y, batch_size=6, verbose=0, callbacks=callbacks.ProgbarLogger())
    assert capsys.readouterr().out == ""
    calls = callbacks.CallbackList(add_progbar=True, model=made, steps=2, verbose=1)
    calls.on_test_begin()
    for batch in range(2):
        calls.on_test_batch_end(batch, {"loss": 1.0})
    calls.on_test_end({"loss": 1.0})
    assert "2/2" in capsys.readouterr().out
