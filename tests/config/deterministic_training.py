"""Trains a network twice on a backend, and prints whether all bits are the same.

python tests/config/deterministic_training.py torch before
"""

import sys

import numpy as np

import multinet
from multinet import config, layers


def trained():
    """Return the weights of a network after two epochs."""
    multinet.utils.set_random_seed(0)
    words = multinet.Input((6,), dtype="int32")
    images = multinet.Input((6, 6, 2))
    x = layers.Embedding(20, 4)(words)
    x = layers.LSTM(5)(x)
    y = layers.Conv2D(4, 3, padding="same", activation="relu")(images)
    y = layers.MaxPooling2D()(layers.BatchNormalization()(y))
    y = layers.Dropout(0.3)(layers.Flatten()(y))
    model = multinet.Model(
        [words, images], layers.Dense(3)(layers.Concatenate()([x, y]))
    )
    model.compile("adam", "mse")
    draw = np.random.default_rng(0)
    data = [draw.integers(0, 20, (64, 6)), draw.normal(size=(64, 6, 6, 2))]
    model.fit(data, draw.normal(size=(64, 3)), batch_size=8, epochs=2, verbose=0)
    return model.get_weights()


def main(name, when):
    """Ask for the same bits before or after the backend is loaded, and train."""
    if when == "before":
        config.enable_determinism()
    multinet.set_backend(name)
    trained()
    config.enable_determinism()
    first, second = trained(), trained()
    same = all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    print(f"{same} {config.is_determinism_enabled()} {_chosen(name)}")


def _chosen(name):
    """Return whether the framework itself says that it was told."""
    if name == "torch":
        import torch

        return torch.are_deterministic_algorithms_enabled()
    if name == "tensorflow":
        from tensorflow.python.framework import config as settings

        return settings.is_op_determinism_enabled()
    if name == "jax":
        import os

        return "deterministic_ops=true" in os.environ["XLA_FLAGS"]
    return True


if __name__ == "__main__":
    main(*sys.argv[1:])
