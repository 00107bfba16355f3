"""Probes of `program`: a small regression, trained by any number of steps a call."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet.conformance.check import expect, fetch
from multinet.conformance.probes_program import near
from multinet.conformance.row import Probe
from multinet.interface import Backend, Program

Anything = Backend[Any]
_SCALARS = ("uint32", "int32", "float32")
_WEIGHTS = np.array([[0.5], [-1.0], [0.25]], np.float32)


def _data(steps: int, rows: int = 4) -> list[Any]:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(steps, rows, 3)).astype(np.float32)
    return [x, x @ np.array([[1.0], [2.0], [3.0]], np.float32)]


def _scalars(first: int, count: int) -> list[Any]:
    updates = np.arange(first, first + count, dtype=np.int32)
    return [updates.astype(np.uint32), updates, 0.05 / updates]


def _program(backend: Anything) -> Program[Any]:
    """Return a step of Adam on weights, with a sum of losses and an unread constant."""

    def step(*flat: Any) -> tuple[Any, ...]:
        weights, mean, variance, total, scale, x, y, _, count, rate = flat

        def loss(w: Any) -> tuple[Any, ...]:
            error = backend.subtract(backend.matmul(x, w), y)
            squares = backend.multiply(backend.square(error), scale)
            return (backend.mean(squares, (0, 1), False),)

        value, _, grads = backend.value_and_grad(loss, (weights,))
        new, means, variances = backend.adam_update(
            [weights], grads, [mean], [variance], count, rate, 0.9, 0.99, 1e-7
        )
        total = backend.add(total, value)
        return new[0], means[0], variances[0], total, scale, value

    program = backend.program(step, (0, 1, 2), _SCALARS, "auto")
    zeros = np.zeros_like(_WEIGHTS)
    start = (_WEIGHTS, zeros, zeros, np.float32(0), np.float32(2))
    program.load([backend.from_numpy(np.asarray(x)) for x in start])
    return program


def _reference(steps: int) -> tuple[Any, Any]:
    (xs, ys), w = _data(steps), _WEIGHTS.astype(np.float64)
    m, v, total = np.zeros_like(w), np.zeros_like(w), 0.0
    for t, (x, y) in enumerate(zip(xs.astype(np.float64), ys), start=1):
        error = x @ w - y
        total += 2 * np.mean(error**2)
        g = 4 * x.T @ error / len(x)
        m += 0.1 * (g - m)
        v += 0.01 * (g * g - v)
        rate = 0.05 / t * np.sqrt(1 - 0.99**t) / (1 - 0.9**t)
        w = w - rate * m / (np.sqrt(v) + 1e-7)
    return w, total


def _host(backend: Anything, program: Program[Any]) -> list[Any]:
    return [fetch(backend, x, "state") for x in program.values()]


def _steps(backend: Anything) -> None:
    data, wanted = _data(6), _reference(6)
    states = []
    for cuts in ((0, 6), (0, 1, 2, 3, 4, 5, 6), (0, 2, 5, 6)):
        program = _program(backend)
        room = program.capacity([x[0] for x in data], 6)
        expect(1 <= room <= 6, "capacity", "within 1 and 6", room)
        for start, stop in zip(cuts, cuts[1:]):
            rows = slice(start, stop)
            scalars = _scalars(start + 1, stop - start)
            program.run([x[rows] for x in data], scalars, stop - start)
        program.wait()
        states.append(_host(backend, program))
        near(backend, program.peek(0), wanted[0], f"weights after calls {cuts}")
        near(backend, program.peek(3), wanted[1], f"total after calls {cuts}")
    for state in states[1:]:
        for a, b in zip(state, states[0], strict=True):
            same = np.array_equal(a, b)
            expect(same, "bits of the state", "the same for any steps a call", "others")


def _room(backend: Anything) -> None:
    # A chunk may hold more rows than are used, and the last batch fewer samples.
    data, program = _data(4), _program(backend)
    program.capacity([x[0] for x in data], 4)
    program.run(data, _scalars(1, 4), 2)
    rows = [x[2:3, :3] for x in data]
    (loss,) = program.run(rows, _scalars(3, 1), 1)
    before = _program(backend)
    for i in range(2):
        before.run([x[i : i + 1] for x in data], _scalars(i + 1, 1), 1)
    (same,) = before.run(rows, _scalars(3, 1), 1)
    near(backend, loss, fetch(backend, same, "loss"), "the loss of a smaller batch")


def _on_device(backend: Anything) -> None:
    # Columns of tensors run as those of host arrays do, in any mixture.
    data, rows = _data(6), [x[:1, :3] for x in _data(6)]
    states = []
    for places in ((), (0, 1), (0,), (1,)):
        columns = [
            [backend.from_numpy(x) if i in places else x for i, x in enumerate(given)]
            for given in (data, rows)
        ]
        program = _program(backend)
        program.capacity([x[0] for x in data], 6)
        program.run(columns[0], _scalars(1, 6), 3)  # more rows than steps
        program.run(columns[0], _scalars(4, 6), 6)
        program.run(columns[1], _scalars(10, 1), 1)
        outputs = program.run(columns[1], _scalars(11, 1), 1)
        states.append([*_host(backend, program), *[fetch(backend, x) for x in outputs]])
        for i in places:
            left = fetch(backend, columns[0][i])
            expect(np.array_equal(left, data[i]), "a column", "unchanged", "changed")
    for state in states[1:]:
        for a, b in zip(state, states[0], strict=True):
            same = np.array_equal(a, b)
            expect(same, "the state after columns of tensors", "as of arrays", "other")


def _ownership(backend: Anything) -> None:
    data = _data(4)
    given = backend.from_numpy(_WEIGHTS.copy())
    program = _program(backend)
    program.put(0, given)
    copies = [x.copy() for x in data]
    program.run(data, _scalars(1, 4), 4)
    kept = program.values()
    before = [fetch(backend, x, "state").copy() for x in kept]
    program.run(data, _scalars(5, 4), 4)
    near(backend, given, _WEIGHTS, "a value after the program that got it has run")
    for x, old in zip(kept, before, strict=True):
        same = np.array_equal(fetch(backend, x, "state"), old)
        expect(same, "values() after later runs", "unchanged", "changed")
    for x, old in zip(data, copies, strict=True):
        expect(np.array_equal(x, old), "the data", "unchanged", "changed")


def _explained(backend: Anything) -> None:
    program = _program(backend)
    program.run(_data(1), _scalars(1, 1), 1)
    told = program.explain()
    expect("path" in told and "steps" in told, "explain", "path and steps", told)


PROBES: tuple[tuple[str, Probe], ...] = (
    ("steps at once and one by one", _steps),
    ("more room, smaller batches", _room),
    ("columns on the device", _on_device),
    ("ownership", _ownership),
    ("explain", _explained),
)
