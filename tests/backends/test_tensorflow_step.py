"""TensorFlow's compiled step: state in Variables, many steps in one graph."""

import gc
import resource

import numpy as np
import pytest
import tensorflow as tf

from multinet.interface import Program
from multinet.registry import get

SCALARS = ("uint32", "int32", "float32")


@pytest.fixture
def f():
    return get("tensorflow")


class Regression:
    """A step by hand: dense, relu, dense on a batch; counts how often it is traced.

    State: 4 weights, a moving mean of the loss, 4 or 8 slots.
    """

    def __init__(self, f, optimizer="adam", decay=0.0):
        self.f, self.optimizer, self.decay = f, optimizer, decay
        self.traces = 0
        rng = np.random.default_rng(0)
        shapes = ((5, 7), (7,), (7, 3), (3,))
        weights = [rng.normal(size=shape).astype("float32") for shape in shapes]
        groups = {"sgd": 0, "momentum": 1, "nesterov": 1, "adam": 2}[optimizer]
        zeros = [np.zeros(shape, "float32") for shape in shapes * groups]
        self.start = [*weights, np.zeros((), "float32"), *zeros]
        self.consumed = [0, 1, 2, 3, *range(5, len(self.start))]

    def loss(self, x, y, *weights):
        f = self.f
        hidden = f.relu(f.dense(x, weights[0], weights[1]))
        wrong = f.subtract(f.dense(hidden, weights[2], weights[3]), y)
        return (f.mean(f.square(wrong), (0, 1), False),)

    def __call__(self, *flat):
        self.traces += 1
        f, cut = self.f, len(self.start)
        state, (x, y, _, step, rate) = flat[:cut], flat[cut:]
        params, slots = list(state[:4]), list(state[5:])
        value, _, grads = f.value_and_grad(lambda *w: self.loss(x, y, *w), params)
        if self.decay:
            params = f.decay_update(params, f.multiply(rate, self.decay))
        if self.optimizer == "adam":
            moved, *slots = f.adam_update(
                params, grads, slots[:4], slots[4:], step, rate, 0.9, 0.999, 1e-7
            )
            slots = [*slots[0], *slots[1]]
        else:
            momentum = 0.0 if self.optimizer == "sgd" else 0.9
            nesterov = self.optimizer == "nesterov"
            moved, slots = f.sgd_update(params, grads, slots, rate, momentum, nesterov)
        average = f.add(f.multiply(state[4], 0.9), f.multiply(value, 0.1))
        return (*moved, average, *slots)

    def program(self, kind=None, jit_compile="auto"):
        make = kind or type(self.f.program(self, (), SCALARS, "auto"))
        program = make(self.f, self, self.consumed, SCALARS, jit_compile)
        program.load([self.f.from_numpy(x) for x in self.start])
        return program


def data(steps, batch=8):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(steps, batch, 5)).astype("float32")
    y = rng.normal(size=(steps, batch, 3)).astype("float32")
    return [x, y]


def scalars(steps, first=1):
    numbers = np.arange(first, first + steps)
    return [numbers.astype("uint32"), numbers.astype("int32"), numbers * 0.01]


def state_of(program):
    return [x.numpy() for x in program.values()]


def test_steps_at_once_give_the_same_bits_as_steps_one_by_one(f):
    at_once, single = Regression(f).program(), Regression(f).program()
    batch = data(7)
    at_once.run(batch, scalars(7), 7)
    for i in range(7):
        single.run([x[i : i + 1] for x in batch], scalars(1, i + 1), 1)
    for x, y in zip(state_of(at_once), state_of(single), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_fused_kernels_follow_the_default_bodies(f, optimizer, decay):
    step = Regression(f, optimizer, decay)
    fused, default = step.program(), step.program(Program)
    for i in range(3):
        default.load(fused.values())
        batch = [x[i : i + 1] for x in data(3)]
        fused.run(batch, scalars(1, i + 1), 1)
        default.run(batch, scalars(1, i + 1), 1)
        pairs = list(zip(state_of(fused), state_of(default), strict=True))
        for x, y in pairs[:9]:  # weights, the mean, first slots
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-7)
        for x, y in pairs[9:]:  # Adam's variances: 1 - float32(0.999) is off by 1.3e-5
            np.testing.assert_allclose(x, y, rtol=2e-5)
    assert "ResourceApply" in fused.explain()["kernels"]


def test_each_signature_is_traced_once(f):
    step = Regression(f)
    program = step.program()
    for first, steps in enumerate((1, 1, 4, 2, 4)):
        program.run(data(steps), scalars(steps, first + 1), steps)
    assert step.traces == 1
    for _ in range(2):  # the last partial batch
        program.run(data(1, 3), scalars(1), 1)
        program.run(data(2), scalars(2), 2)
    assert step.traces == 2


def test_values_stay_when_the_program_runs_on(f):
    program = Regression(f).program()
    given = program.values()
    before = [x.numpy() for x in given]
    program.run(data(3), scalars(3), 3)
    for x, y in zip(given, before, strict=True):
        np.testing.assert_array_equal(x.numpy(), y)
    assert not np.array_equal(program.peek(0).numpy(), before[0])


def test_values_loaded_or_put_stay_when_the_program_runs_on(f):
    step = Regression(f)
    program = step.program()
    mine = [f.from_numpy(x) for x in step.start]
    program.load(mine)
    counter = f.from_numpy(np.float32(5.0))
    program.put(4, counter)
    program.run(data(1), scalars(1), 1)
    for x, y in zip(mine, step.start, strict=True):
        np.testing.assert_array_equal(x.numpy(), y)
    assert counter.numpy() == 5.0
    assert program.peek(4).numpy() > 4.5


def test_loading_again_starts_again(f):
    step = Regression(f)
    program = step.program()
    program.run(data(2), scalars(2), 2)
    first = state_of(program)
    program.load([f.from_numpy(x) for x in step.start])
    program.run(data(2), scalars(2), 2)
    for x, y in zip(state_of(program), first, strict=True):
        np.testing.assert_array_equal(x, y)


def test_xla_on_request_agrees(f):
    step = Regression(f)
    plain, xla = step.program(), step.program(jit_compile=True)
    for program in (plain, xla):
        program.run(data(3), scalars(3), 3)
    for x, y in zip(state_of(plain), state_of(xla), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5)
    assert xla.explain()["XLA"].startswith("on")


def test_a_step_with_outputs_returns_those_of_the_last(f):
    def step(total, x, _):
        new = f.add(total, f.sum(x, (0,), False))
        return new, f.multiply(x, 2.0), f.square(new)

    x = np.arange(6, dtype="float32").reshape(3, 2)
    for asked in (False, True):
        program = f.program(step, (), ("uint32",), "auto")
        program.load([f.from_numpy(np.float32(0))])
        if asked:
            assert program.capacity([x[0]], 3) == 3
        doubled, square = program.run([x], [np.arange(3)], 3)
        np.testing.assert_array_equal(doubled.numpy(), x[2] * 2)
        assert square.numpy() == 15.0**2
    assert program.capacity([x[0]], 3) == 1


def test_a_step_without_outputs_repeats_in_the_graph_when_asked(f):
    def step(total, x, _):
        return (f.add(total, f.sum(x, (0,), False)),)

    program = f.program(step, (), ("uint32",), "auto")
    program.load([f.from_numpy(np.float32(0))])
    x = np.arange(6, dtype="float32").reshape(3, 2)
    program.run([x], [np.arange(3)], 2)
    assert program.capacity([x[0]], 10) == 10
    program.run([x], [np.arange(3)], 3)
    assert program.peek(0).numpy() == 6.0 + 15.0


@pytest.mark.parametrize("dtype", ["uint32", "int8", "bool", "float64", "bfloat16"])
def test_state_of_any_dtype_is_carried(f, dtype):
    program = f.program(lambda s, x, _: (f.cast(x, dtype),), (0,), ("uint32",), "auto")
    program.load([f.full((2,), 1, dtype)])
    program.run([np.zeros((1, 2), "float32")], [np.zeros(1)], 1)
    (value,) = program.values()
    assert f.dtype(value) == dtype
    np.testing.assert_array_equal(value.numpy().astype("float32"), [0, 0])


def test_an_update_inside_a_branch_is_not_fused(f):
    step = Regression(f, "sgd")

    def guarded(*flat):
        finite = f.less(f.sum(flat[9 - 4], (0, 1), False), 1e9)
        before = list(flat[:4])

        def update(*params):
            return tuple(step(*params, *flat[4:])[:4])

        moved = f.cond(finite, update, lambda *params: params, before)
        return (*moved, flat[4])

    program = f.program(guarded, step.consumed, SCALARS, "auto")
    plain = step.program()
    program.load([f.from_numpy(x) for x in step.start])
    for which in (program, plain):
        which.run(data(2), scalars(2), 2)
    for x, y in zip(state_of(program)[:4], state_of(plain)[:4], strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)


def test_predictions_do_not_alias_the_batch_or_the_state(f):
    program = f.program(lambda w, x, _: (w, x, w), (), ("uint32",), "auto")
    program.load([f.from_numpy(np.ones(2, "float32"))])
    x = np.zeros((1, 2, 3), "float32")
    same, weight = program.run([x], [np.zeros(1)], 1)
    x[:] = 7
    program.put(0, f.from_numpy(np.zeros(2, "float32")))
    np.testing.assert_array_equal(same.numpy(), np.zeros((2, 3)))
    np.testing.assert_array_equal(weight.numpy(), np.ones(2))


def test_a_step_that_fails_leaves_the_state_as_it_was(f):
    def step(table, count, rows, _, step, rate):
        with tf.control_dependencies([tf.debugging.assert_less(rows, 4)]):
            rows = tf.identity(rows)

        def loss(table):
            return (f.sum(f.embedding(table, rows), (0, 1), False),)

        _, _, grads = f.value_and_grad(loss, [table])
        moved, _ = f.sgd_update(
            f.decay_update([table], rate), grads, [], rate, 0.0, False
        )
        return moved[0], f.add(count, 1.0)

    program = f.program(step, (0,), SCALARS, "auto")
    program.load([f.from_numpy(np.ones((4, 2), "float32")), f.full((), 0, "float32")])
    rows = np.array([[0, 1], [2, 3], [4, 0]], "int32")  # the third has no row 4
    program.run([rows], scalars(3), 2)
    before = state_of(program)
    with pytest.raises(tf.errors.InvalidArgumentError):
        program.run([rows[2:]], scalars(1, 3), 1)
    for x, y in zip(state_of(program), before, strict=True):
        np.testing.assert_array_equal(x, y)
    program.run([rows], scalars(1, 3), 1)
    assert program.peek(1).numpy() == 3.0


def test_signatures_are_bounded_and_memory_is_flat(f):
    step = Regression(f, "sgd")
    program = step.program()
    for batch in range(1, 20):
        program.run(data(1, batch), scalars(1), 1)
    assert len(program.graphs) == 16
    batch, numbers = data(2), scalars(2)
    program.run(batch, numbers, 2)
    gc.collect()
    objects = len(gc.get_objects())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2000):
        program.run(batch, numbers, 2)
    gc.collect()
    assert len(gc.get_objects()) - objects < 200
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8000  # kB


@pytest.mark.parametrize("shape", [(32, 16, 16, 4), (64, 6), (2, 3, 5, 2)])
@pytest.mark.parametrize("parts", ["both", "none"])
def test_batch_norm_by_its_own_moments_has_the_whole_gradient(f, shape, parts):
    rng = np.random.default_rng(2)
    x, g = (rng.normal(3, 1, shape).astype("float32") for _ in range(2))
    scale, offset = rng.normal(size=(2, shape[-1])).astype("float32")
    axes = tuple(range(len(shape) - 1))

    def normalized(x, scale, offset):
        given = (scale, offset) if parts == "both" else (None, None)
        mean, variance = f.moments(x, axes, False)
        return (f.batch_norm(x, mean, variance, *given, 1e-3), mean, variance)

    def run(x, scale, offset, g):
        outputs, pullback = f.vjp(normalized, (x, scale, offset))
        zero = tf.zeros(shape[-1:])
        return *outputs, *pullback((g, zero, zero))

    inputs = [f.from_numpy(v) for v in (x, scale, offset, g)]
    found = [v.numpy() for v in f.jit(run, ())(*inputs)]
    if parts == "none":
        scale, offset = np.ones_like(scale), np.zeros_like(offset)
    wide, seed = x.astype("float64"), g.astype("float64")
    mean, variance = wide.mean(axes), wide.var(axes)
    root = np.sqrt(variance + 1e-3)
    hat = (wide - mean) / root
    pull = seed - seed.mean(axes) - hat * (seed * hat).mean(axes)
    wanted = [hat * scale + offset, mean, variance, pull * scale / root]
    for got, value in zip(found, wanted):  # sums of 8192, in lanes as the CPU has them
        np.testing.assert_allclose(got, value, rtol=2e-6, atol=3e-5)
    if parts == "both":
        terms = np.abs(seed * hat).sum(axes).max()
        for got, value in zip(found[4:], [(seed * hat).sum(axes), seed.sum(axes)]):
            np.testing.assert_allclose(got, value, rtol=1e-6, atol=1e-6 * terms)


def test_batch_moments_are_accurate(f):
    x = np.random.default_rng(3).uniform(0, 1, (32, 32, 32, 16)).astype("float32")
    mean, variance = f.moments(f.from_numpy(x), (0, 1, 2), False)
    wide = x.astype("float64")
    np.testing.assert_allclose(mean.numpy(), wide.mean((0, 1, 2)), rtol=4e-7)
    np.testing.assert_allclose(variance.numpy(), wide.var((0, 1, 2)), rtol=4e-7)
