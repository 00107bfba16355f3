"""The step on torch: what is recorded is replayed right, and leaves nothing behind."""

import gc
import tracemalloc

import numpy as np
import pytest
import torch

import multinet
from multinet import philox
from multinet.interface import Program
from multinet.registry import get, use_backend

SCALARS = ("uint32", "int32", "float32")
KEY = (7, 9)
BATCH, WIDTH = 6, 5


@pytest.fixture(autouse=True)
def backend():
    """The torch backend, in use."""
    with use_backend("torch") as chosen:
        yield chosen


def make_step(backend):
    """Return a step of regression: (w, b, means, variances, total) and a batch."""

    def step(w, b, mw, mb, vw, vb, total, x, y, number, count, rate):
        mask = backend.dropout_mask(draw_key(backend, number), (BATCH, WIDTH), 0.25)

        def loss(w, b):
            kept = backend.where(mask, x, 0.0)
            error = backend.subtract(backend.dense(kept, w, b), y)
            return (backend.mean(backend.square(error), (0, 1), False),)

        value, _, grads = backend.value_and_grad(loss, (w, b))
        rest = (count, rate, 0.9, 0.999, 1e-7)
        (w, b), (mw, mb), (vw, vb) = backend.adam_update(
            [w, b], grads, [mw, mb], [vw, vb], *rest
        )
        return w, b, mw, mb, vw, vb, backend.add(total, value), value

    return step


def draw_key(backend, number):
    """Return the key of a draw as `SeedGenerator` derives it."""
    if isinstance(number, int):
        return philox.fold_in(philox.fold_in(KEY, number), 0)
    return backend.fold_in(backend.fold_in(KEY, number), 0)


def make_state(backend):
    """Return the first state, and NumPy copies of it."""
    rng = np.random.default_rng(1)
    w = rng.normal(size=(WIDTH, 2)).astype("float32")
    zeros = [np.zeros(s, "float32") for s in ((2,), w.shape, (2,), w.shape, (2,), ())]
    arrays = [w, *zeros]
    return [backend.from_numpy(x) for x in arrays], arrays


def make_data(steps):
    """Return batches, and the numbers, of some steps."""
    rng = np.random.default_rng(2)
    batch = [rng.normal(size=(steps, BATCH, n)).astype("float32") for n in (WIDTH, 2)]
    numbers = np.arange(1, steps + 1)
    rates = np.linspace(0.01, 0.02, steps)
    return batch, [numbers.astype("uint32"), numbers.astype("int32"), rates]


def make_program(backend, jit_compile: object = "auto", step=None):
    """Return the program of the step, loaded."""
    program = backend.program(
        step or make_step(backend), range(6), SCALARS, jit_compile
    )
    program.load(make_state(backend)[0])
    return program


def run_one_by_one(program, batch, scalars):
    """Run each step in a call of its own."""
    for i in range(len(scalars[0])):
        outputs = program.run(
            [x[i : i + 1] for x in batch], [x[i : i + 1] for x in scalars], 1
        )
    return outputs


def as_arrays(tensors):
    """Return NumPy copies."""
    return [x.detach().numpy().copy() for x in tensors]


def test_many_steps_at_once_are_bit_identical_to_one_at_a_time(backend):
    batch, scalars = make_data(9)
    at_once, by_one = make_program(backend), make_program(backend)
    last = at_once.run(batch, scalars, 9)
    last_by_one = run_one_by_one(by_one, batch, scalars)
    pairs = zip(
        as_arrays([*at_once.values(), *last]),
        as_arrays([*by_one.values(), *last_by_one]),
        strict=True,
    )
    for x, y in pairs:
        np.testing.assert_array_equal(x, y)


def test_a_replay_agrees_with_the_function_run_as_it_is(backend):
    batch, scalars = make_data(9)
    program = make_program(backend)
    reference = Program(backend, make_step(backend), range(6), SCALARS)
    reference.load(make_state(backend)[0])
    program.run(batch, scalars, 9)
    reference.run(batch, scalars, 9)
    assert program.explain()["path"].startswith("replay")
    for x, y in zip(program.values(), reference.values(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_each_step_draws_the_words_of_its_own_number(backend):
    def step(seen, x, number):
        mask = backend.dropout_mask(draw_key(backend, number), (8,), 0.5)
        bits = backend.random_bits(backend.fold_in(KEY, number), (3,), 32)
        uniform = backend.random_uniform(backend.fold_in(KEY, number), (3,))
        return seen, mask, bits, uniform

    program = backend.program(step, (), ("uint32",), "auto")
    program.load([torch.zeros(())])
    x = np.zeros((1, 2), "float32")
    for number in (3, 4, 11):
        mask, bits, uniform = program.run([x], [np.array([number], "uint32")], 1)
        key = philox.fold_in(philox.fold_in(KEY, number), 0)
        np.testing.assert_array_equal(mask, philox.half_words(key, 8) >= 32768)
        words = philox.words(philox.fold_in(KEY, number), 3)
        np.testing.assert_array_equal(bits.numpy(), words)
        np.testing.assert_array_equal(uniform, (words >> 8) * np.float32(2**-24))


def test_a_key_may_be_used_as_a_tensor(backend):
    def step(seen, x, number):
        return seen, backend.cast(backend.fold_in(KEY, number), "int64")

    program = backend.program(step, (), ("uint32",), "auto")
    program.load([torch.zeros(())])
    for number in (3, 4):
        (key,) = program.run(
            [np.zeros((1, 1), "f4")], [np.array([number], "uint32")], 1
        )
        assert tuple(key.tolist()) == philox.fold_in(KEY, number)


def test_values_and_what_was_loaded_never_change(backend):
    batch, scalars = make_data(4)
    given, copies = make_state(backend)
    program = backend.program(make_step(backend), range(6), SCALARS, "auto")
    program.load(given)
    program.run(batch, scalars, 4)
    kept = program.values()
    before = as_arrays(kept)
    program.run(batch, scalars, 4)
    for tensors, arrays in ((given, copies), (kept, before)):
        for x, y in zip(tensors, arrays, strict=True):
            np.testing.assert_array_equal(x, y)


def test_put_replaces_one_entry_and_leaves_the_value_alone(backend):
    batch, scalars = make_data(4)
    program = make_program(backend)
    program.run(batch, scalars, 2)
    value = torch.full((2, WIDTH), 3.0).T  # strides that a recording has not seen
    program.put(0, value)
    program.put(6, torch.tensor(5.0))
    program.run(batch, scalars, 2)
    assert float(program.peek(6)) > 5
    assert (value == 3).all()
    assert not (program.peek(0) == 3).any()


def test_outputs_share_no_memory_with_state_batch_or_constants(backend):
    constant = torch.ones(3)

    def step(state, x, number):
        return state, state, x, constant, backend.broadcast_to(state, (2, 3))

    program = backend.program(step, (), ("uint32",), "auto")
    program.load([torch.zeros(3)])
    x = np.zeros((1, 3), "float32")
    for number in range(2):
        found = program.run([x], [np.array([number], "uint32")], 1)
        for y in found:
            y += 7.0
    assert not x.any()
    assert (constant == 1).all()
    assert not program.peek(0).any()


@pytest.mark.parametrize("look", ["bool", "to_numpy", "numpy", "nonzero"])
def test_a_step_that_looks_at_values_is_not_replayed(backend, look):
    def step(total, x, number):
        if look == "bool":
            positive = bool(backend.less(0.0, x[0]))
        elif look == "to_numpy":
            positive = backend.to_numpy(x)[0] > 0
        elif look == "numpy":
            positive = x.numpy()[0] > 0
        else:
            positive = len(torch.nonzero(x > 0)) > 0
        return (backend.add(total, 1.0 if positive else 100.0),)

    program = backend.program(step, (), ("uint32",), "auto")
    program.load([torch.zeros(())])
    x = np.array([[1.0], [-1.0], [2.0], [-3.0]], "float32")
    program.run([x], [np.arange(4, dtype="uint32")], 4)
    assert float(program.peek(0)) == 202.0
    assert program.explain()["path"].startswith("eager, since")


def test_other_shapes_of_batch_run_on_the_same_state(backend):
    def step(total, x, number):
        return (backend.add(total, backend.sum(x, (0,), False)),)

    program = backend.program(step, (), ("uint32",), "auto")
    program.load([torch.zeros(())])
    expected = 0
    for size in [*range(1, 40), *range(1, 40)]:
        x = np.ones((2, size), "float32")
        program.run([x], [np.arange(2, dtype="uint32")], 2)
        expected += 2 * size
        assert float(program.peek(0)) == expected
    assert len(program._paths) <= 16


def test_batches_may_be_read_only_or_views(backend):
    def step(total, x, number):
        return (backend.add(total, backend.sum(x, (0, 1), False)),)

    data = np.arange(24, dtype="float32").reshape(4, 3, 2)
    fixed = data.copy()
    fixed.flags.writeable = False
    for given in (data, fixed, data[::-1], np.asfortranarray(data), data[:, ::-1]):
        program = backend.program(step, (), ("uint32",), "auto")
        program.load([torch.zeros(())])
        program.run([given], [np.arange(4, dtype="uint32")], 4)
        assert float(program.peek(0)) == data.sum()


def test_a_step_that_fails_leaves_the_state_as_it_was(backend):
    failing = [True]
    sound = make_step(backend)

    def step(*arguments):
        if failing[0]:
            raise KeyboardInterrupt
        return sound(*arguments)

    batch, scalars = make_data(3)
    program = make_program(backend, step=step)
    with pytest.raises(KeyboardInterrupt):
        program.run(batch, scalars, 3)
    for x, y in zip(program.values(), make_state(backend)[1], strict=True):
        np.testing.assert_array_equal(x, y)
    failing[0] = False
    program.run(batch, scalars, 3)
    reference = make_program(backend)
    reference.run(batch, scalars, 3)
    for x, y in zip(program.values(), reference.values(), strict=True):
        np.testing.assert_array_equal(x, y)


def test_memory_is_flat_over_two_thousand_runs(backend):
    batch, scalars = make_data(1)
    program = make_program(backend)

    def run(times):
        for _ in range(times):
            program.run(batch, scalars, 1)
            program.values()
        gc.collect()

    run(50)
    tensors = sum(type(x) is torch.Tensor for x in gc.get_objects())
    tracemalloc.start()
    run(10)
    before = tracemalloc.get_traced_memory()[0]
    run(2000)
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert after - before < 20_000
    now = sum(type(x) is torch.Tensor for x in gc.get_objects())
    assert now <= tensors + 4


def test_torch_compile_trains_an_lstm(backend):
    sizes = (3, 16), (4, 16), (16,)
    rng = np.random.default_rng(3)
    weights = [rng.normal(size=size).astype("float32") for size in sizes]

    def step(*arguments):
        *weights, x = arguments[:4]

        def loss(*weights):
            none = backend.full((2, 4), 0, "float32")
            ys, *_ = backend.lstm(x, none, none, *weights, None, False)
            return (backend.mean(backend.square(ys), (0, 1, 2), False),)

        value, _, grads = backend.value_and_grad(loss, weights)
        moved, _ = backend.sgd_update(weights, grads, [], 0.1, 0.0, False)
        return *moved, value

    found = []
    for jit_compile in (True, False):
        program = backend.program(step, range(3), (), jit_compile)
        program.load(list(map(backend.from_numpy, weights)))
        loss = program.run([np.ones((3, 2, 7, 3), "float32")], [], 3)
        found.append(as_arrays([*program.values(), *loss]))
    for x, y in zip(*found, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def test_torch_compile_gives_the_same_numbers(backend):
    batch, scalars = make_data(5)
    compiled, replayed = make_program(backend, True), make_program(backend)
    compiled.run(batch, scalars, 5)
    replayed.run(batch, scalars, 5)
    assert compiled.explain()["path"].startswith("replay")
    assert "torch.compile" in compiled.explain()["kernels"]
    for x, y in zip(compiled.values(), replayed.values(), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("axes", [(0,), (0, 1), (0, 2)])
def test_batch_norm_has_the_gradients_of_its_default_body(backend, axes):
    rng = np.random.default_rng(5)
    shape = (16, 6, 4)
    x = torch.from_numpy(rng.normal(3, 2, shape).astype("float32"))
    weight = torch.from_numpy(rng.normal(size=shape).astype("float32"))
    kept = tuple(1 if a in axes else n for a, n in enumerate(shape))
    scale = torch.from_numpy(rng.uniform(0.5, 2, kept).astype("float32"))
    offset = torch.from_numpy(rng.normal(size=kept).astype("float32"))

    def loss(ops, x, scale, offset):
        mean, variance = ops["moments"](x, axes, True)
        y = ops["batch_norm"](x, mean, variance, scale, offset, 1e-3)
        return backend.sum(backend.multiply(y, weight.to(y.dtype)), (0, 1, 2), False)

    fused = {n: getattr(backend, n) for n in ("moments", "batch_norm")}
    bodies = {n: getattr(super(type(backend), backend), n) for n in fused}
    primals = (x, scale, offset)
    found = backend.value_and_grad(lambda *p: (loss(fused, *p),), primals)
    wide = [p.double().requires_grad_() for p in primals]
    value = loss(bodies, *wide)
    gradients = torch.autograd.grad(value, wide)
    np.testing.assert_allclose(found[0], value.detach(), rtol=1e-5, atol=1e-4)
    for g, reference in zip(found[2], gradients, strict=True):
        np.testing.assert_allclose(g, reference, rtol=2e-5, atol=2e-5)


def test_moments_of_many_rows_are_exact_to_the_last_bits(backend):
    rng = np.random.default_rng(6)
    x = rng.normal(1, 2, (32768, 16)).astype("float32")
    mean, variance = backend.moments(torch.from_numpy(x), (0,), False)
    np.testing.assert_allclose(mean, x.mean(0, "float64"), rtol=3e-7)
    np.testing.assert_allclose(variance, x.var(0, dtype="float64"), rtol=3e-7)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop", "lion"])
def test_fit_agrees_with_the_numpy_backend(optimizer):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 8, 8, 3)).astype("float32")
    y = rng.integers(0, 4, 40).astype("int32")
    curves = []
    for name in ("numpy", "torch"):
        with use_backend(name):
            multinet.set_random_seed(4)
            layers = multinet.layers
            model = multinet.Sequential(
                [
                    multinet.Input((8, 8, 3)),
                    layers.Conv2D(4, 3, activation="tanh"),
                    layers.BatchNormalization(),
                    layers.AveragePooling2D(2),
                    layers.Flatten(),
                    layers.Dropout(0.3),
                    layers.Dense(4),
                ]
            )
            loss = multinet.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"])
            history = model.fit(x, y, 16, 3, verbose=0)
            if name == "torch":
                assert model.explain_step()["path"].startswith("replay")
            curves.append([*history.history["loss"], model.evaluate(x, y)[0]])
    np.testing.assert_allclose(*curves, rtol=1e-4)


def test_two_models_that_share_layers_both_train_them(backend):
    assert get("torch") is backend
    rng = np.random.default_rng(3)
    x = rng.normal(size=(16, 3)).astype("float32")
    shared = multinet.layers.Dense(4, name="shared")
    models = []
    for _ in range(2):
        inputs = multinet.Input((3,))
        outputs = multinet.layers.Dense(1)(shared(inputs))
        model = multinet.Model(inputs, outputs)
        model.compile("adam", "mse")
        models.append(model)
    seen = [np.array(shared.kernel)]
    for model in (*models, *models):
        model.fit(x, x[:, :1], verbose=0)
        seen.append(np.array(shared.kernel))
    for before, after in zip(seen, seen[1:]):
        assert (before != after).any()
