"""Backends side by side: nested scopes, two models at once, threads, clear errors."""

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import multinet
from multinet import callbacks, layers, ops, optimizers, registry
from multinet.errors import BackendError, MultinetError
from multinet.registry import current, get, set_backend, use_backend
from multinet.variables import Variable

REAL = ("numpy", "jax", "torch", "tensorflow")
PAIRS = [(a, b) for a in REAL for b in REAL if a != b]
RNG = np.random.default_rng(7)
X = RNG.normal(size=(96, 6)).astype("float32")
Y = RNG.normal(size=(96, 2)).astype("float32")


def network(seed=3, width=16):
    """Return a compiled network with state of every kind."""
    multinet.set_random_seed(seed)
    model = multinet.Sequential(
        [
            multinet.Input((6,)),
            layers.Dense(width, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.Dense(2),
        ]
    )
    model.compile("adam", "mse", metrics=["mae"])
    return model


def train(model, epochs=6):
    """Train without a shuffle, whose order would depend on who shuffled before."""
    history = model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)
    return history.history["loss"]


def alone(name, seed=3, epochs=6):
    """Return the losses and weights of a model trained with nothing beside it."""
    with use_backend(name):
        model = network(seed)
        return train(model, epochs), model.get_weights()


def same(result, wanted):
    """Check losses and weights, bit for bit."""
    assert result[0] == wanted[0]
    for a, b in zip(result[1], wanted[1], strict=True):
        np.testing.assert_array_equal(a, b)


def in_threads(*works):
    """Run functions at once in threads; return results, raising what they raised."""
    start = threading.Barrier(len(works))
    results, errors = [None] * len(works), []

    def run(i, work):
        start.wait()
        try:
            results[i] = work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=given) for given in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return results


# -- scopes ----------------------------------------------------------------------------


def test_scopes_nest_to_any_depth_and_end_with_exceptions():
    names = [*REAL, *reversed(REAL)]

    def descend(rest):
        if not rest:
            raise KeyError("the bottom")
        with use_backend(rest[0]):
            assert current().name == rest[0] == multinet.config.backend()
            x = ops.ones((2,))
            try:
                descend(rest[1:])
            finally:
                assert current().name == rest[0] and get(rest[0]).is_tensor(x)

    before = current()
    with pytest.raises(KeyError):
        descend(names)
    assert current() is before


def test_one_scope_object_can_be_entered_again_and_inside_itself():
    scope = use_backend("torch")
    with scope, use_backend("jax"), scope:
        assert current().name == "torch"
    assert current().name == "numpy"
    with scope:
        assert current().name == "torch"
    assert current().name == "numpy"


def test_set_backend_in_a_scope_changes_the_default_but_not_the_scope(monkeypatch):
    monkeypatch.setattr(registry, "_default", None)
    with use_backend("jax"):
        set_backend("torch")
        assert current().name == "jax"
        assert in_threads(lambda: current().name) == ["torch"]
    assert current().name == "torch"


def test_a_scope_goes_to_a_thread_with_a_copy_of_the_context_only():
    with use_backend("torch"):
        context = contextvars.copy_context()
        inherited, fresh = in_threads(
            lambda: context.run(lambda: current().name), lambda: current().name
        )
    assert (inherited, fresh) == ("torch", "numpy")


def test_a_worker_of_a_pool_keeps_no_scope_of_the_task_before():
    def scoped(name):
        with use_backend(name):
            return current().name

    with ThreadPoolExecutor(1) as pool:
        found = [*pool.map(scoped, REAL), pool.submit(lambda: current().name).result()]
    assert found == [*REAL, "numpy"]


def test_tasks_of_one_thread_keep_their_own_scopes():
    async def work(name):
        with use_backend(name):
            for _ in range(20):
                await asyncio.sleep(0)
                assert get(name).is_tensor(ops.ones((1,)))
        return name

    async def both():
        return await asyncio.gather(*map(work, REAL))

    assert asyncio.run(both()) == list(REAL)


# -- two models ------------------------------------------------------------------------


@pytest.mark.parametrize(("one", "two"), [*zip(REAL, (*REAL[1:], REAL[0]))])
def test_two_models_trained_in_turn_do_not_touch_each_other(one, two):
    results = {}
    for together in (False, True):
        models = {}
        for name, seed in ((one, 3), (two, 4)):
            with use_backend(name):
                models[name] = network(seed)
        logs = {one: [], two: []}
        order = [one, two] * 8 if together else [one] * 8 + [two] * 8
        with use_backend(two):  # the inner scope decides
            for name in order:
                with use_backend(name):
                    logs[name].append(models[name].train_on_batch(X[:32], Y[:32]))
                    models[name].predict(X[:8], verbose=0)
        results[together] = logs, [w for m in models.values() for w in m.get_weights()]
    same(results[True], results[False])


def test_four_models_on_four_backends_train_at_once_in_threads():
    def work(model, name):
        with use_backend(name):
            losses = train(model)
            assert model.evaluate(X, Y, verbose=0)[0] > 0
        return losses, model.get_weights()

    wanted = [alone(name) for name in REAL]
    models = []
    for name in REAL:
        with use_backend(name):
            models.append(network())
    found = in_threads(
        *[lambda m=m, n=n: work(m, n) for m, n in zip(models, REAL, strict=True)]
    )
    for result, want in zip(found, wanted, strict=True):
        same(result, want)


def test_models_on_one_backend_train_at_once_in_threads(real_backend):
    name = real_backend.name
    wanted = [alone(name, seed) for seed in (3, 4, 5)]

    def work(seed):
        with use_backend(name):
            losses = train(models[seed])
        return losses, models[seed].get_weights()

    models = {seed: network(seed) for seed in (3, 4, 5)}
    found = in_threads(*[lambda s=s: work(s) for s in models])
    for result, want in zip(found, wanted, strict=True):
        same(result, want)


def test_a_pool_trains_models_of_all_backends_one_after_the_other():
    def work(name):
        with use_backend(name):
            model = multinet.Sequential(
                [layers.Dense(8, kernel_initializer="ones"), layers.Dense(2)]
            )
            model.compile(optimizers.SGD(0.01), "mse")
            return train(model, 2), model.backend

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(work, REAL * 3))
    for (losses, where), name in zip(found, REAL * 3, strict=True):
        assert where == name and np.isfinite(losses).all()


def test_models_are_built_in_threads_with_the_weights_of_their_seeds():
    def work(name, seed):
        with use_backend(name):
            layer = layers.Dense(
                32, kernel_initializer=multinet.initializers.GlorotNormal(seed)
            )
            for _ in range(5):
                layer(X)
            return layer.kernel.numpy()

    pairs = [(name, seed) for name in REAL for seed in (1, 2)]
    found = in_threads(*[lambda p=p: work(*p) for p in pairs])
    for array, (_, seed) in zip(found, pairs, strict=True):
        np.testing.assert_array_equal(array, work("numpy", seed))


@pytest.mark.parametrize(("one", "two"), [*zip(REAL, (*REAL[1:], REAL[0]))])
def test_custom_loops_run_at_once_in_threads(one, two):
    def loop(name):
        with use_backend(name):
            weight = Variable(np.ones((6, 2), "float32"))
            adam = optimizers.Adam(optimizers.schedules.CosineDecay(0.1, 40))

            @multinet.jit
            def step(x, y):
                value, grads = multinet.value_and_grad(
                    lambda w: ops.mean(ops.square(ops.matmul(x, w) - y))
                )(weight)
                adam.apply([grads], [weight])
                return value

            return [float(ops.convert_to_numpy(step(X, Y))) for _ in range(30)]

    apart = loop(one), loop(two)
    assert tuple(in_threads(lambda: loop(one), lambda: loop(two))) == apart
    np.testing.assert_allclose(*apart, rtol=1e-5)


# -- tensors that meet the wrong model -------------------------------------------------


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_a_tensor_of_one_backend_meets_a_model_of_another(here, there):
    with use_backend(there):
        foreign = ops.convert_to_tensor(X[:2])
    with use_backend(here):
        model = network()
        if there == "numpy":  # NumPy arrays are host data everywhere
            assert get(here).is_tensor(model(foreign))
        else:
            for use in (model, layers.Dense(2), lambda x: ops.add(x, 1.0)):
                with pytest.raises(BackendError) as raised:
                    use(foreign)
                text = str(raised.value)
                assert repr(there) in text and repr(here) in text
                assert "convert_to_numpy" in text and "use_backend" in text
        # Data for the loops is host data: it may come from anywhere.
        assert model.predict(foreign, verbose=0).shape == (2, 2)
    with use_backend(there):
        for use in (lambda: model(foreign), lambda: train(model, 1)):
            with pytest.raises(BackendError) as raised:
                use()
            text = str(raised.value)
            assert f"lives on backend {here!r}" in text and repr(there) in text
            assert f"to_backend({there!r})" in text


# -- one model in several threads ------------------------------------------------------


def test_one_model_trained_in_two_threads_at_once_is_refused(real_backend):
    name, errors = real_backend.name, []
    wanted = alone(name, epochs=2)

    def intrude():
        for method in ("fit", "evaluate", "train_on_batch", "test_on_batch"):
            try:
                with use_backend(name):
                    getattr(model, method)(X, Y)
            except MultinetError as error:
                errors.append(str(error))

    def disturb(epoch, logs):
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()

    model = network()
    hook = callbacks.LambdaCallback(on_epoch_begin=disturb)
    losses = model.fit(
        X, Y, batch_size=8, epochs=2, shuffle=False, verbose=0, callbacks=[hook]
    ).history["loss"]
    assert len(errors) == 8
    assert "cannot fit while thread 'MainThread' trains or evaluates it" in errors[0]
    same((losses, model.get_weights()), wanted)
    assert in_threads(intrude) == [None] and len(errors) == 8, "it is free again"


def test_callbacks_of_the_same_thread_may_evaluate_and_predict(real_backend):
    model, looks = network(), []

    def look(epoch, logs):
        errors = model.predict(X, verbose=0) - Y
        looks.append((model.evaluate(X, Y, verbose=0)[0], np.mean(errors**2)))

    hook = callbacks.LambdaCallback(on_epoch_end=look)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[hook])
    assert len(looks) == 2 and looks[0] != looks[1]
    for evaluated, predicted in looks:
        np.testing.assert_allclose(evaluated, predicted, rtol=1e-5)


def test_others_may_read_and_predict_while_a_thread_trains(real_backend):
    name = real_backend.name
    wanted = alone(name, epochs=25)
    model = network()
    done, seen = threading.Event(), []

    def work():
        try:
            with use_backend(name):
                return train(model, 25), model.get_weights()
        finally:
            done.set()

    def watch():
        with use_backend(name):
            while not done.is_set():
                seen.append(int(model.optimizer.iterations.numpy()))
                assert all(np.isfinite(w).all() for w in model.get_weights())
                assert np.isfinite(model.predict(X[:9], verbose=0)).all()

    model.optimizer.build(model.trainable_weights)
    result, *_ = in_threads(work, watch, watch)
    same(result, wanted)
    assert seen and int(model.optimizer.iterations.numpy()) == 300


def test_many_threads_predict_with_one_model(real_backend):
    model = network()
    rows = [np.full((3, 6), i, "float32") for i in range(24)]
    wanted = [model.predict(x, verbose=0) for x in rows]
    fresh = network()

    def work(i):
        with use_backend(real_backend.name):
            return [fresh.predict(x, verbose=0) for x in rows[i::4] * 3]

    found = in_threads(*[lambda i=i: work(i) for i in range(4)])
    for i, results in enumerate(found):
        for a, b in zip(results, wanted[i::4] * 3, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)
    assert len(fresh.weights) == 8, "built once"


def test_models_that_share_a_layer_never_mix_in_silence(real_backend):
    name = real_backend.name
    multinet.set_random_seed(1)
    shared = layers.Dense(6, activation="tanh")
    models = []
    for _ in range(2):
        x = multinet.Input((6,))
        models.append(multinet.Model(x, layers.Dense(2)(shared(x))))
        models[-1].compile("sgd", "mse")

    def work(model):
        with use_backend(name):
            for _ in range(5):
                try:
                    train(model, 3)
                except MultinetError as error:
                    assert "changed in another thread" in str(error)

    in_threads(*[lambda m=m: work(m) for m in models])
    for model in models:
        assert np.isfinite(train(model, 1)).all()
        assert all(np.isfinite(w).all() for w in model.get_weights())
    np.testing.assert_array_equal(models[0].get_weights()[0], shared.kernel.numpy())


def test_a_change_is_never_missed_while_other_threads_change_things(real_backend):
    name, done = real_backend.name, threading.Event()
    model = multinet.Sequential([multinet.Input((1,)), layers.Dense(1, use_bias=False)])
    x = np.ones((1, 1), "float32")

    def noise():
        with use_backend("numpy"):
            variable = Variable(0.0)
            while not done.is_set():
                variable.assign(np.float32(1))

    def work():
        try:
            with use_backend(name):
                for i in range(300):
                    model.set_weights([np.full((1, 1), i)])
                    assert model.predict(x, verbose=0)[0, 0] == i
        finally:
            done.set()

    in_threads(work, noise, noise)


class Paused:
    """Stops a model's train step at the end of a dispatch, in a thread of its own."""

    def __init__(self, model, name):
        self.reached, self.go, self.errors = threading.Event(), threading.Event(), []
        [state] = [s for s in model._trainer.programs.latest.values() if s.trains]
        run = state.program.run

        def pausing(*arguments):
            outputs = run(*arguments)
            self.reached.set()
            assert self.go.wait(60)
            return outputs

        def work():
            with use_backend(name):
                try:
                    model.train_on_batch(X, Y)
                except MultinetError as error:
                    self.errors.append(str(error))

        state.program.run = pausing
        self.thread = threading.Thread(target=work)
        self.thread.start()
        assert self.reached.wait(60)

    def finish(self):
        self.go.set()
        self.thread.join()


def test_a_reader_waits_for_the_end_of_a_dispatch(real_backend):
    model = network()
    model.train_on_batch(X, Y)
    paused, seen = Paused(model, real_backend.name), []

    def read():
        seen.append(int(model.optimizer.iterations.numpy()))
        seen.append(model.get_weights())

    reader = threading.Thread(target=read)
    reader.start()
    reader.join(0.1)
    assert reader.is_alive() and not seen
    paused.finish()
    reader.join()
    assert seen[0] == 2 and not paused.errors
    for a, b in zip(seen[1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_weight_that_another_thread_sets_meanwhile_makes_the_step_fail(real_backend):
    model = network()
    model.train_on_batch(X, Y)
    model.get_weights()  # now the Variables have their values, not the program
    paused = Paused(model, real_backend.name)
    model.weights[0].assign(np.zeros((6, 16)))
    paused.finish()
    assert "changed in another thread while a step" in paused.errors[0]
    assert not model.weights[0].numpy().any()
    assert np.isfinite(train(model, 1)).all() and model.weights[0].numpy().any()
