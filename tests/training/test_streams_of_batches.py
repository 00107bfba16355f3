"""Generators through fit, evaluate and predict, and going on in mid-epoch."""

import warnings
from dataclasses import dataclass

import numpy as np
import pytest

import multinet
from multinet import callbacks, layers, ops
from multinet.errors import ArgumentError
from multinet.training.sources import Chunk, Leaf, source_of

RNG = np.random.default_rng(19)
X = RNG.normal(size=(30, 4)).astype("float32")
Y = RNG.normal(size=(30, 2)).astype("float32")
W = RNG.uniform(0.5, 2, size=30).astype("float32")
STARTS = range(0, 30, 8)  # the last batch has 6


def batches(start=0):
    """Yield batches with weights, the last one smaller."""
    for i in STARTS[start:]:
        yield X[i : i + 8], Y[i : i + 8], W[i : i + 8]


def network():
    """Return a compiled network with draws and statistics."""
    multinet.set_random_seed(4)
    model = multinet.Sequential(
        [
            multinet.Input((4,)),
            layers.Dense(6, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.Dense(2),
        ]
    )
    model.compile("adam", "mse", weighted_metrics=["mae"])
    return model


def same_weights(one, other, **tolerance):
    """Check that two models, and their optimizers, are equal."""
    pairs = zip(one.variables, other.variables, strict=True)
    slots = zip(one.optimizer.variables, other.optimizer.variables, strict=True)
    for a, b in (*pairs, *slots):
        np.testing.assert_allclose(a.numpy(), b.numpy(), **tolerance)


def test_a_function_of_generators_trains_as_the_arrays_do(backend):
    streamed, plain = network(), network()
    logs = streamed.fit(batches, epochs=3, validation_data=batches, verbose=0).history
    expected = plain.fit(
        X,
        Y,
        sample_weight=W,
        batch_size=8,
        epochs=3,
        shuffle=False,
        validation_data=(X, Y, W),
        verbose=0,
    ).history
    assert list(logs) == list(expected)
    for name in ("loss", "mae"):
        np.testing.assert_allclose(logs[name], expected[name], rtol=1e-5)
    same_weights(streamed, plain, rtol=1e-5, atol=1e-7)


def test_evaluate_and_predict_take_batches_to_their_unknown_end(backend):
    model = network()
    model.fit(X, Y, verbose=0)
    found = model.evaluate(batches(), verbose=0, return_dict=True)
    expected = model.evaluate(
        X, Y, sample_weight=W, batch_size=8, verbose=0, return_dict=True
    )
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6)
    outputs = model.predict((x for x, *_ in batches()), verbose=0)
    expected = model.predict(X, verbose=0)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
    few = model.predict(batches(), steps=2, verbose=0)
    np.testing.assert_array_equal(few, outputs[:16])


def test_an_endless_generator_goes_on_from_epoch_to_epoch(backend):
    drawn = []

    def endless():
        i = 0
        while True:
            drawn.append(i)
            yield X[i : i + 4], Y[i : i + 4]
            i = (i + 4) % 28

    model = network()
    model.fit(endless(), steps_per_epoch=3, epochs=3, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 9
    assert drawn == [(4 * i) % 28 for i in range(9)], "no more than was asked for"


def test_data_that_run_out_end_the_training_with_a_warning(backend):
    model = network()
    with pytest.warns(UserWarning, match=r"ran out: .*6 batches .* 4 came"):
        history = model.fit(batches(), steps_per_epoch=6, verbose=0).history
    assert np.isfinite(history["loss"][0])
    assert int(model.optimizer.iterations.numpy()) == 4


def test_what_can_begin_anew_does_so_in_each_epoch_that_asks_for_more(backend):
    class Again:
        def __iter__(self):
            return iter(batches())

    for data in (Again(), batches):
        model = network()
        with pytest.warns(UserWarning, match=r"ran out: .*6 batches .* 4 came"):
            history = model.fit(data, steps_per_epoch=6, epochs=3, verbose=0)
        assert len(history.epoch) == 3
        assert int(model.optimizer.iterations.numpy()) == 12
    with pytest.warns(UserWarning, match="ran out"):
        once = network().fit(batches(), steps_per_epoch=6, epochs=3, verbose=0)
    assert len(once.epoch) == 1


def test_tensors_go_to_the_step_as_they_are(backend):
    def tensors():
        for x, y, w in batches():
            yield tuple(map(backend.from_numpy, (x, y, w)))

    streamed, plain = network(), network()
    streamed.fit(tensors, epochs=2, verbose=0)
    plain.fit(batches, epochs=2, verbose=0)
    same_weights(streamed, plain, rtol=1e-5, atol=1e-7)


def test_an_error_of_the_generator_comes_out_and_the_model_lives(backend):
    def failing():
        yield X[:8], Y[:8]
        raise OSError("the disk is full")

    model = network()
    with pytest.raises(OSError, match="the disk is full"):
        model.fit(failing(), verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 1
    assert np.isfinite(model.evaluate(X, Y, verbose=0)).all()


def test_what_a_function_gave_is_closed_and_what_the_user_made_is_not(backend):
    closed = []

    def watched():
        try:
            yield from batches()
        finally:
            closed.append("made")

    model = network()
    model.fit(watched, steps_per_epoch=2, verbose=0)
    assert closed == ["made"]
    with pytest.raises(ZeroDivisionError):
        hook = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / 0)
        model.fit(watched, steps_per_epoch=2, verbose=0, callbacks=[hook])
    assert closed == ["made"] * 2
    mine, own = watched(), Halves()
    model.fit(mine, steps_per_epoch=1, verbose=0)
    model.evaluate(mine, steps=1, verbose=0)
    model.fit(own, verbose=0)
    assert closed == ["made"] * 2 and not own.closed
    assert len(list(mine)) == 2, "the rest of four"


def test_arguments_of_arrays_are_refused_beside_a_generator(backend):
    model = network()
    for given in ({"y": Y}, {"sample_weight": W}, {"batch_size": 3}):
        with pytest.raises(ArgumentError, match=next(iter(given))):
            model.fit(batches(), verbose=0, **given)
    with pytest.raises(ArgumentError, match="validation_split"):
        model.fit(batches(), validation_split=0.5, verbose=0)


@dataclass
class Halves:
    """A source of one's own: two batches of tensors an epoch, equal and unhashable."""

    size: int = 2
    most: int = 2
    closed: bool = False

    @property
    def spec(self):
        return Leaf((None, 4), "float32"), Leaf((None, 2), "float32"), None

    def chunks(self, epoch, room):
        for start in (0, 15):
            batch = [x[start : start + 15] for x in (X, Y)]
            steps, _ = room(batch, 2 - start // 15)
            assert steps >= 1
            yield Chunk([ops.convert_to_tensor(x[None]) for x in batch], 1)

    def state(self):
        return {}

    def restore(self, state):
        raise AssertionError("nobody asked for it")

    def close(self):
        self.closed = True


def test_a_source_of_ones_own_needs_no_more_than_the_protocol(backend):
    own, plain = network(), network()
    logs = own.fit(Halves(), epochs=2, validation_data=Halves(), verbose=0).history
    options = {"batch_size": 15, "epochs": 2, "shuffle": False, "verbose": 0}
    expected = plain.fit(X, Y, validation_data=(X, Y), **options).history
    np.testing.assert_allclose(logs["loss"], expected["loss"], rtol=1e-5)
    np.testing.assert_allclose(logs["val_loss"], expected["val_loss"], rtol=1e-4)
    found = own.predict(Halves(), verbose=0)
    np.testing.assert_allclose(found, own.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


class Stop(callbacks.Callback):
    """Stops after some batches of an epoch."""

    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def on_train_batch_end(self, batch, logs=None):
        if batch + 1 == self.batches:
            self.model.stop_training = True


class StopOthers(callbacks.Callback):
    """Ends `evaluate` and `predict` after some batches."""

    def __init__(self, batches):
        super().__init__()
        self.batches, self.seen = batches, 0

    def on_test_batch_end(self, batch, logs=None):
        self.seen = batch + 1
        self.model.stop_evaluating = self.seen == self.batches

    def on_predict_batch_end(self, batch, logs=None):
        self.seen = batch + 1
        self.model.stop_predicting = self.seen == self.batches


def test_an_endless_stream_is_evaluated_and_predicted_as_far_as_a_callback_says(
    backend,
):
    def endless(parts):
        while True:
            yield tuple(part[:8] for part in parts)

    model, stop = network(), StopOthers(3)
    model.evaluate(endless((X, Y)), callbacks=[stop], verbose=0)
    assert stop.seen == 3
    stop.seen = 0
    found = model.predict(endless((X,)), callbacks=[stop], verbose=0)
    assert stop.seen == 3
    once = model.predict(X[:8], verbose=0)
    np.testing.assert_allclose(found, np.concatenate([once] * 3), rtol=1e-6)
    model.evaluate(X, Y, batch_size=15, verbose=0)  # and the next is whole


def go_on(model, other):
    """Give a model the state of another: weights, slots, clock."""
    other.set_weights(model.get_weights())
    if not other.optimizer.built:
        other.optimizer.build(other.trainable_variables)
    pairs = zip(other.optimizer.variables, model.optimizer.variables, strict=True)
    for mine, theirs in pairs:
        mine.assign(theirs.numpy())
    other._trainer.clock.counts = dict(model._trainer.clock.counts)


@pytest.mark.parametrize("kind", ["arrays", "generator"])
def test_training_goes_on_in_mid_epoch(backend, kind):
    """Two batches, a new model with a new source, and the rest: as in one go."""
    if kind == "arrays":
        make = lambda: source_of(X, Y, W, batch_size=8)  # noqa: E731
    else:
        make = lambda: source_of(batches)  # noqa: E731
    whole = network()
    whole.fit(make(), epochs=2, verbose=0)
    first, source = network(), make()
    first.fit(source, epochs=2, verbose=0, callbacks=[Stop(2)])
    assert int(first.optimizer.iterations.numpy()) == 2
    rest, resumed = network(), make()
    go_on(first, rest)
    resumed.restore(source.state())
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        rest.fit(resumed, epochs=2, verbose=0)
    assert int(rest.optimizer.iterations.numpy()) == 8
    same_weights_of(rest, whole)


def same_weights_of(one, other):
    """Check weights and slots alone: the metrics count other batches."""
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
