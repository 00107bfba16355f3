"""Callbacks that steer training do as Keras's, from the same weights."""

import keras
import numpy as np
import pytest

import multinet
from multinet.callbacks import LearningRateScheduler, SwapEMAWeights, TerminateOnNaN

RNG = np.random.default_rng(1)
X, Y = RNG.normal(size=(2, 12, 1)).astype("float32")
QUIETLY = {"batch_size": 4, "shuffle": False, "verbose": 0}


def compiled(library, **options):
    """Return the same small model of a library."""
    kernel = library.initializers.Constant(0.3)
    dense = library.layers.Dense(1, kernel_initializer=kernel)
    model = library.Sequential([library.Input((1,)), dense])
    model.compile(library.optimizers.SGD(0.1, **options), "mse")
    return model


def assert_weights_are_near(mine, theirs):
    """Assert that two models have the same weights to 1e-6."""
    for x, want in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(x, want, rtol=1e-5, atol=1e-6)


SCHEDULES = {
    "of the epoch and the rate": lambda epoch, rate: rate * 0.5 if epoch else rate,
    "of the epoch": lambda epoch: 0.1 / (epoch + 1),
    "with a default": lambda epoch, rate=0.0, by=0.9: rate * by,
    "in NumPy": lambda epoch, rate: np.float32(rate) / 2,
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_schedule_sets_the_rate_of_each_epoch(name, real_backend):
    found = []
    for library in (multinet, keras):
        model = compiled(library)
        scheduler = library.callbacks.LearningRateScheduler(SCHEDULES[name])
        history = model.fit(X, Y, epochs=3, callbacks=[scheduler], **QUIETLY)
        found.append((model, history.history))
    assert_weights_are_near(found[0][0], found[1][0])
    rates = [history["learning_rate"] for _, history in found]
    np.testing.assert_allclose(*rates, rtol=1e-6)


def test_a_schedule_tells_its_rates(capsys):
    told = LearningRateScheduler(lambda epoch: 0.25, verbose=1)
    compiled(multinet).fit(X, Y, epochs=1, callbacks=told, **QUIETLY)
    assert (
        "LearningRateScheduler setting learning rate to 0.25 for epoch 1."
        in capsys.readouterr().out
    )


def test_what_is_told_goes_to_the_logger_where_nobody_looks(capsys, caplog):
    told = LearningRateScheduler(lambda epoch: 0.25, verbose=1)
    caplog.set_level("INFO")
    multinet.config.disable_interactive_logging()
    try:
        compiled(multinet).fit(X, Y, epochs=1, callbacks=told, **QUIETLY)
    finally:
        multinet.config.enable_interactive_logging()
    assert "setting learning rate to 0.25" in caplog.text
    assert not capsys.readouterr().out


@pytest.mark.parametrize("rate", [None, "0.1", True, -0.1, np.nan, np.ones(2)])
def test_what_is_no_rate_is_refused(rate):
    scheduler = LearningRateScheduler(lambda epoch: rate)
    with pytest.raises(multinet.MultinetError, match="return a learning rate"):
        compiled(multinet).fit(X, Y, callbacks=scheduler, **QUIETLY)


def test_what_is_no_function_is_refused():
    with pytest.raises(multinet.MultinetError, match="schedule to be a function"):
        LearningRateScheduler(0.1)


@pytest.mark.parametrize(("bad", "loss"), [(np.nan, "nan"), (1e38, "inf")])
def test_training_ends_after_a_batch_without_a_finite_loss(
    bad, loss, real_backend, capsys
):
    x = X.copy()
    x[5] = bad  # in the second batch of three
    ends = []
    told = multinet.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(batch)
    )
    model = compiled(multinet)
    model.fit(x, Y, epochs=2, callbacks=[TerminateOnNaN(), told], **QUIETLY)
    assert ends == [0, 1]
    assert f"The loss of batch 1 is {loss}" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="The loss of batch 1"):
        compiled(multinet).fit(x, Y, callbacks=TerminateOnNaN(True), **QUIETLY)


def averaged(library, swap_on_epoch):
    """Fit with SwapEMAWeights; return model, weights at ends of epochs, val_loss."""
    model, seen = compiled(library, use_ema=True, ema_momentum=0.5), []

    def look(epoch, logs):
        seen.extend(model.get_weights())

    swap = library.callbacks.SwapEMAWeights(swap_on_epoch)
    watching = library.callbacks.LambdaCallback(on_epoch_end=look)
    rest = {"validation_data": (X, Y), "callbacks": [swap, watching], **QUIETLY}
    history = model.fit(X, Y, epochs=2, **rest)
    return model, seen, history.history["val_loss"]


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averages_are_evaluated_and_weights_trained(swap_on_epoch, real_backend):
    mine, seen, losses = averaged(multinet, swap_on_epoch)
    theirs, wanted, want = averaged(keras, swap_on_epoch)
    assert_weights_are_near(mine, theirs)
    np.testing.assert_allclose(losses, want, rtol=1e-5)
    for x, y in zip(seen, wanted, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_averages_are_shown_while_a_call_lasts():
    model = compiled(multinet, use_ema=True, ema_momentum=0.5)
    for x, y in zip(np.split(X, 3), np.split(Y, 3)):
        model.train_on_batch(x, y)
    weights = model.get_weights()
    plain = model.predict(X, verbose=0)
    averages = model.optimizer.slot_variables[:2]
    kernel, bias = (x.numpy() for x in averages)
    shown = model.predict(X, verbose=0, callbacks=[SwapEMAWeights()])
    np.testing.assert_allclose(shown, X @ kernel + bias, rtol=1e-6)
    assert np.abs(shown - plain).max() > 1e-3
    loss = model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()])
    assert loss == pytest.approx(((X @ kernel + bias - Y) ** 2).mean(), rel=1e-5)
    for x, y in zip(model.get_weights(), weights, strict=True):
        assert np.array_equal(x, y)


def test_without_averages_there_is_nothing_to_swap():
    model = compiled(multinet)
    with pytest.raises(ValueError, match="use_ema=True"):
        model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()])
    averaging = compiled(multinet, use_ema=True)
    with pytest.raises(multinet.MultinetError, match="train first"):
        averaging.predict(X, verbose=0, callbacks=[SwapEMAWeights()])
