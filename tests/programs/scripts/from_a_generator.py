"""Batches from a generator, some of other lengths, with weights for samples."""

import numpy as np


def program(keras, start):
    layers = keras.layers
    rng = np.random.default_rng(37)
    tables = [
        (
            rng.normal(size=(count, 4)).astype("float32"),
            rng.uniform(0.2, 1.0, size=count).astype("float32"),
        )
        for count in (8, 8, 5)
    ]

    def batches():
        while True:
            for x, weight in tables:
                yield x, x.max(1, keepdims=True), weight

    model = keras.Sequential(
        [keras.Input((4,)), layers.Dense(8, activation="mish"), layers.Dense(1)]
    )
    start(model)
    model.compile("adam", "mae", weighted_metrics=["mse"])
    held = tables[0][0], tables[0][0].max(1, keepdims=True)
    history = model.fit(
        batches(), steps_per_epoch=3, epochs=3, validation_data=held, verbose=0
    )
    return {
        "fit": history.history,
        "evaluate": model.evaluate(batches(), steps=3, verbose=0),
        "predict": model.predict(((x,) for x, _ in tables), verbose=0),
    }
