"""What callbacks hear with steps_per_execution above 1: as in Keras."""

import functools
import warnings

import keras
import numpy as np
import pytest

import multinet
from multinet import callbacks, layers
from multinet.errors import ArgumentError

RNG = np.random.default_rng(17)
X = RNG.normal(size=(26, 3)).astype("float32")  # 7 batches of 4, the last one smaller
Y = (X @ np.array([[1.0], [-2.0], [0.5]])).astype("float32")
KINDS = ("train", "test", "predict")


def made(kit, **options):
    """Return a line of known weights, compiled."""
    model = kit.Sequential([kit.Input((3,)), kit.layers.Dense(1)])
    model.compile(kit.optimizers.SGD(0.05), "mse", **options)
    model.set_weights([np.ones((3, 1), "float32"), np.zeros(1, "float32")])
    return model


def listener(kit, seen):
    """Return a callback that notes what it hears of batches, losses in short."""

    class Notes(kit.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            seen.append(("epoch", epoch))

    def noting(hook):
        def note(self, batch, logs=None):
            found = (logs or {}).get("loss")
            loss = None if found is None else round(float(found), 4)
            outputs = (logs or {}).get("outputs")
            rows = None if outputs is None else len(np.asarray(outputs))
            seen.append((hook, int(batch), loss, rows))

        return note

    for kind in KINDS:
        for end in ("begin", "end"):
            hook = f"on_{kind}_batch_{end}"
            setattr(Notes, hook, noting(hook))
    return Notes()


def batches():
    """Yield the batches of X and Y."""
    for i in range(0, len(X), 4):
        yield X[i : i + 4], Y[i : i + 4]


def fitted(kit, size, steps, stream=False, stop=None):
    """Return what a callback heard of three epochs, how many warnings, the weights."""
    seen = []
    model = made(kit, steps_per_execution=size)
    hooks = [listener(kit, seen)]
    if stop is not None:

        class Stop(kit.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.stop_training = batch >= stop

        hooks.append(Stop())
    data = {"x": batches()} if stream else {"x": X, "y": Y, "batch_size": 4}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.fit(
            **data,
            epochs=3,
            steps_per_epoch=steps,
            shuffle=False,
            callbacks=hooks,
            verbose=0,
        )
    short = sum("ran out" in str(w.message) for w in told)
    return seen, bool(short), model.get_weights()


@functools.cache
def of_keras(*given):
    """Return what Keras does."""
    return fitted(keras, *given)


@pytest.mark.parametrize(
    ("size", "steps"), [(3, None), (3, 3), (3, 4), (3, 9), (2, 3), (9, 7)]
)
def test_fit_tells_callbacks_what_keras_tells(real_backend, size, steps):
    ours, theirs = fitted(multinet, size, steps), of_keras(size, steps)
    assert ours[0] == theirs[0]
    assert ours[1] >= theirs[1]  # we count batches, Keras executions
    for a, b in zip(ours[2], theirs[2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_an_epoch_that_is_stopped_ends_with_its_execution(real_backend):
    given = (3, None, False, 2)
    ours, theirs = fitted(multinet, *given), of_keras(*given)
    assert ours[0] == theirs[0] and [h[1] for h in ours[0][1:]] == [0, 2]


def test_evaluate_and_predict_tell_callbacks_what_keras_tells(real_backend):
    heard = []
    for kit in (multinet, keras):
        seen, model = [], made(kit, steps_per_execution=3)
        options = {"batch_size": 4, "verbose": 0, "callbacks": [listener(kit, seen)]}
        loss = model.evaluate(X, Y, **options)
        outputs = model.predict(X, **options)
        model.evaluate(X, Y, steps=4, **options)
        heard.append((seen, loss, outputs))
    (seen, loss, outputs), (theirs, their_loss, their_outputs) = heard
    assert seen == theirs
    assert [h[1] for h in seen[6:12]] == [0, 2, 3, 5, 6, 8]
    assert [h[3] for h in seen[7:12:2]] == [12, 12, 2], "the outputs of all batches"
    np.testing.assert_allclose(loss, their_loss, rtol=1e-5)
    np.testing.assert_allclose(outputs, their_outputs, rtol=1e-5, atol=1e-6)


def test_data_of_unknown_size_end_where_they_end(backend):
    seen, _, weights = fitted(multinet, 3, None, stream=True)
    one = [h[:2] for h in seen[1:] if h[0] != "epoch"]
    begin, end = "on_train_batch_begin", "on_train_batch_end"
    assert one == [(begin, 0), (end, 2), (begin, 3), (end, 5), (begin, 6), (end, 8)]
    plain = fitted(multinet, 1, None, stream=True)[2]
    for a, b in zip(weights, plain, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_max_batches_cuts_an_execution_short(backend):
    counts = []
    model = made(multinet, steps_per_execution=3)
    hook = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: counts.append(
            (batch, int(model.optimizer.iterations))
        )
    )
    model.fit(X, Y, batch_size=4, max_batches=4, callbacks=[hook], verbose=0)
    assert counts == [(2, 3), (5, 4)]


def test_executions_take_batches_of_several_shapes(backend):
    def uneven():
        for size in (2, 3, 2, 3, 3):
            yield np.ones((size, 3), "float32"), np.ones((size, 1), "float32")

    ends = []
    model = made(multinet, steps_per_execution=4, run_eagerly=backend.name == "numpy")
    hook = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: ends.append(batch)
    )
    model.fit(uneven(), callbacks=[hook], verbose=0)
    assert ends == [3, 7] and int(model.optimizer.iterations) == 5


def test_outputs_that_callbacks_get_have_the_structure_of_the_model(backend):
    x = multinet.Input((3,))
    model = multinet.Model(
        x, {"a": layers.Identity()(x), "b": layers.Rescaling(2.0)(x)}
    )
    seen = []
    hook = callbacks.LambdaCallback()
    hook.on_predict_batch_end = lambda batch, logs: seen.append(logs["outputs"])
    model.predict(X, batch_size=13, callbacks=[hook], verbose=0)
    assert [sorted(each) for each in seen] == [["a", "b"]] * 2
    np.testing.assert_array_equal(seen[1]["b"], 2 * X[13:])


def test_compile_says_run_eagerly_and_jit_compile_and_so_do_attributes(backend):
    model = made(multinet)
    x, y = X[:8], Y[:8]
    assert model.run_eagerly is False
    assert model.jit_compile is (backend.name == "jax")
    model.fit(x, y, verbose=0)
    assert "run_eagerly" not in model.explain_step()["path"]
    model.run_eagerly = True
    assert model.jit_compile is False
    model.fit(x, y, verbose=0)
    assert "run_eagerly" in model.explain_step()["path"]
    model.run_eagerly, model.jit_compile = False, True
    model.fit(x, y, verbose=0)
    assert model.jit_compile is True
    assert "run_eagerly" not in model.explain_step()["path"]
    model.compile("sgd", "mse", run_eagerly=True)
    assert model.run_eagerly is True and model.jit_compile is False
    with pytest.raises(ArgumentError, match="jit_compile"):
        model.jit_compile = "yes"


def test_run_eagerly_may_be_set_before_compile():
    with multinet.use_backend("jax"):
        model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
        model.run_eagerly = True
        model.predict(X, verbose=0)
        assert "run_eagerly" in model.explain_step("predict")["path"]


def test_metrics_that_are_objects_are_a_models_from_compile_on(backend):
    metric = multinet.metrics.MeanSquaredError()
    model = multinet.Sequential([multinet.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[metric, "mae"])
    assert [m.name for m in model.metrics] == ["loss", "mean_squared_error"]
    assert model.metrics[1] is metric
    outer = multinet.Sequential([model, layers.Dense(2)])
    outer.compile("sgd", "mse", metrics=[multinet.metrics.MeanSquaredError()])
    assert len(outer.metrics) == 2, "those of a model inside are not its own"
    model.fit(X, Y, verbose=0)
    assert [m.name for m in model.metrics] == ["loss", "mean_squared_error", "mae"]
    assert model.metrics[1] is metric
