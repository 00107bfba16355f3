"""Layers with weights made in `build`, a count that is not trained, and penalties."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Linear(layers.Layer):
        def __init__(self, units=8, **kwargs):
            super().__init__(**kwargs)
            self.units = units

        def build(self, input_shape):
            self.w = self.add_weight(
                shape=(input_shape[-1], self.units), initializer="random_normal"
            )
            self.b = self.add_weight(shape=(self.units,), initializer="zeros")

        def call(self, inputs):
            return ops.matmul(inputs, self.w) + self.b

    class RunningTotal(layers.Layer):
        def __init__(self, width):
            super().__init__()
            self.total = self.add_weight(
                shape=(width,), initializer="zeros", trainable=False
            )

        def call(self, inputs, training=False):
            if training:
                self.total.assign_add(ops.sum(inputs, axis=0))
            return inputs - 0.001 * ops.stop_gradient(self.total)

    class Penalty(layers.Layer):
        def __init__(self, rate=1e-2):
            super().__init__()
            self.rate = rate

        def call(self, inputs):
            self.add_loss(self.rate * ops.mean(inputs))
            return inputs

    class Block(layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [Linear(12), Linear(6)]
            self.total = RunningTotal(6)
            self.penalty = Penalty()

        def call(self, x, training=None):
            for part in self.parts:
                x = ops.relu(part(x))
            return self.penalty(self.total(x, training=training))

    inputs = keras.Input((5,))
    model = keras.Model(inputs, Linear(1)(Block()(inputs)))
    start(model)
    rng = np.random.default_rng(51)
    x = rng.normal(size=(30, 5)).astype("float32")
    y = np.abs(x).mean(1, keepdims=True)
    model.compile(keras.optimizers.SGD(0.05), "mse")
    history = model.fit(x, y, epochs=3, batch_size=10, shuffle=False, verbose=0)
    return {
        "fit": history.history,
        "evaluate": model.evaluate(x, y, verbose=0),
        "predict_totals": model.non_trainable_weights[0].numpy(),
    }
