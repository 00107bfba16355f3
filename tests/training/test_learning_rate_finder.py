"""LearningRateFinder: its losses are those of NumPy, and nothing else has changed."""

import math
import sys

import matplotlib
import numpy as np
import pytest

import multinet
from multinet import layers, optimizers
from multinet.callbacks import LambdaCallback, LearningRateFinder
from multinet.errors import ArgumentError, BackendError, MultinetError

matplotlib.use("agg")
RNG = np.random.default_rng(6)
X = RNG.normal(size=(40, 2)).astype("float32")
Y = X @ np.array([[1.0], [-2.0]], "float32") + 0.5
KERNEL = np.array([[0.3], [0.1]])
SIZE = 8


def build(rate=0.1, **options):
    """Return a linear model with known weights."""
    model = multinet.Sequential([multinet.Input((2,)), layers.Dense(1)])
    model.compile(optimizers.SGD(rate, momentum=0.5), "mse", **options)
    model.set_weights([KERNEL, np.zeros(1)])
    return model


def by_numpy(rates):
    """Return the loss of each batch of SGD with momentum 0.5, in float64."""
    weights = np.concatenate([KERNEL[:, 0], [0.0]])
    moving, losses = np.zeros(3), []
    ones = np.concatenate([X, np.ones((len(X), 1))], 1).astype("float64")
    for i, rate in enumerate(rates):
        part = slice(SIZE * i % len(X), SIZE * i % len(X) + SIZE)
        error = ones[part] @ weights - Y[part, 0]
        losses.append(np.mean(error**2))
        gradient = 2 / SIZE * ones[part].T @ error
        moving = 0.5 * moving - rate * gradient
        weights = weights + moving
    return losses


def test_losses_are_those_of_each_batch(real_backend):
    model = build()
    finder = LearningRateFinder(1e-4, 0.1, steps=20)
    model.fit(X, Y, SIZE, epochs=9, callbacks=finder, shuffle=False, verbose=0)
    np.testing.assert_allclose(finder.rates, np.geomspace(1e-4, 0.1, 20), rtol=1e-12)
    wanted = by_numpy(np.geomspace(1e-4, 0.1, 20))
    np.testing.assert_allclose(finder.losses, wanted, rtol=1e-4)
    # The weights 0.9^19 ... 0.9^0 of the losses so far.
    shares = 0.9 ** np.arange(19, -1, -1)
    means = [np.average(wanted[: n + 1], weights=shares[19 - n :]) for n in range(20)]
    np.testing.assert_allclose(finder.smoothed, means, rtol=1e-4)


def test_nothing_else_has_changed(real_backend):
    """A fit after the test is as one without it."""
    multinet.utils.set_random_seed(1)
    plain = build()
    history = plain.fit(X, Y, SIZE, epochs=2, verbose=0)
    multinet.utils.set_random_seed(1)
    model = build()
    seen = []
    told = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    finder = LearningRateFinder(1e-3, 10.0, steps=12, early_stop_threshold=None)
    model.fit(X, Y, SIZE, epochs=5, callbacks=[finder, told], verbose=0)
    assert len(seen) == len(finder.losses) == 12
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    assert int(model.optimizer.iterations) == 0
    found = model.fit(X, Y, SIZE, epochs=2, verbose=0)
    np.testing.assert_array_equal(found.history["loss"], history.history["loss"])
    for x, y in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_it_ends_where_the_loss_diverges(recwarn):
    finder = LearningRateFinder(1e-3, 1e4, steps=100, smoothing=0.0)
    build().fit(X, Y, SIZE, epochs=50, callbacks=finder, shuffle=False, verbose=0)
    losses = finder.losses
    assert len(losses) < 100
    assert losses[-1] > 4 * losses.min()
    assert (losses[1:-1] <= 4 * np.minimum.accumulate(losses)[1:-1]).all()
    endless = LearningRateFinder(1e-3, 1e30, steps=100, early_stop_threshold=None)
    build().fit(X, Y, SIZE, epochs=50, callbacks=endless, verbose=0)
    assert not math.isfinite(endless.losses[-1])
    assert np.isfinite(endless.losses[:-1]).all()
    assert not recwarn.list


def test_too_few_batches_are_told():
    finder = LearningRateFinder(steps=100)
    with pytest.warns(UserWarning, match="had 5 batches.*more epochs"):
        build().fit(X, Y, SIZE, callbacks=finder, verbose=0)


def test_a_test_that_an_error_ended_is_undone_by_hand():
    def fail(batch, logs):
        if batch == 3:
            raise KeyboardInterrupt

    model, finder = build(), LearningRateFinder(0.01, 0.1, steps=10)
    told = [LambdaCallback(on_train_batch_end=fail), finder]
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, SIZE, callbacks=told, verbose=0)
    assert not np.allclose(model.get_weights()[0], KERNEL)
    finder.restore()
    np.testing.assert_allclose(model.get_weights()[0], KERNEL, rtol=1e-6)


def filled(losses, rates, **options):
    """Return a finder that has seen these losses."""
    finder = LearningRateFinder(rates[0], rates[-1], len(rates), **options)
    finder._rates, finder._losses = list(rates), list(losses)
    finder._smoothed = list(losses)
    return finder


def test_the_suggestion_is_where_the_loss_falls_most_steeply():
    rates = np.geomspace(1e-6, 1.0, 61)
    # A sigmoid of log10(rate) falls most steeply in its middle: at 1e-3.
    losses = 1 / (1 + np.exp(4 * (np.log10(rates) + 3)))
    assert filled(losses, rates).suggestion() == pytest.approx(1e-3)
    assert filled(losses, rates).suggestion(skip_begin=40) == rates[40]
    assert filled(losses, rates).suggestion(skip_end=40) == rates[20]
    linear = np.linspace(0.1, 1.0, 61)
    falling = -(np.log(linear) ** 3) * 0 - np.tanh(20 * np.log(linear / 0.5))
    found = filled(falling, linear, mode="linear").suggestion()
    assert found == pytest.approx(0.5, abs=0.02)


def test_what_has_no_suggestion_says_why():
    rates = np.geomspace(1e-6, 1.0, 61)
    with pytest.raises(MultinetError, match="falls nowhere between the rates"):
        filled(rates, rates).suggestion()
    with pytest.raises(MultinetError, match="at least 3 losses"):
        filled(rates, rates).suggestion(skip_begin=59)
    with pytest.raises(MultinetError, match="fit with this callback"):
        LearningRateFinder().suggestion()
    with pytest.raises(ArgumentError, match="nothing to plot"):
        LearningRateFinder().plot()


def test_a_plot_shows_losses_and_the_suggestion():
    from matplotlib import pyplot

    rates = np.geomspace(1e-6, 1.0, 61)
    losses = 1 / (1 + np.exp(4 * (np.log10(rates) + 3)))
    axes = filled(losses, rates).plot(show=False)
    loss, smoothed, point = axes.get_lines()
    np.testing.assert_array_equal(loss.get_xdata(), rates)
    np.testing.assert_array_equal(smoothed.get_ydata(), losses)
    assert point.get_xdata() == pytest.approx([1e-3])
    assert axes.get_xscale() == "log"
    given = pyplot.figure().add_subplot()
    assert filled(losses, rates).plot(suggestion=False, axes=given) is given
    assert len(given.get_lines()) == 2
    pyplot.close("all")


def test_a_plot_without_matplotlib_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    rates = np.geomspace(1e-6, 1.0, 61)
    with pytest.raises(BackendError, match="pip install matplotlib"):
        filled(-rates, rates).plot()


def test_a_schedule_cannot_be_tested():
    schedule = optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    model = build(schedule)
    with pytest.raises(MultinetError, match="learning rate comes from"):
        model.fit(X, Y, callbacks=LearningRateFinder(), verbose=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("min_lr", value) for value in (0, -1, "1", None)),
        *(("max_lr", value) for value in (1e-6, 0, math.inf)),
        *(("steps", value) for value in (2, 10.0, True)),
        ("mode", "cubic"),
        *(("early_stop_threshold", value) for value in (1, "4")),
        *(("smoothing", value) for value in (1, -0.1)),
    ],
)
def test_what_it_expects_is_said(name, value):
    with pytest.raises(ArgumentError, match=name):
        LearningRateFinder(**{name: value})
