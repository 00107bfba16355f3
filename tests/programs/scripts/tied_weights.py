"""An autoencoder whose decoder uses the kernels of its encoder, transposed."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Transposed(layers.Layer):
        def __init__(self, dense, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.dense = dense
            self.activation = keras.activations.get(activation)

        def build(self, input_shape):
            self.biases = self.add_weight(
                name="bias", shape=(self.dense.kernel.shape[0],), initializer="zeros"
            )

        def call(self, inputs):
            z = ops.matmul(inputs, ops.transpose(self.dense.kernel))
            return self.activation(z + self.biases)

    inputs = keras.Input((12,))
    first = layers.Dense(8, activation="selu")
    second = layers.Dense(3, activation="selu")
    x = second(first(inputs))
    x = Transposed(second, activation="selu")(x)
    outputs = Transposed(first, activation="sigmoid")(x)
    model = keras.Model(inputs, outputs)
    start(model)

    rng = np.random.default_rng(49)
    x = (rng.uniform(size=(36, 12)) < rng.uniform(size=(36, 1))).astype("float32")
    model.compile("adam", "binary_crossentropy")
    history = model.fit(x, x, epochs=3, batch_size=36, shuffle=False, verbose=0)
    return {
        "fit": history.history,
        "count": [len(model.trainable_weights)],
        "predict": model.predict(x[:4], verbose=0),
    }
