"""Sorting points into three rings with a small dense network."""

import numpy as np


def program(keras, start):
    rng = np.random.default_rng(1)
    points = rng.normal(size=(96, 2)).astype("float32")
    rings = np.digitize(np.hypot(*points.T), [0.8, 1.5])

    model = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(16, activation="tanh"),
            keras.layers.Dense(3),
        ]
    )
    start(model)
    model.compile(
        optimizer=keras.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(
        points,
        rings,
        epochs=4,
        batch_size=24,
        validation_split=0.25,
        shuffle=False,
        verbose=0,
    )
    return {
        "fit": history.history,
        "evaluate": model.evaluate(points, rings, batch_size=40, verbose=0),
        "predict": model.predict(points, verbose=0),
    }
