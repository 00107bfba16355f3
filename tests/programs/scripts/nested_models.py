"""Models in models in models: an ensemble of a functional, a Sequential and a class."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Gate(keras.Model):
        def __init__(self, inner, **kwargs):
            super().__init__(**kwargs)
            self.inner = inner
            self.gate = layers.Dense(1, activation="sigmoid")

        def call(self, x):
            gate = self.gate(x)
            return gate * self.inner(x) + (1 - gate) * ops.mean(x, -1, keepdims=True)

    def functional():
        inputs = keras.Input((6,))
        hidden = layers.Dense(5, activation="relu")(inputs)
        return keras.Model(inputs, layers.Dense(1)(hidden))

    small = keras.Sequential([layers.Dense(4, activation="selu"), layers.Dense(1)])
    inputs = keras.Input((6,))
    votes = [
        functional()(inputs),
        Gate(functional())(inputs),
        Gate(keras.Sequential([small]))(inputs),
    ]
    model = keras.Model(inputs, layers.average(votes))
    start(model)

    rng = np.random.default_rng(39)
    x = rng.normal(size=(30, 6)).astype("float32")
    y = x.max(1, keepdims=True) - x.min(1, keepdims=True)
    model.compile(keras.optimizers.Adamax(0.02), "mse")
    history = model.fit(x, y, epochs=3, batch_size=30, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(x[:8], verbose=0)}
