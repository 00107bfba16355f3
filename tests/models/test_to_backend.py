"""A live model moves to another backend, and trains on as if nothing had happened."""

import threading

import numpy as np
import pytest

import multinet
from multinet import callbacks, layers, losses, metrics, ops, optimizers, registry
from multinet.errors import BackendError, DTypeError, MultinetError, TraceError
from multinet.interface import Plugin
from multinet.registry import get, use_backend

REAL = ("numpy", "jax", "torch", "tensorflow")
PAIRS = [(a, b) for a in REAL for b in REAL if a != b]
RNG = np.random.default_rng(3)
X = RNG.normal(size=(72, 6)).astype("float32")
Y = RNG.normal(size=(72, 2)).astype("float32")


def network(optimizer=None):
    """Return a compiled network with state of every kind."""
    multinet.set_random_seed(5)
    model = multinet.Sequential(
        [
            multinet.Input((6,)),
            layers.Dense(12, activation="tanh"),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.Dense(2, kernel_regularizer="l2"),
        ]
    )
    model.compile(optimizer or "adam", losses.Huber(), metrics=["mae"])
    return model


def fit(model, first, last, **options):
    """Train from one epoch to another, shuffling; return the losses."""
    history = model.fit(
        X,
        Y,
        batch_size=16,
        initial_epoch=first,
        epochs=last,
        verbose=0,
        validation_data=(X[:20], Y[:20]),
        **options,
    )
    return np.array([history.history[name] for name in ("loss", "mae", "val_loss")])


def state_of(model):
    """Return all state on the host: weights, slots, metrics, counters."""
    variables = [*model.weights, *model.optimizer.variables, *model.metrics_variables]
    generators = [
        (layer.seed_generator.key, layer.seed_generator.count)
        for layer in model.layers
        if hasattr(layer, "seed_generator")
    ]
    return [v.numpy() for v in variables], generators, dict(model._trainer.clock.counts)


def same_state(before, after):
    """Check that two states are equal bit for bit."""
    for old, new in zip(before[0], after[0], strict=True):
        assert old.dtype == new.dtype and old.tobytes() == new.tobytes()
    assert before[1:] == after[1:]


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_the_loss_curve_goes_on_as_if_nothing_had_happened(start, end):
    with use_backend(start):
        stayed = network()
        whole = fit(stayed, 0, 6)
        model = network()
        first = fit(model, 0, 3)
    before = state_of(model)
    assert model.to_backend(end) is model and model.backend == end
    same_state(before, state_of(model))
    with use_backend(end):
        second = fit(model, 3, 6)
    np.testing.assert_array_equal(first, whole[:, :3])
    np.testing.assert_allclose(second, whole[:, 3:], rtol=1e-5)
    assert int(model.optimizer.iterations.numpy()) == 30
    assert model._trainer.clock.counts == stayed._trainer.clock.counts
    for a, b in zip(state_of(model)[0], state_of(stayed)[0], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_model_goes_around_all_backends_in_one_call_of_fit():
    with use_backend("numpy"):
        whole = fit(network(), 0, 8)
    path = ["numpy", "jax", "torch", "tensorflow"] * 2
    scopes = []

    def move(epoch, logs):
        if epoch:
            model.to_backend(path[epoch])
            scopes.append(use_backend(path[epoch]))
            scopes[-1].__enter__()

    with use_backend("numpy"):
        model = network()
        hook = callbacks.LambdaCallback(on_epoch_end=lambda e, logs: move(e + 1, logs))
        path.append("numpy")
        moved = fit(model, 0, 8, callbacks=[hook])
        for scope in reversed(scopes):
            scope.__exit__(None, None, None)
    np.testing.assert_allclose(moved, whole, rtol=1e-5)
    assert model.backend == "numpy"


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.SGD(
            optimizers.schedules.CosineDecay(0.1, 25), momentum=0.9, use_ema=True
        ),
        lambda: optimizers.RMSprop(0.01, centered=True, clipnorm=0.5),
        lambda: optimizers.AdamW(0.003, amsgrad=True),
    ],
    ids=["sgd schedule ema", "rmsprop", "adamw"],
)
@pytest.mark.parametrize(("start", "end"), [("numpy", "torch"), ("jax", "tensorflow")])
def test_optimizers_take_their_slots_and_schedules_with_them(make, start, end):
    with use_backend(start):
        stayed, model = network(make()), network(make())
        # Two fits: each ends by setting the weights to their moving average.
        whole = np.hstack([fit(stayed, 0, 2), fit(stayed, 2, 4)])
        multinet.set_random_seed(5)
        model = network(make())
        fit(model, 0, 2)
    rate = model.optimizer.get_config()["learning_rate"]
    model.to_backend(end)
    with use_backend(end):
        second = fit(model, 2, 4)
        assert model.optimizer.get_config()["learning_rate"] == rate
    np.testing.assert_allclose(second, whole[:, 2:], rtol=1e-5)


def test_there_and_back_changes_no_bit(real_backend):
    model = network()
    fit(model, 0, 2)
    before = state_of(model)
    for name in (*REAL, real_backend.name):
        model.to_backend(name)
        same_state(before, state_of(model))
    other = network()
    fit(other, 0, 2)
    multinet.set_random_seed(6)  # of the shuffles
    after = fit(model, 2, 3)
    multinet.set_random_seed(6)
    np.testing.assert_array_equal(after, fit(other, 2, 3))


def test_variables_stay_the_same_objects():
    with use_backend("numpy"):
        model = network()
        fit(model, 0, 1)
    held = [*model.weights, *model.optimizer.variables]
    assert model.to_backend("torch").weights[0] is held[0]
    assert {v.backend for v in held} == {"torch"}
    assert held[0].owner() is get("torch")


def test_programs_of_the_old_backend_are_dropped():
    with use_backend("numpy"):
        model = network()
        fit(model, 0, 1)
        model.predict(X, verbose=0)
        model.predict(X, verbose=0)
    model.to_backend("torch")
    assert (
        not model._trainer.programs.latest
        and not model._trainer.programs.kept
        and model._trainer.quick is None
    )
    with use_backend("torch"):
        model.predict(X, verbose=0)
        assert model.explain_step("predict")["backend"] == "torch"
    with use_backend("numpy"), pytest.raises(BackendError, match="to_backend"):
        model.predict(X, verbose=0)


def test_a_model_moves_before_it_is_built_and_before_it_is_trained():
    with use_backend("jax"):
        late = multinet.Sequential([layers.Dense(3)])
        late.compile("adam", "mse")
        late.to_backend("torch")  # there is nothing to move
        early = network()
    early.to_backend("torch")
    with use_backend("torch"):
        assert late.fit(X, Y[:, :1].repeat(3, 1), verbose=0).history["loss"]
        assert late.backend == early.backend == "torch"
        stayed = network()
        losses = []
        for model in (early, stayed):
            multinet.set_random_seed(6)  # of the shuffles
            losses.append(fit(model, 0, 2))
        np.testing.assert_array_equal(*losses)


# -- parts, nests, graphs --------------------------------------------------------------


def functional():
    """Return a model with a nested one, a shared layer and constants in its graph."""
    shared = layers.Dense(4, name="shared")
    inner = multinet.Sequential([multinet.Input((4,)), layers.Dense(4)], name="inner")
    x = multinet.Input((6,))
    half = ops.multiply(x, ops.convert_to_tensor(np.full((6,), 0.5, "float32")))
    y = layers.add([inner(shared(x)), inner(shared(half))])
    y = ops.add(y, np.float32(1.0))
    return multinet.Model(x, layers.Dense(2)(y), name="outer")


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_a_functional_model_goes_on_working_also_symbolically(start, end):
    with use_backend(start):
        multinet.set_random_seed(1)
        model = functional()
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0)
        before = model.predict(X, verbose=0)
        lines = []
        model.summary(print_fn=lines.append)
    model.to_backend(end)
    with use_backend(end):
        after = []
        model.summary(print_fn=after.append)
        assert after == lines
        np.testing.assert_allclose(
            model.predict(X, verbose=0), before, rtol=2e-6, atol=1e-6
        )
        x = multinet.Input((6,))
        wider = multinet.Model(x, ops.multiply(model(x), 2.0))
        np.testing.assert_allclose(
            wider.predict(X, verbose=0), 2 * before, rtol=2e-6, atol=1e-6
        )
        part = multinet.Model(model.input, model.get_layer("shared")._nodes[0].outputs)
        assert part.predict(X, verbose=0).shape == (72, 4)
        assert model.get_layer("inner").backend == end
        model.fit(X, Y, verbose=0)


def test_a_layer_an_optimizer_and_a_metric_move_by_themselves():
    with use_backend("numpy"):
        layer = layers.Dense(3)
        layer(X)
        mean = metrics.MeanAbsoluteError()
        mean.update_state(Y, Y + 1)
        adam = optimizers.Adam(0.1)
        adam.build(layer.trainable_weights)
    assert layer.to_backend("jax") is layer and layer.backend == "jax"
    assert {v.backend for v in adam.variables} == {"numpy"}
    assert mean.to_backend("jax") is mean and adam.to_backend("jax") is adam
    assert {v.backend for v in (*adam.variables, *mean.variables)} == {"jax"}
    with use_backend("jax"):
        assert float(mean.result()) == 1.0
        grads = [ops.ones_like(v) for v in layer.trainable_weights]
        adam.apply(grads, layer.trainable_weights)
        np.testing.assert_allclose(layer.bias.numpy(), -0.1, rtol=1e-5)


def test_an_optimizer_alone_leaves_the_weights_where_they_are():
    with use_backend("numpy"):
        model = network()
        fit(model, 0, 1)
    model.optimizer.to_backend("torch")
    assert {v.backend for v in model.weights} == {"numpy"}
    with pytest.raises(BackendError, match="several backends.*to_backend"):
        _ = model.backend
    assert model.to_backend("numpy").backend == "numpy"


class Keeper(layers.Layer):
    """Keeps tensors, Variables and an optimizer in attributes of every kind."""

    def __init__(self):
        super().__init__()
        self.table = ops.arange(3)
        self.kept = [ops.ones((2,)), {"deep": (ops.zeros((1,)), "text")}]
        self.numbers = {"count": multinet.Variable(2.0, name="count")}
        self.own = optimizers.SGD(0.1, momentum=0.9)
        self.own.build([self.numbers["count"]])

    def call(self, inputs):
        y = ops.add(inputs, ops.cast(ops.sum(self.table), "float32"))
        return ops.add(ops.add(y, self.kept[0]), self.kept[1]["deep"][0])


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_tensors_in_attributes_move_too(start, end):
    with use_backend(start):
        layer = Keeper()
        before = ops.convert_to_numpy(layer(X[:, :2]))
    layer.to_backend(end)
    assert layer.own.slot_variables[0].backend == end
    with use_backend(end):
        np.testing.assert_array_equal(ops.convert_to_numpy(layer(X[:, :2])), before)
        if end != "numpy" and start != "numpy":  # host arrays serve everywhere
            assert get(end).is_tensor(layer.table)
            assert get(end).is_tensor(layer.kept[1]["deep"][0])


def test_a_stateful_recurrent_layer_takes_its_memory_along():
    x = RNG.normal(size=(4, 5, 3)).astype("float32")
    results = []
    for moves in (False, True):
        with use_backend("numpy"):
            multinet.set_random_seed(2)
            layer = layers.LSTM(4, stateful=True)
            layer(x)
            layer(x)
        where = "tensorflow" if moves else "numpy"
        layer.to_backend(where)
        with use_backend(where):
            results.append(ops.convert_to_numpy(layer(x)))
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-7)


class Pair(multinet.Model):
    """Has a step of its own with two optimizers, one with a schedule, and a counter."""

    def __init__(self):
        super().__init__()
        self.one, self.two = layers.Dense(4), layers.Dense(2)
        self.drop = layers.Dropout(0.2)
        self.second = optimizers.Adam(
            optimizers.schedules.ExponentialDecay(0.05, 10, 0.5)
        )
        self.seen = multinet.Variable(0, dtype="int32", trainable=False)

    def call(self, inputs, training=None):
        return self.two(self.drop(ops.tanh(self.one(inputs)), training=training))

    def train_step(self, data):
        x, y = data
        both = multinet.value_and_grad(
            lambda v: ops.mean(ops.square(self(x, training=True) - y))
        )
        value, grads = both([*self.one.trainable_weights, *self.two.trainable_weights])
        self.optimizer.apply(grads[:2], self.one.trainable_weights)
        self.second.apply(grads[2:], self.two.trainable_weights)
        self.seen.assign_add(1)
        return {"loss": value}


@pytest.mark.parametrize(("start", "end"), [*zip(REAL, (*REAL[1:], REAL[0]))])
def test_a_step_of_ones_own_goes_on_with_its_two_optimizers(start, end):
    def run(x, **options):
        return x.fit(X, Y, batch_size=24, verbose=0, **options).history["loss"]

    def make():
        multinet.set_random_seed(8)
        model = Pair()
        model(X)
        model.compile(optimizers.Adam(0.01))
        return model

    with use_backend(start):
        model = make()
        whole = run(model, epochs=3) + run(model, initial_epoch=3, epochs=6)
        model = make()
        first = run(model, epochs=3)
    model.to_backend(end)
    with use_backend(end):
        second = run(model, initial_epoch=3, epochs=6)
    np.testing.assert_allclose(first + second, whole, rtol=1e-5)
    assert int(model.seen.numpy()) == 18 == int(model.second.iterations.numpy())


@pytest.mark.parametrize(("start", "end"), [*zip(REAL, (*REAL[1:], REAL[0]))])
def test_a_compiled_loop_of_ones_own_goes_on(start, end):
    def make():
        multinet.set_random_seed(4)
        model = network()
        adam = optimizers.Adam(optimizers.schedules.CosineDecay(0.01, 12))
        compute = multinet.value_and_grad(
            lambda variables, x, y: ops.mean(ops.square(model(x, training=False) - y))
        )

        @multinet.jit
        def step(x, y):
            value, grads = compute(model.trainable_weights, x, y)
            adam.apply(grads, model.trainable_weights)
            return value

        def run(count):
            return [float(ops.convert_to_numpy(step(X, Y))) for _ in range(count)]

        return model, adam, run

    with use_backend(start):
        whole = make()[2](10)
        model, adam, run = make()
        first = run(5)
    model.to_backend(end)
    adam.to_backend(end)
    with use_backend(end):
        np.testing.assert_allclose(first + run(5), whole, rtol=1e-5)


# -- what cannot move ------------------------------------------------------------------


@pytest.fixture
def narrow():
    """The name of a backend that holds no float64 and no bfloat16, for one test."""

    def load():
        def from_numpy(self, array):
            if array.dtype.name in ("float64", "bfloat16"):
                raise DTypeError(f"Narrow holds no {array.dtype} arrays.")
            return cls.from_numpy(self, array)

        cls = type(get("torch"))
        return type("Narrow", (cls,), {"name": "narrow", "from_numpy": from_numpy})

    registry.register(Plugin("narrow", ("torch",), "torch", "", load))
    yield "narrow"
    registry._registered.pop("narrow")
    registry._loaded.pop("narrow", None)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_what_the_target_cannot_hold_stops_the_move_before_anything_moved(
    dtype, narrow
):
    with use_backend("numpy"):
        model = multinet.Sequential(
            [
                multinet.Input((6,)),
                layers.Dense(3),
                layers.Dense(2, dtype=dtype, name="wide"),
            ]
        )
        model.compile("adam", "mse")
        model.fit(X, Y, verbose=0)
        before = state_of(model)
        with pytest.raises(DTypeError, match=f"wide/.*Narrow holds no {dtype}"):
            model.to_backend(narrow)
        assert model.backend == "numpy" and model._trainer.programs.kept
        same_state(before, state_of(model))
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_every_float_keeps_its_dtype_and_bits(start, end, dtype):
    with use_backend(start):
        layer = layers.Dense(5, dtype=dtype, kernel_initializer="he_normal")
        layer.build((None, 7))
        layer.bias.assign(np.array([np.inf, -0.0, np.nan, 1e-7, 3.1], "float32"))
    before = layer.get_weights()
    for old, new in zip(before, layer.to_backend(end).get_weights(), strict=True):
        assert old.dtype == new.dtype and old.tobytes() == new.tobytes()


def test_an_unknown_backend_is_refused_with_the_known_names():
    with use_backend("numpy"):
        model = network()
    with pytest.raises(MultinetError, match="torhc.*torch"):
        model.to_backend("torhc")


def test_no_move_inside_of_a_step():
    class Restless(multinet.Model):
        def call(self, inputs):
            self.to_backend("torch")
            return inputs

    with use_backend("numpy"):
        model = Restless()
        model.compile("sgd", "mse")
        with pytest.raises(TraceError, match="inside of a step"):
            model.fit(X, X, verbose=0)


def test_a_move_in_the_middle_of_an_epoch_is_an_error_not_a_mixture():
    def move(batch, logs):
        model.to_backend("torch")

    with use_backend("numpy"):
        model = network()
        hook = callbacks.LambdaCallback(on_train_batch_end=move)
        with pytest.raises(BackendError, match="torch"):
            fit(model, 0, 1, callbacks=[hook])
    assert model.backend == "torch"
    with use_backend("torch"):
        assert np.isfinite(fit(model, 0, 1)).all()


def test_no_move_while_another_thread_trains():
    errors = []

    def disturb(batch, logs):
        def work():
            try:
                model.to_backend("torch")
            except MultinetError as error:
                errors.append(str(error))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()

    with use_backend("numpy"):
        model = network()
        hook = callbacks.LambdaCallback(on_train_batch_end=disturb)
        fit(model, 0, 1, callbacks=[hook])
    assert len(errors) == 5 and "cannot to_backend while thread" in errors[0]
    assert model.backend == "numpy"
