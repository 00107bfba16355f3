"""The built-in suite: four small models on the digits of the wheel."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from multinet import layers, losses, optimizers
from multinet.datasets import digits
from multinet.errors import unknown_name
from multinet.models import Model, Sequential
from multinet.typing import AnyModel, Host, Tensors

Made = tuple[AnyModel, Host, Host]

_CLASSES, _SIZE, _WIDTH = 10, 8, 32


def mlp() -> Made:
    """Return two dense layers on pixels."""
    model = Sequential(
        [
            layers.Input((_SIZE * _SIZE,)),
            layers.Dense(128, activation="relu", name="hidden1"),
            layers.Dense(64, activation="relu", name="hidden2"),
            layers.Dense(_CLASSES, name="output"),
        ],
        name="mlp",
    )
    return _compiled(model, _SIZE * _SIZE)


def cnn() -> Made:
    """Return two convolutions on images."""
    model = Sequential(
        [
            layers.Input((_SIZE, _SIZE, 1)),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(2, name="pool"),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv2"),
            layers.Flatten(name="flat"),
            layers.Dense(_CLASSES, name="output"),
        ],
        name="cnn",
    )
    return _compiled(model, _SIZE, _SIZE, 1)


def lstm() -> Made:
    """Return a recurrent layer that reads images row by row."""
    model = Sequential(
        [
            layers.Input((_SIZE, _SIZE)),
            layers.LSTM(48, name="lstm"),
            layers.Dense(_CLASSES, name="output"),
        ],
        name="lstm",
    )
    return _compiled(model, _SIZE, _SIZE)


def transformer() -> Made:
    """Return a block of attention between the rows of images."""
    inputs = layers.Input((_SIZE, _SIZE))
    x: Tensors = layers.Dense(_WIDTH, name="embed")(inputs)  # b t d
    attention = layers.MultiHeadAttention(4, _WIDTH // 4, name="attention")
    h = layers.LayerNormalization(name="norm1")(x)
    x = layers.Add(name="add1")([x, attention(h, h)])
    h = layers.LayerNormalization(name="norm2")(x)
    h = layers.Dense(2 * _WIDTH, activation="gelu", name="inner")(h)
    x = layers.Add(name="add2")([x, layers.Dense(_WIDTH, name="outer")(h)])
    x = layers.Flatten(name="flat")(x)
    model = Model(inputs, layers.Dense(_CLASSES, name="output")(x), name="transformer")
    return _compiled(model, _SIZE, _SIZE)


FUNCTIONS: dict[str, Callable[[], Made]] = {
    function.__name__: function for function in (mlp, cnn, lstm, transformer)
}


def function(name: str) -> Callable[[], Made]:
    """Return the function of a model; `ArgumentError` lists those there are."""
    if name not in FUNCTIONS:
        raise unknown_name("model of the suite", name, FUNCTIONS)
    return FUNCTIONS[name]


def _compiled(model: AnyModel, *shape: int) -> Made:
    (images, labels), _ = digits.load_data()
    model.compile(
        optimizers.Adam(0.003),
        losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x = (images / 16).astype(np.float32).reshape(-1, *shape)
    return model, x, labels.astype(np.int32)
