"""What the hand-written loops share: epochs, and the order of the samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from multinet_benchmarks.workloads import Array, Weights, Workload


class Native:
    """A hand-written training loop: one call of the framework a step.

    A framework's file says how weights become a model (`setup`), arrays become data
    (`prepare`), how an epoch is trained in a given order, and how it predicts.
    """

    def __init__(self, workload: Workload, weights: Weights) -> None:
        self.workload = workload
        self._source: Any = None
        self._random = np.random.default_rng(1)
        self.setup(weights)

    def setup(self, weights: Weights) -> None:
        """Make the model and the compiled step."""
        raise NotImplementedError

    def prepare(self, x: Array, y: Array) -> Any:
        """Return the data as the loop likes them best; done once, not timed."""
        return x, y

    def fit_epoch(self, data: Any, order: Array) -> float:
        """Train on all samples in `order`; return the mean loss."""
        raise NotImplementedError

    def predict(self, x: Array) -> Array:
        """Return the outputs as a NumPy array."""
        raise NotImplementedError

    def fit(self, x: Array, y: Array, epochs: int, shuffle: bool = True) -> float:
        """Train for some epochs; return the mean loss of the last one."""
        if self._source is not x:
            self._source, self._data = x, self.prepare(x, y)
        loss, order = 0.0, np.arange(len(x))
        for _ in range(epochs):
            if shuffle:
                order = self._random.permutation(len(x))
            loss = self.fit_epoch(self._data, order)
        return loss
