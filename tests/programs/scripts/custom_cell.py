"""A recurrent cell of one's own, alone and in a stack."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class LeakyCell(layers.Layer):
        """Keeps a share of its state, which it learns for each unit."""

        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = self.output_size = units

        def build(self, input_shape):
            self.kernel = self.add_weight(
                shape=(input_shape[-1], self.units),
                initializer="uniform",
                name="kernel",
            )
            self.recurrent = self.add_weight(
                shape=(self.units, self.units), initializer="uniform", name="recurrent"
            )
            self.leak = self.add_weight(
                shape=(self.units,), initializer="zeros", name="leak"
            )

        def call(self, inputs, states):
            before = states[0]
            new = ops.tanh(
                ops.matmul(inputs, self.kernel) + ops.matmul(before, self.recurrent)
            )
            share = ops.sigmoid(self.leak)
            state = share * before + (1 - share) * new
            return state, [state]

    inputs = keras.Input((None, 3))
    x = layers.RNN(LeakyCell(6), return_sequences=True)(inputs)
    x = layers.RNN([LeakyCell(5), layers.GRUCell(4), layers.SimpleRNNCell(3)])(x)
    model = keras.Model(inputs, layers.Dense(1)(x))
    start(model)

    rng = np.random.default_rng(15)
    series = rng.normal(size=(24, 7, 3)).astype("float32")
    means = series[:, :, :1].mean(1)
    model.compile(keras.optimizers.Adam(0.01), "mse")
    history = model.fit(
        series, means, epochs=3, batch_size=24, shuffle=False, verbose=0
    )
    return {"fit": history.history, "predict": model.predict(series[:4], verbose=0)}
