"""Rare kinds count more: by class, then by sample, with weighted metrics beside."""

import numpy as np


def program(keras, start):
    rng = np.random.default_rng(31)
    x = rng.normal(size=(36, 4)).astype("float32")
    y = np.where(x[:, 0] > 1, 2, (x[:, 1] > 0).astype(int))
    results = {}

    def fresh():
        model = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(6, activation="relu"),
                keras.layers.Dense(3, activation="softmax"),
            ]
        )
        start(model)
        model.compile(
            keras.optimizers.RMSprop(0.01),
            loss=keras.losses.SparseCategoricalCrossentropy(),
            metrics=[keras.metrics.SparseCategoricalAccuracy()],
            weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="weighted")],
        )
        return model

    options = {"epochs": 2, "batch_size": 12, "shuffle": False, "verbose": 0}
    model = fresh()
    classes = {0: 1.0, 1: 1.0, 2: 4.0}
    results["classes"] = model.fit(x, y, class_weight=classes, **options).history
    model = fresh()
    weights = np.where(y == 2, 3.0, 0.5).astype("float32")
    weights[::5] = 0
    results["samples"] = model.fit(
        x, y, sample_weight=weights, validation_data=(x, y, weights), **options
    ).history
    results["evaluate"] = model.evaluate(x, y, sample_weight=weights, verbose=0)
    return results
