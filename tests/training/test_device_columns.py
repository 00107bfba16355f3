"""A program runs on tensors as on host arrays, and does not fetch them."""

import itertools

import numpy as np
import pytest

from multinet import ops
from multinet.interface import EagerProgram
from multinet.registry import get
from multinet.training.sources import GeneratorSource

STEPS, ROWS = 5, 4
SCALARS = ("uint32", "float32")
RNG = np.random.default_rng(3)
X = RNG.normal(size=(STEPS, ROWS, 3)).astype(np.float32)
Y = RNG.integers(-5, 5, size=(STEPS, ROWS)).astype(np.int32)
M = RNG.integers(0, 2, size=(STEPS, ROWS)).astype(bool)
START = np.array([1.0, 2.0, 3.0], np.float32)


def scalars(count=STEPS):
    return [np.arange(count, dtype=np.uint32), np.full(count, 0.5)]


def reference(steps, count):
    """Return the sums and the last output in float64, by NumPy alone."""
    total, output = START.astype(float), None
    for i in itertools.islice(itertools.cycle(range(steps)), count):
        weight = Y[i].astype(float) * M[i]
        output = weight @ X[i].astype(float)
        total = total + 0.5 * output
    return total, output


def make(backend, kind="program"):
    """Return a step that adds a weighted sum of rows to its state, times a rate."""

    def step(state, x, y, m, number, rate):
        weight = backend.multiply(
            backend.cast(y, "float32"), backend.cast(m, "float32")
        )
        row = backend.reshape(weight, (1, *backend.shape(weight)))
        found = backend.reshape(backend.matmul(row, x), (3,))
        return backend.add(state, backend.multiply(found, rate)), found

    arguments = (step, (0,), SCALARS, "auto")
    if kind == "eager":
        program = EagerProgram(backend, *arguments)
    else:
        program = backend.program(*arguments)
    program.load([backend.from_numpy(START)])
    return program


def mixtures():
    return [places for n in range(4) for places in itertools.combinations(range(3), n)]


def columns(backend, places, steps=STEPS):
    given = (X[:steps], Y[:steps], M[:steps])
    return [backend.from_numpy(x) if i in places else x for i, x in enumerate(given)]


@pytest.mark.parametrize("kind", ["program", "eager"])
@pytest.mark.parametrize("wanted", [1, STEPS])
def test_any_mixture_of_columns_runs_alike(backend, kind, wanted):
    for places in mixtures():
        program = make(backend, kind)
        program.capacity([X[0], Y[0], M[0]], wanted)
        for _ in range(2):
            (found,) = program.run(columns(backend, places), scalars(), STEPS)
        total, output = reference(STEPS, 2 * STEPS)
        np.testing.assert_allclose(backend.to_numpy(program.peek(0)), total, rtol=1e-5)
        np.testing.assert_allclose(backend.to_numpy(found), output, rtol=1e-5)


def test_capacity_is_told_by_tensors_too(real_backend):
    hosted, on_device = make(real_backend), make(real_backend)
    row = [X[0], Y[0], M[0]]
    tensors = [real_backend.from_numpy(x) for x in row]
    assert hosted.capacity(row, 4) == on_device.capacity(tensors, 4)


def test_rows_that_are_not_used_are_not_read(backend):
    for wanted in (1, STEPS):
        program = make(backend)
        program.capacity([X[0], Y[0], M[0]], wanted)
        program.run(columns(backend, (0, 1, 2)), scalars(), 2)
        total, _ = reference(2, 2)
        np.testing.assert_allclose(backend.to_numpy(program.peek(0)), total, rtol=1e-5)


def test_more_rows_than_go_into_a_dispatch(real_backend):
    for places in ((), (0, 1, 2)):
        program = make(real_backend)
        program.capacity([X[0], Y[0], M[0]], 3)
        program.run(columns(real_backend, places), scalars(), STEPS)
        total, _ = reference(STEPS, STEPS)
        found = real_backend.to_numpy(program.peek(0))
        np.testing.assert_allclose(found, total, rtol=1e-5)


@pytest.mark.parametrize("name", ["jax", "torch", "tensorflow"])
def test_tensors_are_not_fetched(name, monkeypatch):
    real_backend = get(name)
    program = make(real_backend)
    given = columns(real_backend, (0, 1, 2))

    def refuse(*args, **kwargs):
        raise AssertionError("a tensor went through the host")

    kind = type(given[0])
    fetches = [n for n in ("__array__", "numpy", "tolist") if hasattr(kind, n)]
    assert fetches
    with monkeypatch.context() as patch:
        patch.setattr(real_backend, "to_numpy", refuse)
        for name in fetches:
            patch.setattr(kind, name, refuse)
        for _ in range(2):
            program.run(given, scalars(), STEPS)
    total, _ = reference(STEPS, 2 * STEPS)
    found = real_backend.to_numpy(program.peek(0))
    np.testing.assert_allclose(found, total, rtol=1e-5)


def test_tensors_of_another_memory_layout(real_backend):
    turned = real_backend.transpose(
        real_backend.from_numpy(np.ascontiguousarray(X.transpose(2, 1, 0))), (2, 1, 0)
    )
    program = make(real_backend)
    program.run([X, Y, M], scalars(), STEPS)
    program.run([turned, Y, M], scalars(), STEPS)
    total, _ = reference(STEPS, 2 * STEPS)
    found = real_backend.to_numpy(program.peek(0))
    np.testing.assert_allclose(found, total, rtol=1e-5)


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_generator_of_tensors_drives_a_program(backend, steps):
    def tensors():
        for i in range(STEPS):
            yield ops.convert_to_tensor(X[i]), Y[i], ops.convert_to_tensor(M[i])

    program = make(backend)
    program.capacity([X[0], Y[0], M[0]], steps)
    for chunk in GeneratorSource(tensors()).chunks(0, lambda batch, left: (steps, 4)):
        program.run(chunk.columns, scalars(4), chunk.steps)
    total, _ = reference(STEPS, STEPS)
    np.testing.assert_allclose(backend.to_numpy(program.peek(0)), total, rtol=1e-5)
