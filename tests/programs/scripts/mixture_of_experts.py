"""Experts, a gate between them, and a penalty where the gate prefers some."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Mixture(layers.Layer):
        def __init__(self, experts, units, chosen, **kwargs):
            super().__init__(**kwargs)
            self.experts = [
                layers.Dense(units, activation="tanh") for _ in range(experts)
            ]
            self.gate = layers.Dense(experts)
            self.chosen = chosen

        def call(self, x):
            scores = ops.softmax(self.gate(x))
            best, places = ops.top_k(scores, self.chosen)
            kept = ops.sum(
                ops.one_hot(places, len(self.experts)) * best[..., None], axis=1
            )
            kept = kept / ops.sum(kept, axis=-1, keepdims=True)
            share = ops.mean(scores, axis=0)
            self.add_loss(0.1 * len(self.experts) * ops.sum(ops.square(share)))
            answers = ops.stack([expert(x) for expert in self.experts], axis=1)
            return ops.einsum("be,bef->bf", kept, answers)

    inputs = keras.Input((4,))
    x = Mixture(4, 6, 2)(inputs)
    model = keras.Model(inputs, layers.Dense(1)(x))
    start(model)
    rng = np.random.default_rng(56)
    x = rng.normal(size=(36, 4)).astype("float32")
    y = np.where(x[:, :1] > 0, x[:, 1:2], -x[:, 2:3])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    history = model.fit(x, y, epochs=3, batch_size=12, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(x[:6], verbose=0)}
