"""Layers whose `call` is PyTorch's: weights of `build`, a loss, a state, a block."""

import numpy as np
import torch


def program(keras, start):
    class Linear(keras.layers.Layer):
        def __init__(self, units, **options):
            super().__init__(**options)
            self.units = units

        def build(self, input_shape):
            shape = (input_shape[-1], self.units)
            self.w = self.add_weight(shape=shape, name="w")
            self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="b")

        def call(self, inputs):
            return torch.matmul(inputs, self.w.value) + self.b.value

    class Counted(keras.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.total = self.add_weight(
                shape=(), initializer="zeros", trainable=False, name="total"
            )

        def call(self, inputs):
            self.total.assign(self.total + torch.mean(inputs))
            return inputs

    class Quiet(keras.layers.Layer):
        def call(self, inputs):
            self.add_loss(1e-2 * torch.mean(torch.square(inputs)))
            return inputs

    class Block(keras.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.first, self.second = Linear(8), Linear(1)
            self.quiet, self.counted = Quiet(), Counted()

        def call(self, inputs):
            x = torch.relu(self.first(inputs))
            x = self.counted(self.quiet(x))
            return self.second(x)

    inputs = keras.Input((4,))
    model = keras.Model(inputs, Block()(inputs))
    start(model)
    rng = np.random.default_rng(3)
    x = rng.normal(size=(32, 4)).astype("float32")
    y = np.abs(x[:, :1]) - x[:, 2:3]
    model.compile(keras.optimizers.Adam(0.02), "mse")
    fitted = model.fit(x, y, batch_size=8, shuffle=False, epochs=4, verbose=0)
    return {
        "fit": fitted.history,
        "predict": model.predict(x[:5], verbose=0),
        "called": keras.ops.convert_to_numpy(model(x[:3])),
        "weights": [np.asarray(w) for w in model.get_weights()],
    }
