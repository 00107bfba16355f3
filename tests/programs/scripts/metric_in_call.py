"""Layers that measure what passes through them, and punish it."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Watched(layers.Layer):
        def __init__(self, rate, **kwargs):
            super().__init__(**kwargs)
            self.rate = rate
            self.activity = keras.metrics.Mean(name="activity")
            self.largest = keras.metrics.Mean(name="largest")

        def call(self, inputs):
            self.add_loss(self.rate * ops.mean(ops.square(inputs)))
            self.activity.update_state(ops.abs(inputs))
            self.largest.update_state(ops.max(inputs, axis=-1))
            return inputs

    inputs = keras.Input((4,))
    x = Watched(0.1)(layers.Dense(6, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(1)(x))
    start(model)

    rng = np.random.default_rng(27)
    x = rng.normal(size=(30, 4)).astype("float32")
    y = x.sum(1, keepdims=True)
    model.compile("sgd", "mse", metrics=["mae"])
    history = model.fit(
        x,
        y,
        batch_size=10,
        epochs=3,
        validation_data=(x[:8], y[:8]),
        shuffle=False,
        verbose=0,
    )
    return {
        "fit": history.history,
        "evaluate": model.evaluate(x, y, verbose=0, return_dict=True),
    }
