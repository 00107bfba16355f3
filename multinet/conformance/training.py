"""Training: a small network learns what a loop written by hand in NumPy learns."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet.conformance.check import compare, fetch
from multinet.conformance.row import Array, Probe
from multinet.interface import Backend

STEPS = 30
RATE = 0.05
BETAS = (0.9, 0.999)
EPSILON = 1e-7


def _data() -> tuple[Array, Array, list[Array]]:
    generator = np.random.default_rng(5)
    x = generator.normal(size=(16, 4)).astype(np.float32)
    labels = generator.integers(0, 3, 16).astype(np.int32)
    shapes: tuple[tuple[int, ...], ...] = ((4, 8), (8,), (8, 3), (3,))
    params = [generator.normal(size=s).astype(np.float32) * 0.5 for s in shapes]
    return x, labels, params


def gradients(
    x: Array, labels: Array, params: list[Array]
) -> tuple[float, list[Array]]:
    """Return the loss of the two-layer network and its gradients, derived by hand."""
    w1, b1, w2, b2 = params
    hidden = np.tanh(x @ w1 + b1)
    logits = hidden @ w2 + b2
    powers = np.exp(logits - logits.max(1, keepdims=True))
    chances = powers / powers.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.mean(np.log(chances[rows, labels]))
    g = chances.copy()
    g[rows, labels] -= 1
    g /= len(labels)
    back = (g @ w2.T) * (1 - hidden**2)
    return float(loss), [x.T @ back, back.sum(0), hidden.T @ g, g.sum(0)]


def _by_hand(optimizer: str) -> tuple[list[float], list[Array]]:
    x, labels, start = _data()
    params, wide = [p.astype(np.float64) for p in start], x.astype(np.float64)
    means = [np.zeros(p.shape) for p in params]
    squares = [np.zeros(p.shape) for p in params]
    losses = []
    for step in range(1, STEPS + 1):
        loss, grads = gradients(wide, labels, params)
        losses.append(loss)
        for i, g in enumerate(grads):
            if optimizer == "sgd":
                means[i] = 0.9 * means[i] - RATE * g
                params[i] = params[i] + means[i]
                continue
            means[i] += (g - means[i]) * (1 - BETAS[0])
            squares[i] += (g * g - squares[i]) * (1 - BETAS[1])
            scale = RATE * np.sqrt(1 - BETAS[1] ** step) / (1 - BETAS[0] ** step)
            params[i] = params[i] - scale * means[i] / (np.sqrt(squares[i]) + EPSILON)
    return losses, params


def _step(backend: Backend[Any], optimizer: str) -> Any:
    def loss(*values: Any) -> Any:
        w1, b1, w2, b2, x, labels = values
        logits = backend.dense(backend.tanh(backend.dense(x, w1, b1)), w2, b2)
        each = backend.sparse_softmax_cross_entropy(logits, labels)
        return (backend.mean(each, (0,), False),)

    def step(*values: Any) -> Any:
        params, means, squares = (list(values[i : i + 4]) for i in (0, 4, 8))
        x, labels, count, rate = values[12:]
        value, _, grads = backend.value_and_grad(
            lambda *p: loss(*p, x, labels), tuple(params)
        )
        if optimizer == "sgd":
            params, means = backend.sgd_update(params, grads, means, rate, 0.9, False)
        else:
            params, means, squares = backend.adam_update(
                params, list(grads), means, squares, count, rate, *BETAS, EPSILON
            )
        return (*params, *means, *squares, value)

    return step


def _trains(optimizer: str, compiled: bool) -> Probe:
    def probe(backend: Backend[Any]) -> None:
        x, labels, start = _data()
        zeros = [np.zeros_like(p) for p in start]
        state = [backend.from_numpy(a) for a in (*start, *zeros, *zeros)]
        step = _step(backend, optimizer)
        if compiled:
            step = backend.jit(step, tuple(range(12)))
        batch = backend.from_numpy(x), backend.from_numpy(labels)
        losses = []
        for count in range(1, STEPS + 1):
            arguments: tuple[Any, Any] = (count, RATE)
            if compiled:
                number = backend.argument(count, "int32")
                arguments = number, backend.argument(RATE, "float32")
            *state, value = step(*state, *batch, *arguments)
            losses.append(fetch(backend, value))
        wanted, params = _by_hand(optimizer)
        curve = np.array(losses, np.float32)
        compare(curve, wanted, "float32", what="loss curve", tolerance=1e-4)
        for got, value in zip(state, params):
            compare(
                fetch(backend, got),
                value,
                "float32",
                what="trained parameters",
                tolerance=1e-4,
                floor=1.0,
            )

    return probe


PROBES = tuple(
    (
        f"{optimizer}, {'compiled' if compiled else 'eager'}",
        _trains(optimizer, compiled),
    )
    for optimizer in ("sgd", "adam")
    for compiled in (False, True)
)
