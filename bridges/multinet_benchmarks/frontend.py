"""A model of Keras's API as a contender: what keras_model and multinet_model share."""

from __future__ import annotations

from typing import Any

from multinet_benchmarks import models
from multinet_benchmarks.workloads import Array, Weights, Workload


class Frontend:
    """A contender that trains by `model.fit` and predicts by `model.predict`."""

    def __init__(self, keras: Any, workload: Workload, weights: Weights) -> None:
        self.workload = workload
        self.model = models.build(keras, workload)
        for name, arrays in weights.items():
            self.model.get_layer(name).set_weights(arrays)

    def fit(self, x: Array, y: Array, epochs: int, shuffle: bool = True) -> float:
        """Train for some epochs; return the mean loss of the last one."""
        history = self.model.fit(
            x,
            y,
            batch_size=self.workload.batch,
            epochs=epochs,
            shuffle=shuffle,
            verbose=0,
        )
        return float(history.history["loss"][-1])

    def predict(self, x: Array) -> Array:
        """Return the outputs as a NumPy array."""
        return self.model.predict(x, verbose=0)
