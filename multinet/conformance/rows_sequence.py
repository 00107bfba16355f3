"""Rows: the recurrences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.special import expit

from multinet.conformance.check import compare, fetch
from multinet.conformance.row import Case, Probe, Row, fixed, t
from multinet.interface import Backend

ENDS = fixed([[1, 0, 1], [1, 1, 0]], "bool")
STARTS = fixed([[0, 1, 1], [0, 0, 0]], "bool")


def _lstm(
    x: Any, h: Any, c: Any, kernel: Any, recurrent: Any, bias: Any, *rest: Any
) -> Any:
    def step(row: Any, h: Any, c: Any) -> Any:
        z = row @ kernel + h @ recurrent + (0 if bias is None else bias)
        i, f, g, o = np.split(z, 4, -1)
        c = expit(f) * c + expit(i) * np.tanh(g)
        return expit(o) * np.tanh(c), c

    return _loop(step, x, (h, c), *rest)


def _gru(
    x: Any,
    h: Any,
    kernel: Any,
    recurrent: Any,
    bias: Any,
    recurrent_bias: Any,
    mask: Any,
    reverse: bool,
    reset_after: bool,
) -> Any:
    bias = np.zeros(kernel.shape[1]) if bias is None else bias
    added = 0 if recurrent_bias is None else recurrent_bias

    def step(row: Any, h: Any) -> Any:
        xz, xr, xg = np.split(row @ kernel + bias, 3, -1)
        hz, hr, hg = np.split(h @ recurrent + added, 3, -1)
        z, r = expit(xz + hz), expit(xr + hr)
        if not reset_after:
            hg = ((r * h) @ recurrent)[:, -h.shape[1] :]
            return (z * h + (1 - z) * np.tanh(xg + hg),)
        return (z * h + (1 - z) * np.tanh(xg + r * hg),)

    return _loop(step, x, (h,), mask, reverse)


def _loop(step: Any, x: Any, state: Any, mask: Any, reverse: bool) -> Any:
    """Run a step over time, the plain way; return the outputs and the last state."""
    length = x.shape[1]
    ys = np.zeros((*x.shape[:2], state[0].shape[1]))
    for k in reversed(range(length)) if reverse else range(length):
        new = step(x[:, k], *state)
        if mask is not None:
            new = [np.where(mask[:, k, None], a, b) for a, b in zip(new, state)]
        state = tuple(new)
        ys[:, k] = state[0]
    return (ys, *state)


def _once(name: str, masks: Any, widths: Any, *rest: Any) -> tuple[str, Probe]:
    """Return the probe of gradients by one backward pass, which may be faster ones."""

    def run(backend: Backend[Any]) -> None:
        rng = np.random.default_rng(0)
        shapes = [(2, 3, 2), *widths]
        inputs = [backend.from_numpy(rng.uniform(-1, 1, s).astype("f")) for s in shapes]
        for mask in masks:
            mask = (
                None if mask is None else backend.from_numpy(mask.values.astype(bool))
            )

            def loss(*xs: Any, mask: Any = mask) -> Any:
                ys, *states = getattr(backend, name)(*xs, mask, *rest)
                parts = [backend.sum(backend.square(ys), (0, 1, 2), False)]
                parts += [backend.sum(s, (0, 1), False) for s in states]
                total = parts[0]
                for part in parts[1:]:
                    total = backend.add(total, part)
                return (total,)

            def gradients(*xs: Any, loss: Any = loss) -> Any:
                return backend.value_and_grad(loss, xs)[2]

            _, pullback = backend.vjp(loss, inputs)
            wanted = pullback([backend.full((), 1.0, "float32")])
            for function in (gradients, backend.jit(gradients, ())):
                for got, value in zip(function(*inputs), wanted, strict=True):
                    array = fetch(backend, value)
                    compare(fetch(backend, got), array, "float32", slack=20, floor=1.0)

    return "gradients by one pass", run


def lstm_row() -> Row:
    """Return the row of lstm: n = 2, m = 2, t = 3, b = 2."""
    x, state, kernel, recurrent = t(2, 3, 2), t(2, 2), t(2, 8), t(2, 8)
    weights = (x, state, state, kernel, recurrent)
    large = t(1, 3, 2, low=50, high=100)
    ones = (t(1, 2), t(1, 2), t(2, 8, low=0.5), t(2, 8), None, None)
    cases = (
        Case("plain", (*weights, t(8), None), (False,)),
        Case("masked", (*weights, t(8), ENDS), (False,)),
        Case("no bias, reversed", (*weights, None, None), (True,)),
        Case("masked first, reversed", (*weights, t(8), STARTS), (True,)),
        Case("one step", (t(3, 1, 4), t(3, 1), t(3, 1), t(4, 4), t(1, 4), t(4), None),
             (False,)),
        Case("saturated", (large, *ones), (False,), gradient=False),
    )  # fmt: skip
    sizes = ((2, 2), (2, 2), (2, 8), (2, 8), (8,))
    probe = _once("lstm", (None, ENDS), sizes, True)
    return Row("lstm", _lstm, cases, floor=1.0, slack=4, probes=(probe,))


def gru_row() -> Row:
    """Return the row of gru, in both places of the reset."""
    weights = (t(2, 3, 2), t(2, 2), t(2, 6), t(2, 6))
    large = (t(1, 3, 2, low=50, high=100), t(1, 2), t(2, 6, low=0.5), t(2, 6))
    cases = (
        Case("after", (*weights, t(6), t(6), None), (False, True)),
        Case("before", (*weights, t(6), None, ENDS), (True, False)),
        Case("after, masked", (*weights, t(6), t(6), ENDS), (False, True)),
        Case("after, reversed, no biases", (*weights, None, None, None), (True, True)),
        Case("before, no bias", (*weights, None, None, STARTS), (False, False)),
        Case("saturated", (*large, None, None, None), (False, True), gradient=False),
    )
    sizes = ((2, 2), (2, 6), (2, 6), (6,), (6,))
    probe = _once("gru", (None, ENDS), sizes, False, True)
    return Row("gru", _gru, cases, floor=1.0, slack=4, probes=(probe,))


def rows() -> Iterator[Row]:
    """Yield lstm and gru."""
    yield lstm_row()
    yield gru_row()


ROWS = tuple(rows())
