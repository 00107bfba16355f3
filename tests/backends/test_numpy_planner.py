"""The planner of the NumPy backend: planned steps equal the tape and stay in place."""

import gc
import warnings

import numpy as np
import pytest

import multinet as mn
from multinet import layers, ops
from multinet.registry import current, get, use_backend

BATCH = 6


@pytest.fixture(autouse=True)
def numpy_backend():
    """NumPy, in use for each test of this file."""
    with use_backend("numpy") as chosen:
        yield chosen


def features(width=5, rows=4 * BATCH, seed=0):
    """Return inputs and integer labels of three classes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, width)).astype("float32")
    return x, rng.integers(0, 3, rows).astype("int32")


def images(size=8, channels=2, rows=4 * BATCH):
    """Return images and integer labels of three classes."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(rows, size, size, channels)).astype("float32")
    return x, rng.integers(0, 3, rows).astype("int32")


class Attend(layers.Layer):
    """Self-attention of sequences cut from a vector."""

    def call(self, inputs):
        """Return vectors (b, 16) for vectors (b, 16)."""
        x = ops.reshape(inputs, (-1, 4, 2, 2))
        y = ops.dot_product_attention(x, x, x, is_causal=True)
        return ops.reshape(y, (-1, 16))


class Indexed(layers.Layer):
    """Slices, concatenation, where, cumulative sums, sorting, take and a maximum."""

    def call(self, inputs):
        """Return features of vectors (b, n)."""
        top = ops.max(inputs, axis=1, keepdims=True)
        picked = ops.take(inputs, np.array([0, 2, 2]), axis=1)
        kept = ops.where(ops.greater(inputs, 0.0), inputs, ops.exp(inputs))
        parts = [ops.flip(inputs, 1), top, picked, kept, ops.cumsum(inputs, axis=1)]
        return ops.concatenate([*parts, ops.sort(inputs)], axis=1)


def dense(*names):
    return [layers.Dense(4, activation=name) for name in names]


def plain():
    # A bias before batch norm has no gradient but rounding, which Adam makes a step.
    return layers.Dense(4, use_bias=False)


NETWORKS = {
    "linear": (features, lambda: []),
    "mlp": (features, lambda: dense("relu", "tanh", "sigmoid")),
    "gelu": (features, lambda: dense("gelu", "silu", "softplus", "elu", "leaky_relu")),
    "dropout": (features, lambda: [*dense("relu"), layers.Dropout(0.4)]),
    "batch norm": (features, lambda: [plain(), layers.BatchNormalization()]),
    "layer norm": (features, lambda: [*dense(None), layers.LayerNormalization()]),
    "attention": (features, lambda: [layers.Dense(16), Attend()]),
    "indexing": (features, lambda: [Indexed()]),
    "regularized": (
        features,
        lambda: [
            layers.Dense(4, kernel_regularizer="l2", kernel_constraint="max_norm")
        ],
    ),
    "embedding": (
        lambda: (np.random.default_rng(2).integers(0, 9, (24, 3)), features()[1]),
        lambda: [layers.Embedding(9, 4), layers.Flatten()],
    ),
    "convolution": (
        images,
        lambda: [
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(5, 2, padding="same", strides=2, use_bias=False),
            layers.Flatten(),
        ],
    ),
    "odd windows": (
        images,
        lambda: [
            layers.Conv2D(4, 3, padding="same", dilation_rate=2, activation="relu"),
            layers.MaxPooling2D(3, 2, padding="same"),
            layers.Conv2D(4, 3, groups=2),
            layers.AveragePooling2D(2),
            layers.GlobalAveragePooling2D(),
        ],
    ),
    "residual": (
        lambda: images(channels=3),
        lambda: [
            layers.Conv2D(3, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.GlobalMaxPooling2D(),
        ],
    ),
}
OPTIMIZERS = {
    "sgd": lambda: mn.optimizers.SGD(0.05),
    "momentum": lambda: mn.optimizers.SGD(0.05, momentum=0.9),
    "nesterov": lambda: mn.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: mn.optimizers.Adam(0.01),
    "amsgrad": lambda: mn.optimizers.Adam(0.01, amsgrad=True),
    "adamw": lambda: mn.optimizers.AdamW(0.01, weight_decay=0.1),
    "rmsprop": lambda: mn.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "lion": lambda: mn.optimizers.Lion(0.001),
    "clipped": lambda: mn.optimizers.Adam(0.01, global_clipnorm=0.1),
    "averaged": lambda: mn.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.9),
    "overwriting": lambda: mn.optimizers.Adam(
        0.01, use_ema=True, ema_overwrite_frequency=3
    ),
    "scheduled": lambda: mn.optimizers.Adam(
        mn.optimizers.schedules.ExponentialDecay(0.05, 2, 0.5)
    ),
}
LOSSES = {
    "sparse": lambda y: ("sparse_categorical_crossentropy", y),
    "categorical": lambda y: ("categorical_crossentropy", np.eye(3, dtype="f")[y]),
    "mse": lambda y: ("mse", np.eye(3, dtype="f")[y]),
    "binary": lambda y: ("binary_crossentropy", np.eye(3, dtype="f")[y]),
    "huber": lambda y: ("huber", np.eye(3, dtype="f")[y]),
}


def build(network="mlp", optimizer="adam", loss="sparse", planned="auto", **options):
    """Return a compiled model, its inputs and its targets."""
    data, body = NETWORKS[network]
    mn.set_random_seed(3)
    model = mn.Sequential([*body(), layers.Dense(3, activation="softmax")])
    x, y = data()
    name, y = LOSSES[loss](y)
    chosen = OPTIMIZERS[optimizer]()
    metrics = ["accuracy"]
    model.compile(chosen, name, metrics=metrics, jit_compile=planned, **options)
    return model, x, y


def train(model, x, y, epochs=3, **options):
    """Return the losses and the weights after some epochs."""
    history = model.fit(x, y, BATCH, epochs, verbose=0, **options)
    return [*history.history["loss"], *history.history["accuracy"]], model.get_weights()


def both(**choice):
    """Train on the tape and planned; return both results."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        planned = train(*build(**choice))
    return planned, train(*build(planned=False, **choice))


def agree(a, b, tolerance=2e-6):
    """Compare losses and weights."""
    np.testing.assert_allclose(a[0], b[0], rtol=tolerance, atol=tolerance)
    for x, y in zip(a[1], b[1], strict=True):
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance)


def program_of(model, kind="train"):
    """Return the program of the only step of a kind that a model has."""
    states = [s for s in model._trainer.programs.latest.values() if s.step.kind == kind]
    (state,) = states
    return state.program


@pytest.mark.parametrize("network", NETWORKS)
def test_a_planned_step_equals_the_tape(network):
    agree(*both(network=network))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_planned_optimizers_equal_the_tape(optimizer):
    agree(*both(optimizer=optimizer))


@pytest.mark.parametrize("loss", LOSSES)
def test_planned_losses_equal_the_tape(loss):
    agree(*both(loss=loss))


# -- the state -------------------------------------------------------------------------


def run_by_hand(model, x, y, sizes):
    """Run the program of a trained model on chunks of steps; return its state."""
    program = program_of(model)
    arrays = [v.reshape(-1, BATCH, *v.shape[1:]) for v in (x, y)]
    start = 0
    for count in sizes:
        chunk = [v[start : start + count] for v in arrays]
        numbers = np.arange(start + 10, start + 10 + count)
        rates = np.full(count, 0.01)
        program.run(chunk, [numbers.astype("uint32"), numbers, rates], count)
        start += count
    return program.values()


@pytest.mark.parametrize("network", ["dropout", "batch norm", "convolution"])
def test_steps_at_once_are_bit_identical_to_one_by_one(network):
    states = []
    for sizes in ([1, 1, 1, 1], [4], [3, 1]):
        model, x, y = build(network)
        train(model, x, y, 1, shuffle=False)
        states.append(run_by_hand(model, x, y, sizes))
    for other in states[1:]:
        for a, b in zip(states[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_last_partial_batch_has_a_plan_of_its_own_on_the_same_state():
    model, x, y = build()
    short = x[:20], y[:20]  # three batches of 6, one of 2
    a = train(model, *short)
    assert sorted(s[0][0][0] for s in program_of(model).plans) == [2, 6]
    agree(a, train(build(planned=False)[0], *short))


def test_plans_are_bounded():
    model, x, y = build()
    for rows in range(1, 23):
        model.train_on_batch(x[:rows], y[:rows])
    assert len(program_of(model).plans) == 16


def test_values_and_given_arrays_survive_later_runs():
    model, x, y = build("batch norm")
    before = model.get_weights()
    given = [w.copy() for w in before]
    model.set_weights(given)
    data = x.copy(), y.copy()
    train(model, x, y, 1)
    program = program_of(model)
    held = program.values()
    copies = [v.copy() for v in held]
    run_by_hand(model, x, y, [4])
    for a, b in [*zip(held, copies), *zip(given, before), *zip((x, y), data)]:
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(program.values(), held))


def test_outputs_of_predict_are_the_users_own():
    model, x, _ = build("linear")
    identity = mn.Sequential([mn.Input((5,)), layers.Activation("linear")])
    for net in (model, identity):
        net.predict(x[:1], verbose=0)
        first = net.predict(x[:1], verbose=0)
        kept = first.copy()
        net.predict(x[1:2], verbose=0)
        np.testing.assert_array_equal(first, kept)
        first[:] = 0
        np.testing.assert_array_equal(net.predict(x[:1], verbose=0), kept)


def test_predict_reads_weights_that_were_set_later():
    model, x, _ = build("linear")
    model.predict(x, verbose=0)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    np.testing.assert_allclose(model.predict(x, verbose=0), 1 / 3, rtol=1e-6)


def test_exchanged_state_is_written_whole(numpy_backend):
    def swap(a, b, x):
        return b, numpy_backend.add(a, x), b

    program = numpy_backend.program(swap, (), (), "auto")
    program.load([np.zeros(2, "f"), np.ones(2, "f")])
    batch = np.full((3, 2), 10, "f")
    (output,) = program.run([batch], [], 3)
    # (0, 1) -> (1, 10) -> (10, 11) -> (11, 20)
    np.testing.assert_array_equal(program.values(), [[11, 11], [20, 20]])
    np.testing.assert_array_equal(output, [11, 11])
    assert program.explain()["path"].startswith("planned")


def test_low_floats_and_views_are_planned_too(numpy_backend):
    f = numpy_backend

    def step(a, b, x):
        y = f.multiply(f.add(a, f.cast(x, "bfloat16")), 0.5)
        return y, f.add(b, f.transpose(f.cast(y, "float32"), (1, 0))), f.exp(y)

    start = f.cast(np.ones((2, 3), "f"), "bfloat16"), np.ones((2, 3), "f").T
    program = f.program(step, (0, 1), (), "auto")
    program.load(start)
    batch = np.arange(12, dtype="f").reshape(2, 2, 3)
    (output,) = program.run([batch], [], 2)
    assert program.explain()["path"].startswith("planned")
    a, b = start
    for x in batch:
        a, b, last = step(a, b, x)
    for found, expected in zip([*program.values(), output], [a, b, last]):
        np.testing.assert_array_equal(found.astype("f"), expected.astype("f"))


def test_memory_stays_over_two_thousand_runs():
    model, x, y = build("dropout")
    train(model, x, y, 1)
    program = program_of(model)
    run_by_hand(model, x, y, [4])
    arena = program.arena.memory.ctypes.data, program.arena.memory.size
    gc.collect()
    before = len(gc.get_objects())
    for _ in range(500):
        run_by_hand(model, x, y, [4])
    gc.collect()
    assert len(gc.get_objects()) - before < 50
    assert arena == (program.arena.memory.ctypes.data, program.arena.memory.size)


def test_parameters_gradients_and_moments_lie_in_one_run():
    model, x, y = build("mlp")
    train(model, x, y, 1)
    held = program_of(model).held
    count = len(model.trainable_weights)
    for first in (held[:count], held[count : 3 * count : 2]):
        ends = [v.ctypes.data + v.nbytes for v in first]
        assert ends[:-1] == [v.ctypes.data for v in first[1:]]


# -- what cannot be planned ------------------------------------------------------------


class Reads(layers.Layer):
    """A layer that looks at numbers."""

    def call(self, inputs):
        """Return inputs, doubled where their sum is positive."""
        if current().symbolic:
            return inputs
        return inputs * 2 if float(ops.sum(ops.stop_gradient(inputs))) > 0 else inputs


def reading():
    model = mn.Sequential([mn.Input((5,)), layers.Dense(4), Reads(), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_a_step_that_reads_numbers_runs_on_the_tape_and_says_so():
    model, (x, y) = reading(), features()
    with pytest.warns(RuntimeWarning, match="unplanned"):
        model.fit(x, y, BATCH, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, y, BATCH, verbose=0)
    path = program_of(model).explain()["path"]
    assert path.startswith("tape") and "reads the numbers" in path


def test_an_error_of_the_step_is_raised_as_it_is_and_the_program_stays_usable():
    backend = get("numpy")

    def step(state, x):
        if x.shape[0] == 3:
            raise ValueError("three")
        return (backend.add(state, backend.sum(x, (0,), False)),)

    program = backend.program(step, (), (), "auto")
    program.load([np.zeros((), "f")])
    program.run([np.ones((1, 2), "f")], [], 1)
    with pytest.raises(ValueError, match="three"):
        program.run([np.ones((1, 3), "f")], [], 1)
    program.run([np.ones((1, 2), "f")], [], 1)
    assert program.values()[0] == 4
    assert program.explain()["path"].startswith("planned")


def test_jit_compile_false_is_the_tape():
    model, x, y = build(planned=False)
    train(model, x, y, 1)
    assert program_of(model).explain()["path"] == "tape: jit_compile=False"
