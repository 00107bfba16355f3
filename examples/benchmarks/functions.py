"""Layers that call functions of the framework, against the same layers by `ops`.

    python examples/benchmarks/functions.py --backends torch,jax,tensorflow,numpy

Prints seconds of computing time of `fit` for a round of epochs, the least of those of
each in turns, and their ratio: it should be 1, as the compiled steps are alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import multinet
from multinet import layers, ops

Functions = Mapping[str, Callable[..., Any]]


def of_ops(backend: str) -> Functions:
    """Return the functions of `multinet.ops`; NumPy has no relu, but a maximum."""
    relu = (lambda x: ops.maximum(x, 0)) if backend == "numpy" else ops.relu
    return {"relu": relu, "tanh": ops.tanh, "square": ops.square, "mean": ops.mean}


def of_framework(backend: str) -> Functions:
    """Return those of the framework."""
    if backend == "torch":
        import torch  # only those that are asked for

        names = ("relu", "tanh", "square", "mean")
        return {name: getattr(torch, name) for name in names}
    if backend == "jax":
        import jax  # as above

        found = {name: getattr(jax.numpy, name) for name in ("tanh", "square", "mean")}
        return {"relu": jax.nn.relu, **found}
    if backend == "tensorflow":
        import tensorflow as tf  # as above

        found = {"relu": tf.nn.relu, "tanh": tf.tanh, "square": tf.square}
        return {**found, "mean": tf.reduce_mean}
    relu = lambda x: np.maximum(x, 0)  # noqa: E731
    return {"relu": relu, "tanh": np.tanh, "square": np.square, "mean": np.mean}


class Block(layers.Layer):
    """Two dense layers with functions of one kind around them, and an own loss."""

    def __init__(self, functions: Functions, **options: Any) -> None:
        super().__init__(**options)
        self.functions = dict(functions)
        self.first, self.last = layers.Dense(256), layers.Dense(128)
        self.norm = layers.BatchNormalization()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the outputs for a batch of rows."""
        hidden = self.functions["relu"](self.first(inputs))
        hidden = self.norm(self.functions["tanh"](self.last(hidden)), training=training)
        penalty = self.functions["mean"](self.functions["square"](hidden))
        self.add_loss(0.01 * penalty)
        return hidden


def model_of(functions: Functions) -> multinet.Sequential:
    """Return a model of three such layers, compiled."""
    multinet.set_random_seed(0)
    blocks = [Block(functions) for _ in range(3)]
    model = multinet.Sequential([multinet.Input((64,)), *blocks, layers.Dense(1)])
    model.compile(multinet.optimizers.Adam(1e-3), "mse")
    return model


def compare(backend: str, rounds: int, epochs: int) -> tuple[float, float]:
    """Return the seconds of a round by `ops` and by functions of the framework."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2048, 64)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    with multinet.use_backend(backend):
        models = [model_of(of_ops(backend)), model_of(of_framework(backend))]
        seconds: list[list[float]] = [[], []]
        for turn in range(rounds + 1):
            for place in (0, 1) if turn % 2 else (1, 0):
                start = time.process_time()
                models[place].fit(x, y, batch_size=64, epochs=epochs, verbose=0)
                if turn:  # the first compiles
                    seconds[place].append(time.process_time() - start)
    return min(seconds[0]), min(seconds[1])


def main() -> None:
    """Print a line for each backend."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backends", default="torch,jax,tensorflow,numpy")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    print("| backend | ops, s | native, s | native / ops |\n|---|---|---|---|")
    for backend in options.backends.split(","):
        plain, native = compare(backend, options.rounds, options.epochs)
        print(f"| {backend} | {plain:.3f} | {native:.3f} | {native / plain:.3f} |")


if __name__ == "__main__":
    main()
