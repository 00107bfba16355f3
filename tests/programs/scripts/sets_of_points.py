"""Sets of points in any order, with a transformation that each set chooses."""

import numpy as np


def program(keras, start):
    layers, ops = keras.layers, keras.ops

    class Orthogonal(keras.regularizers.Regularizer):
        def __init__(self, size, strength=1e-2):
            self.size, self.strength = size, strength

        def __call__(self, x):
            x = ops.reshape(x, (-1, self.size, self.size))
            gram = ops.matmul(x, ops.transpose(x, (0, 2, 1)))
            return ops.sum(self.strength * ops.square(gram - ops.eye(self.size)))

    def turned(points, size):
        x = layers.Dense(6, activation="relu")(points)
        x = layers.GlobalMaxPooling1D()(x)
        x = layers.Dense(
            size * size,
            kernel_initializer="zeros",
            bias_initializer=keras.initializers.Constant(np.eye(size).ravel()),
            activity_regularizer=Orthogonal(size),
        )(x)
        return layers.Dot(axes=(2, 1))([points, layers.Reshape((size, size))(x)])

    inputs = keras.Input((10, 2))
    x = turned(inputs, 2)
    x = layers.Dense(8, activation="relu")(x)
    x = layers.Concatenate()(
        [layers.GlobalMaxPooling1D()(x), layers.GlobalAveragePooling1D()(x)]
    )
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    start(model)

    rng = np.random.default_rng(47)
    sets = rng.normal(size=(32, 10, 2)).astype("float32")
    sets[::2] *= [1.6, 0.4]
    flat = (np.arange(32) % 2 == 0).astype("float32")
    model.compile("adam", "binary_crossentropy")
    history = model.fit(sets, flat, batch_size=8, epochs=3, shuffle=False, verbose=0)
    return {"fit": history.history, "predict": model.predict(sets[:4], verbose=0)}
