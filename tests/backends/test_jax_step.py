"""The compiled step on JAX: one step or many, what is donated, what is kept."""

import jax
import jax.monitoring
import numpy as np
import pytest
from multinet_jax.fast.step import KEPT, JaxProgram, UncompiledProgram

import multinet
from multinet.registry import get

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def backend():
    return get("jax")


@pytest.fixture
def compilations():
    seen = []

    def listen(event: str, duration_secs: float, **_):
        if event == COMPILED:
            seen.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.unregister_event_duration_listener(listen)


def descend(backend):
    """Return a step of least squares: state (w, total, scale), batch (x, y)."""

    def step(w, total, scale, x, y, counter, number, rate):
        def loss(w):
            error = backend.subtract(backend.matmul(x, w), y)
            error = backend.multiply(error, scale)
            return (backend.mean(backend.square(error), (0, 1), False),)

        value, _, (gradient,) = backend.value_and_grad(loss, [w])
        noise = backend.random_uniform(backend.fold_in((1, 2), counter), (3, 1))
        gradient = backend.add(gradient, backend.multiply(noise, 0.01))
        w = backend.subtract(w, backend.multiply(gradient, rate))
        return w, backend.add(total, value), scale, value

    return step


@pytest.fixture
def program(backend):
    program = JaxProgram(backend, descend(backend), [0], ("uint32", "int32", "float32"))
    program.load(start(backend))
    return program


def start(backend):
    values = np.ones((3, 1), "float32"), np.float32(0), np.float32(2)
    return [backend.from_numpy(np.asarray(x)) for x in values]


def data(steps, rows=4):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(steps, rows, 3)).astype("float32")
    return [x, rng.normal(size=(steps, rows, 1)).astype("float32")]


def scalars(steps, first=1):
    numbers = np.arange(first, first + steps)
    rates = np.full(steps, 0.1)  # float64, as the loop has them
    return [numbers.astype("uint32"), numbers.astype("int32"), rates]


def arrays(program):
    return [np.array(x) for x in program.values()]


def by_hand(steps, batch):
    """Return w and the total of losses in float64, with the backend's noise."""
    w, total = np.ones((3, 1)), 0.0
    for i in range(steps):
        x, y = (b[i].astype("float64") for b in batch)
        error = 2 * (x @ w - y)
        total += np.mean(error**2)
        noise = get("jax").random_uniform(get("jax").fold_in((1, 2), i + 1), (3, 1))
        w = w - 0.1 * (4 * x.T @ error / len(x) + 0.01 * np.asarray(noise, "float64"))
    return w, total


@pytest.mark.parametrize("looped", [False, True])
def test_steps_compute_what_they_compute_by_hand(program, looped):
    batch = data(7)
    if looped:
        assert program.capacity([x[0] for x in batch], 3) == 3
        assert program.capacity([x[0] for x in batch], 7) == 7, "more data came"
    (last,) = program.run(batch, scalars(7), 7)
    w, total = by_hand(7, batch)
    _, before = by_hand(6, batch)
    np.testing.assert_allclose(arrays(program)[0], w, rtol=1e-5)
    np.testing.assert_allclose(arrays(program)[1], total, rtol=1e-5)
    np.testing.assert_allclose(last, total - before, rtol=1e-5)


@pytest.mark.parametrize("count", [1, 3, 10, 25])
def test_steps_at_once_are_bit_identical_to_one_at_a_time(backend, program, count):
    batch = data(count)
    program.capacity([x[0] for x in batch], 10)  # 25 take three dispatches
    program.run(batch, scalars(count), count)
    together = arrays(program)
    program.load(start(backend))
    for i in range(count):
        program.run([x[i : i + 1] for x in batch], scalars(1, 1 + i), 1)
    for one, other in zip(together, arrays(program), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_after_the_count_are_not_used(program):
    batch = data(6)
    program.capacity([x[0] for x in batch], 6)
    for x in batch:
        x[4:] = np.nan
    program.run(batch, scalars(6), 4)
    np.testing.assert_allclose(arrays(program)[0], by_hand(4, batch)[0], rtol=1e-5)


def test_convolutions_take_one_step_a_dispatch(backend):
    def step(kernel, x, counter):
        def loss(kernel):
            y = backend.conv(x, kernel, (1, 1), ((0, 0), (0, 0)), (1, 1), 1)
            return (backend.mean(backend.square(y), (0, 1, 2, 3), False),)

        value, _, (gradient,) = backend.value_and_grad(loss, [kernel])
        return backend.subtract(kernel, gradient), value

    program = JaxProgram(backend, step, [0], ("uint32",))
    program.load([backend.full((2, 2, 1, 3), 0.5, "float32")])
    image = np.ones((2, 5, 5, 1), "float32")
    wanted = 1 if jax.default_backend() == "cpu" else 8
    assert program.capacity([image], 8) == wanted
    if wanted == 1:
        assert "convolutions" in program.explain()["steps"]
    program.run([image[None]], [np.array([1], "uint32")], 1)


def test_arrays_given_and_handed_out_survive(backend, program):
    given = start(backend)
    program.load(given)
    batch = data(1)
    kept = [(given, [np.array(x) for x in given])]
    for _ in range(3):
        program.run(batch, scalars(1), 1)
        out = program.values()
        kept.append((out, [np.array(x) for x in out]))
    put = backend.full((3, 1), 5.0, "float32")
    program.put(0, put)
    program.run(batch, scalars(1), 1)
    for held, was in kept:
        for x, y in zip(held, was, strict=True):
            np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(put, np.full((3, 1), 5.0))


def test_large_entries_survive_too(backend):
    program = JaxProgram(backend, lambda w, x: (backend.add(w, x),), [0], ())
    given = backend.full((300, 300), 1.0, "float32")
    program.load([given])
    program.run([np.ones((1, 300, 300), "float32")], [], 1)
    np.testing.assert_array_equal(given, np.ones((300, 300)))
    np.testing.assert_array_equal(program.peek(0), np.full((300, 300), 2.0))


@pytest.mark.parametrize("size", [4, 100_000])
@pytest.mark.parametrize("looped", [False, True])
def test_a_users_array_may_change_after_run(backend, size, looped):
    def step(total, x, counter):
        for _ in range(20):  # long enough to be running still when `run` returns
            x = backend.sin(backend.add(x, backend.multiply(total, 0.0)))
        return backend.add(total, x), x

    program = JaxProgram(backend, step, [0], ("uint32",))
    program.load([backend.full((size,), 0.0, "float32")])
    expected = np.float64(1)
    for _ in range(20):
        expected = np.sin(expected)
    x = np.ones((4, size), "float32")
    if looped:
        program.capacity([x[0]], 4)
    (last,) = program.run([x], [np.arange(4, dtype="uint32")], 4)
    x[:] = 7
    np.testing.assert_allclose(program.peek(0), 4 * expected, rtol=1e-5)
    np.testing.assert_allclose(last, expected, rtol=1e-5)


def test_outputs_are_neither_state_nor_data(backend):
    program = JaxProgram(backend, lambda w, x, c: (w, w, x), [], ("uint32",))
    program.load([backend.full((3,), 1.0, "float32")])
    x = np.ones((1, 3), "float32")
    first, second = program.run([x], [np.array([1], "uint32")], 1)
    x[:] = 2
    places = {y.unsafe_buffer_pointer() for y in (first, second, program.peek(0))}
    assert len(places) == 3
    np.testing.assert_array_equal(second, [1, 1, 1])


def test_state_may_be_swapped_and_repeated(backend):
    program = JaxProgram(
        backend, lambda a, b, c, x, n: (b, a, b), [0, 1, 2], ("int32",)
    )
    program.load([backend.full((2,), float(v), "float32") for v in (1, 2, 3)])
    x, n = np.zeros((1, 1), "float32"), np.array([1], "int32")
    for expected in ([2, 1, 2], [1, 2, 1], [2, 1, 2]):
        program.run([x], [n], 1)
        assert [float(v[0]) for v in arrays(program)] == expected


@pytest.mark.parametrize("looped", [False, True])
def test_one_signature_is_compiled_once(program, compilations, looped):
    batch = data(3)
    if looped:
        program.capacity([x[0] for x in batch], 3)
    sizes = []
    for i in range(70):
        program.run(batch, scalars(3), 1 + i % 3)
        if i % 7 == 0:
            program.values()
        if i % 5 == 0:
            program.put(1, get("jax").full((), 0.0, "float32"))
        (form,) = program.forms.values()
        sizes.append(form.call._cache_size())
    program.wait()
    assert len(compilations) == 1
    assert sizes[-1] == sizes[35] <= 4  # entries come from the device or the host
    assert len(program.flying) <= 2


def test_programs_of_old_signatures_are_dropped(program):
    for rows in range(1, KEPT + 4):
        program.run(data(1, rows), scalars(1), 1)
        program.run(data(1, 1), scalars(1), 1)
    assert len(program.forms) == KEPT
    assert ((1, 3), np.dtype("float32")) in [key[0] for key in program.forms]


def test_an_error_in_the_function_leaves_the_state(backend):
    def step(w, x, counter):
        if x.shape[0] == 2:
            raise ValueError("two rows")
        return (backend.add(w, 1.0),)

    program = JaxProgram(backend, step, [0], ("uint32",))
    program.load([backend.full((), 0.0, "float32")])
    counter = [np.array([1], "uint32")]
    program.run([np.ones((1, 3), "float32")], counter, 1)
    with pytest.raises(ValueError, match="two rows"):
        program.run([np.ones((1, 2), "float32")], counter, 1)
    program.run([np.ones((1, 3), "float32")], counter, 1)
    assert float(program.peek(0)) == 2.0


def test_jit_compile_false_compiles_nothing(backend):
    program = backend.program(descend(backend), [0], ("uint32",), False)
    assert isinstance(program, UncompiledProgram)
    assert "jit_compile=False" in program.explain()["path"]
    assert isinstance(backend.program(descend(backend), [0], (), "auto"), JaxProgram)


def test_making_tensors_compiles_nothing(backend, compilations):
    for n in (11, 13):
        x = backend.from_numpy(np.ones((n, 17), "float32"))
        backend.copy(backend.full((n, 19), 0.0, "float32"))
        backend.copy(x)
    assert not compilations


def test_fit_is_the_same_where_the_users_array_changes_right_after():
    with multinet.use_backend("jax"):
        x = np.random.default_rng(0).normal(size=(64, 5)).astype("float32")
        y = x[:, :1].copy()
        found = []
        for change in (False, True):
            multinet.set_random_seed(3)
            model = multinet.Sequential([multinet.layers.Dense(1)])
            model.compile(optimizer="sgd", loss="mse")
            inputs, targets = x.copy(), y.copy()
            model.fit(inputs, targets, batch_size=8, epochs=2, shuffle=False, verbose=0)
            predicted = model.predict(inputs, verbose=0)
            if change:
                inputs[:], targets[:] = 9, 9
            found.append([*model.get_weights(), predicted])
        for one, other in zip(*found, strict=True):
            np.testing.assert_array_equal(one, other)
