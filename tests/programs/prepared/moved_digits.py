"""Small pictures of digits, turned, moved and lit otherwise in each epoch."""

import numpy as np


def program(keras, inside):
    """Return a compiled model, x, y, and what prepares x where the model does not."""
    (x, y), _ = keras.datasets.digits.load_data()
    x, y = x[:200].astype("float32").reshape(-1, 8, 8, 1), y[:200].astype("int32")

    layers = keras.layers
    value_range = {"value_range": (0, 16)}
    augment = layers.Pipeline(
        [
            layers.RandomTranslation(0.1, 0.1, seed=1),
            layers.RandomRotation(0.05, fill_mode="nearest", seed=2),
            layers.RandomContrast(0.2, **value_range, seed=3),
            layers.RandomErasing(0.3, **value_range, fill_value=0.0, seed=4),
            layers.Rescaling(1 / 16),
        ]
    )
    begin = [keras.Input(np.shape(x)[1:])]
    body = [
        layers.Conv2D(8, 3, activation="relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
    model = keras.Sequential([*begin, *([augment] if inside else []), *body])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, y, augment
