"""A contender of one's own for `multinet bench`: linear regression, by plain NumPy.

cd examples/benchmarks
multinet bench --workloads W1 --backends numpy --contender contender.py

A file has `build(workload, weights)`, which gets a `Workload` (batch, optimizer and its
options) and the initial weights, NumPy arrays by the name of the layer. It returns an
object with `fit(x, y, epochs, shuffle=True)`, which gives the mean loss of the last
epoch, and `predict(x)`. Before anything is timed, losses and outputs must be those of
all others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


class Linear:
    """y = x w + b, trained by gradient descent on the mean squared error."""

    def __init__(self, workload: Any, weights: dict[str, list[Array]]) -> None:
        self.batch, self.rate = workload.batch, np.float32(workload.options["rate"])
        self.w, self.b = (array.copy() for array in weights["output"])
        self.rng = np.random.default_rng(0)

    def fit(self, x: Array, y: Array, epochs: int, shuffle: bool = True) -> float:
        """Train for some epochs; return the mean loss of the last one."""
        losses: list[float] = []
        for _ in range(epochs):
            order = self.rng.permutation(len(x)) if shuffle else np.arange(len(x))
            parts = [order[i : i + self.batch] for i in range(0, len(x), self.batch)]
            losses = [self._step(x[part], y[part]) for part in parts]
        return float(np.mean(losses))

    def _step(self, x: Array, y: Array) -> float:
        error = self.predict(x) - y  # b 1
        slope = 2 * error / error.size
        self.w -= self.rate * (x.T @ slope)
        self.b -= self.rate * slope.sum(0)
        return float(np.mean(error * error))

    def predict(self, x: Array) -> Array:
        """Return the outputs."""
        return x @ self.w + self.b


def build(workload: Any, weights: dict[str, list[Array]]) -> Linear:
    """Return the contender; it takes part in W1 alone."""
    if workload.kind != "linear":
        raise SystemExit(f"This contender has no {workload.title}: use --workloads W1.")
    return Linear(workload, weights)
