"""The workloads: data, initial weights and hyper-parameters, the same for everyone.

Data are synthetic and seeded. Weights are NumPy arrays in Keras's layout, by the name
of the layer, in the order of its `get_weights()`.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Weights = dict[str, list[Array]]


@dataclass(frozen=True)
class Workload:
    """One training problem; a timed round is `epochs` epochs of `steps` batches."""

    name: str
    title: str
    batch: int
    steps: int
    optimizer: str  # sgd, momentum, adam or adamw
    options: dict[str, float] = field(default_factory=dict)
    epochs: int = 1
    dropout: float = 0.0
    kind: str = "linear"  # which network; W2 and W2b share one

    @property
    def samples(self) -> int:
        """The number of samples in an epoch."""
        return self.batch * self.steps

    def without_dropout(self) -> Workload:
        """Return the workload whose losses every contender must agree on."""
        return replace(self, dropout=0.0)

    def resized(self, steps: int | None, epochs: int | None) -> Workload:
        """Return the workload with other numbers of steps and epochs, where given."""
        return replace(self, steps=steps or self.steps, epochs=epochs or self.epochs)


SGD = {"rate": 0.01}
ADAM = {"rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}
ADAMW = {**ADAM, "decay": 0.01}
MOMENTUM = {"rate": 0.01, "momentum": 0.9}

# Steps are few enough for a round of the fastest contender to take 0.1 s to 2 s.
WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1", "linear regression", 1, 100, "sgd", SGD, epochs=100),
        Workload("W2", "MLP, batch 32", 32, 200, "adam", ADAM, kind="mlp"),
        Workload("W2b", "MLP, batch 128", 128, 100, "adam", ADAM, kind="mlp"),
        Workload("W3", "CNN", 64, 16, "adam", ADAM, dropout=0.5, kind="cnn"),
        Workload("W4", "Transformer", 16, 4, "adamw", ADAMW, kind="transformer"),
        Workload("W5", "LSTM", 32, 30, "adam", ADAM, kind="lstm"),
        Workload("W6", "ResNet-20", 32, 8, "momentum", MOMENTUM, kind="resnet"),
    )
}

CLASSES = 10
PIXELS, HIDDEN = 784, (256, 128)
VOCABULARY, LENGTH, WIDTH, HEADS, BLOCKS, INNER = 1000, 128, 128, 4, 4, 512
UNITS, TIMES, FEATURES = 128, 64, 64
NORM_EPSILON, BATCH_MOMENTUM = 1e-3, 0.99  # Keras's defaults


@dataclass(frozen=True)
class Block:
    """A residual block: two 3x3 convolutions; a 1x1 one where the shape changes."""

    name: str
    inputs: int
    filters: int
    stride: int

    @property
    def projects(self) -> bool:
        """Whether the shortcut needs a convolution."""
        return self.stride != 1 or self.inputs != self.filters


def residual_blocks() -> Iterator[Block]:
    """Yield the nine blocks of ResNet-20 (He et al., 2015)."""
    inputs = 16
    for stage, filters in enumerate((16, 32, 64)):
        for index in range(3):
            stride = 2 if stage > 0 and index == 0 else 1
            yield Block(f"block{stage}{index}", inputs, filters, stride)
            inputs = filters


def data(workload: Workload) -> tuple[Array, Array]:
    """Return inputs (float32, or int32 tokens) and targets (float32 or int32)."""
    rng = _rng(workload, "data")
    n = workload.samples
    if workload.kind == "linear":
        x = rng.uniform(-1, 1, (n, 1)).astype("float32")
        noise = rng.normal(0, 0.01, (n, 1)).astype("float32")
        return x, 0.1 * x + 0.3 + noise
    if workload.kind == "transformer":
        tokens = rng.integers(0, VOCABULARY, (n, LENGTH + 1)).astype("int32")
        return tokens[:, :-1].copy(), tokens[:, 1:].copy()
    shape = {
        "mlp": (PIXELS,),
        "cnn": (28, 28, 1),
        "lstm": (TIMES, FEATURES),
        "resnet": (32, 32, 3),
    }[workload.kind]
    x = rng.normal(size=(n, *shape)).astype("float32")
    return x, rng.integers(0, CLASSES, n).astype("int32")


def weights(workload: Workload) -> Weights:
    """Return the initial weights by layer: Glorot uniform kernels, zero biases."""
    rng = _rng(workload, "weights")
    make = {
        "linear": _linear,
        "mlp": _mlp,
        "cnn": _cnn,
        "transformer": _transformer,
        "lstm": _lstm,
        "resnet": _resnet,
    }[workload.kind]
    return make(rng)


def _rng(workload: Workload, use: str) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(f"{workload.kind} {use}".encode()))


def _glorot(rng: np.random.Generator, *shape: int) -> Array:
    fans = int(np.prod(shape[:-2])) * (shape[-2] + shape[-1])
    limit = np.sqrt(6 / fans)
    return rng.uniform(-limit, limit, shape).astype("float32")


def _zeros(*shape: int) -> Array:
    return np.zeros(shape, "float32")


def _ones(*shape: int) -> Array:
    return np.ones(shape, "float32")


def _dense(rng: np.random.Generator, inputs: int, outputs: int) -> list[Array]:
    return [_glorot(rng, inputs, outputs), _zeros(outputs)]


def _linear(rng: np.random.Generator) -> Weights:
    return {"output": _dense(rng, 1, 1)}


def _mlp(rng: np.random.Generator) -> Weights:
    first, second = HIDDEN
    return {
        "hidden1": _dense(rng, PIXELS, first),
        "hidden2": _dense(rng, first, second),
        "output": _dense(rng, second, CLASSES),
    }


def _cnn(rng: np.random.Generator) -> Weights:
    return {
        "conv1": [_glorot(rng, 3, 3, 1, 32), _zeros(32)],
        "conv2": [_glorot(rng, 3, 3, 32, 64), _zeros(64)],
        "hidden": _dense(rng, 5 * 5 * 64, 128),
        "output": _dense(rng, 128, CLASSES),
    }


def _transformer(rng: np.random.Generator) -> Weights:
    def table(rows: int) -> Array:
        return rng.normal(0, 0.02, (rows, WIDTH)).astype("float32")

    def norm() -> list[Array]:
        return [_ones(WIDTH), _zeros(WIDTH)]

    size = WIDTH // HEADS
    result = {"tokens": [table(VOCABULARY)], "positions": [table(LENGTH)]}
    for i in range(BLOCKS):
        result[f"norm{i}a"] = norm()
        attention = []
        for _ in "qkv":
            kernel = _glorot(rng, WIDTH, WIDTH).reshape(WIDTH, HEADS, size)
            attention += [kernel, _zeros(HEADS, size)]
        kernel = _glorot(rng, WIDTH, WIDTH).reshape(HEADS, size, WIDTH)
        result[f"attention{i}"] = [*attention, kernel, _zeros(WIDTH)]
        result[f"norm{i}b"] = norm()
        result[f"inner{i}"] = _dense(rng, WIDTH, INNER)
        result[f"outer{i}"] = _dense(rng, INNER, WIDTH)
    return {**result, "norm": norm(), "output": _dense(rng, WIDTH, VOCABULARY)}


def _lstm(rng: np.random.Generator) -> Weights:
    kernel = _glorot(rng, FEATURES, 4 * UNITS)
    square = [
        np.linalg.qr(rng.normal(size=(UNITS, UNITS)))[0].astype("float32")
        for _ in range(4)
    ]
    bias = _zeros(4 * UNITS)
    bias[UNITS : 2 * UNITS] = 1  # the forget gate
    return {
        "lstm": [kernel, np.concatenate(square, 1), bias],
        "output": _dense(rng, UNITS, CLASSES),
    }


def _resnet(rng: np.random.Generator) -> Weights:
    def conv(size: int, inputs: int, filters: int) -> list[Array]:
        return [_glorot(rng, size, size, inputs, filters)]

    def norm(n: int) -> list[Array]:
        return [_ones(n), _zeros(n), _zeros(n), _ones(n)]

    result = {"stem": conv(3, 3, 16), "stem_norm": norm(16)}
    for block in residual_blocks():
        name, inputs, filters = block.name, block.inputs, block.filters
        result[f"{name}_conv1"] = conv(3, inputs, filters)
        result[f"{name}_norm1"] = norm(filters)
        result[f"{name}_conv2"] = conv(3, filters, filters)
        result[f"{name}_norm2"] = norm(filters)
        if block.projects:
            result[f"{name}_conv3"] = conv(1, inputs, filters)
            result[f"{name}_norm3"] = norm(filters)
    return {**result, "output": _dense(rng, 64, CLASSES)}
