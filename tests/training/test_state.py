"""State between steps: several steps a call, Ctrl-C, sharing, what users hold."""

import signal
import threading

import numpy as np
import pytest

import multinet
from multinet import callbacks, layers
from multinet.errors import ArgumentError, MultinetError
from multinet.training.interrupts import Interrupts

RNG = np.random.default_rng(2)
X = RNG.normal(size=(75, 6)).astype("float32")
Y = RNG.normal(size=(75, 2)).astype("float32")


def network(**options):
    """Return a compiled network with state of every kind."""
    multinet.set_random_seed(11)
    model = multinet.Sequential(
        [
            multinet.Input((6,)),
            layers.Dense(8, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.Dense(2),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"], **options)
    return model


def nothing(batch, logs):
    """Listen to batches, which asks for one step a call."""


def test_many_steps_a_call_give_the_numbers_of_one_by_one(backend):
    results = []
    for hooks in ([], [callbacks.LambdaCallback(on_train_batch_end=nothing)]):
        model = network()
        history = model.fit(X, Y, batch_size=8, epochs=4, callbacks=hooks, verbose=0)
        results.append((history.history, model.get_weights()))
    (logs, weights), (others, same) = results
    for name in logs:
        np.testing.assert_allclose(logs[name], others[name], rtol=2e-6, err_msg=name)
    for a, b in zip(weights, same, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_steps_per_execution_calls_batch_callbacks_that_often(backend):
    seen = []
    model = network(steps_per_execution=4)
    hook = callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: seen.append(b))
    model.fit(X, Y, batch_size=8, callbacks=[hook], verbose=0)
    assert seen == [3, 7, 11], "9 whole batches and a smaller one"
    plain = network()
    plain.fit(X, Y, batch_size=8, verbose=0)
    for a, b in zip(model.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6)


def test_explain_step_tells_the_path_of_each_kind_of_step(backend):
    model = network()
    with pytest.raises(MultinetError, match="fit"):
        model.explain_step()
    model.fit(X, Y, verbose=0)
    model.predict(X, verbose=0)
    for kind in ("train", "predict"):
        told = model.explain_step(kind)
        assert told["backend"] == backend.name
        assert {"path", "steps"} <= set(told) and "path" in str(told)
    with pytest.raises(ArgumentError, match="train, test or predict"):
        model.explain_step("training")
    eager = network(run_eagerly=True)
    eager.fit(X, Y, verbose=0)
    assert "run_eagerly" in eager.explain_step()["path"]


def test_an_eager_step_gives_the_numbers_of_the_compiled_one(backend):
    logs = [
        network(run_eagerly=eagerly).fit(X, Y, epochs=2, verbose=0).history
        for eagerly in (False, True)
    ]
    np.testing.assert_allclose(logs[0]["loss"], logs[1]["loss"], rtol=1e-5)


def test_a_frozen_weight_set_between_epochs_is_seen(backend):
    frozen = layers.Dense(1, use_bias=False, trainable=False)
    model = multinet.Sequential([multinet.Input((6,)), layers.Dense(3), frozen])
    model.compile(multinet.optimizers.SGD(0.0), "mse")

    def change(epoch, logs):
        frozen.set_weights([np.full((3, 1), epoch)])

    hook = callbacks.LambdaCallback(on_epoch_begin=change)
    model.fit(X, Y[:, :1], epochs=3, callbacks=[hook], verbose=0, batch_size=25)
    losses = model.history.history["loss"]
    for epoch, loss in enumerate(losses):
        change(epoch, {})
        np.testing.assert_allclose(
            loss, model.evaluate(X, Y[:, :1], batch_size=25, verbose=0), rtol=1e-5
        )
    assert len(set(losses)) == 3


# -- Ctrl-C ----------------------------------------------------------------------------


@pytest.fixture
def interruptible():
    """SIGINT as in a terminal; a shell lets what it starts with & ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_in_fit_leaves_a_usable_model(backend):
    model = network()
    model.fit(X, Y, verbose=0)
    before = model.get_weights()
    target, timer = threading.get_ident(), None

    def press(epoch, logs):
        nonlocal timer
        if epoch != 1:
            return
        timer = threading.Timer(
            0.05, lambda: signal.pthread_kill(target, signal.SIGINT)
        )
        timer.start()

    hook = callbacks.LambdaCallback(on_epoch_begin=press)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=2, epochs=1000000, callbacks=[hook], verbose=0)
    timer.join()
    assert signal.getsignal(signal.SIGINT) is handler
    assert not np.array_equal(before[0], model.get_weights()[0])
    assert all(np.isfinite(w).all() for w in model.get_weights())
    stopped, count = model.get_weights(), int(model.optimizer.iterations.numpy())
    assert count > 3, "the steps that were done count"
    losses = model.fit(X, Y, epochs=2, verbose=0).history["loss"]
    assert np.isfinite([*losses, *model.evaluate(X, Y, verbose=0)]).all()
    assert int(model.optimizer.iterations.numpy()) == count + 6
    assert not np.array_equal(stopped[0], model.get_weights()[0])


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_waits_for_the_end_of_a_dispatch():
    reached = []
    with Interrupts() as guard, pytest.raises(KeyboardInterrupt):
        with guard.held():
            signal.raise_signal(signal.SIGINT)
            reached.append("end of dispatch")
        reached.append("after")
    assert reached == ["end of dispatch"]
    with Interrupts() as guard, pytest.raises(KeyboardInterrupt):
        with guard.held():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)  # a second one insists
            reached.append("not reached")
    assert reached == ["end of dispatch"]


def test_fit_works_in_a_thread_which_has_no_signals(backend):
    losses = []

    def work():
        with multinet.use_backend(backend):
            model = network()
            losses.append(model.fit(X, Y, verbose=0).history["loss"][0])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert np.isfinite(losses[0])


# -- who sees what ---------------------------------------------------------------------


def test_a_batch_callback_sees_the_weights_of_its_step(backend):
    model = network()
    seen = []

    def look(batch, logs):
        seen.append((model.get_weights()[0], int(model.optimizer.iterations.numpy())))

    hook = callbacks.LambdaCallback(on_train_batch_end=look)
    model.fit(X, Y, batch_size=25, epochs=2, callbacks=[hook], verbose=0)
    assert [count for _, count in seen] == [1, 2, 3, 4, 5, 6]
    assert all(not np.array_equal(a, b) for (a, _), (b, _) in zip(seen, seen[1:]))


def test_values_held_from_any_moment_never_change(backend):
    model = network()
    kernel, held = model.layers[0].kernel, []

    def hold(batch, logs):
        flat = multinet.ops.reshape(kernel, (-1,))
        for tensor in (kernel.value, flat, *model.optimizer.variables[-1:]):
            value = getattr(tensor, "value", tensor)
            held.append((value, multinet.ops.convert_to_numpy(value).copy()))

    hook = callbacks.LambdaCallback(on_train_batch_end=hold)
    model.fit(X, Y, batch_size=25, epochs=2, callbacks=[hook], verbose=0)
    for _ in range(3):
        model.train_on_batch(X, Y)
        hold(0, {})
    predicted = model.predict(X[:4], verbose=0)
    copy = predicted.copy()
    model.fit(X, Y, epochs=2, verbose=0)
    model.predict(X[4:8], verbose=0)
    np.testing.assert_array_equal(predicted, copy)
    for value, kept in held:
        np.testing.assert_array_equal(multinet.ops.convert_to_numpy(value), kept)


def test_data_may_change_as_soon_as_a_call_returns(backend):
    x, y = X[:8].copy(), Y[:8].copy()
    models = [network(), network()]
    for model, spoil in zip(models, (False, True)):
        for _ in range(5):
            a, b = x.copy(), y.copy()
            model.train_on_batch(a, b)
            outputs = model.predict(a, verbose=0)
            if spoil:
                kept = outputs.copy()
                a[:], b[:] = np.nan, np.nan
                np.testing.assert_array_equal(outputs, kept)
    for a, b in zip(*(m.get_weights() for m in models), strict=True):
        np.testing.assert_array_equal(a, b)


def test_models_that_share_a_layer_see_each_other_train_in_turn(backend):
    shared = layers.Dense(4)
    models = []
    for _ in range(2):
        inputs = multinet.Input((6,))
        model = multinet.Model(inputs, layers.Dense(2)(shared(inputs)))
        model.compile("adam", "mse")
        models.append(model)
    for _ in range(3):
        for model in models:
            before = shared.kernel.numpy()
            model.train_on_batch(X, Y)
            other = models[1 - models.index(model)]
            assert not np.array_equal(before, shared.kernel.numpy())
            kernel, bias = shared.get_weights()
            last = other.layers[-1].get_weights()
            np.testing.assert_allclose(
                other.predict(X, verbose=0),
                (X @ kernel + bias) @ last[0] + last[1],
                rtol=1e-4,
                atol=1e-5,
            )


def test_weights_set_between_calls_count_at_once(backend):
    model = network()
    model.train_on_batch(X, Y)
    model.predict(X, verbose=0)
    zeros = [np.zeros_like(w) for w in model.get_weights()]
    model.set_weights(zeros)
    np.testing.assert_array_equal(model.predict(X, verbose=0), 0)
    model.layers[-1].bias.assign(np.array([1.0, 2.0], "float32"))
    np.testing.assert_array_equal(model.predict(X[:1], verbose=0), [[1.0, 2.0]])


def test_a_layer_frozen_between_calls_stays(backend):
    model = network()
    model.train_on_batch(X, Y)
    model.layers[0].trainable = False
    before = model.get_weights()
    model.train_on_batch(X, Y)
    after = model.get_weights()
    assert np.array_equal(before[0], after[0])
    assert not np.array_equal(before[-1], after[-1])


def test_a_layer_replaced_between_calls_is_the_one_that_runs(backend):
    class Net(multinet.Model):
        def __init__(self):
            super().__init__()
            self.head = layers.Dense(2)

        def call(self, inputs):
            return self.head(inputs)

    model, other = Net(), layers.Dense(2, bias_initializer="ones")
    other.build((None, 6))
    model.predict(X, verbose=0)
    model.head = other
    kernel, bias = other.get_weights()
    np.testing.assert_allclose(
        model.predict(X, verbose=0), X @ kernel + bias, rtol=1e-4, atol=1e-5
    )


def test_evaluate_between_trainings_changes_nothing(backend):
    plain, looked_at = network(), network()
    for model in (plain, looked_at):
        for _ in range(3):
            model.train_on_batch(X, Y)
            if model is looked_at:
                model.evaluate(X, Y, verbose=0)
                model.predict(X, verbose=0)
    for a, b in zip(plain.get_weights(), looked_at.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
